"""Ending processes."""

import signal
import subprocess
import sys

from vla_sim.common.child_process import ended


def test_one_that_ends_is_waited_for_and_one_that_does_not_is_killed():
    assert ended(subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"]), 60.0) == 3
    endless = [sys.executable, "-c", "import time; time.sleep(600)"]
    assert ended(subprocess.Popen(endless), 0.05) == -signal.SIGKILL
