"""Images of a table with objects through detector, tracker and depth scan.

The images are ray cast from the simulated world with the camera's noise, at the sizes that the book asks for;
the robot stands before the table and looks down at it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from vla_sim import sdf, sdf_tree
from vla_sim.bench.suite import Benchmark, Once, Options, Prepare, WrongError, timed
from vla_sim.engines.mujoco import MujocoEngine
from vla_sim.engines.mujoco_render import SoftwareRenderer
from vla_sim.geometry import transform
from vla_sim.kinematics import Kinematics
from vla_sim.perception.camera import Intrinsics
from vla_sim.perception.core import Frame, Percept, Perception, only_ones
from vla_sim.perception.detector import ColourDetector
from vla_sim.perception.vocabulary import Vocabulary
from vla_sim.scenario.derive import derive
from vla_sim.scenario.format import Added, Pose, Scenario, Type
from vla_sim.sensors.software import SoftwareSensors
from vla_sim.world import World

CASES = ((640, 480, 1), (640, 480, 5), (1280, 720, 1), (1280, 720, 10))
"""Width and height [px], objects."""
OTHERS = ("red_cup", "green_bottle", "yellow_ball", "blue_box")
"""Of the world tabletop; the first stays."""
PLACES = (
    ("blue_ball", 1.04, -0.15, 0.7955), ("green_box", 1.04, 0.33, 0.805), ("yellow_cup", 1.04, -0.33, 0.81),
    ("green_bottle", 1.20, 0.0, 0.85), ("red_ball", 1.22, 0.28, 0.7955), ("blue_cup", 1.22, -0.28, 0.81),
    ("green_ball", 1.05, 0.0, 0.7955), ("red_box", 1.24, 0.14, 0.805), ("yellow_box", 1.24, -0.14, 0.805),
)  # fmt: skip
"""Models that are added on the table: x, y, z [m]."""
START = 0.45
"""[m] Where the robot stands: half a metre from the table."""
FRAMES = 5


def benchmarks(options: Options) -> list[Benchmark]:
    return [
        Benchmark(f"perception/{w}×{h}, {n} object{'s' if n > 1 else ''}", _looks(w, h, n), repetitions=40)
        for w, h, n in CASES
    ]


def _looks(width: int, height: int, count: int) -> Prepare:
    @contextmanager
    def prepared() -> Iterator[Once]:
        with TemporaryDirectory() as folder:
            world, frames = pictures(width, height, count, Path(folder))
        detector = ColourDetector(Vocabulary.of(world.objects))
        perception = Perception(detector, Kinematics.load(), only_ones(world))
        perception.warm()
        wanted = sorted(one.name for one in world.objects)
        turn = 0

        def look() -> Percept:
            nonlocal turn
            turn += 1
            return perception.process(replace(frames[turn % FRAMES], stamp=0.1 * turn))

        def check(found: object) -> None:
            assert isinstance(found, Percept)
            seen = sorted(f"{one.colour}_{one.kind}" for one in found.detections)
            if seen != wanted:
                raise WrongError(f"found {', '.join(seen) or 'nothing'} instead of {', '.join(wanted)}")

        yield timed(look, check)

    return prepared


def pictures(width: int, height: int, count: int, folder: Path) -> tuple[World, list[Frame]]:
    """The world, and frames with noise of their own of the robot before it."""
    scenario = Scenario(
        version=1, proves="", world="tabletop", start=Pose(x=START, y=0.0), script=[Type(words="stop")],
        remove=list(OTHERS[1:]),
        add=[Added(model=model, x=x, y=y, z=z) for model, x, y, z in PLACES[: count - 1]],
    )  # fmt: skip
    path = Path(derive(scenario, folder).real)
    engine = MujocoEngine(path, sensors="software")
    engine.reset(0)
    described = sdf.load_world(path)
    eyes = SoftwareSensors(_resized(described, width, height), engine.compiled.robot.name)
    renderer = SoftwareRenderer(engine.model, eyes)
    state = engine.state()
    base = transform(state.odom_position, state.odom_orientation)
    frames = []
    for seed in range(FRAMES):
        shot = renderer.frame(replace(engine.snapshot(), seed=seed))
        camera = Intrinsics(shot.fx, shot.fy, shot.cx, shot.cy, width, height)
        frames.append(Frame(0.0, shot.color, shot.depth, camera, np.eye(4), base, state.joint_position))
    engine.close()
    return World.load(str(path)), frames


def _resized(world: sdf_tree.World, width: int, height: int) -> sdf_tree.World:
    """The world with every camera in it of another size."""
    return replace(world, models=tuple(_camera_of(model, width, height) for model in world.models))


def _camera_of(model: sdf_tree.Model, width: int, height: int) -> sdf_tree.Model:
    links = tuple(
        replace(link, sensors=tuple(
            replace(s, camera=replace(s.camera, width=width, height=height)) if s.camera else s
            for s in link.sensors
        ))
        for link in model.links
    )  # fmt: skip
    inner = tuple(_camera_of(one, width, height) for one in model.models)
    return replace(model, links=links, models=inner)
