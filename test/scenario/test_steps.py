"""The verdict is right: for every check, a run in which it must fail does fail, with its reason."""

import dataclasses
import math
from pathlib import Path

import msgspec
import numpy as np
import pytest

from vla_sim.contract.records import DetectedObject, GroundTruth, ObjectQuery, Plan, Status, Step
from vla_sim.scenario import judge as steps
from vla_sim.scenario.recording import Recording, path_length, path_of
from vla_sim.world.objects import ObjectKind
from vla_sim.world.semantic_map import Place, Surface, World

CUP = ObjectQuery(kind="cup", colour="red")
WORLD = World(
    name="flat", path=Path("flat.sdf"), start=(0.0, 0.0, 0.0),
    places=(Place("kitchen", 4.0, 0.0, 0.0),),
    surfaces=(Surface("table", "kitchen", 5.0, 0.0, 0.0, 0.5, 1.2, 0.75),),
    objects=(ObjectKind("red_cup", "cup", "red", "cylinder", (0.07, 0.07, 0.1), 0.15),),
    solids=(), forbidden=(),
)  # fmt: skip


def truth(stamp, x=0.0, y=0.0, yaw=0.0, cup=(4.8, 0.0, 0.80), fallen=False):
    return GroundTruth(
        stamp=stamp, robot=(x, y, 0.77, math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)),
        objects={"red_cup": (*cup, 1.0, 0.0, 0.0, 0.0)}, fallen=fallen, clearance=0.5,
    )  # fmt: skip


def run(step, truths):
    """A recording in which `step` runs from the first truth to the last."""
    recording = Recording()
    recording.plans.append(Plan(command_id="c", text="", steps=[step], planner="rules"))
    recording.truths.append(truths[0])
    recording.on_status(Status(command_id="c", state="running", skill=step.skill, steps=1, mono=0.0))
    recording.truths.extend(truths[1:])
    recording.on_status(Status(command_id="c", state="succeeded", skill=step.skill, steps=1, mono=1.0))
    return recording


def verdict(step, truths):
    (check,) = steps.judge_steps(run(step, truths), WORLD, "c", [step])
    return check


def line(n, **ends):
    """n truths; each named value goes from its first to its last number."""
    values = {k: np.linspace(*v, n) for k, v in ends.items()}
    return [truth(0.05 * i, **{k: float(v[i]) for k, v in values.items()}) for i in range(n)]


def test_arriving_is_near_the_place_and_nowhere_else():
    step = Step(skill="navigate", place="kitchen")
    assert verdict(step, line(9, x=(0.0, 3.9))).passed
    late = verdict(step, line(9, x=(0.0, 3.2)))
    assert not late.passed
    assert "0.80 m from it" in late.detail


def test_coming_back_is_judged_by_where_the_command_was_given():
    step = Step(skill="carry", place="user")
    assert verdict(step, [truth(0.0), truth(1.0, x=3.0), truth(2.0, x=0.2)]).passed
    assert not verdict(step, [truth(0.0), truth(1.0, x=3.0)]).passed


def test_what_an_earlier_command_lifted_is_not_lifted_by_a_later_one():
    step, low, high = Step(skill="pick", object=CUP), (4.8, 0.0, 0.80), (4.8, 0.0, 1.0)
    up = [truth(0.5 * i, cup=high if 2 <= i < 8 else low) for i in range(16)]
    assert verdict(step, up).passed
    recording = run(step, up[10:])
    recording.truths[:] = up
    (check,) = steps.judge_steps(recording, WORLD, "c", [step])
    assert (check.passed, check.detail) == (False, "red cup up 0.00 m, 0.0 s at 0.10 m or more")


@pytest.mark.parametrize(("back_to", "ok"), [(3.0, True), (0.0, False)])
def test_coming_back_is_to_where_that_command_was_given_not_the_first_one(back_to, ok):
    step = Step(skill="carry", place="user")
    truths = [truth(2.0, x=3.0), truth(3.0, x=5.0), truth(4.0, x=back_to)]
    recording = run(step, truths)
    recording.truths[:] = [truth(0.0), truth(1.0, x=2.0), *truths]
    (check,) = steps.judge_steps(recording, WORLD, "c", [step])
    assert check.passed is ok


@pytest.mark.parametrize(("x", "ok"), [(2.1, True), (1.5, False), (-2.0, False)])
def test_a_move_has_its_length_and_direction(x, ok):
    assert verdict(Step(skill="move", distance=2.0), line(9, x=(0.0, x))).passed is ok


@pytest.mark.parametrize(("yaw", "ok"), [(1.55, True), (1.2, False), (-1.57, False)])
def test_a_turn_has_its_angle_and_direction(yaw, ok):
    assert verdict(Step(skill="turn", angle=math.pi / 2), line(30, yaw=(0.0, yaw))).passed is ok


def test_more_than_half_a_turn_is_counted_whole():
    assert steps.turned_angle(line(80, yaw=(0.0, 2 * math.pi))) == pytest.approx(2 * math.pi)


def lifted(height, seconds):
    up = [truth(0.0)] + [truth(1.0 + 0.05 * i, cup=(4.8, 0, 0.8 + height)) for i in range(int(seconds * 20))]
    return [*up, truth(30.0)]


@pytest.mark.parametrize(
    ("height", "seconds", "ok"), [(0.15, 3.0, True), (0.08, 3.0, False), (0.15, 1.5, False)]
)
def test_a_grasp_lifts_high_enough_and_long_enough(height, seconds, ok):
    check = verdict(Step(skill="pick", object=CUP), lifted(height, seconds))
    assert check.passed is ok
    assert f"up {height:.2f} m" in check.detail


def test_two_short_lifts_are_not_one_long_one():
    truths = [truth(0.0)]
    truths += [truth(0.05 * i, cup=(4.8, 0, 0.95 if i % 30 else 0.80)) for i in range(1, 120)]
    assert not verdict(Step(skill="pick", object=CUP), truths).passed


def test_an_object_is_placed_when_it_was_moved_and_rests_there():
    step = Step(skill="place", place="table")
    assert verdict(step, [truth(0.0, cup=(1.0, 1.0, 0.8)), truth(1.0)]).passed
    assert not verdict(step, [truth(0.0), truth(1.0)]).passed
    assert not verdict(step, [truth(0.0, cup=(1.0, 1.0, 0.8)), truth(1.0, cup=(4.8, 0.0, 0.05))]).passed


@pytest.mark.parametrize(("x", "ok"), [(4.82, True), (4.6, False)])
def test_found_means_where_it_is(x, ok):
    step = Step(skill="find", object=CUP)
    recording = run(step, [truth(0.0), truth(1.0)])
    seen = DetectedObject(
        track_id=1, kind="cup", colour="red", position=(x, 0.0, 0.8), size=(0.07, 0.07, 0.1), yaw=0.0,
        confidence=0.9, last_seen=1.0,
    )  # fmt: skip
    recording.sightings.append((0.9, [seen]))
    (check,) = steps.judge_steps(recording, WORLD, "c", [step])
    assert check.passed is ok


def test_a_lying_status_does_not_pass_for_a_deed():
    """The executive says succeeded, and nothing of what was asked for was even begun."""
    recording = run(Step(skill="wait", seconds=1.0), [truth(0.0), truth(1.0)])
    (check,) = steps.judge_steps(recording, WORLD, "c", [Step(skill="navigate", place="kitchen")])
    assert not check.passed
    assert "nothing of the kind" in check.detail


def test_the_sway_of_the_gait_is_not_way():
    truths = [truth(0.05 * i, x=0.02 * i, y=0.03 * math.sin(2 * math.pi * 0.05 * i)) for i in range(201)]
    assert path_length(path_of(truths)) == pytest.approx(3.6, abs=0.25)


def test_a_search_whose_place_was_left_open_counts_wherever_it_looked():
    recording = run(Step(skill="find", object=CUP, place="kitchen"), [truth(0.0), truth(1.0)])
    (check,) = steps.judge_steps(recording, WORLD, "c", [Step(skill="find", object=CUP)])
    assert check.detail == "never seen"


BOX = ObjectQuery(kind="box", colour="blue")
WITH_BOX = dataclasses.replace(
    WORLD, objects=(*WORLD.objects, ObjectKind("blue_box", "box", "blue", "box", (0.06, 0.06, 0.09), 0.2))
)


@pytest.mark.parametrize(
    ("relation", "cup", "box", "passed"),
    [
        ("next to", (4.8, 0.2, 0.80), (4.8, 0.4, 0.795), True),
        ("next to", (4.8, 0.0, 0.80), (4.8, 0.4, 0.795), False),  # too far
        ("next to", (4.6, 0.4, 0.05), (4.8, 0.4, 0.795), False),  # on the floor beside the table
        ("next to", (4.8, -0.4, 0.80), (4.8, -0.2, 0.795), False),  # the box was pushed to the cup
        ("on top of", (4.81, 0.4, 0.89), (4.8, 0.4, 0.795), True),
        ("on top of", (4.8, 0.2, 0.80), (4.8, 0.4, 0.795), False),  # beside it
        ("on top of", (4.84, 0.4, 0.89), (4.8, 0.4, 0.795), False),  # half over its edge
        ("on top of", (4.8, 0.4, 1.00), (4.8, 0.4, 0.795), False),  # still in the hand above it
    ],
)
def test_putting_next_to_or_on_a_thing_is_judged_by_where_both_are(relation, cup, box, passed):
    step = Step(skill="place", relation=relation, object=BOX)

    def at(stamp, cup, box):
        one = truth(stamp, cup=cup)
        return msgspec.structs.replace(one, objects={**one.objects, "blue_box": (*box, 1.0, 0.0, 0.0, 0.0)})

    truths = [at(0.0, (4.8, -0.4, 0.80), (4.8, 0.4, 0.795)), at(1.0, cup, box)]
    (check,) = steps.judge_steps(run(step, truths), WITH_BOX, "c", [step])
    assert check.passed == passed, check.detail
    assert (check.name, check.kind) == (f"place {relation} blue box", "place")


def test_another_relation_than_was_asked_for_is_none_that_was_done():
    done = Step(skill="place", relation="next to", object=BOX)
    asked = Step(skill="place", relation="on top of", object=BOX)
    (check,) = steps.judge_steps(run(done, line(3)), WITH_BOX, "c", [asked])
    assert check.detail == "the robot did nothing of the kind"
