"""Fixtures and settings of all tests.

A module that drives the whole stack or simulates for long reserves its share of the machine, as any run does:
`make system` has a worker for each core, and nothing else of ours runs beside what needs all of them.
"""

import gc
import os
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, settings

# The cores are shared with a simulator and other tests: slowness of the machine is no failure.
_slow = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
# The same examples each time: a test that turns red says something about a change. `thorough` searches.
settings.register_profile("quick", max_examples=40, derandomize=True, **_slow)
settings.register_profile("thorough", max_examples=1000, **_slow)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

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


@pytest.fixture
def ros_node(ros_domain):
    """ros_node(kind, *given, words=("name:=value",)): a node in a domain of the module's own, which is closed
    after the test. words: parameters, where it is the first one."""
    import rclpy

    made = []

    def make(kind, *given, words=()):
        if not rclpy.ok():
            parameters = [part for word in words for part in ("-p", word)]
            rclpy.init(args=["--ros-args", *parameters], domain_id=ros_domain)
        made.append(kind(*given))
        return made[-1]

    yield make
    for one in made:
        if hasattr(one, "close"):
            one.close()
        one.destroy_node()
    rclpy.try_shutdown()


@pytest.fixture(scope="session")
def _marks(request):
    """Names of the marks of each module's tests, by its file's path."""
    found = defaultdict(set)
    for item in request.session.items:
        found[str(item.path)].update(mark.name for mark in item.iter_markers())
    return found


@pytest.fixture(scope="module", autouse=True)
def _share(request, _marks):
    """Hold a share of the machine during a module of `make system`, also while its fixtures have a stack; all
    of it if one of its tests is marked `alone`."""
    marks = _marks[str(request.path)]
    if "scenario" not in marks:
        yield
        return
    from vla_sim.bringup.reservations import ResourceReservationSystem
    from vla_sim.scenario.sweep.tasks import ALL, LOCKSTEP

    book = ResourceReservationSystem()
    needs = (ALL if "alone" in marks else LOCKSTEP).within(book.machine().limit)
    held = book.reserve(request.path.stem, needs, seconds=None, timeout=SHARE_TIMEOUT)
    try:
        yield
    finally:
        book.release(held.id)
