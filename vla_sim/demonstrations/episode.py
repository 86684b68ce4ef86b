"""One recorded run as frames at the camera's rate: what was seen and felt, what was done, for which words."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import Array
from vla_sim.contract import topics
from vla_sim.recording.about import FILE
from vla_sim.recording.reader import Recording
from vla_sim.robot import facts
from vla_sim.scenario.record import DECODER, RECORD, RunRecord

PICTURE = f"{topics.COLOR.name}/compressed"
ARMS = tuple(name for side in facts.SIDES for name in facts.ARM_JOINTS[side])
GRIPPERS = tuple(f"{side}_gripper" for side in facts.HANDS)
STATE = (*facts.BODY_JOINTS, *GRIPPERS)
"""What is felt: positions of the joints [rad], openings of the grippers [m]."""
ACTION = ("forward", "left", "turn", *ARMS, *GRIPPERS)
"""What is done: velocity of the body in base_link as safety let it through [m/s, m/s, rad/s]; where the arms'
joints are a frame later [rad], as a trajectory is corrected under way for the body's sway; openings that the
grippers are to take [m]."""


@dataclass(frozen=True)
class Episode:
    """n frames, `fps` a second of simulated time. pictures: n JPEG files of the head camera. state: (n,
    len(STATE)); action: (n, len(ACTION)). skills: n names of what the robot was at, "" before its plan.
    success: whether the run passed, by the simulator's truth."""

    task: str
    success: bool
    fps: int
    pictures: Sequence[bytes]
    state: Array
    action: Array
    skills: Sequence[str]
    record: RunRecord

    def __len__(self) -> int:
        return len(self.pictures)

    def cut(self, skill: str) -> Episode | None:
        """From the first frame of a skill to its last; None if there are none."""
        own = [k for k, name in enumerate(self.skills) if name == skill]
        if not own:
            return None
        part = slice(own[0], own[-1] + 1)
        return Episode(
            self.task, self.success, self.fps, self.pictures[part], self.state[part], self.action[part],
            self.skills[part], self.record,
        )  # fmt: skip


def find(folders: Iterable[str | Path]) -> list[Path]:
    """Every recorded run in these folders, of a run or of a sweep, in order. Raises `InputError`."""
    found = []
    for folder in map(Path, folders):
        runs = sorted(path.parent for path in folder.rglob(FILE))
        if not runs:
            raise InputError(f"{folder} holds no recorded run: make some with vla-sim test --record all")
        found += runs
    return found


@dataclass
class Track:
    """What was said last on a topic, at any time. stamps: ascending [s]."""

    stamps: list[float] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, stamp: float, value: Any) -> None:
        self.stamps.append(stamp)
        self.values.append(value)

    def at(self, stamp: float, otherwise: Any) -> Any:
        """The last value at this time; `otherwise` if there was none yet."""
        place = bisect_right(self.stamps, stamp + 1e-6)
        return self.values[place - 1] if place else otherwise


def read(folder: Path, record: RunRecord) -> Episode:
    """Of a run's folder with its `run.mcap`. Raises `InputError`."""
    recording = Recording(folder)
    pictures, joints, velocity, skill = Track(), Track(), Track(), Track()
    grip = {side: Track() for side in facts.HANDS}
    told = (topics.JOINT_STATES, topics.CMD_VEL, topics.STATUS, *topics.GRIPPER_TRAJECTORY.values())
    side_of = {topic.name: side for side, topic in topics.GRIPPER_TRAJECTORY.items()}
    first = next(recording.read((topics.AUDIO.name, topics.COMMAND.name)), None)
    if first is None:
        raise InputError(f"{recording.path}: nothing was said to the robot, so there is nothing to learn")
    for one in recording.read([PICTURE, *(topic.name for topic in told)]):
        said = recording.content(one)
        if one.topic == PICTURE:
            pictures.add(one.stamp, said.data.tobytes())
        elif one.topic == topics.JOINT_STATES.name:
            joints.add(one.stamp, _felt(said))
        elif one.topic == topics.CMD_VEL.name:
            twist = said.twist
            velocity.add(one.stamp, (twist.linear.x, twist.linear.y, twist.angular.z))
        elif one.topic == topics.STATUS.name:
            skill.add(one.stamp, said.skill if said.state == "running" else "")
        elif said.points and one.topic in side_of:
            grip[side_of[one.topic]].add(one.stamp, said.points[-1].positions[0])
    seen = [stamp for stamp in pictures.stamps if stamp >= first.stamp]
    if len(seen) < 3 or not joints.stamps:
        raise InputError(f"{recording.path}: {len(seen)} pictures after the first command are no episode")
    fps = round(1.0 / float(np.median(np.diff(seen))))
    count = int((seen[-1] - seen[0]) * fps + 1e-3)  # the last picture has no frame after it
    due = [seen[0] + k / fps for k in range(count + 1)]
    felt = np.array([joints.at(stamp, joints.values[0]) for stamp in due])
    done = np.empty((count, len(ACTION)))
    arms = [STATE.index(name) for name in ARMS]
    for k, stamp in enumerate(due[:-1]):
        openings = [grip[side].at(stamp, felt[0, STATE.index(f"{side}_gripper")]) for side in facts.HANDS]
        done[k] = (*velocity.at(stamp, (0.0, 0.0, 0.0)), *felt[k + 1, arms], *openings)
    return Episode(
        record.command, record.passed, fps, [pictures.at(stamp, b"") for stamp in due[:-1]],
        felt[:-1].astype(np.float32), done.astype(np.float32), [skill.at(s, "") for s in due[:-1]], record,
    )  # fmt: skip


def _felt(message: Any) -> list[float]:
    """Of a sensor_msgs/JointState, in the order of `STATE`."""
    at = dict(zip(message.name, message.position, strict=True))
    openings = (sum(at[name] for name in facts.FINGER_JOINTS[side]) for side in facts.HANDS)
    return [*(at[name] for name in facts.BODY_JOINTS), *openings]


def _record(folder: Path) -> RunRecord:
    try:
        return DECODER.decode((folder / RECORD).read_bytes())
    except (OSError, msgspec.MsgspecError) as error:
        raise InputError(
            f"{folder / RECORD}: no verdict of this version ({error}); play the run again"
        ) from None


def episodes(
    folders: Iterable[Path], skill: str = "", left_out: Callable[[str], None] = lambda why: None
) -> Iterator[Episode]:
    """Of recorded runs, from the first frame of a skill to its last if one is named. left_out: told of each
    run that is none: it broke off, or has no such skill. Raises `InputError`."""
    for folder in folders:
        record = _record(folder)
        if record.error:
            left_out(f"{folder} broke off: {record.error}")
            continue
        whole = read(folder, record)
        one = whole.cut(skill) if skill else whole
        if one is None:
            left_out(f"{folder} never came to {skill}")
        else:
            yield one
