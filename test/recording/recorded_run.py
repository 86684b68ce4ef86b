"""A small recording as the recorder leaves one, without a run."""

from rclpy.serialization import serialize_message
from std_msgs.msg import Empty, String

from vla_sim.common.mcap_file import Channel, McapFile
from vla_sim.contract import records, topics
from vla_sim.contract.codec import encode
from vla_sim.recording.about import METADATA, About
from vla_sim.recording.definitions import definition

ABOUT = About(world="apartment", robot="g1", engine="mujoco", seed=3, speed=0.0, stack={"seed": 3})


def text(record):
    """A record as it travels."""
    return serialize_message(String(data=encode(record)))


def command(k):
    return records.Command(command_id=f"typed-{k}", text=f"go {k} metres", sent_mono=float(k))


def write(path, count=100, about=ABOUT):
    """`count` commands, one each 0.1 s, with a stop at the same time as each tenth. Returns the open file."""

    def begin(writer):
        writer.add_metadata(METADATA, about.strings())
        writer.add_attachment(0, 0, "known_world.sdf", "application/xml", b"<sdf/>")

    out = McapFile(path, largest=1 << 30, chunk=1 << 20, begin=begin)
    said = Channel(
        topics.COMMAND.name, "cdr", "std_msgs/msg/String", "ros2msg", definition("std_msgs/msg/String"),
        {"record": "Command"},
    )  # fmt: skip
    stop = Channel(topics.STOP.name, "cdr", "std_msgs/msg/Empty", "ros2msg", definition("std_msgs/msg/Empty"))
    commands, stops = out.add(said), out.add(stop)
    for k in range(count):
        at = 100_000_000 * k
        out.write(commands, at, text(command(k)), 2 * k)
        if k % 10 == 0:
            out.write(stops, at, serialize_message(Empty()), 2 * k + 1)
        if k % 20 == 19:
            out.flush()
    return out
