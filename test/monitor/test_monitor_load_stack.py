"""The whole stack under the last load level, and after the monitor that told it so is killed."""

import itertools
import statistics
import time
from collections import defaultdict

import pytest

rclpy = pytest.importorskip("rclpy")
from rclpy.signals import SignalHandlerOptions  # noqa: E402

from vla_sim.bringup.node_table import StackOptions  # noqa: E402
from vla_sim.bringup.supervisor import Stack  # noqa: E402
from vla_sim.common.params import StageParams  # noqa: E402
from vla_sim.contract import topics  # noqa: E402
from vla_sim.contract.limits import LOAD_LEVELS  # noqa: E402
from vla_sim.ros.executor import SerialExecutor  # noqa: E402
from vla_sim.ros.messages import to_seconds  # noqa: E402
from vla_sim.ros.stage_node import StageNode  # noqa: E402

pytestmark = [pytest.mark.scenario, pytest.mark.ros, pytest.mark.alone]

OBEY = {"engine", "perception", "navigation", "language", "safety", "executive"}
TOP = len(LOAD_LEVELS) - 1


class Watcher:
    """What each topic brought: stamps, sizes, and each node's load level."""

    def __init__(self):
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        self.node = StageNode("watcher", StageParams)
        self.stamps, self.sizes, self.levels = defaultdict(list), [], {}
        for topic in (topics.JOINT_STATES, topics.ODOM, topics.CMD_VEL):
            name = topic.name
            self.node.listen(topic, lambda m, name=name: self.stamps[name].append(to_seconds(m.header.stamp)))
        self.node.listen(topics.COLOR, self.on_image)
        self.node.listen(topics.DIAGNOSTICS, self.on_diagnostics)
        self.executor = SerialExecutor()
        self.executor.add_node(self.node)

    def on_image(self, image):
        self.stamps["image"].append(to_seconds(image.header.stamp))
        self.sizes.append((image.width, image.height))

    def on_diagnostics(self, message):
        for status in message.status:
            values = {v.key: v.value for v in status.values}
            if status.name in OBEY and "load level" in values:
                self.levels[status.name] = int(values["load level"])

    def until(self, condition, seconds, what):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"{what}: {self.levels}, {self.sizes[-3:]}"
            self.executor.spin_once(timeout_sec=0.1)

    def period(self, name):
        """[s] between two messages, in the middle; velocities that are sent at once besides are left out."""
        stamps = sorted(set(self.stamps[name]))[-60:]
        return statistics.median(b - a for a, b in itertools.pairwise(stamps))

    def shortest(self, name):
        """[s] between two messages, at the least."""
        stamps = sorted(self.stamps[name])
        return min((b - a for a, b in itertools.pairwise(stamps)), default=float("inf"))


@pytest.fixture
def watcher():
    made = []

    def make():
        made.append(Watcher())
        return made[0]

    yield make
    for one in made:
        one.node.destroy_node()
    rclpy.try_shutdown()


def test_the_stages_obey_and_work_in_full_again_when_the_monitor_is_killed(watcher, tmp_path):
    # A limit under what any machine uses: pressure without end, whatever else runs here.
    options = StackOptions(world="tabletop", sensors="software", thresholds="system.cpu=0.01")
    with Stack(options, tmp_path) as stack:
        seen = watcher()
        seen.until(lambda: set(seen.levels) == OBEY, 240.0, "the stages report")
        seen.until(lambda: set(seen.levels.values()) == {TOP}, 60.0, "all load is shed")
        full = (320, 240)
        small = (full[0] // 2, full[1] // 2)
        seen.until(lambda: seen.sizes and seen.sizes[-1] == small, 30.0, "small images")
        seen.stamps.clear()
        seen.until(lambda: len(seen.stamps["image"]) > 15, 60.0, "images")
        assert seen.period("image") > 0.199  # a busy machine may leave some out
        assert seen.shortest("/joint_states") > 0.039
        assert seen.shortest("/odom") > 0.039
        assert seen.period("/cmd_vel") > 0.019
        stack.kill("monitor")
        seen.until(lambda: set(seen.levels.values()) == {0}, 30.0, "full service")
        seen.until(lambda: seen.sizes[-1] == full, 30.0, "whole images")
        seen.stamps.clear()
        seen.until(lambda: seen.shortest("image") < 0.101, 60.0, "ten images a second")
        seen.until(lambda: seen.shortest("/joint_states") < 0.021, 60.0, "joint states at 50 Hz")
        stack.check()  # all others go on
