"""The whole stack as real processes, at the pace of the clock, and a client that attacks it."""

import contextlib
import math
import os
import time
from pathlib import Path

import rclpy
from rclpy.executors import SingleThreadedExecutor
from std_srvs.srv import SetBool

from vla_sim.bringup import fork_server
from vla_sim.bringup.node_table import StackOptions
from vla_sim.bringup.supervisor import Stack
from vla_sim.contract import codec, topics
from vla_sim.contract.records import Fault
from vla_sim.ros.execution import QOS
from vla_sim.ros.messages import message_class
from vla_sim.scenario.client import ClientThread
from vla_sim.scenario.fault_course import ARMS
from vla_sim.scenario.fault_host import FaultHost
from vla_sim.scenario.session import wait_until_ready
from vla_sim.scenario.terminal import Display

SETTLED = 2.5
"""[s] simulated until the robot stands and its sensors have spoken."""


class Attack:
    """A context manager. world: name. options: of the stack."""

    def __init__(self, folder: Path, world: str = "apartment", **options):
        engine = os.environ.get("VLA_SIM_ENGINE", "kinematic")
        self.options = StackOptions(engine=engine, world=world, monitor=False, **options)
        self.folder = folder
        self.log: list[str] = []
        """Warnings and errors of the nodes."""
        self._publishers = {}

    def __enter__(self):
        fork_server.prepare()
        with contextlib.ExitStack() as stack:
            self.stack = stack.enter_context(
                Stack(self.options, self.folder, guests=("scenario",), echo=self._echo)
            )
            self.client = stack.enter_context(ClientThread(self.stack.domain.id))
            self.faults = FaultHost(self.stack, self.client, time.monotonic, self.log.append)
            stack.callback(self.faults.close)
            self.client.on_tick = self.faults.tick
            wait_until_ready(self.stack, self.client, Display(quiet=True))
            assert self.wait(lambda: self.client.recording.stamp > SETTLED, 120.0)
            self._exit = stack.pop_all()
        return self

    def __exit__(self, *exception):
        return self._exit.__exit__(*exception)

    def _echo(self, name, text):
        if any(word in text for word in ("[WARN]", "[ERROR]", "Traceback")):
            self.log.append(f"{name}: {text}")

    @contextlib.contextmanager
    def stranger(self, name):
        """A node of this name that is none of ours, and the executor that spins it."""
        context = rclpy.Context()
        rclpy.init(context=context, domain_id=self.stack.domain.id)
        node, executor = rclpy.create_node(name, context=context), SingleThreadedExecutor(context=context)
        executor.add_node(node)
        try:
            yield node, executor
        finally:
            executor.shutdown()
            node.destroy_node()
            context.try_shutdown()

    def publisher(self, topic, node=None):
        """Of the contract's topic, once somebody hears it. node: whose; the client's if left out."""
        if topic.name not in self._publishers:
            kind = topic.type if isinstance(topic.type, str) else "std_msgs/msg/String"
            made = (node or self.client).create_publisher(message_class(kind), topic.name, QOS[topic.qos])
            self._publishers[topic.name] = made
            assert self.wait(lambda: made.get_subscription_count() > 0, 30.0)
            time.sleep(0.3)  # until its readers have found it, too
        return self._publishers[topic.name]

    def raw(self, topic, text):
        """Send this text on a topic of records."""
        publisher = self.publisher(topic)
        publisher.publish(publisher.msg_type(data=text))

    def send(self, topic, record):
        self.raw(topic, codec.encode(record))

    def type(self, command_id, text):
        self.client.type(command_id, text)

    def estop(self):
        """Latch the emergency stop."""
        with self.stranger("button") as (node, executor):
            client = node.create_client(SetBool, topics.ESTOP_SERVICE)
            assert client.wait_for_service(timeout_sec=30.0)
            for _ in range(30):  # an answer is lost where the server does not know of its reader yet
                done = client.call_async(SetBool.Request(data=True))
                executor.spin_until_future_complete(done, timeout_sec=1.0)
                if done.done():
                    break
            assert done.result().success

    def fault(self, kind, target="", seconds=0.0):
        name = f"{kind}-{len(self.faults.spans)}"
        self.faults.begin(Fault(fault_id=name, kind=kind, target=target, seconds=seconds))

    def stream(self, seconds, *jobs, rate=50.0):
        """Call each job at `rate` for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for job in jobs:
                job()
            time.sleep(1.0 / rate)

    def wait(self, so, seconds):
        """Whether it was so within this time. What has died is started again meanwhile."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.stack.check()
            if so():
                return True
            time.sleep(0.02)
        return bool(so())

    @property
    def truth(self):
        return self.client.recording.truth

    def moved(self, seconds):
        """Metres between where the robot is and where it is after so many simulated seconds."""
        at = self.truth.robot[:2]
        self.sleep(seconds)
        return math.dist(at, self.truth.robot[:2])

    def arm_moved(self, seconds):
        """The largest change of a joint [rad] of both arms in so many simulated seconds."""
        before = list(self.truth.joints)
        self.sleep(seconds)
        after = self.truth.joints
        return max(abs(after[i] - before[i]) for i in ARMS)

    def sleep(self, seconds):
        """Simulated seconds: the machine may be busy."""
        end = self.client.recording.stamp + seconds
        assert self.wait(lambda: self.client.recording.stamp >= end, 60.0 + 20.0 * seconds)

    def statuses(self, command_id):
        """All of a command, as "state: detail"."""
        known = [marked.status for marked in list(self.client.recording.statuses)]
        return [f"{one.state}: {one.detail}" for one in known if one.command_id == command_id]

    def running(self, command_id):
        return bool(self.statuses(command_id)) and self.statuses(command_id)[-1].startswith("running")

    def expect(self, command_id, *states, seconds=20.0):
        """One of these states is a command's answer, within [s] of the machine's time."""
        final = self.client.recording.final
        self.wait(lambda: final(command_id) is not None, seconds)
        answer = final(command_id)
        assert (answer and answer.state) in states, (command_id, self.statuses(command_id), self.log)

    def clearance(self):
        return min(truth.clearance for truth in list(self.client.recording.truths)[-500:])

    def dead(self):
        return sorted({p.name for p in self.stack.processes} - set(self.stack.alive()))
