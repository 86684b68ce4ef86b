import pytest

from vla_sim.scenario.client import Discovery

pytestmark = pytest.mark.integration


def test_discovery_is_complete_when_every_topic_has_all_its_subscribers():
    discovery = Discovery()
    discovery.report("mouth", {"listens": "", "listeners /word": "0"})
    discovery.report("ear", {"listens": "/word", "ok": "1"})
    assert discovery.missing({"mouth", "ear"}) == ["1 subscribers of mouth /word"]
    discovery.report("mouth", {"listens": "", "listeners /word": "1"})
    assert discovery.missing({"mouth", "ear"}) == []


def test_who_has_not_reported_is_named():
    discovery = Discovery()
    discovery.report("rviz", {"something": "else"})
    assert discovery.missing({"ear", "rviz"}) == ["ear", "rviz"]
