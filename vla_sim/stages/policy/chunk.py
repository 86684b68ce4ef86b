"""A policy's answer as what the arms are to do, and the chunks of several answers as one motion.

A chunk is late when it comes: the robot has gone on since its observation, along the chunk before. How far
it came along the new one is seen by where it is nearest to that: at the action whose time it is, if both
chunks say the same; before that, if the robot has rested meanwhile, or went elsewhere. What lies before is
dropped, and over the next moments the motion changes from the chunk before to the new one, as in the
asynchronous execution of "Real-Time Execution of Action Chunking Flow Policies" (Black, Galliker and Levine
2025, arXiv:2506.07339), whose inpainting of the overlap is the model's own part and not done here; what is
blended is the sent positions.
"""

from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vla_sim.common.geometry import Array, rotation_from_vector
from vla_sim.contract.records import Arm
from vla_sim.robot import facts
from vla_sim.robot.kinematics import ArmChain
from vla_sim.stages.manipulation.planning_scene import Observation
from vla_sim.stages.policy.errors import PolicyError
from vla_sim.stages.policy.mapping import Actions, Mapping
from vla_sim.stages.policy.observation import to_opening

MOST_ACTIONS = 1000
"""Of a chunk."""
IDLE = 0.02
"""[rad] from where it is within which an arm that is asked to stay is not commanded."""
MEET = 1.5
"""[rad/s] with which an arm goes to where a motion begins; safety lets 2 pass."""
FARTHEST = 0.5
"""[rad] from where an arm is at which a motion may begin: as far as it may lag behind a policy that answers
after a second."""
BLEND = 0.2
"""[s] over which the motion changes to a new chunk, at least."""
CATCH_UP = 1.0
"""[rad/s] faster than its actions, at most, that the motion changes to a new chunk."""
STEP = 0.005
"""[s] to which it is looked for how far the motion before has come along a new chunk."""
LEAD = 0.04
"""[s] ahead of now that the first position of a motion is at least: two periods of control."""


@dataclass(frozen=True)
class Chunk:
    """times (n,): of its actions [s of the ROS clock]. arms: (n, 7) [rad], openings: (n,) [m], by side."""

    times: Array
    arms: Map[Arm, Array]
    openings: Map[Arm, Array]


def read(mapping: Mapping, answer: Map[str, Any], senses: Observation, chains: Map[str, ArmChain]) -> Chunk:
    """The chunk in an answer to what was sensed, of the arms in `chains`. Raises `PolicyError` for what is
    none. Positions past a joint's limit are put on it; what else of a motion is not allowed is safety's to
    say."""
    actions = mapping.actions
    numbers = _array(actions, answer)
    arms: dict[Arm, Array] = {}
    openings: dict[Arm, Array] = {}
    for part, columns in actions.columns.items():
        side: Arm = "left" if part.startswith("left") else "right"
        if part == "walk" or side not in chains:
            continue
        if part.endswith("_gripper"):
            openings[side] = to_opening(mapping.gripper, numbers[:, columns.start])
            continue
        chain = chains[side]
        here = np.clip(senses.joint_position[facts.ARM_INDEX[side]], chain.low, chain.high)
        waist = senses.joint_position[facts.WAIST_INDEX]
        q = np.clip(_positions(mapping, numbers[:, columns], here, waist, chain), chain.low, chain.high)
        arms[side] = q
    times: Array = senses.time + mapping.period * np.arange(1.0, len(numbers) + 1.0)
    return Chunk(times, arms, openings)


def _array(actions: Actions, answer: Map[str, Any]) -> Array:
    """(n, numbers of the parts). Raises `PolicyError`."""
    keys = actions.keys or [actions.key]
    named = ", ".join(keys)
    missing = [key for key in keys if key not in answer]
    if missing:
        names = ", ".join(map(str, list(answer)[:5])) or "nothing"
        raise PolicyError(f"the policy's answer has no {missing[0]}, but {names}")
    pieces = [answer[key] for key in keys]
    if not all(isinstance(one, np.ndarray) and one.dtype.kind in "iuf" for one in pieces):
        raise PolicyError(f"the policy's {named} are no array of numbers")
    shapes = [one.shape for one in pieces]
    rows = {shape[0] for shape in shapes if len(shape) == 2}
    fit = len(rows) == 1 and all(len(shape) == 2 for shape in shapes)
    if not fit or not 1 <= min(rows) <= MOST_ACTIONS or sum(shape[1] for shape in shapes) != actions.width:
        raise PolicyError(
            f"the policy's {named} have shape {', '.join(map(str, shapes))}; 1 to {MOST_ACTIONS} of "
            f"{actions.width} numbers are expected"
        )
    found = np.concatenate(pieces, axis=1)
    if not np.isfinite(found).all():
        raise PolicyError(f"the policy's {named} hold something that is not a finite number")
    return found.astype(float)


def _positions(mapping: Mapping, numbers: Array, here: Array, waist: Array, chain: ArmChain) -> Array:
    """(n, 7) [rad] of one arm's numbers."""
    actions = mapping.actions
    if actions.space == "joint_positions":
        return numbers * mapping.radians
    total = actions.scale * (np.cumsum(numbers, axis=0) if actions.since == "previous" else numbers)
    if actions.space == "joint_deltas":
        return here + mapping.radians * total
    return _tool_path(actions, actions.scale * numbers, here, waist, chain)


def _tool_path(actions: Actions, deltas: Array, here: Array, waist: Array, chain: ArmChain) -> Array:
    """(n, 7) joints whose tool goes by deltas (n, 6); where it cannot, it stays as near as it gets."""
    begin = chain.forward(here, waist)
    pose, q, out = begin, here, np.empty((len(deltas), 7))
    for i, delta in enumerate(deltas):
        pose = _moved(pose if actions.since == "previous" else begin, delta, actions.tool_frame == "tool")
        for _ in range(3):
            q = chain.differential_step(q, waist, pose, 1.0, None, 0.0, 0.15)
        out[i] = q
    return out


def _moved(pose: Array, delta: Array, own: bool) -> Array:
    """A pose (4, 4) moved by x y z and a rotation vector, in its own axes or in those of its frame."""
    out, turn = pose.copy(), rotation_from_vector(delta[3:])
    rotation = pose[:3, :3]
    out[:3, 3] += rotation @ delta[:3] if own else delta[:3]
    out[:3, :3] = rotation @ turn if own else turn @ rotation
    return out


@dataclass
class Motion:
    """What is to be done from now on, made of the chunks that came. chunk: None before the first one."""

    chunk: Chunk | None = None
    _moved: set[Arm] = field(default_factory=set, repr=False)

    def take(self, new: Chunk, now: float, joint_position: Array) -> bool:
        """Go on with a new chunk; False if nothing of it is left. What the motion before has gone along of it
        is dropped. Raises `PolicyError` if it begins too far from where the arms are."""
        before, start = self.chunk, now + LEAD
        here = {side: joint_position[facts.ARM_INDEX[side]] for side in new.arms}
        # An arm that has been asked for nothing but to stay is left alone.
        self._moved |= {side for side, q in new.arms.items() if np.abs(q - here[side]).max() > IDLE}
        arms = {side: q for side, q in new.arms.items() if side in self._moved}
        old = {side: (np.array([start]), here[side][None]) for side in arms}
        if before is not None:
            old |= {side: (before.times, before.arms[side]) for side in arms.keys() & before.arms.keys()}
        where = {side: _at(*old[side], start) for side in arms}
        behind = _behind(new.times, arms, where, start)
        off = {side: where[side] - _at(new.times, q, start - behind) for side, q in arms.items()}
        gap = max((float(np.abs(one).max()) for one in off.values()), default=0.0)
        times = new.times + behind
        kept = times >= start
        if not kept.any():
            return False
        times = times[kept]
        left = np.clip(1.0 - (times - start) / max(BLEND, gap / CATCH_UP), 0.0, 1.0)[:, None]
        arms = {side: q[kept] + left * off[side] for side, q in arms.items()}
        times = times + _lead(arms, here, gap, float(times[0]) - now)
        self.chunk = Chunk(times, arms, {side: one[kept] for side, one in new.openings.items()})
        return True

    def velocities(self, side: Arm) -> Array:
        """(n, 7) [rad/s] with which an arm is to pass the positions: in motion at the first one, at rest at
        the last one."""
        assert self.chunk is not None
        times, q = self.chunk.times, self.chunk.arms[side]
        out = np.gradient(q, times, axis=0) if len(times) > 1 else np.zeros_like(q)
        out[-1] = 0.0
        return out

    def opening(self, side: Arm, now: float) -> float | None:
        """[m] that a gripper is wanted at; None if nothing was said of it."""
        if self.chunk is None or side not in self.chunk.openings:
            return None
        i = min(int(np.searchsorted(self.chunk.times, now)), len(self.chunk.times) - 1)
        return float(self.chunk.openings[side][i])


def _lead(arms: Map[Arm, Array], here: Map[Arm, Array], gap: float, given: float) -> float:
    """[s] that arms (n, 7) need from `here` (7,) to where their motion begins, beyond what is given. gap:
    [rad] from the motion before to the policy's. Raises `PolicyError`."""
    lag = max((float(np.abs(q[0] - here[side]).max()) for side, q in arms.items()), default=0.0)
    if max(lag, gap) > FARTHEST:
        raise PolicyError(
            f"the policy's motion begins {max(lag, gap):.2g} rad from where my arm is; at most {FARTHEST:g} "
            "is allowed"
        )
    return max(0.0, lag / MEET - given)


def _behind(times: Array, arms: Map[Arm, Array], where: Map[Arm, Array], start: float) -> float:
    """[s] by which arms that are at `where` (7,) at `start` are behind a chunk's (n, 7): they are nearest to
    that of its actions whose time was so long before. The latest such, as a chunk that rests, or comes by
    again, says nothing of the time."""
    back = np.arange(0.0, max(start - float(times[0]), 0.0) + STEP, STEP)
    off = np.zeros(len(back))
    for side, q in arms.items():
        off = np.maximum(off, np.abs(_at(times, q, start - back) - where[side]).max(axis=1))
    return float(back[np.argmax(off <= off.min() + IDLE)])


def _at(times: Array, q: Array, at: Array | float) -> Array:
    """(m, 7) of q (n, 7) at `at` (m,), or (7,) at one time."""
    return np.array([np.interp(at, times, column) for column in q.T]).T
