"""Engine, camera, perception, controller and manipulator in one loop without ROS: the robot looks at a thing
of which it knows nothing, docks, grasps it by what it has measured, and steps back with it. Judged from the
truth.
"""

import math
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from manipulation_lockstep import GRID, TABLE, Bench, _level
from table_things import THINGS, model

from vla_sim.common.assets import share_folder
from vla_sim.common.geometry import inverse, transform
from vla_sim.contract.records import DetectedObject
from vla_sim.stages.manipulation.base_placement import choose_stand
from vla_sim.stages.perception.camera import Intrinsics
from vla_sim.stages.perception.detector import ColourDetector
from vla_sim.stages.perception.pipeline import Frame, Perception
from vla_sim.stages.perception.pose_estimator import ObjectModels
from vla_sim.stages.perception.standing_things import StandingThings

CALLED = "item_1"
"""Of the model in the world: nothing that could be a name."""


@dataclass
class Outcome:
    """The stages of one try, each judged from the truth. said: the robot's own word on the grasp."""

    name: str
    seed: int
    found: bool = False
    grasped: bool = False
    lifted: bool = False
    carried: bool = False
    said: bool = False
    fallen: bool = False
    detail: str = ""
    off: float = math.nan
    planning_ms: float = 0.0
    phases: list[str] = field(default_factory=list)

    @property
    def false_grasp(self) -> bool:
        """It says that it has the thing and has not."""
        return self.said and not self.lifted


class ThingBench(Bench):
    """The tabletop world with one thing and the robot's own eyes."""

    def __init__(self, name: str, seed: int, folder: Path) -> None:
        rng = np.random.default_rng([seed, 91])
        y = float(rng.uniform(-0.35, 0.35))
        x = float(rng.uniform(1.02, 1.08))
        yaw = float(rng.uniform(-math.pi, math.pi))
        text = (share_folder("worlds") / "tabletop.sdf").read_text()
        for other in ("red_cup", "green_bottle", "yellow_ball", "blue_box"):
            text = re.sub(rf"<include>\s*<uri>model://{other}</uri>.*?</include>", "", text, flags=re.DOTALL)
        made = model(THINGS[name], (x, y, TABLE.height + 0.001, 0.0, 0.0, yaw), folder, CALLED)
        text = text.replace("</world>", f"{made}</world>")
        height = TABLE.height + 0.05
        stand = choose_stand((x, y, height), TABLE, GRID, (0.2, 0.0, 0.0))
        assert stand is not None
        c, s = math.cos(stand.yaw), math.sin(stand.yaw)
        start = (stand.x - 0.4 * c, stand.y - 0.4 * s, stand.yaw + float(rng.uniform(-0.1, 0.1)))
        self.perception = Perception(
            ColourDetector(ObjectModels.of(())), self.kinematics, frozenset(), StandingThings()
        )
        path = folder / "tabletop.sdf"
        path.write_text(text)
        super().__init__(start, {}, seed, path=path)

    def look(self) -> None:
        if not hasattr(self, "engine") or self.ticks == 0:
            self.objects = ()
            return
        state, truth = self.engine.state(), self.engine.truth()
        image = self.engine.render(self.engine.snapshot())
        base = transform(state.odom_position, state.odom_orientation)
        true = transform(truth.robot[:3], truth.robot[3:])
        camera = Intrinsics(
            image.fx, image.fy, image.cx, image.cy, image.color.shape[1], image.color.shape[0]
        )
        frame = Frame(
            state.time,
            image.color,
            image.depth,
            camera,
            _level(true) @ inverse(_level(base)),
            base,
            state.joint_position,
        )
        self.objects = tuple(self.perception.process(frame).objects)

    def seen(self) -> DetectedObject | None:
        """What it sees nearest to the thing's true place, if it is that."""
        true = self.engine.truth().objects[CALLED]
        near = [one for one in self.objects if math.dist(one.position[:2], true[:2]) < 0.08]
        return min(near, key=lambda one: math.dist(one.position[:2], true[:2]), default=None)


def try_thing(name: str, seed: int, folder: Path) -> Outcome:
    """Find, dock, grasp, lift, step back with it and hold it for two seconds."""
    bench, out = ThingBench(name, seed, folder), Outcome(name, seed)
    out.phases = bench.phases
    bench.wait(2.0)
    target = bench.seen()
    out.found = target is not None
    if target is None:
        out.detail = f"sees {[(o.kind, o.colour) for o in bench.objects]}"
        return out
    true = bench.engine.truth().objects[CALLED]
    out.off = math.dist(target.position[:2], true[:2])
    stand = choose_stand(target.position, TABLE, GRID, bench.pose())
    if stand is None:
        out.detail = "no stand"
        return out
    bench.do(action="ready")
    bench.dock((stand.x, stand.y, stand.yaw))
    start, state = float(true[2]), "failed"
    for _ in range(3):
        bench.wait(1.0)
        target = bench.seen() or target
        state = bench.do(60.0, action="pick", object=target, surface_height=TABLE.height)
        x, y, yaw = bench.manipulator.status.stand_offset
        out.planning_ms = max(out.planning_ms, bench.manipulator.status.planning_ms)
        if state == "succeeded" or (x, y, yaw) == (0.0, 0.0, 0.0):
            break
        px, py, heading = bench.pose()
        c, s = math.cos(heading), math.sin(heading)
        bench.phases.append("comes closer")
        bench.dock((px + c * x - s * y, py + s * x + c * y, heading + yaw))
    out.said = state == "succeeded"
    out.detail = bench.manipulator.status.detail or bench.manipulator.status.phase
    height = bench.height(CALLED) - start
    out.grasped, out.lifted = height > 0.02, height > 0.10
    if out.lifted:
        bench.do(action="carry")
        x, y, heading = bench.pose()
        bench.dock((x - 0.6 * math.cos(heading), y - 0.6 * math.sin(heading), heading))
        bench.wait(2.0)
        out.carried = bench.height(CALLED) - start > 0.02
    out.fallen = bool(bench.engine.truth().fallen)
    bench.engine.close()
    return out
