"""A world and its robot in 3D for browsers: a viser server whose scene follows a `ViewState`.

    with Scene("apartment") as scene:
        print(f"http://127.0.0.1:{scene.port}")
        scene.show(state)               # ten times a second or more

What is drawn of the world and of its robot comes from the SDF files. Of the simulator's truth are the robot's
pose, the objects and people, contacts and clearance; the rest is what the robot itself believes: its scan,
its costmap, what it has detected, where it means to go and to reach. Without truth the robot stands where it
believes that it stands, and of movable things only what it has detected is drawn.

Only what has changed is sent, and nothing at all while nobody looks; who comes later gets everything first.
`static/scene_camera.js` is the browser's side: where from a viewer looks.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

import numpy as np

from vla_sim.common import assets
from vla_sim.common.geometry import Array
from vla_sim.view import door
from vla_sim.view.overlays import Belief, Contacts, Costmap, Detections, Nearness, Path, Scan
from vla_sim.view.robot_nodes import Robot
from vla_sim.view.scenery import Scenery
from vla_sim.view.state import ViewState
from vla_sim.world.semantic_map import World

HOST = "127.0.0.1"
FORBIDDEN = 1008
"""Why a websocket is closed: RFC 6455, "policy violation"."""
LOOK_FROM = (-1.5, -1.3, 3.0)
"""Where a viewer's camera is at first, from the robot's start [m]."""
LOOK_AT = (0.0, 0.0, 0.7)
FIELD_OF_VIEW = 0.85  # [rad], vertical
SUN = (-0.35, -0.30, 0.89)
"""Unit vector to the light that casts shadows."""
SKY = ((190, 203, 217), (236, 239, 242))
"""Colours of the background, above and below."""


def _turn(a: tuple[float, float, float], b: tuple[float, float, float]) -> Array:
    """(4,) w x y z of the shortest turn from unit vector `a` to `b`."""
    q = np.array([1.0 + np.dot(a, b), *np.cross(a, b)])
    return np.asarray(q / np.linalg.norm(q))


class Scene:
    """On loopback alone; one thread of its own serves all viewers."""

    def __init__(self, world: str, port: int = 0) -> None:
        """world: as `World.load` takes it. port: 0 for a free one; else the next free one from there on.

        Raises `MissingError` without viser, `InputError` for an unknown world, `SdfError` for a broken file.
        """
        viser = door.library("viser")
        # viser prints a banner, and that it has stopped.
        door.library("rich").get_console().quiet = True
        known = World.load(world)
        scenery = Scenery(assets.find_world(world))
        self._server: Any = viser.ViserServer(host=HOST, port=port, verbose=False)
        self._server._websock_server.on_client_connect(self._admit)
        self._server.gui.configure_theme(show_logo=False, show_share_button=False)
        self._light(np.array([*known.start[:2], 0.0]))
        scene = self._server.scene
        with self._server.atomic():
            scenery.add(scene, known)
            robot = Robot(scene, scenery.robot)
            self._parts = (
                robot, scenery, Contacts(scene, scenery, robot), Nearness(scene), Belief(scene), Scan(scene),
                Path(scene), Costmap(scene), Detections(scene),
            )  # fmt: skip

    def _light(self, start: np.ndarray) -> None:
        scene, camera = self._server.scene, self._server.initial_camera
        camera.position, camera.look_at = start + LOOK_FROM, start + LOOK_AT
        camera.up, camera.fov, camera.near = (0.0, 0.0, 1.0), FIELD_OF_VIEW, 0.05
        scene.world_axes.visible = False
        # No environment map: until it is decoded all would be black, and it takes a share of each frame.
        scene.configure_environment_map(None)
        scene.configure_default_lights(enabled=False)
        scene.add_light_hemisphere(
            "/sky", sky_color=(244, 248, 255), ground_color=(214, 204, 192), intensity=2.9, position=(0, 0, 1)
        )
        # viser's light comes from -y of its node.
        scene.add_light_directional(
            "/sun", color=(255, 247, 235), intensity=2.0, cast_shadow=True, wxyz=_turn((0.0, -1.0, 0.0), SUN)
        )
        sky = np.linspace(SKY[0], SKY[1], 64)[:, None].astype(np.uint8)
        scene.set_background_image(np.broadcast_to(sky, (64, 2, 3)), format="png")

    async def _admit(self, client: Any) -> None:
        """Lets go who comes from a page of another origin, which any website is: browsers let it connect to
        loopback, and viser asks nobody."""
        connection = self._server._websock_server._live_connections[client.client_id]
        headers = connection.request.headers
        here = {f"{name}:{self.port}" for name in (HOST, "localhost")}
        pages = {f"http://{one}" for one in here}
        if not (here.issuperset(headers.get_all("Host")) and pages.issuperset(headers.get_all("Origin"))):
            await connection.close(FORBIDDEN, "another origin")

    @property
    def port(self) -> int:
        return int(self._server.get_port())

    @property
    def viewers(self) -> int:
        return len(self._server.get_clients())

    def show(self, state: ViewState) -> None:
        """Brings every viewer to this state. Costs next to nothing while there is none."""
        if not self.viewers:
            return
        with self._server.atomic():
            for part in self._parts:
                part.show(state)

    def close(self) -> None:
        self._server.stop()

    def __enter__(self) -> Scene:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
