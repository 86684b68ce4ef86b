"""What a mapping may say."""

import pytest

from vla_sim.common.errors import InputError
from vla_sim.stages.policy import mapping

GOOD = """\
version: 1
about: One arm by joint positions.
rate: 10
execute: 4
observation:
  - {key: [images, head], image: color, size: [224, 224]}
  - {key: state, values: [right_arm, right_gripper]}
  - {key: prompt, text: "take the {object}"}
actions: {parts: [right_arm, right_gripper]}
"""


def test_every_shipped_mapping_can_be_read():
    assert "scripted" in mapping.names()
    for name in mapping.names():
        assert mapping.load(name).actions.width >= 7


def test_columns_follow_the_order_of_the_parts():
    found = mapping.parse(GOOD, "a.yaml")
    assert found.actions.columns == {"right_arm": slice(0, 7), "right_gripper": slice(7, 8)}
    tool = GOOD.replace("actions: {", "actions: {space: tool_deltas, ")
    assert mapping.parse(tool, "a.yaml").actions.width == 7


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("version: 1", "version: 2", "a.yaml:1"),
        ("rate: 10", "rate: 0", "a.yaml:3"),
        ("image: color", "image: colour", "a.yaml:6"),
        ("image: color, size: [224, 224]", "image: depth, size: [224, 224]", "of a color image alone"),
        ("key: prompt", "key: state", "key state is given twice"),
        ("key: prompt", "key: images", "key images is given twice"),
        ("key: prompt, text", "key: prompt, values: [time], text", "exactly one of image, values, text"),
        ("{object}", "{thing}", "no other brace"),
        ("parts: [right_arm, right_gripper]", "parts: [right_arm, right_arm]", "a part is named twice"),
        ("execute: 4", "exeute: 4", "did you mean execute"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(old, new, why):
    with pytest.raises(InputError, match=r"a\.yaml:") as caught:
        mapping.parse(GOOD.replace(old, new), "a.yaml")
    assert why in str(caught.value)


def test_an_unknown_name_lists_what_is_shipped():
    with pytest.raises(InputError, match=r"no policy mapping 'nowhere': give one of .*scripted"):
        mapping.load("nowhere")
