"""The robot in a scene, and the ghosts of what it plans: where it means to stand, and to reach."""

from functools import partial
from typing import Any

import numpy as np

from vla_sim.common.geometry import Array, pose7, quaternion_from_yaw
from vla_sim.robot import facts
from vla_sim.robot.body import SENSOR_FROM_OPTICAL
from vla_sim.view import meshes, published
from vla_sim.view.link_tree import LinkTree
from vla_sim.view.meshes import Shape
from vla_sim.view.nodes import PLANNED, Placed
from vla_sim.view.state import ViewState
from vla_sim.world.sdf.elements import Link, Model

ROOT, GOAL = "/robot", "/goal"
GHOSTLY = 0.35  # opacity
NO_TURN = (1.0, 0.0, 0.0, 0.0)


class Robot:
    """tree: its links' nodes."""

    def __init__(self, scene: Any, model: Model) -> None:
        links = frozenset(link.name for link in model.links)
        urdf = published.find_urdf()
        better = published.link_shapes(urdf, links) if urdf else {}
        keep = set(facts.HAND.links if facts.HAND else ())

        def looks(link: Link, pose: Array) -> list[Shape]:
            """The maker's meshes where there are any; our hand in any case."""
            found = [
                Shape(mesh.copy().apply_transform(pose), rgba) for mesh, rgba in better.get(link.name, ())
            ]
            return found + (meshes.shapes_of(link, pose) if link.name in keep or not found else [])

        def add(name: str, link: Link, pose: Array, wxyz: Array, position: Array) -> Any:
            shapes = looks(link, pose)
            if not shapes:
                return scene.add_frame(name, show_axes=False, wxyz=wxyz, position=position)
            return scene.add_glb(name, meshes.glb(shapes, meshes.SATIN), wxyz=wxyz, position=position)

        base = model.link(facts.BASE_LINK)
        self._base = Placed(add(ROOT, base, np.eye(4), np.array(NO_TURN), np.zeros(3)))
        self.tree = LinkTree(model, base.name, ROOT, links - {base.name}, add)
        self._eye(scene, model)
        self._arms = {side: _Arm(scene, model, self.tree, side) for side in facts.SIDES}
        self._stands = Placed(scene.add_frame(GOAL, show_axes=False))
        _ghost(scene, f"{GOAL}/{base.name}", base, np.eye(4), np.array(NO_TURN), np.zeros(3))
        goal = LinkTree(model, base.name, GOAL, links - {base.name}, partial(_ghost, scene))
        goal.move(dict(zip(facts.JOINTS, facts.DEFAULT_POSE.tolist(), strict=True)))

    def _eye(self, scene: Any, model: Model) -> None:
        """The frame from which the head camera looks: `static/scene_camera.js` finds it by its name."""
        for sensor in model.sensors():
            if sensor.camera:
                at = pose7(self.tree.offsets[sensor.link] @ sensor.pose @ SENSOR_FROM_OPTICAL)
                scene.add_frame(
                    f"{self.tree.paths[sensor.link]}/eye", show_axes=False, position=at[:3], wxyz=at[3:]
                )

    def show(self, state: ViewState) -> None:
        base = state.true_base or state.base
        if base is None:
            self._base.hide()
        else:
            self._base.at(base.position, base.quaternion)
            self.tree.move(state.joints)
        for side, arm in self._arms.items():
            joints, until = state.arm_goals.get(side, ({}, 0.0))
            arm.show(joints if state.stamp < until else {})
        if state.goal is None:
            self._stands.hide()
        else:
            x, y, yaw = state.goal
            self._stands.at((x, y, facts.STANDING_HEIGHT), quaternion_from_yaw(yaw))


class _Arm:
    """A translucent arm as it will be at the end of its trajectory, on the body as it is now."""

    def __init__(self, scene: Any, model: Model, tree: LinkTree, side: str) -> None:
        first = model.joint(facts.ARM_JOINTS[side][0])
        root = f"{tree.paths[first.parent]}/{side}_reach"
        turned = pose7(tree.offsets[first.parent])
        self._root = scene.add_frame(
            root, show_axes=False, position=turned[:3], wxyz=turned[3:], visible=False
        )
        moved = (*facts.ARM_JOINTS[side], *facts.FINGER_JOINTS[side])
        links = {model.joint(name).child for name in moved}
        self._tree = LinkTree(model, first.parent, root, links, partial(_ghost, scene))

    def show(self, joints: dict[str, float]) -> None:
        if joints:
            self._tree.move(joints)
        self._root.visible = bool(joints)


def _ghost(scene: Any, name: str, link: Link, pose: Array, wxyz: Array, position: Array) -> Any:
    """Adds a link in one translucent colour: an `AddNode` of a scene."""
    shapes = meshes.shapes_of(link, pose)
    if not shapes:
        return scene.add_frame(name, show_axes=False, wxyz=wxyz, position=position)
    vertices, faces = meshes.merged(shapes)
    return scene.add_mesh_simple(
        name, vertices, faces, color=PLANNED, opacity=GHOSTLY, cast_shadow=False, receive_shadow=False,
        wxyz=wxyz, position=position,
    )  # fmt: skip
