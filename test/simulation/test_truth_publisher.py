import numpy as np

from vla_sim.contract import records
from vla_sim.contract.codec import decode, encode
from vla_sim.simulation.simulator import Contact, Truth
from vla_sim.simulation.truth_publisher import ContactCollector, ground_truth


def test_no_touch_between_two_publications_is_missed_and_the_hardest_counts():
    collector = ContactCollector()
    collector.add([Contact("wall::l::c", "g1::hand::c", 3.0)])
    collector.add([])
    collector.add([Contact("g1::hand::c", "wall::l::c", 9.0), Contact("a", "b", 1.0)])
    pairs = collector.take(2.0).pairs
    assert [(p.a, p.b, p.force) for p in pairs] == [("a", "b", 1.0), ("g1::hand::c", "wall::l::c", 9.0)]
    assert collector.take(3.0).pairs == []


def test_the_truth_survives_its_journey_as_json():
    pose = np.array([1.0, 2.0, 0.77, 1.0, 0.0, 0.0, 0.0])
    truth = Truth(1.0, pose, {"red_cup": pose}, False, 0.4, {"left_tool": np.array([0.1, 0.2, 0.3])},
                  {"person": pose})  # fmt: skip
    record = ground_truth(truth, np.zeros(33), 1.5, 0.98)
    again = decode(records.GroundTruth, encode(record))
    assert again == record
    assert again.robot == tuple(pose)
    assert again.movers["person"] == tuple(pose)
    assert again.tools["left_tool"] == (0.1, 0.2, 0.3)
