"""What was shown keeps its name: while it is tracked, and where it is seen again."""

from vla_sim.contract.records import DetectedObject
from vla_sim.stages.perception.given_names import MOST, GivenNames


def cup(track_id: int, colour: str = "red", kind: str = "cup", size=(0.07, 0.07, 0.10)) -> DetectedObject:
    return DetectedObject(
        track_id=track_id, kind=kind, colour=colour, position=(1.0, 0.0, 0.8), size=size, yaw=0.0,
        confidence=0.9, last_seen=1.0,
    )  # fmt: skip


def named(names: GivenNames, *objects: DetectedObject) -> list[str]:
    return [one.given_name for one in names.named(objects)]


def test_the_shown_one_has_the_name_and_what_looks_like_it_has_not():
    names = GivenNames()
    assert named(names, cup(1), cup(2)) == ["", ""]
    assert names.give(2, "mug")
    assert named(names, cup(1), cup(2)) == ["", "mug"]


def test_a_name_for_what_is_not_there_is_refused():
    names = GivenNames()
    names.named([cup(1)])
    assert not names.give(7, "mug")
    assert named(names, cup(1)) == [""]


def test_it_is_known_again_by_its_looks_lying_too_and_then_alone_has_the_name():
    names = GivenNames()
    names.named([cup(1)])
    names.give(1, "mug")
    assert named(names, cup(5, "blue"), cup(6, kind="bottle"), cup(7, size=(0.07, 0.07, 0.18))) == [""] * 3
    assert named(names, cup(8, size=(0.11, 0.07, 0.07))) == ["mug"]
    assert named(names, cup(8), cup(9)) == ["mug", ""]


def test_two_that_look_like_it_both_have_the_name_so_that_it_can_be_asked_which():
    names = GivenNames()
    names.named([cup(1)])
    names.give(1, "mug")
    assert named(names, cup(2), cup(3)) == ["mug", "mug"]


def test_a_name_given_anew_moves_and_a_thing_has_one_name():
    names = GivenNames()
    names.named([cup(1), cup(2, "blue")])
    names.give(1, "mug")
    names.give(2, "mug")
    assert named(names, cup(1), cup(2, "blue")) == ["", "mug"]
    names.give(2, "treasure")
    assert named(names, cup(1), cup(2, "blue")) == ["", "treasure"]


def test_the_newest_names_are_kept():
    names = GivenNames()
    many = [cup(i) for i in range(MOST + 5)]
    names.named(many)
    for one in many:
        names.give(one.track_id, f"cup {one.track_id}")
    assert named(names, *many) == [""] * 5 + [f"cup {i}" for i in range(5, MOST + 5)]
