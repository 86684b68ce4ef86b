"""What passing safety costs is measured on a safety node as a process, which lets what is measured pass."""

from __future__ import annotations

import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is not installed")

from vla_sim.bench.reaction import added_latencies  # noqa: E402
from vla_sim.bench.sets.safety import reach  # noqa: E402

pytestmark = pytest.mark.ros


@pytest.mark.parametrize("of", ["velocity", "trajectory"])
def test_how_much_later_a_motion_comes_through_safety_is_measured(of, tmp_path):
    took: list[float] = []
    added_latencies(2, tmp_path, of, *reach(), took.append)
    assert len(took) == 2
    assert all(abs(seconds) < 1.0 for seconds in took)
