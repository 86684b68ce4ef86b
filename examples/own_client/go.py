"""A client of your own: types a command, follows it to its end, and prints where the robot is meanwhile.

In one terminal `vla-sim stack --domain 42`, in another
`ROS_DOMAIN_ID=42 ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST python3 go.py "go to the kitchen"`.
"""

import json
import sys
import time
import uuid

import rclpy
from nav_msgs.msg import Odometry
from rclpy.qos import qos_profile_sensor_data
from std_msgs.msg import String

FINAL = ("succeeded", "failed", "rejected", "cancelled", "asked")
NEEDED = {"language", "executive"}
"""Nodes that must be found before a command is sent: it is not kept for those that come later."""


def main(words):
    rclpy.init()
    node = rclpy.create_node("client")
    command_id, state, told = uuid.uuid4().hex, "", 0.0

    def on_status(message):
        nonlocal state
        status = json.loads(message.data)
        if status["command_id"] == command_id:
            state = status["state"]
            print(state, status.get("skill", ""), status.get("detail", ""))

    def on_odom(message):
        nonlocal told
        if time.monotonic() - told > 2.0:
            told, at = time.monotonic(), message.pose.pose.position
            print(f"  at ({at.x:.2f}, {at.y:.2f}) in {message.header.frame_id}")

    node.create_subscription(String, "/vla/status", on_status, 10)
    node.create_subscription(Odometry, "/odom", on_odom, qos_profile_sensor_data)
    commands = node.create_publisher(String, "/vla/command", 10)
    deadline = time.monotonic() + 10.0
    while missing := NEEDED - {one.node_name for one in node.get_subscriptions_info_by_topic("/vla/command")}:
        rclpy.spin_once(node, timeout_sec=0.1)
        if time.monotonic() > deadline:
            sys.exit(f"no {' and no '.join(missing)} in this ROS domain; start all with: vla-sim stack")
    command = {"command_id": command_id, "text": words, "sent_mono": time.monotonic()}
    commands.publish(String(data=json.dumps(command)))
    deadline = time.monotonic() + 20.0
    while state not in FINAL:
        rclpy.spin_once(node, timeout_sec=1.0)
        if not state and time.monotonic() > deadline:
            sys.exit("the robot does not answer; does it still start?")
    return 0 if state == "succeeded" else 1


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:]) or "go to the kitchen"))
