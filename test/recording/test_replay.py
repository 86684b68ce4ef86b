"""Recordings played to real nodes again."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy")
from rclpy.serialization import serialize_message
from recorded_run import command, text
from rosgraph_msgs.msg import Clock

from vla_sim.bringup.node_table import StackOptions
from vla_sim.cli.main import main
from vla_sim.common.errors import InputError
from vla_sim.common.mcap_file import Channel, McapFile
from vla_sim.contract import topics
from vla_sim.recording.about import METADATA, about
from vla_sim.recording.definitions import definition
from vla_sim.recording.reader import FILE, Recording
from vla_sim.recording.replay import replay
from vla_sim.ros.messages import to_stamp

PERIOD = 0.02


@pytest.fixture(scope="module")
def commanded(tmp_path_factory):
    """A recording of a clock and of three typed commands in its two seconds."""
    path = tmp_path_factory.mktemp("commanded") / FILE
    run = about(StackOptions(speed=0.0), command="a test")
    out = McapFile(
        path, largest=1 << 30, chunk=1 << 20, begin=lambda w: w.add_metadata(METADATA, run.strings())
    )
    kinds = {topics.CLOCK.name: topics.CLOCK.type, topics.COMMAND.name: "std_msgs/msg/String"}
    numbers = {
        name: out.add(Channel(name, "cdr", kind, "ros2msg", definition(kind))) for name, kind in kinds.items()
    }
    for k in range(100):
        stamp = to_stamp(PERIOD * k)
        at = stamp.sec * 1_000_000_000 + stamp.nanosec
        out.write(numbers[topics.CLOCK.name], at, serialize_message(Clock(clock=stamp)), 2 * k)
        if k in (10, 30, 60):
            out.write(numbers[topics.COMMAND.name], at, text(command(k // 10)), 2 * k + 1)
    out.close()
    return path


@pytest.mark.ros
@pytest.mark.scenario
def test_a_replay_of_a_replay_is_the_same_to_the_last_bit(commanded, tmp_path):
    first = replay(Recording(commanded), tmp_path / "first", nodes=["language"])
    assert set(first.topics) >= {topics.INTENT.name, topics.PLAN.name}
    plans = [one for one in first.compared if one.topic == topics.PLAN.name]
    assert len(plans) == 3
    assert all(one.recorded is None for one in plans)  # there were none
    assert not first.same
    second = replay(first.recording, tmp_path / "second", nodes=["language"])
    assert second.same
    assert len(second.compared) == len(first.compared)
    said = [topics.INTENT.name, topics.PLAN.name, topics.TRACE.name, topics.CLOCK.name, topics.COMMAND.name]
    ours, theirs = (list(one.recording.read(said)) for one in (first, second))
    assert ours == theirs


def test_a_node_that_there_is_not_is_told_before_anything_runs(commanded, tmp_path, capsys):
    assert main(["replay", str(commanded), "--node", "langage", "--out", str(tmp_path)]) == 2
    assert "did you mean language" in capsys.readouterr().err


def test_a_recording_is_not_overwritten_by_its_own_replay(commanded, capsys):
    before = commanded.stat().st_size
    assert main(["replay", str(commanded), "--out", str(commanded.parent)]) == 2
    assert "choose another folder with --out" in capsys.readouterr().err
    assert commanded.stat().st_size == before


def test_a_recording_that_does_not_say_how_its_stack_ran_cannot_be_played(tmp_path):
    McapFile(tmp_path / FILE, largest=1 << 30, chunk=1 << 20).close()
    with pytest.raises(InputError, match="does not say with which options"):
        replay(Recording(tmp_path), tmp_path / "out")
