"""/tf as the recorder writes it, read by the public reader."""

import pytest

pytest.importorskip("rclpy")
from geometry_msgs.msg import TransformStamped
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from nav_msgs.msg import Odometry

from vla_sim.common.mcap_file import Channel, McapFile
from vla_sim.recording import frames


def test_the_base_is_placed_in_odom_and_odom_in_the_map_ten_times_a_second(tmp_path):
    path, made = tmp_path / "run.mcap", frames.Frames()
    out = McapFile(path, largest=1 << 30, chunk=1 << 20)
    number = out.add(Channel("/tf", "cdr", frames.KIND, "ros2msg", frames.schema()))
    odometry = Odometry(child_frame_id="base_link")
    odometry.header.frame_id = "odom"
    where = TransformStamped(child_frame_id="odom")
    where.header.frame_id, where.transform.translation.y = "map", -2.5
    for k in range(50):
        odometry.header.stamp.nanosec = 20_000_000 * k
        odometry.pose.pose.position.x = 0.1 * k
        if k == 25:
            made.locate(where)
        data = made.move(odometry, 0.02 * k)
        if data is not None:
            out.write(number, 20_000_000 * k, data)
    out.close()
    with path.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        got = [message.transforms for _, _, _, message in reader.iter_decoded_messages()]
    assert len(got) == 10
    assert [(t[0].header.frame_id, t[0].child_frame_id) for t in got] == [("odom", "base_link")] * 10
    assert [t[0].transform.translation.x for t in got] == pytest.approx([0.5 * k for k in range(10)])
    assert [len(t) for t in got] == [1] * 5 + [2] * 5
    last = got[-1][1]
    assert (last.header.frame_id, last.child_frame_id, last.transform.translation.y) == ("map", "odom", -2.5)
    assert last.transform.rotation.w == 1.0


def test_a_clock_that_is_set_back_is_followed():
    made, odometry = frames.Frames(), Odometry()
    assert made.move(odometry, 1e9) is not None
    assert made.move(odometry, 1e9 - 3600.0) is not None
    assert made.move(odometry, 1e9 - 3600.0 + 0.05) is None
