"""Perception: rendered images of tables with objects, through detector, tracker and depth scan; every object
must be found where it is, and nothing else."""

import itertools
import math
import tempfile
from array import array
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from vla_sim.bench import live
from vla_sim.bench.benchmark import Benchmark, Meter, Wrong
from vla_sim.common.assets import find_world
from vla_sim.common.buffers import TensorPool
from vla_sim.common.geometry import transform
from vla_sim.contract import topics
from vla_sim.robot.body import CameraFrame
from vla_sim.robot.kinematics import Kinematics
from vla_sim.simulation.mujoco.simulator import MujocoSimulator
from vla_sim.stages.perception.camera import Intrinsics
from vla_sim.stages.perception.detector import ColourDetector
from vla_sim.stages.perception.pipeline import Frame, Percept, Perception, unique_objects
from vla_sim.stages.perception.pose_estimator import ObjectModels
from vla_sim.stages.perception.standing_things import StandingThings
from vla_sim.world.derived_world import Added, derive
from vla_sim.world.sdf import elements, reader
from vla_sim.world.semantic_map import World

CASES = (("vga", 640, 480, 1), ("vga", 640, 480, 5), ("hd", 1280, 720, 1), ("hd", 1280, 720, 10))
"""Name, width, height, objects: the chapter's."""
OBJECTS = (
    "red_cup", "yellow_ball", "blue_box", "green_bottle", "green_cup", "blue_cup", "red_ball", "yellow_box",
    "green_ball", "red_box",
)  # fmt: skip
HEIGHT = {"cup": 0.05, "ball": 0.0355, "box": 0.045, "bottle": 0.09}
"""Of a model's origin above the table [m]."""
TABLE = 0.76
START = 0.38
"""Where the robot stands [m]: 0.42 before the table's edge, as when it looks for something."""
NEAR, APART = 0.92, 0.17
"""Where the first row stands, and the room between neighbours [m]; the second row stands in the gaps."""
ALREADY = ("red_cup", "green_bottle", "yellow_ball", "blue_box")
"""In the shipped world."""
WITHIN = 0.015
"""[m] of the truth that an object must be found."""
CONFIRMED = 4
"""Pictures after which the tracker is sure of what it saw; they are not timed."""
PICTURES = 6
"""Of the same scene, each with a noise of its own."""


def look(meter: Meter, width: int, height: int, objects: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = tabletop(objects, Path(folder))
        world = World.load(str(path))
        engine = MujocoSimulator(with_camera(reader.load_world(path), width, height))
        try:
            frames, where = photographs(engine)
        finally:
            engine.close()
    perception = Perception(
        ColourDetector(ObjectModels.of(world.objects)), Kinematics.load(), unique_objects(world),
        StandingThings(world.objects),
    )  # fmt: skip
    perception.warm()
    turn, stamps = itertools.cycle(frames), itertools.count()
    now = frames[0]

    def next_frame() -> None:
        nonlocal now
        now = replace(next(turn), stamp=0.1 * next(stamps))

    def check(percept: Percept) -> None:
        found = {f"{o.colour}_{o.kind}": o.position for o in percept.objects}
        if set(found) != set(where) or len(percept.objects) != len(where):
            lost, more = sorted(set(where) - set(found)), sorted(set(found) - set(where))
            raise Wrong(f"{len(found)} of {len(where)} found; missing {lost}, not there {more}")
        worst = max(float(math.dist(found[name], where[name])) for name in where)
        if worst > WITHIN:
            raise Wrong(f"an object was found {100 * worst:.1f} cm beside where it is")

    for _ in range(CONFIRMED):
        next_frame()
        perception.process(now)
    meter.time(lambda: perception.process(now), before=next_frame, check=check)


def tabletop(objects: int, folder: Path) -> Path:
    """The shipped tabletop with the first `objects` of `OBJECTS`, in rows of five."""
    wanted = OBJECTS[:objects]
    add = [
        Added(
            model=name, name=name, x=NEAR + 1.3 * APART * (k // 5),
            y=APART * (k % 5 - min(4, len(wanted) - 1) / 2 + 0.5 * (k // 5)),
            z=TABLE + HEIGHT[name.rpartition("_")[2]],
        )
        for k, name in enumerate(wanted)
    ]  # fmt: skip
    bare = derive("tabletop", folder / "bare", remove=[*ALREADY]).real
    derived = derive(bare, folder / "laid", add=add, start=(START, 0.0, 0.0)).real
    return find_world(derived)


def with_camera(world: elements.World, width: int, height: int) -> elements.World:
    """The same world, its robot's camera with width x height pixels."""
    models = tuple(
        replace(model, links=tuple(
            replace(link, sensors=tuple(
                replace(s, camera=replace(s.camera, width=width, height=height)) if s.camera else s
                for s in link.sensors
            ))
            for link in model.links
        ))
        for model in world.models
    )  # fmt: skip
    return replace(world, models=models)


def photographs(engine: MujocoSimulator) -> tuple[list[Frame], dict[str, np.ndarray]]:
    """What perception gets of it, and each object's true position (3,)."""
    frames = []
    for seed in range(PICTURES):
        engine.reset(seed)
        state = engine.state()
        picture: CameraFrame = engine.render(engine.snapshot())
        rows, columns = picture.depth.shape
        camera = Intrinsics(picture.fx, picture.fy, picture.cx, picture.cy, columns, rows)
        base = transform(state.odom_position, state.odom_orientation)
        frames.append(Frame(0.0, picture.color, picture.depth, camera, np.eye(4), base, state.joint_position))
    return frames, {name: pose[:3] for name, pose in engine.truth().objects.items()}


def buffers(meter: Meter, pooled: bool) -> None:
    """What a 640x480 frame's buffers cost on the way into its messages: lent by the pool, or made anew, as a
    message's constructor does it."""
    pool = TensorPool()
    images: list[np.ndarray] = [np.zeros((480, 640, 3), np.uint8), np.zeros((480, 640), np.float32)]

    def lend() -> None:
        for image in images:
            pool.get_tensor(image.shape, image.dtype)[0][...] = image

    meter.time(lend if pooled else lambda: [array("B", array("B", image.tobytes())) for image in images])


BENCHMARKS = (
    *(
        Benchmark(
            f"perception.{name}_{count}", f"{width}x{height} image with {count} object{'s' * (count > 1)}: "
            "detected, tracked, scanned for obstacles",
            partial(look, width=width, height=height, objects=count), repeat=100, quick=12,
        )
        for name, width, height, count in CASES
    ),
    *(
        Benchmark(
            f"perception.buffers_{name}", f"buffers of a 640x480 frame for its messages, {name}",
            partial(buffers, pooled=name == "pooled"), repeat=200, quick=20,
        )
        for name in ("pooled", "anew")
    ),
    Benchmark(
        "perception.rate", "lists of objects while everything runs",
        live.sampled(lambda run: run.rate(topics.OBJECTS)), unit="Hz", better="high", repeat=1, quick=0,
    ),
)  # fmt: skip
