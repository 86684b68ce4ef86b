"""A recording of two seconds, as the recorder leaves one: the robot glides past a table, and says so."""

import io

import numpy as np
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Path
from PIL import Image
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import String

from vla_sim.common.assets import find_world
from vla_sim.common.mcap_file import Channel, McapFile
from vla_sim.contract import records, topics
from vla_sim.contract.codec import encode
from vla_sim.recording.about import FILE, KNOWN, METADATA, About
from vla_sim.recording.definitions import definition
from vla_sim.robot import facts

RED = (220, 20, 20)
"""All that the head camera sees."""
BEGIN, SECONDS = 5.0, 2.0


def truth(stamp, x=0.0):
    joints = [float(q) for q in facts.DEFAULT_POSE]
    pose = (x, 0.0, 0.79, 1.0, 0.0, 0.0, 0.0)
    return records.GroundTruth(
        stamp=stamp, robot=pose, objects={}, fallen=False, clearance=1.0, joints=joints
    )


def write(folder, *, truths=True, robot="g1"):
    """run.mcap in a folder: from a second before the first command to two after it."""
    world = find_world("tabletop")

    def begin(writer):
        writer.add_metadata(METADATA, About(world="tabletop", robot=robot, engine="mujoco").strings())
        writer.add_attachment(0, 0, KNOWN, "application/xml", world.read_bytes())

    folder.mkdir(parents=True, exist_ok=True)
    out = McapFile(folder / FILE, largest=1 << 30, chunk=1 << 20, begin=begin)
    channels = {}

    def say(topic, stamp, message):
        name, about = topic.name, {}
        if isinstance(message, records.Record):
            about = {"record": type(message).__name__}
            message = String(data=encode(message))
        elif isinstance(message, CompressedImage):
            name += "/compressed"
        kind = f"{type(message).__module__.split('.')[0]}/msg/{type(message).__name__}"
        if name not in channels:
            channels[name] = out.add(Channel(name, "cdr", kind, "ros2msg", definition(kind), about))
        out.write(channels[name], round(1e9 * stamp), serialize_message(message))

    jpeg = io.BytesIO()
    Image.new("RGB", (64, 48), RED).save(jpeg, "JPEG")
    seen = CompressedImage(format="jpeg", data=np.frombuffer(jpeg.getvalue(), np.uint8).tolist())
    words = {"command_id": "c", "text": "go to the table"}
    step = records.Step(skill="navigate", place="table")
    path = Path(poses=[PoseStamped(), PoseStamped()])
    path.poses[1].pose.position.x = 0.4
    for k in range(round(25 * (SECONDS + 1.0)) + 1):
        stamp = BEGIN - 1.0 + k / 25
        if truths:
            say(topics.GROUND_TRUTH, stamp, truth(stamp, 0.1 * max(0.0, stamp - BEGIN)))
        if k % 5 == 0:
            say(topics.COLOR, stamp, seen)
        if k == 25:
            say(topics.COMMAND, stamp, records.Command(sent_mono=0.0, **words))
            say(topics.PLAN, stamp, records.Plan(steps=[step, step], planner="rules", **words))
            status = records.Status(command_id="c", state="running", skill="navigate", steps=2, mono=0.0)
            say(topics.STATUS, stamp, status)
            say(topics.GLOBAL_PATH, stamp, path)
            say(topics.SAY, stamp, records.Say(text="I go to the table."))
    out.close()
    return folder
