"""What the monitor reads of the machine."""

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from vla_sim.monitor.system import System


@pytest.mark.parametrize(("niceness", "cpu"), [(0, 30.0), (-5, 30.0), (10, 90.0)])
def test_programs_that_give_way_to_the_stack_are_no_pressure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, niceness: int, cpu: float
) -> None:
    times = SimpleNamespace(user=20.0, system=10.0, nice=60.0, idle=8.0, iowait=2.0)
    monkeypatch.setattr(psutil, "cpu_times_percent", lambda: times)
    monkeypatch.setattr("os.getpriority", lambda _which, _who: niceness)
    assert System(tmp_path).sample(1.0).cpu == pytest.approx(cpu)
