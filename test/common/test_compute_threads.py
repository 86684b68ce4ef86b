"""One thread computes in each node, whatever its libraries would start by themselves."""

import os
import subprocess
import sys

import pytest

from vla_sim.bringup import node_table
from vla_sim.common import compute_threads

pytestmark = pytest.mark.integration

WORK = """
import os, time
import numpy as np
for module in {modules}:
    __import__(module)
from vla_sim.stages.control.policy import load_policy

def ticks():
    stats = (open(f"/proc/self/task/{{t}}/stat").read() for t in os.listdir("/proc/self/task"))
    return {{s.split()[0]: sum(map(int, s.rpartition(")")[2].split()[11:13])) for s in stats}}

policy, before = load_policy(), ticks()
big = np.random.default_rng(0).random((500, 500))
end = time.thread_time() + {seconds}
while time.thread_time() < end:
    policy.infer(np.zeros((1, 100), np.float32))
    np.linalg.inv(big @ big)
spent = {{t: n - before.get(t, 0) for t, n in ticks().items()}}
print(spent.pop(str(os.getpid())), sum(spent.values()))
"""


def computing(environment):
    """Ticks of the main thread and of all others, with the libraries of every node loaded in one process."""
    code = WORK.format(modules=[spec.module for spec in node_table.STACK], seconds=0.5)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return tuple(map(int, done.stdout.split()))


def test_numpy_and_the_networks_compute_in_the_thread_that_calls():
    free = {k: v for k, v in os.environ.items() if k not in compute_threads.VARIABLES}
    main, others = computing({**free, **node_table.environment(1)})
    assert main > 20
    assert others < 0.05 * main


def test_every_way_to_start_a_node_says_so():
    assert node_table.own().items() >= dict.fromkeys(compute_threads.VARIABLES, "1").items()
    assert node_table.environment(7).items() >= node_table.own().items()


def test_the_networks_library_reports_nothing_to_its_makers(tmp_path):
    removed = ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")
    environment = {k: v for k, v in os.environ.items() if k not in removed} | {"HOME": str(tmp_path)}
    code = "from vla_sim.stages.control.policy import load_policy\nload_policy()"
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert list(tmp_path.iterdir()) == []  # nor does it keep the number by which it knows this machine
