"""Whose work kept the cores busy: what this process does is never counted as others'."""

import os
import subprocess
import sys
import time

import pytest

from vla_sim.common.cpu_share import CpuTimes, busy_words

CORES = os.cpu_count() or 1
BURN = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"


def test_others_are_what_is_left_of_the_busy_time():
    before = CpuTimes(mono=100.0, busy=1000.0, own=50.0)
    assert before.others(CpuTimes(110.0, 1000.0 + 10.0 * CORES, 50.0 + 2.5 * CORES)) == pytest.approx(0.75)
    assert before.others(CpuTimes(110.0, 1000.0, 50.0)) == 0.0


def test_rounding_of_the_clocks_gives_no_share_outside_0_and_1():
    before = CpuTimes(100.0, 1000.0, 50.0)
    assert before.others(CpuTimes(101.0, 1000.0, 51.0)) == 0.0
    assert before.others(CpuTimes(101.0, 1000.0 + 2 * CORES, 50.0)) == 1.0


def test_work_of_this_process_and_its_children_is_its_own():
    before = CpuTimes.now()
    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass
    subprocess.run([sys.executable, "-c", BURN], check=True)
    after = CpuTimes.now()
    assert after.own - before.own >= 0.55
    assert after.busy - before.busy >= 0.55


def test_what_is_said_names_the_share():
    assert busy_words(0.974) == "the machine was busy: 97 % of its cores by others"
