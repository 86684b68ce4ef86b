"""The scripted policy in this process, and how long its answers take.

python test/stages/manipulation/policy_wire.py SEEDS MS...    # how many cups it picks at these latencies
"""

from __future__ import annotations

import sys

from vla_sim.common import clock
from vla_sim.common.asking import Asking
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.manipulation.arm_planner import ArmPlanner
from vla_sim.stages.manipulation.policy_pick import PolicyPick
from vla_sim.stages.perception.detector import ColourDetector
from vla_sim.stages.policy import arrays, mapping
from vla_sim.stages.policy.client import PolicyClient
from vla_sim.stages.policy.scripted_policy import ScriptedPolicy


class Wired(PolicyClient):
    """A policy in this process, by way of what would be on the wire. spoil(count, answer): what is sent
    in its place; it may raise."""

    def __init__(self, policy, spoil=lambda count, answer: answer) -> None:
        self.policy, self.spoil = policy, spoil
        self.count = 0
        self.closed = False

    def infer(self, observation):
        self.count += 1
        answer = self.policy.infer(arrays.decode(arrays.encode(observation)))
        return arrays.decode(arrays.encode(self.spoil(self.count, answer)))

    def close(self):
        self.closed = True


class Costs:
    """A clock on which an answer takes so long [s]."""

    def __init__(self, policy: float) -> None:
        self.policy = policy

    def mono(self):
        return 0.0

    def charge(self, work, seconds, most):
        return self.policy if work == "policy" else seconds

    def spend(self, seconds):
        pass


def scripted(planner: ArmPlanner, kinematics: Kinematics) -> PolicyPick:
    """Picks by the scripted policy, which sees."""
    detector = ColourDetector()

    def asking() -> Asking:
        return Asking(Wired(ScriptedPolicy(planner, detector)), None, 5.0)

    return PolicyPick(mapping.load("scripted"), asking, kinematics)


def pick(seed: int, latency: float):
    """A report of one pick with this latency [s]."""
    from manipulation_lockstep import Bench, pick_once

    clock.use(Costs(latency))
    try:
        return pick_once("red_cup", seed, policy=scripted(Bench.planner, Bench.kinematics))
    finally:
        clock.use(None)


if __name__ == "__main__":
    for ms in map(float, sys.argv[2:]):
        for seed in range(int(sys.argv[1])):
            report = pick(seed, 1e-3 * ms)
            print(f"{ms:g} ms, seed {seed}: {report}", flush=True)
