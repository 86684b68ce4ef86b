"""Every engine on the bench."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec

import pytest

from vla_sim.common import assets
from vla_sim.robot import facts
from vla_sim.simulation.conformance.bench import WORLD, Bench, ConformanceError
from vla_sim.simulation.conformance.checks import CHECKS, check_engine
from vla_sim.simulation.registry import make_simulator
from vla_sim.simulation.simulator import Contact

pytestmark = pytest.mark.integration

NAMES = [name for name, _, _ in CHECKS]


@pytest.mark.parametrize("engine", [pytest.param("mujoco", marks=pytest.mark.scenario), "kinematic"])
def test_the_engine_conforms(engine):
    made = make_simulator(engine, WORLD, "software")
    outcomes = check_engine(Bench(made, engine, "software"), lambda _: None)
    made.close()
    assert [one.name for one in outcomes] == NAMES
    assert not [f"{one.name}: {one.figure}" for one in outcomes if not one.passed]
    assert {one.name for one in outcomes if one.skipped} == {
        name for name, _, physics in CHECKS if physics and engine == "kinematic"
    }


@pytest.mark.gazebo
def test_gazebo_conforms(tmp_path):
    if not (find_spec("gz") and find_spec("gz.sim8")):
        pytest.skip("needs Gazebo Harmonic with its Python bindings")
    file = tmp_path / "outcomes.json"
    command = [sys.executable, "-m", "vla_sim.cli.main", "check-engine", "gazebo", "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert file.is_file(), done.stderr[-2000:]
    outcomes = json.loads(file.read_text())
    assert not [f"{one['name']}: {one['figure']}" for one in outcomes if not one["passed"]]
    assert done.returncode == 0


class Wrong:
    """The MuJoCo engine with something wrong in it."""

    def __init__(self, engine, **changes):
        self._engine, self._changes = engine, changes

    def __getattr__(self, name):
        return self._changes.get(name, getattr(self._engine, name))


@pytest.fixture(scope="module")
def right():
    return make_simulator("mujoco", WORLD, "software")


@pytest.mark.scenario
def test_the_checks_find_what_is_wrong(right):
    def scan_half():
        frame = right.scan()
        frame.ranges *= 0.99
        return frame

    def slow_time():
        state = right.state()
        state.time *= 0.5
        return state

    def flat_imu():
        state = right.state()
        state.linear_acceleration_base[:] = 0.0
        return state

    def mirrored(snapshot):
        frame = right.render(snapshot)
        frame.color = frame.color[:, ::-1]
        return frame

    def touching():
        contacts = right.contacts()
        contacts.append(Contact("g1::torso_link::torso", "wall::link::box", 50.0))
        return contacts

    def weak_fingers(command):
        command.stiffness[len(facts.BODY_JOINTS) :] *= 0.02
        right.command(command)

    named = {name: check for name, check, _ in CHECKS}
    for name, changes in (
        ("lidar measures the wall, with the model's noise", {"scan": scan_half}),
        ("time, shapes and units of the state", {"state": slow_time}),
        ("IMU at rest shows gravity", {"state": flat_imu}),
        ("camera shows a known object where it is", {"render": mirrored}),
        ("soles carry the weight, nothing else touches", {"contacts": touching}),
        ("fingers hold a box for 25 s", {"command": weak_fingers}),
        ("bad commands", {"command": lambda command: None}),
        ("reset brings everything back", {"reset": lambda *_: None}),
    ):
        with pytest.raises(ConformanceError):
            named[name](Bench(Wrong(right, **changes)))


def test_the_bench_is_a_shipped_world():
    assert assets.find_world(WORLD).is_file()
