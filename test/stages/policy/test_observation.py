"""What a policy is sent."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from policy_senses import senses

from vla_sim.robot import facts
from vla_sim.stages.policy.errors import PolicyError
from vla_sim.stages.policy.mapping import Actions, Entry, Gripper, Mapping
from vla_sim.stages.policy.observation import observe, scaled, to_opening


def mapping(*entries: Entry, **values: object) -> Mapping:
    return Mapping(
        version=1, about="one of a test", rate=20.0, execute=5, observation=list(entries),
        actions=Actions(parts=["right_arm"]), **values,
    )  # fmt: skip


def test_keys_may_be_nested_and_the_text_names_the_thing():
    found = observe(
        mapping(
            Entry(key=["images", "head"], image="color", size=(24, 24), channels_first=True),
            Entry(key="observation/state", values=["right_arm", "right_gripper", "time"]),
            Entry(key="prompt", text="take the {object}"),
        ),
        senses(), "red cup",
    )  # fmt: skip
    assert found["images"]["head"].shape == (3, 24, 24)
    assert found["images"]["head"].dtype == np.uint8
    np.testing.assert_allclose(
        found["observation/state"], [*senses().joint_position[facts.ARM_INDEX["right"]], 0.0, 10.0]
    )
    assert found["prompt"] == "take the red cup"


def test_angles_and_openings_are_in_the_policys_own_units():
    now = senses()
    now.joint_position[facts.FINGER_INDEX["left"]] = 0.25 * facts.FINGER_STROKE
    entry = Entry(key="state", values=["left_arm", "left_gripper"])
    found = observe(mapping(entry, angles="degrees", gripper=Gripper(open=0.0, closed=1.0)), now, "")["state"]
    np.testing.assert_allclose(found[:7], np.degrees(now.joint_position[facts.ARM_INDEX["left"]]), rtol=1e-6)
    assert found[7] == pytest.approx(0.75)


def test_openings_are_read_as_they_are_written_and_stay_on_the_range():
    gripper = Gripper(open=-1.0, closed=1.0)
    opened = to_opening(gripper, np.array([-1.0, 0.0, 1.0, 5.0, -5.0]))
    np.testing.assert_allclose(opened, 2.0 * facts.FINGER_STROKE * np.array([1.0, 0.5, 0.0, 0.0, 1.0]))


def test_an_image_keeps_its_proportions():
    image = np.full((48, 64, 3), 255, np.uint8)
    small = scaled(image, 32, 32)
    assert small.shape == (32, 32, 3)
    assert small[4:28].min() == 255
    assert small[:4].max() == small[28:].max() == 0


def test_without_a_camera_one_line_says_so():
    wants = mapping(Entry(key="image", image="depth"))
    with pytest.raises(PolicyError, match="my camera sends none"):
        observe(wants, senses(images=None), "")
    blind = msgspec.structs.replace(wants, observation=[Entry(key="state", values=["joints"])])
    assert len(observe(blind, replace(senses(), images=None), "")["state"]) == len(facts.JOINTS)
