"""What a node measures arrives at the monitor, through ROS: of a stage's node, and of a plain rclpy node."""

import time

import pytest

rclpy = pytest.importorskip("rclpy")
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue  # noqa: E402

from vla_sim.common.params import StageParams  # noqa: E402
from vla_sim.contract import topics  # noqa: E402
from vla_sim.monitor import journal  # noqa: E402
from vla_sim.monitor.node import MonitorNode  # noqa: E402
from vla_sim.ros.executor import SerialExecutor  # noqa: E402
from vla_sim.ros.stage_node import StageNode  # noqa: E402

pytestmark = pytest.mark.ros


@pytest.fixture
def executor(ros_domain, tmp_path):
    """Of nodes of this process; the parameters are the monitor's, which the others have not."""
    rclpy.init(
        args=[
            "--ros-args", "-p", f"monitor:monitor_folder:={tmp_path}",
            "-p", "monitor:thresholds:='planner2.delay=5'",
        ],
        domain_id=ros_domain,
    )  # fmt: skip
    made = SerialExecutor()
    yield made
    for node in made.get_nodes():
        node.destroy_node()
    rclpy.try_shutdown()


def test_a_metric_arrives_is_held_against_its_threshold_and_is_journalled(executor, tmp_path):
    monitor, stage = MonitorNode(), StageNode("planner2", StageParams)
    plain = rclpy.create_node("battery", start_parameter_services=False)
    publisher = plain.create_publisher(DiagnosticArray, topics.DIAGNOSTICS.name, 50)
    for node in (monitor, stage, plain):
        executor.add_node(node)
    status = DiagnosticStatus(name="battery", values=[KeyValue(key="metric charge [%]", value="81.5 80")])
    end = time.monotonic() + 30.0
    last = {}
    while not {"planner2.delay", "battery.charge"} <= last.keys():
        assert time.monotonic() < end, last
        stage.record_metric("delay", 7.0, "ms")
        publisher.publish(DiagnosticArray(status=[status]))
        executor.spin_once(timeout_sec=0.1)
        last = {m.name: m for m in monitor.last.metrics} if monitor.last else {}
    assert (last["planner2.delay"].last, last["planner2.delay"].unit) == (7.0, "ms")
    assert (last["battery.charge"].min, last["battery.charge"].max) == (80.0, 81.5)
    assert [str(a) for a in monitor.core.active() if a.component == "planner2"] == [
        "critical: planner2 delay 7 ms, limit 5 ms"
    ]
    monitor.close()
    entries = journal.read(tmp_path / journal.FILE)
    states = [e.record for e in entries if e.topic == topics.MONITOR_STATE.name]
    assert "battery.charge" in [m.name for m in states[-1].metrics]
    assert "planner2.delay" in [e.record.name for e in entries if e.topic == topics.MONITOR_ALERTS.name]
