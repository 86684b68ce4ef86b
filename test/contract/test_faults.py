"""What can be broken on purpose, and what cannot."""

import math

import pytest

from vla_sim.common.errors import InputError
from vla_sim.contract import faults, topics
from vla_sim.contract.records import Fault

NODES = ("safety", "navigation")


def fault(kind, target="", **values):
    return Fault(fault_id="f", kind=kind, target=target, **values)


def test_every_kind_is_one_that_can_be_made():
    for name, kind in faults.KINDS.items():
        known = faults.targets(kind, NODES)
        at = "navigation" if kind.group == "link" else ""
        made = faults.check(fault(name, known[0] if known else "", at=at), NODES)
        assert (made.amount is None) == (kind.amount == "")
        assert name.replace("_", " ") in faults.words(made)
        assert faults.whom(kind)


@pytest.mark.parametrize(("wrong", "why"), [
    (fault("freze", "safety"), "no fault is called 'freze'; did you mean freeze"),
    (fault("freeze"), "freeze needs a node: one of safety, navigation"),
    (fault("freeze", "saftey"), "no node is called 'saftey'; did you mean safety"),
    (fault("drop", "/sim/ground_truth"), "no topic is called"),
    (fault("drop", topics.CLOCK.name), "no topic is called"),
    (fault("drift", "lidar"), "no sensor is called 'lidar'; known are odometry"),
    (fault("partition", "safety"), "say with at which other one"),
    (fault("partition", "safety", at="safety"), "say with at which other one"),
    (fault("drop", "/scan", at="nobody"), "no node is called 'nobody'"),
    (fault("kill", "safety", at="navigation"), "takes no at"),
    (fault("kill", "safety", seconds=3.0), "takes no seconds"),
    (fault("freeze", "safety", share=0.5), "takes no share"),
    (fault("freeze", "safety", amount=1.0), "takes no amount"),
    (fault("delay", "/scan", amount=math.nan), "0.001 to 60 is allowed"),
    (fault("cpu", "safety"), "takes no target"),
])  # fmt: skip
def test_what_cannot_be_is_said(wrong, why):
    with pytest.raises(InputError, match=why):
        faults.check(wrong, NODES)


def test_a_fault_is_told_in_a_few_words():
    def told(one):
        return faults.words(faults.check(one, NODES))

    assert told(fault("freeze", "safety", seconds=3.0)) == "freeze safety for 3 s"
    assert told(fault("drop", "/scan", share=0.5, at="safety")) == "drop /scan at safety, 50 %"
    assert told(fault("bias", "imu", amount=0.1)) == "bias imu, 0.1 rad/s"
    assert told(fault("partition", "safety", at="navigation")) == "partition safety from navigation"
    assert told(fault("cpu")) == "cpu, 0 processes"


def test_a_slow_node_works_for_its_share_of_the_time():
    active = [(1.0, faults.check(fault("slow", "safety", amount=0.25), NODES)), (1.0, fault("freeze", "a"))]
    works = [faults.suspended(active, 1.0 + 0.001 * k) == {"a"} for k in range(2000)]
    assert sum(works) == pytest.approx(500, abs=10)
