"""A planner of your own in place of the node `language`: it knows one word that ours does not, "dance".

    vla-sim run "dance" --text --replace language=planner.py

It is started under the name `language` and, like ours, with the parameters use_sim_time and world.
"""

import contextlib
import json
import math

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from std_msgs.msg import String


class Planner(Node):
    def __init__(self):
        super().__init__("language")
        self.plans = self.create_publisher(String, "/vla/plan", 10)
        self.create_subscription(String, "/vla/command", self.plan, 10)  # typed
        self.create_subscription(String, "/voice/transcript", self.plan, 10)  # heard

    def plan(self, message):
        command = json.loads(message.data)
        if not command.get("complete", True):
            return  # noise, or half a sentence: nothing to act on
        steps = [{"skill": "say", "text": "I can dance, and nothing else."}]
        if "dance" in command["text"].lower():
            steps = [{"skill": "turn", "angle": math.radians(angle)} for angle in (45, -45)]
        plan = {
            "command_id": command["command_id"],
            "text": command["text"],
            "planner": "own",
            "steps": steps,
        }
        self.plans.publish(String(data=json.dumps(plan)))


if __name__ == "__main__":
    rclpy.init()
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(Planner())
