"""Profiles of robots: the shipped ones fit their models, and what is wrong with one is one line."""

import json
import os
import subprocess
import sys

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.cli import main
from vla_sim.common import assets
from vla_sim.common.errors import InputError
from vla_sim.robot import facts, profile

G1 = assets.find_robot("g1").read_text()


WITHOUT = object()


def changed(path, value):
    """The G1's profile with another value at a path such as "legs.sole"."""
    data = yaml.safe_load(G1)
    *groups, last = path.split(".")
    part = data
    for name in groups:
        part = part[name]
    if value is WITHOUT:
        del part[last]
    else:
        part[last] = value
    return yaml.safe_dump(data, sort_keys=False)


@pytest.mark.parametrize("name", assets.robot_names())
def test_a_shipped_profile_fits_its_model_and_its_policy(name):
    """Each in a process of its own, since a process is of one robot."""
    code = """
import importlib.util, json
from vla_sim.robot import facts
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.control.policy import find_policy, load_policy
robot = Kinematics.load()
model = robot.model
named = (*facts.PROFILE.trunk, *facts.FOOT_LINK.values(), *facts.TOOL_FRAME.values(), facts.BASE_LINK)
assert not set(named) - set(robot.frames), set(named) - set(robot.frames)
hand = facts.HAND
assert hand is None or not set(hand.links) - {link.name for link in model.links}
low, high = robot.of_joints("lower"), robot.of_joints("upper")
assert (low <= facts.DEFAULT_POSE).all() and (facts.DEFAULT_POSE <= high).all()
for side in facts.SIDES:
    index = facts.ARM_INDEX[side]
    assert (robot.of_joints("damping")[index] == facts.PROFILE.arms.damping).all()
for policy in facts.PROFILE.policy.networks:
    load_policy(policy)
print(json.dumps([facts.NAME, len(facts.JOINTS)]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, assets.ROBOT: name}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0] == name


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("version", 7, "version 7 is not known; this vla_sim reads version 1"),
        ("standing_height", -1, "standing_height: expected `float` > 0.0"),
        ("standing_height", "high", "standing_height: expected `float`, got `str`"),
        ("standing_height", WITHOUT, "missing required field `standing_height`"),
        ("legs.sole", float("inf"), "sole: expected `float` <= 5.0"),
        ("legs.souls", 0.1, "'souls' is not known here; did you mean sole"),
        ("legs.knees.left", "left_nee_joint", "legs.knees.left: 'left_nee_joint' is none of the joints"),
        ("posture.elbow", 0.1, "posture.elbow: 'elbow' is none of the joints"),
        ("joints", ["a", "b", "a"], "joints: a is given twice"),
        ("arms.joints.left", ["left_elbow_joint"], "arms.joints.left: 1 are given; an arm has seven"),
        ("arms.stiffness", [80, 80], "stiffness: expected `array` of length >= 7"),
        ("hand", "claw", "invalid enum value"),
        ("hand.fingers.left", ["left_finger_left_joint"], "hand.fingers.left: 1 are given; a hand has two"),
        ("hand.stroke", 0, "stroke: expected `float` > 0.0"),
        ("hand.reach.edge", [0.4, 0.2], "hand.reach.edge: 0.4 to 0.2 is given; the first must be the less"),
        ("hand.motors.closed.left", [0, 0], "hand.motors.closed.left: all are 0, as when it is open"),
        ("size.trunk", [-0.3, 0.2, 0.1, 0.1], "size.trunk (y): 0.1 to 0.1 is given"),
        ("arms.seeds", [], "seeds: expected `array` of length >= 1"),
        ("policy.calibration", {}, "fastsac has no calibration; add policy.calibration.fastsac"),
        ("size.arms", [[0.0, 0.1]], "expected `array` of length 3"),
        ("gait.stop_shift", [0.0, float("nan"), 0.0], "nan is given; a finite number is allowed"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(path, value, words):
    with pytest.raises(InputError) as caught:
        profile.loads(changed(path, value), "robot.yaml")
    message = str(caught.value)
    assert message.startswith("robot.yaml:"), message
    assert message.partition(" ")[0].count(":") == 3, message
    assert words in message, message
    assert "\n" not in message


LEAVES = [
    "version", "about", "base", "trunk", "standing_height", "joints", "posture", "waist", "legs", "arms",
    "hand", "speed", "policy", "gait", "size", "legs.knees", "legs.feet.left", "arms.tools", "arms.mirror",
    "hand.force", "hand.reach", "hand.motors", "arms.seeds", "policy.networks", "policy.calibration",
    "policy.period", "gait.lag", "size.legs", "size.trunk", "size.front",
]  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS,
    lambda one: st.lists(one, max_size=4) | st.dictionaries(st.text(max_size=8), one, max_size=4),
    max_leaves=8,
)


@given(path=st.sampled_from(LEAVES), value=VALUES)
def test_any_value_makes_a_profile_or_one_line_of_error(path, value):
    message = "robot.yaml"
    try:
        profile.loads(changed(path, value), "robot.yaml")
    except InputError as error:
        message = str(error)
    assert message.startswith("robot.yaml")
    assert "\n" not in message


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("utf-8", "replace")))
def test_any_text_is_no_profile_and_says_so(text):
    with pytest.raises(InputError):
        profile.loads(text)


def test_an_unknown_robot_lists_the_known_ones():
    with pytest.raises(
        InputError, match=r"no robot 'g2' \(did you mean g1\?\)|no robot 'g2'.*give one of g1, t1"
    ):
        assets.find_robot("g2")


def test_a_process_stays_of_its_robot():
    with pytest.raises(InputError, match="this process is of g1 already"):
        main.choose_robot(["run", "--robot", "t1"])
    main.choose_robot(["run", "--robot=g1"])
    assert facts.NAME == "g1"


def test_the_command_line_says_what_is_wrong_with_a_profile_in_one_line(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(changed("standing_height", "high"))
    line = [sys.executable, "-m", "vla_sim.cli.main", "list", "--robot", str(path)]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {path}:")
    assert done.stderr.count("\n") == 1
