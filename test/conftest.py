"""Fixtures and settings of all tests.

The shipped scenarios (`test/scenario/test_library.py`) are played from the beginning of the session on, each
in a process of its own, as many at once as there are cores, while the other tests run; their verdicts are
asked for last. Every test that drives the whole stack reserves its share of the machine, as any run does, so
that nothing else of ours runs beside one that needs all of it.
"""

import gc
import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The cores are shared with a simulator and other tests: slowness of the machine is no failure.
_slow = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
# The same examples each time: a test that turns red says something about a change. `thorough` searches.
settings.register_profile("quick", max_examples=40, derandomize=True, **_slow)
settings.register_profile("thorough", max_examples=1000, **_slow)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

LIBRARY = Path(__file__).parent / "scenario" / "test_library.py"
SHARE_TIMEOUT = 7200.0  # [s] for a share of the machine


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What is imported and collected stays: the garbage collector need not walk through it again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path == LIBRARY)  # stable: the library comes last


@pytest.fixture(scope="module")
def ros_domain():
    """Id of a ROS domain that nothing else on this machine uses, for `rclpy.init(domain_id=ros_domain)`. Each
    module has its own: what another one's nodes send late is not heard."""
    from vla_sim.bringup.node_table import middleware
    from vla_sim.bringup.supervisor import Domain

    domain = Domain()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in middleware(domain.id).items():
            patch.setenv(name, value)
        yield domain.id
    domain.release()


class Library:
    """Plays shipped scenarios. `VLA_SIM_ENGINE` chooses another engine."""

    def __init__(self, out):
        from vla_sim.bringup.reservations import ResourceReservationSystem
        from vla_sim.scenario.sweep.processes import Processes

        self._out = out
        self._processes = Processes(resources=ResourceReservationSystem(), timeout=SHARE_TIMEOUT)
        self._pool = ThreadPoolExecutor(os.cpu_count() or 1)
        self._plays: dict[Path, Future] = {}

    def play(self, path):
        """The future record of a scenario, which is played once."""
        from vla_sim.scenario import load
        from vla_sim.scenario.sweep.tasks import Task, needs

        if path not in self._plays:
            file, engine = load.load(path), os.environ.get("VLA_SIM_ENGINE", "mujoco")
            task = Task(str(path), file.name, engine, 0, 1, self._out, needs(file.scenario, 0.0))
            self._plays[path] = self._pool.submit(self._processes.play, task, 1, ["--no-reserve"])
        return self._plays[path]

    def close(self):
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._processes.end()


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    made = Library(tmp_path_factory.mktemp("library"))
    yield made
    made.close()


@pytest.fixture(scope="session", autouse=True)
def _played_meanwhile(request):
    items = [i for i in request.session.items if i.path == LIBRARY and hasattr(i, "callspec")]
    if items and "PYTEST_XDIST_WORKER" not in os.environ:  # each worker has but a part of them
        library = request.getfixturevalue("library")
        for item in items:
            library.play(item.callspec.params["path"])


@pytest.fixture(autouse=True)
def _share(request):
    """Hold a share of the machine while a test drives the whole stack itself; all of it if marked `alone`."""
    marks = {mark.name for mark in request.node.iter_markers()}
    if not {"scenario", "ros"} <= marks or request.path == LIBRARY:
        yield
        return
    from vla_sim.bringup.reservations import ResourceReservationSystem
    from vla_sim.scenario.sweep.tasks import ALL, LOCKSTEP

    book = ResourceReservationSystem()
    needs = (ALL if "alone" in marks else LOCKSTEP).within(book.machine().limit)
    held = book.reserve(request.node.name, needs, seconds=None, timeout=SHARE_TIMEOUT)
    try:
        yield
    finally:
        book.release(held.id)
