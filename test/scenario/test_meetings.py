from vla_sim.scenario.meetings import Meetings


def test_all_have_met_when_every_topic_has_all_its_listeners():
    meetings = Meetings()
    meetings.report("mouth", {"listens": "", "listeners /word": "0"})
    meetings.report("ear", {"listens": "/word", "ok": "1"})
    assert meetings.missing({"mouth", "ear"}) == ["1 listeners of mouth /word"]
    meetings.report("mouth", {"listens": "", "listeners /word": "1"})
    assert meetings.missing({"mouth", "ear"}) == []


def test_who_has_not_reported_is_named():
    meetings = Meetings()
    meetings.report("rviz", {"something": "else"})
    assert meetings.missing({"ear", "rviz"}) == ["ear", "rviz"]
