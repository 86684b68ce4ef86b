"""The bridge's configuration follows from contract and model."""

from __future__ import annotations

import dataclasses

import pytest
import yaml

from vla_sim.common import assets
from vla_sim.common.errors import InputError
from vla_sim.contract import topics
from vla_sim.simulation.gazebo.bridge import bridge_config, bridged
from vla_sim.world.sdf import reader


@pytest.fixture(scope="module")
def robot():
    return reader.load_model(assets.share_folder("models") / "g1")


def test_every_sensor_topic_of_the_contract_is_bridged_once(robot):
    names = [topic.name for topic, _ in bridged(robot)]
    ours = (topics.DEPTH_SCAN, topics.LOW_OBSTACLES, topics.NEAR_POINTS)
    sensors = [t.name for t in topics.TOPICS if t.qos == "sensor" and t not in ours]
    assert sorted(names) == sorted(sensors)
    assert len({gazebo for _, gazebo in bridged(robot)}) == len(names)


def test_the_file_has_an_entry_of_five_lines_for_each(robot):
    text = bridge_config(robot)
    assert text.count("direction: GZ_TO_ROS") == len(bridged(robot))
    assert '- ros_topic_name: "/imu"\n  gz_topic_name: "/g1/imu"\n' in text
    assert 'ros_type_name: "sensor_msgs/msg/Imu"\n  gz_type_name: "gz.msgs.IMU"' in text


def test_a_topic_of_any_name_is_one_entry(robot):
    evil = 'a"\n  direction: ROS_TO_GZ\n  b: "\\'
    link = next(one for one in robot.links if any(s.type == "gpu_lidar" for s in one.sensors))
    lidar = [dataclasses.replace(s, topic=evil) if s.type == "gpu_lidar" else s for s in link.sensors]
    links = [dataclasses.replace(one, sensors=tuple(lidar)) if one is link else one for one in robot.links]
    entries = yaml.safe_load(bridge_config(dataclasses.replace(robot, links=tuple(links))))
    assert evil in [one["gz_topic_name"] for one in entries]
    assert {one["direction"] for one in entries} == {"GZ_TO_ROS"}


def test_a_model_without_a_sensor_is_named(robot):
    blind = dataclasses.replace(robot, links=())
    with pytest.raises(InputError, match="has no gpu_lidar sensor"):
        bridge_config(blind)
