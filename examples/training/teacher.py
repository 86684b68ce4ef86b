"""Who teaches: the scripted policy, which says of any state that a pick comes into what it would do next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vla_sim.common.geometry import Array, inverse
from vla_sim.robot import facts
from vla_sim.robot.kinematics import ArmChain
from vla_sim.stages.manipulation.arm_planner import GraspPlan
from vla_sim.stages.policy import reference_policy as reference
from vla_sim.stages.policy.scripted_policy import PERIOD, ScriptedPolicy

SHAKEN, SHAKES = 0.04, 2
"""[rad] by which the arm is thought elsewhere, and how often, to ask the teacher of these states too."""
IMAGINED = 6
"""States of each phase that the teacher is asked about after a look alone."""
NEARLY = 0.009
"""[m] from the grasp within which imagined fingers close."""
PHASES = ("reach", "approach", "close", "lift")


@dataclass
class Lessons:
    """Of one pick, n states each with what the teacher does there. joints (n, joints), and before: those of
    the observation before; base (n, 4, 4) in odom; way (n, 16, 7) [rad] of the arm that picks, opening (n,)
    [m] of its gripper; goals (n, 3, 7): that arm before the object, at it, and with it lifted, for the pelvis
    as it is; phase (n,): of `PHASES`."""

    joints: list[Array] = field(default_factory=list)
    before: list[Array] = field(default_factory=list)
    base: list[Array] = field(default_factory=list)
    way: list[Array] = field(default_factory=list)
    opening: list[float] = field(default_factory=list)
    goals: list[Array] = field(default_factory=list)
    phase: list[int] = field(default_factory=list)

    def arrays(self) -> dict[str, Array]:
        return {name: np.array(values) for name, values in vars(self).items()}


class Teacher(ScriptedPolicy):
    """For one pick. It keeps what it has taught."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.lessons = Lessons()
        self.first: reference.View | None = None
        self._before: Array | None = None

    @property
    def plan(self) -> GraspPlan | None:
        return self._plan

    def teach(self, observation: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
        """The answer, as chunk of the mapping `reference`; kept as lessons, with some of states around."""
        senses = reference.read(observation, self._planner.kinematics)
        if self.first is None:
            self.first = senses.view
        super().infer(observation)
        plan = self._plan
        assert plan is not None
        index, q = facts.ARM_INDEX[plan.side], senses.joints
        chain = self._planner.kinematics.arm[plan.side]
        before = q if self._before is None else self._before
        goals = _goals(plan, chain, q[facts.WAIST_INDEX], senses.base)
        answer = self._keep(plan, q, before, senses.base, goals)
        for _ in range(SHAKES):
            there = q.copy()
            there[index] = np.clip(q[index] + rng.normal(0.0, SHAKEN, 7), chain.low, chain.high)
            self._keep(plan, there, before, senses.base, goals)
        self._before = q
        return {"actions": chunk(plan.side, q, *answer)}

    def imagine(self, observation: dict[str, Any], rng: np.random.Generator) -> None:
        """Lessons of states all along the pick that begins with this observation, none of which is played."""
        self.teach(observation, rng)
        plan = self._plan
        assert plan is not None
        senses = reference.read(observation, self._planner.kinematics)
        chain, index = self._planner.kinematics.arm[plan.side], facts.ARM_INDEX[plan.side]
        base, waist = senses.base, senses.joints[facts.WAIST_INDEX]
        goals = _goals(plan, chain, waist, base)
        before_it, at_it, lifted = goals
        goal = inverse(base) @ plan.grasp.pose
        for phase in PHASES:
            for _ in range(IMAGINED):
                along, shaken = rng.random(), SHAKEN * rng.random() ** 2
                wide = before = plan.opening
                if phase == "reach":
                    self._at = int(along * (len(plan.reach) - 1))
                    q = plan.reach[self._at]
                elif phase == "approach":
                    q = before_it + along * (at_it - before_it)
                else:
                    narrow = plan.grasp.width
                    q, shaken = at_it, 0.3 * shaken
                    wide = before = narrow + rng.normal(0.0, 0.001)
                    if phase == "lift":
                        q = at_it + max(0.0, 1.5 * along - 0.5) * (lifted - at_it)
                    else:
                        before = wide + (plan.opening - wide) * rng.random()
                        wide = narrow + (before - narrow) * rng.random() if rng.random() < 0.5 else before
                q = np.clip(q + rng.normal(0.0, shaken, 7), chain.low, chain.high)
                gap = float(np.linalg.norm(chain.forward(q, waist)[:3, 3] - goal[:3, 3]))
                self._phase = phase
                if phase == "approach" and gap < NEARLY:
                    self._phase = "close"
                elif phase == "close" and gap > NEARLY and wide > 0.5 * (plan.grasp.width + plan.opening):
                    self._phase = "approach"
                there, then = senses.joints.copy(), senses.joints.copy()
                there[index] = then[index] = q
                there[facts.FINGER_INDEX[plan.side]], then[facts.FINGER_INDEX[plan.side]] = (
                    wide / 2,
                    before / 2,
                )
                self._keep(plan, there, then, base, goals)

    def _keep(
        self, plan: GraspPlan, q: Array, before: Array, base: Array, goals: Array
    ) -> tuple[Array, float]:
        """What the teacher does at `q`, kept."""
        path, opening = self._way(plan, q, base)
        lesson = (q, before, base, path[1::2], opening, goals, PHASES.index(self._phase))
        for kept, value in zip(vars(self.lessons).values(), lesson, strict=True):
            kept.append(value)
        return path[1::2], opening


def chunk(side: str, joints: Array, way: Array, opening: float) -> Array:
    """(16, 16) of the mapping `reference`: one arm goes, the other rests."""
    out = np.zeros((reference.HORIZON, 16), np.float32)
    for i, one in enumerate(facts.SIDES):
        out[:, 8 * i + 7] = opening if one == side else joints[facts.FINGER_INDEX[one]].sum()
        if one == side:
            out[:, 8 * i : 8 * i + 7] = way - joints[facts.ARM_INDEX[side]]
    return out


def _goals(plan: GraspPlan, chain: ArmChain, waist: Array, base: Array) -> Array:
    """(3, 7): the arm where the approach begins, at the grasp, and lifted, from a pelvis at `base`."""
    out = []
    for pose in (plan.pregrasp, plan.grasp.pose, plan.lift):
        q = plan.posture
        for _ in range(12):
            q = chain.differential_step(q, waist, inverse(base) @ pose, 1.0, plan.posture, 0.02, 0.15)
        out.append(q)
    return np.array(out)


assert reference.PERIOD == 2 * PERIOD
