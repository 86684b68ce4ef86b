"""A policy's answer as what the arms are to do, and the chunks of several answers as one motion.

A chunk is late when it comes: the robot has gone on since its observation. So the actions whose time is past
are dropped, as far as the robot did go on, and over the next moments the motion changes from the chunk before
to the new one, as in the asynchronous execution of "Real-Time Execution of Action Chunking Flow Policies"
(Black, Galliker and Levine 2025, arXiv:2506.07339), whose inpainting of the overlap is the model's own part
and not done here; what is blended is the sent positions, as in the temporal ensembling of ACT (Zhao et al.
2023, arXiv:2304.13705).
"""

import math
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
"""[s] over which the motion changes to a new chunk."""
LEAD = 0.04
"""[s] ahead of now that the first position of a motion is at least: two periods of control."""


@dataclass(frozen=True)
class Chunk:
    """seen [s of the ROS clock]: the time of its observation; times (n,): of its actions. arms: (n, 7) [rad],
    openings: (n,) [m], by side."""

    seen: float
    times: Array
    arms: Map[Arm, Array]
    openings: Map[Arm, Array]


def read(mapping: Mapping, answer: Map[str, Any], senses: Observation, chains: Map[str, ArmChain]) -> Chunk:
    """The chunk in an answer to what was sensed. Raises `PolicyError` for what is none. Positions past a
    joint's limit are put on it; what else of a motion is not allowed is safety's to say."""
    actions = mapping.actions
    found = answer.get(actions.key)
    if found is None:
        names = ", ".join(map(str, list(answer)[:5])) or "nothing"
        raise PolicyError(f"the policy's answer has no {actions.key}, but {names}")
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "iuf":
        raise PolicyError(f"the policy's {actions.key} are no array of numbers")
    if found.ndim != 2 or not 1 <= len(found) <= MOST_ACTIONS or found.shape[1] != actions.width:
        raise PolicyError(
            f"the policy's {actions.key} have shape {found.shape}; 1 to {MOST_ACTIONS} of {actions.width} "
            "numbers are expected"
        )
    if not np.isfinite(found).all():
        raise PolicyError(f"the policy's {actions.key} hold something that is not a finite number")
    numbers = found.astype(float)
    arms: dict[Arm, Array] = {}
    openings: dict[Arm, Array] = {}
    for part, columns in actions.columns.items():
        side: Arm = "left" if part.startswith("left") else "right"
        if part.endswith("_gripper"):
            openings[side] = to_opening(mapping.gripper, numbers[:, columns.start])
            continue
        chain = chains[side]
        here = np.clip(senses.joint_position[facts.ARM_INDEX[side]], chain.low, chain.high)
        waist = senses.joint_position[facts.WAIST_INDEX]
        q = np.clip(_positions(mapping, numbers[:, columns], here, waist, chain), chain.low, chain.high)
        arms[side] = q
    times: Array = senses.time + mapping.period * np.arange(1.0, len(numbers) + 1.0)
    return Chunk(senses.time, times, arms, openings)


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
        """Go on with a new chunk; False if nothing of it is left. What is past of it was gone along by the
        motion before; where that had come to rest, its time stood still. Raises `PolicyError` if it begins
        too far from where the arms are."""
        before = self.chunk
        end = -math.inf if before is None else float(before.times[-1])
        times = new.times + (max(0.0, now - max(end, new.seen)) if end < now else 0.0)
        kept = times >= now + LEAD
        if not kept.any():
            return False
        times = times[kept]
        here = {side: joint_position[facts.ARM_INDEX[side]] for side in new.arms}
        # An arm that has been asked for nothing but to stay is left alone.
        self._moved |= {side for side, q in new.arms.items() if np.abs(q - here[side]).max() > IDLE}
        arms = {side: q[kept] for side, q in new.arms.items() if side in self._moved}
        if before is not None:
            share = np.clip((times - now) / BLEND, 0.0, 1.0)[:, None]
            overlap = times <= before.times[-1]
            for side in arms.keys() & before.arms.keys():
                old = _at(before.times, before.arms[side], times)
                arms[side] = np.where(overlap[:, None], (1.0 - share) * old + share * arms[side], arms[side])
        times = times + _lead(arms, here, float(times[0]) - now)
        self.chunk = Chunk(new.seen, times, arms, {side: one[kept] for side, one in new.openings.items()})
        return True

    def opening(self, side: Arm, now: float) -> float | None:
        """[m] that a gripper is wanted at; None if nothing was said of it."""
        if self.chunk is None or side not in self.chunk.openings:
            return None
        i = min(int(np.searchsorted(self.chunk.times, now)), len(self.chunk.times) - 1)
        return float(self.chunk.openings[side][i])


def _lead(arms: Map[Arm, Array], here: Map[Arm, Array], given: float) -> float:
    """[s] that arms (n, 7) need from `here` (7,) to where their motion begins, beyond what is given: a motion
    that came to rest for want of actions goes on from where it rests. Raises `PolicyError`."""
    gaps = {side: float(np.abs(q[0] - here[side]).max()) for side, q in arms.items()}
    for side, gap in gaps.items():
        if gap > FARTHEST:
            raise PolicyError(
                f"the policy's motion begins {gap:.2g} rad from where my {side} arm is; at most "
                f"{FARTHEST:g} is allowed"
            )
    return max(0.0, max(gaps.values(), default=0.0) / MEET - given)


def _at(times: Array, q: Array, at: Array) -> Array:
    """(m, 7) of q (n, 7) at `at` (m,)."""
    return np.column_stack([np.interp(at, times, column) for column in q.T])
