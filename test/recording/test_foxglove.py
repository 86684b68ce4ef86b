"""The layout for Foxglove names what a recording has. Foxglove itself is not at hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("rclpy")
from test_public_readers import kinds

from vla_sim.recording import frames
from vla_sim.ros.messages import message_class

LAYOUT = json.loads((Path(__file__).parents[2] / "config" / "foxglove.json").read_text())
PANELS: dict[str, list[str]] = LAYOUT["configById"]
DRAWN = {
    "geometry_msgs/msg/PoseStamped", "nav_msgs/msg/OccupancyGrid", "nav_msgs/msg/Path",
    "sensor_msgs/msg/LaserScan", "sensor_msgs/msg/PointCloud2",
}  # fmt: skip
"""Types of ours that its 3D panel draws: https://docs.foxglove.dev/docs/visualization/panels/3d."""
KINDS = {"3D", "DiagnosticSummary", "Image", "Plot", "RawMessages"}
"""Its names of panels: `panels/index.ts` of foxglove/studio; since 1.63 "Image" draws images."""
RECORDED = {**kinds(), "/tf": frames.KIND}


def panels(kind):
    return [settings for name, settings in PANELS.items() if name.partition("!")[0] == kind]


def shown(node):
    """Names of the panels in a part of the layout."""
    if isinstance(node, str):
        return [node]
    assert node.keys() <= {"direction", "first", "second", "splitPercentage"}
    assert node["direction"] in ("row", "column")
    return shown(node["first"]) + shown(node["second"])


def kind_of(path):
    """Type of what a message path leads to, as "/odom.twist.twist.linear.x"."""
    topic, *fields = path.split(".")
    kind = RECORDED[topic]
    for field in fields:
        kind = message_class(kind.replace("/msg/", "/").replace("/", "/msg/")).get_fields_and_field_types()[
            field
        ]
    return kind


def test_every_panel_is_of_a_known_kind_and_stands_once_in_the_layout():
    assert {name.partition("!")[0] for name in PANELS} == KINDS
    assert sorted(shown(LAYOUT["layout"])) == sorted(PANELS)


def test_the_scene_draws_recorded_topics_of_types_that_it_can_draw():
    (scene,) = panels("3D")
    assert {topic: RECORDED[topic] for topic in scene["topics"]}.keys() == scene["topics"].keys()
    assert {RECORDED[topic] for topic in scene["topics"]} <= DRAWN
    assert (scene["fixedFrame"], scene["followTf"]) == ("map", "base_link")


def test_images_and_what_is_plotted_and_printed_are_recorded():
    images = [one["imageMode"] for one in panels("Image")]
    assert {RECORDED[one["imageTopic"]] for one in images} == {"sensor_msgs/msg/CompressedImage"}
    calibrations = {RECORDED[one["calibrationTopic"]] for one in images if "calibrationTopic" in one}
    assert calibrations == {"sensor_msgs/msg/CameraInfo"}
    plotted = [line["value"] for one in panels("Plot") for line in one["paths"]]
    assert {kind_of(path) for path in plotted} == {"double"}
    assert {kind_of(one["topicPath"]) for one in panels("RawMessages")} == {"string"}
    (nodes,) = panels("DiagnosticSummary")
    assert RECORDED[nodes["topicToRender"]] == "diagnostic_msgs/msg/DiagnosticArray"
