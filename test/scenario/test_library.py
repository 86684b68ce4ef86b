"""The shipped scenarios, in lock-step: the same on any machine, and faster than real time on most.

Each runs in a process of its own, as `vla-sim test` has it, as many at once as there are cores; what they
leave is in the folder that a failure names. `VLA_SIM_ENGINE` chooses another engine.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from vla_sim import priority
from vla_sim.resources.manager import Resources
from vla_sim.scenario import load
from vla_sim.scenario.sweep import Processes, Task, needs

pytestmark = [pytest.mark.scenario, pytest.mark.ros, pytest.mark.gl]


@pytest.fixture(scope="module")
def records(request, tmp_path_factory):
    """Path of each chosen scenario: a future of its record."""
    out = tmp_path_factory.mktemp("library")
    engine = os.environ.get("VLA_SIM_ENGINE", "mujoco")
    chosen = [i.callspec.params["path"] for i in request.session.items if i.path == request.path]
    processes = Processes(resources=Resources(), patience=7200.0)  # what is about load plays alone
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        files = {path: load.load(path) for path in chosen}
        tasks = {
            path: Task(str(path), file.name, engine, 0, 1, out, needs(file.scenario, 0.0))
            for path, file in files.items()
        }
        plays = {path: pool.submit(processes.play, task, 1, ["--no-reserve"]) for path, task in tasks.items()}
        yield plays
        pool.shutdown(wait=False, cancel_futures=True)
        processes.end()


@pytest.mark.parametrize("path", load.shipped(), ids=lambda p: p.stem)
def test_scenario(path, records):
    if path.stem == "cpu_hog" and not priority.allowed(-10):
        pytest.skip("control keeps its deadlines beside others only where it may go before them: see README")
    record = records[path].result()
    told = "\n".join(
        [*record.reasons, f"kept in {record.folder}", f"again: {record.again}", *record.log[-5:]]
    )
    assert record.passed, told
