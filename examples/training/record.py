"""Recordings to learn from: the scripted policy picks on the tabletop, the learner tries, and each state that
comes is kept with what the scripted policy would do there.

python examples/training/record.py 200 recordings/first                        # the teacher picks
python examples/training/record.py 100 recordings/second --learner first.onnx  # the learner, now and then
python examples/training/record.py 0 recordings/first --dataset datasets/first # all of it for LeRobot

One process, no ROS: engine, controller, manipulator and policy in one loop. The seed of an episode is its
number from `FIRST_SEED` on, far from those of every measurement.
"""

from __future__ import annotations

import argparse
import io
import math
import re
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT), str(ROOT / "test/stages/manipulation")]

import msgspec  # noqa: E402
from manipulation_lockstep import KINDS, PLACES, TABLE, Bench, stand_for  # noqa: E402
from policy_wire import Costs, Wired  # noqa: E402
from teacher import Teacher  # noqa: E402

from vla_sim.common import clock  # noqa: E402
from vla_sim.common.asking import Asking  # noqa: E402
from vla_sim.contract.records import ManipulationRequest  # noqa: E402
from vla_sim.demonstrations import lerobot  # noqa: E402
from vla_sim.demonstrations.episode import Episode  # noqa: E402
from vla_sim.robot import facts  # noqa: E402
from vla_sim.scenario.record import Check, RunRecord  # noqa: E402
from vla_sim.stages.manipulation.policy_pick import PolicyPick  # noqa: E402
from vla_sim.stages.manipulation.trajectory import READY  # noqa: E402
from vla_sim.stages.perception.detector import ColourDetector  # noqa: E402
from vla_sim.stages.policy import mapping  # noqa: E402
from vla_sim.stages.policy.errors import PolicyError  # noqa: E402
from vla_sim.stages.policy.mapping import Entry  # noqa: E402
from vla_sim.stages.policy.observation import observe  # noqa: E402
from vla_sim.stages.policy.reference_policy import Network, ReferencePolicy  # noqa: E402
from vla_sim.world.derived_world import derive  # noqa: E402

FIRST_SEED = 1_000_000
SPREAD = 0.13
"""[m] around the thing's place in the world in which it stands."""
OTHERS = 0.05
"""[m] by which the other things are displaced."""
STAND, TURN = 0.04, 0.10
"""[m] and [rad] by which the robot stands beside where it would dock."""
BEHIND = 0.4
"""[m] behind that at which it raises its arms, which would be under the table there."""
ARM = 0.06
"""[rad] by which the arms are not where they are raised to."""
WANDER = 0.03
"""[rad] by which the teacher's motion is led astray, chunk by chunk, so that it shows the way back."""
LOOKS = 30
"""Other places of the thing, before the pick, at which the teacher is asked what it would do there, too."""
LATENCIES = (0.0, 0.1, 0.2, 0.5)
"""[s]"""
LIGHTS = (0.4, 0.7, 1.0, 1.25, 1.5)
WORDS = ("pick up the {}", "take the {}", "grab the {}", "please pick up the {}", "get the {}")
LONGEST = 20.0
"""[s] of a pick."""
TIPPED = math.cos(math.radians(35.0))
"""Of the thing's own axis against the vertical: what the teacher says of a thing that lies is of no use."""
FPS = 5
"""Pictures a second: the bench's."""

ABOUT = mapping.load("reference")
SENT = msgspec.structs.replace(
    ABOUT, observation=[*ABOUT.observation, Entry(key="observation/time", values=["time"])]
)
"""What the teacher is sent: what the learner is, and the time."""


class Room(Bench):
    """A bench that keeps the film."""

    def __init__(self, *given: Any, **named: Any) -> None:
        self.film: list[bytes] = []
        self.felt: list[np.ndarray] = []
        self.openings: list[list[float]] = []
        super().__init__(*given, **named)

    def see(self) -> None:
        super().see()
        data = io.BytesIO()
        Image.fromarray(self.images.color).save(data, "JPEG", quality=90)
        q = self.engine.state().joint_position
        wide = [float(q[facts.FINGER_INDEX[side]].sum()) for side in facts.SIDES]
        self.film.append(data.getvalue())
        self.felt.append(np.concatenate([q[: len(facts.BODY_JOINTS)], wide]))
        sent = [self.controller.hand[side].opening for side in facts.SIDES]
        self.openings.append([w if o is None else o for w, o in zip(wide, sent, strict=True)])


class Lesson:
    """One pick's policy: teacher and learner are both asked, one of them is obeyed. share: of the answers
    that are the teacher's."""

    def __init__(self, teacher: Teacher, learner: ReferencePolicy | None, share: float, rng: Any) -> None:
        self.teacher, self.learner, self.share, self.rng = teacher, learner, share, rng
        self.over = ""

    def infer(self, observation: dict[str, Any]) -> dict[str, Any]:
        try:
            good = self.teacher.teach(observation, self.rng)
        except PolicyError as error:
            self.over = str(error)
            raise
        if self.learner is not None:
            tried = self.learner.infer(observation)
            if self.rng.random() >= self.share:
                return tried
        elif self.rng.random() < 0.5:
            for i, side in enumerate(facts.SIDES):
                if self.teacher.plan is not None and self.teacher.plan.side == side:
                    good["actions"][:, 8 * i : 8 * i + 7] += self.rng.normal(0.0, WANDER, 7)
        return good


def room(name: str, rng: np.random.Generator, seed: int, worlds: list[Path]) -> tuple[Room, list[Any]] | None:
    """The robot at its stand before the thing, and other poses (x, y, yaw) of the thing; None if there is no
    stand."""
    poses = [_pose(name, rng) for _ in range(1 + LOOKS)]
    x, y, yaw = poses[0]
    stand = stand_for(name, (x, y), (0.2, 0.0, 0.0))
    if stand is None:
        return None
    off = rng.uniform(-1.0, 1.0, 3)
    at = (stand.x + STAND * off[0], stand.y + STAND * off[1], stand.yaw + TURN * off[2])
    things = {name: (x, y, yaw)}
    for other, place in PLACES.items():
        if other != name:
            dx, dy = rng.uniform(-OTHERS, OTHERS, 2)
            ox, oy = 1.06 + dx, place + dy
            if all(math.hypot(ox - px, oy - py) > 0.17 for px, py, _ in poses[:1]):
                things[other] = (ox, oy, rng.uniform(-math.pi, math.pi))
            else:
                things[other] = (1.35, ox - 1.06 + place, 0.0)  # behind
    behind = (at[0] - BEHIND * math.cos(at[2]), at[1] - BEHIND * math.sin(at[2]), at[2])
    made = Room(behind, things, seed, path=worlds[rng.integers(len(worlds))], policy=NOBODY)
    made.wait(0.3)
    made.do(action="ready")
    here = made.pose()
    root = made.engine._root_q  # walking there would take most of an episode's time
    made.engine.data.qpos[root : root + 2] += np.array(at[:2]) - here[:2]
    made.wait(0.3)
    return made, poses[1:]


def _pose(name: str, rng: np.random.Generator) -> tuple[float, float, float]:
    radius, angle = SPREAD * math.sqrt(rng.random()), rng.uniform(-math.pi, math.pi)
    x = max(1.04 + radius * math.cos(angle), 0.9 + 0.04)
    return x, PLACES[name] + radius * math.sin(angle), rng.uniform(-math.pi, math.pi)


NOBODY = PolicyPick(SENT, lambda: Asking(Wired(None), None, 5.0), Bench.kinematics)
DETECTOR = ColourDetector()


def episode(name: str, number: int, worlds: list[Path], network: Network | None) -> dict[str, Any] | str:
    """One pick, with looks at other places of the thing before it; or why the teacher cannot do it."""
    seed = FIRST_SEED + number
    rng = np.random.default_rng([seed, 7])
    latency = float(rng.choice(LATENCIES)) if network is not None or rng.random() < 0.3 else 0.0
    clock.use(Costs(latency))
    made = room(name, rng, seed, worlds)
    if made is None:
        return "there is no stand"
    bench, poses = made
    for side in facts.SIDES:
        chain = Bench.kinematics.arm[side]
        q = np.clip(READY[side] + rng.normal(0.0, ARM, 7), chain.low + 0.01, chain.high - 0.01)
        bench.controller.arm_trajectory(side, facts.ARM_JOINTS[side], np.array([0.8]), q[None], None, "", 0.0)
    bench.wait(1.0)
    if bench.engine.truth().fallen:
        return "the robot fell"
    out: dict[str, Any] = {}
    where = bench.engine.truth().objects[name].copy()
    looks = []
    for x, y, yaw in poses:
        pose = np.array([x, y, where[2] + 0.001, math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)])
        try:
            bench.engine.put(name, pose)
        except Exception:
            continue
        bench.wait(0.06)
        looks.append(_look(bench, name, rng))
    where[2] += 0.001
    bench.engine.put(name, where)
    bench.wait(0.1)
    bench.look()
    share = 1.0 if network is None else float(rng.choice([0.0, 0.0, 0.5]))
    learner = None if network is None else ReferencePolicy(network)
    lesson = Lesson(Teacher(Bench.planner, DETECTOR), learner, share, rng)
    bench.manipulator._policy = PolicyPick(SENT, lambda: Asking(Wired(lesson), None, 5.0), Bench.kinematics)
    for one in (bench.film, bench.felt, bench.openings):
        one.clear()  # the episode begins here
    success = play(bench, name, lesson)
    parts = [one for one in [lesson.teacher, *looks] if one is not None and one.plan is not None]
    if lesson.teacher.plan is None:
        return lesson.over
    for i, one in enumerate(parts):
        assert one.first is not None
        assert one.plan is not None
        out[f"{i}/color"], out[f"{i}/points"] = one.first
        out[f"{i}/side"] = one.plan.side
        out[f"{i}/wide"] = one.plan.opening
        out |= {f"{i}/{key}": value for key, value in one.lessons.arrays().items()}
    film = np.frombuffer(b"".join(bench.film), np.uint8)
    words = str(rng.choice(WORDS)).format(bench.object(name).called)
    return out | {
        "parts": len(parts), "success": success, "called": bench.object(name).called, "seed": seed,
        "latency": latency, "film": film, "lengths": np.array([len(one) for one in bench.film]),
        "felt": np.array(bench.felt), "openings": np.array(bench.openings), "task": words,
        "seconds": bench.engine.state().time, "over": lesson.over,
    }  # fmt: skip


def _look(bench: Room, name: str, rng: np.random.Generator) -> Teacher | None:
    bench.see()
    teacher = Teacher(Bench.planner, DETECTOR)
    try:
        teacher.imagine(observe(SENT, bench._sense(), bench.object(name).called), rng)
    except PolicyError:
        return None
    return teacher


def play(bench: Room, name: str, lesson: Lesson) -> bool:
    """Until the thing is lifted, or nothing more can be learned; whether it is, by the simulator's truth."""
    start = bench.height(name)
    bench.see()
    bench.observation = bench._sense()
    request = ManipulationRequest(
        goal_id="pick", action="pick", object=bench.object(name), surface_height=TABLE.height
    )
    bench.manipulator.request(request)
    end = bench.engine.state().time + LONGEST
    while bench.manipulator.busy and bench.engine.state().time < end and not lesson.over:
        bench.step()
        truth = bench.engine.truth()
        _, qx, qy = truth.objects[name][3:6]
        low = bench.height(name) - start < 0.05
        if name in UPRIGHT and low and 1.0 - 2.0 * (qx * qx + qy * qy) < TIPPED:
            return False
        if truth.fallen:
            return False
    state = bench.manipulator.status.state
    if state != "succeeded":
        return False
    bench.wait(0.5)
    return bench.height(name) - start > 0.08


UPRIGHT = ("red_cup", "green_bottle")


def to_episode(path: Path) -> Episode:
    """What one recording shows, for LeRobot."""
    with np.load(path) as data:
        ends = np.cumsum(data["lengths"])
        film = [part.tobytes() for part in np.split(data["film"], ends[:-1])]
        felt, openings = data["felt"], data["openings"]
        task, success, seed = str(data["task"]), bool(data["success"]), int(data["seed"])
        seconds, over = float(data["seconds"]), str(data["over"])
    joints = [facts.BODY_JOINTS.index(joint) for side in facts.SIDES for joint in facts.ARM_JOINTS[side]]
    still = np.zeros((len(felt) - 1, 3))
    action = np.concatenate([still, felt[1:, joints], openings[:-1]], axis=1)
    why = [] if success else [over or "the thing was not lifted"]
    record = RunRecord(
        command=task, heard=task, spoken=False, world="tabletop", engine="mujoco", seed=seed,
        started=datetime.fromtimestamp(path.stat().st_mtime, timezone.utc).isoformat(), passed=success,
        state="", answer="", reasons=why, checks=[Check(name="lifted", passed=success)], stages=[],
        total_ms=None,
        total_limit_ms=0.0, path_length=0.0, clearance=None, contacts=[], grasps=[], real_time_factor=0.0,
        ready_seconds=0.0, simulated_seconds=seconds, wall_seconds=0.0, path=[], events=[], versions={},
        folder=str(path), scenario="examples/training/record.py",
    )  # fmt: skip
    return Episode(
        task, success, FPS, film[:-1], felt[:-1].astype(np.float32), action.astype(np.float32),
        ["pick"] * len(action), record,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("count", type=int, help="episodes")
    parser.add_argument("out", type=Path)
    parser.add_argument("--begin", type=int, default=0, help="number of the first one (default: 0)")
    parser.add_argument("--things", nargs="+", choices=sorted(KINDS), default=["red_cup"])
    parser.add_argument("--learner", type=Path, help="ONNX file: it is obeyed, the teacher corrects")
    parser.add_argument("--dataset", type=Path, help="write all recordings in `out` as a dataset of LeRobot")
    a = parser.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        worlds = [
            Path(derive("tabletop", Path(folder) / f"{i}", light=one).real) for i, one in enumerate(LIGHTS)
        ]
        worlds = [w if w.is_file() else ROOT / "worlds/tabletop.sdf" for w in worlds]
        done = good = 0
        for number in range(a.begin, a.begin + a.count):
            began = time.monotonic()
            name = a.things[number % len(a.things)]
            network = Network(a.learner) if a.learner else None
            try:
                made = episode(name, number, worlds, network)
            except Exception as error:
                made = f"{type(error).__name__} {str(error).strip().splitlines()[0]}"
            if isinstance(made, str):
                print(f"{number}: left out: {made}", flush=True)
                continue
            # A name of two steps: nobody reads half of a file.
            np.savez(a.out / "part.npz", **made)
            (a.out / "part.npz").rename(a.out / f"{number:06d}.npz")
            done, good = done + 1, good + made["success"]
            took = time.monotonic() - began
            how = "lifted" if made["success"] else f"not lifted {made['over']}"
            what = f"{len(made['lengths'])} pictures, {made['parts']} looks"
            print(f"{number}: {name} {how}, {what}, {took:.1f} s; {good} of {done}", flush=True)
    clock.use(None)
    if a.dataset:
        found = sorted(path for path in a.out.glob("*.npz") if re.fullmatch(r"\d+", path.stem))
        count, good, frames = lerobot.write(map(to_episode, found), a.dataset)
        print(f"{count} episodes, {good} of them successful, {frames} frames")


if __name__ == "__main__":
    main()
