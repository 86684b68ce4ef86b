"""Launch descriptions: what they start, with which arguments, and what comes of a node that fails.

Most of it needs the library `launch`, which comes with a ROS installation.
"""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from vla_sim.bringup import launch_descriptions, node_table
from vla_sim.bringup.node_table import NodeSpec, StackOptions
from vla_sim.common.errors import InputError, MissingError
from vla_sim.scenario.launch_tests import describe_test

LAUNCH = Path(launch_descriptions.__file__).parents[2] / "launch"
needs_launch = pytest.mark.skipif(
    importlib.util.find_spec("launch_testing") is None, reason="launch comes with a ROS installation"
)


def description(name):
    spec = importlib.util.spec_from_file_location(name, LAUNCH / f"{name}.launch.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.generate_launch_description()


def lines(name, **given):
    """The command lines of the processes that a launch file starts."""
    from launch import LaunchContext
    from launch.actions import OpaqueFunction
    from launch.utilities import perform_substitutions

    context, found = LaunchContext(), []
    context.launch_configurations.update(given)
    for one in description(name).entities:
        actions = one.execute(context)
        found += actions if isinstance(one, OpaqueFunction) else []
    return [" ".join(perform_substitutions(context, part) for part in process.cmd) for process in found]


def arguments(name):
    return {a.name for a in description(name).get_launch_arguments()}


@pytest.mark.parametrize("describe", [
    lambda: launch_descriptions.describe(engine=True, simulated_time=True),
    launch_descriptions.describe_scenario,
    describe_test, launch_descriptions.describe_bridge,
])  # fmt: skip
def test_without_launch_the_error_says_where_it_comes_from(describe, monkeypatch):
    monkeypatch.setitem(sys.modules, "launch", None)
    with pytest.raises(MissingError, match=r"launch is not installed: it comes with a ROS 2 installation"):
        describe()


def test_arguments_become_options_of_their_types():
    given = {"world": "tabletop", "seed": "3", "randomise_start": "0.5", "speed": "max"}
    expected = StackOptions(world="tabletop", seed=3, randomise_start=0.5, speed=0.0)
    assert launch_descriptions.options_of(given) == expected


@pytest.mark.parametrize(("name", "text", "told"), [
    ("seed", "x", "parameter seed is 'x'; it must be a whole number of 0 or more"),
    ("speed", "fast", "parameter speed is 'fast'; it must be a number from 0 to 100"),
    ("gui", "yes", "parameter gui is 'yes'; it must be true or false"),
])  # fmt: skip
def test_an_argument_of_the_wrong_type_is_named(name, text, told):
    with pytest.raises(InputError, match=told):
        launch_descriptions.options_of({name: text})


def test_the_default_of_each_argument_is_that_of_its_option():
    options = StackOptions()
    texts = {
        name: launch_descriptions.default_text(getattr(options, name)) for name in launch_descriptions.OPTIONS
    }
    assert launch_descriptions.options_of(texts) == options
    assert launch_descriptions.options_of({"gui": "true"}).gui


@pytest.mark.parametrize("may", [True, False])
def test_control_and_safety_go_before_others_where_that_is_allowed(may, monkeypatch):
    monkeypatch.setattr(launch_descriptions.process_priority, "allowed", lambda nice: may or nice >= 0)
    found = {spec.name: launch_descriptions.prefix(spec) for spec in node_table.nodes(simulated=False)}
    assert found["robot"] == found["safety"] == ("nice -n -10" if may else None)
    assert found["language"] is None


def test_what_the_user_has_set_in_the_environment_stays():
    given = {"OMP_NUM_THREADS": "4", "FASTRTPS_DEFAULT_PROFILES_FILE": "mine.xml"}
    found = launch_descriptions.node_environment(given, local=True)
    assert not set(found) & set(given)
    assert found["RMW_IMPLEMENTATION"] == "rmw_fastrtps_cpp"
    assert "ROS_DOMAIN_ID" not in found


def test_on_the_robot_the_network_is_not_closed():
    found = launch_descriptions.node_environment({}, local=False)
    assert found["OMP_NUM_THREADS"] == "1"
    assert not any(name.startswith(("ROS_", "RMW_", "FASTRTPS_")) for name in found)


@needs_launch
@pytest.mark.parametrize(("name", "engine", "simulated"), [
    ("simulation", True, True), ("stack", False, True), ("hardware", False, False),
])  # fmt: skip
def test_a_launch_file_starts_the_table(name, engine, simulated):
    every = lines(name, world="tabletop")
    assert len([line for line in every if line.endswith("-m vla_sim.scenario.fault_host")]) == simulated
    found = [line for line in every if not re.search(r"vla_sim\.(monitor\.node|scenario\.fault_host)", line)]
    wanted = {spec.name for spec in node_table.nodes(StackOptions(), simulated=simulated)} - {"monitor"}
    wanted -= set() if engine else {"engine"}
    assert {re.search(r"__node:=(\w+)", line)[1] for line in found} == wanted
    assert any("vla_sim.simulation.node" in line for line in found) == engine
    assert all('world:="tabletop"' in line for line in found)
    others = [line for line in found if "vla_sim.simulation.node" not in line]
    assert all(f"use_sim_time:={str(simulated).lower()}" in line for line in others)


@needs_launch
def test_in_lock_step_a_launch_has_nobody_who_breaks_things():
    assert not [line for line in lines("simulation", speed="max") if "fault_host" in line]


@needs_launch
def test_a_launch_file_has_the_arguments_that_its_nodes_take():
    assert {"world", "engine", "seed", "planner"} <= arguments("simulation")
    assert "planner" in arguments("hardware")
    assert not {"engine", "seed"} & arguments("hardware")
    assert {"scenario", "engine", "seed", "speed", "out"} <= arguments("scenario")
    assert arguments("gazebo_bridge") == {"world"}


PROGRAMS = {
    "patient": "import time\nprint('here', flush=True)\nwhile True: time.sleep(0.1)\n",
    "broken": "import sys\nprint('error: the camera is on fire', file=sys.stderr)\nsys.exit(3)\n",
    "brief": "",
}


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A table of tiny programs instead of nodes."""
    for name, code in PROGRAMS.items():
        (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("ROS_LOG_DIR", str(tmp_path / "log"))

    def choose(*names):
        specs = tuple(NodeSpec(name, name, nice=3) for name in names)
        monkeypatch.setattr(node_table, "STACK", specs)

    return choose


def launch(described, **given):
    from launch import LaunchService
    from launch.actions import IncludeLaunchDescription
    from launch.launch_description_source import LaunchDescriptionSource

    service = LaunchService(noninteractive=True)
    service.include_launch_description(IncludeLaunchDescription(
        LaunchDescriptionSource(described), launch_arguments=list(given.items())
    ))  # fmt: skip
    return service.run()


@needs_launch
def test_a_node_that_fails_ends_the_launch_with_an_exit_code_that_tells(table, caplog):
    table("patient", "broken")
    assert launch(launch_descriptions.describe(engine=True, simulated_time=True)) == 1
    assert "broken failed (exit code 3)" in caplog.text


@needs_launch
def test_a_node_that_ends_well_ends_the_launch_well(table):
    table("patient", "brief")
    assert launch(launch_descriptions.describe(engine=True, simulated_time=True)) == 0


@needs_launch
def test_a_scenario_that_does_not_pass_fails_the_launch(caplog, monkeypatch, tmp_path):
    monkeypatch.setenv("ROS_LOG_DIR", str(tmp_path))
    assert launch(launch_descriptions.describe_scenario(), scenario="fetch_cap") == 1
    assert "the scenario did not pass (exit code 2)" in caplog.text


@needs_launch
@pytest.mark.integration
@pytest.mark.parametrize(("deaths", "code", "lives"), [(2, 0, 3), (100, 1, 5)])
def test_a_node_that_dies_is_started_again_until_it_is_given_up(tmp_path, monkeypatch, deaths, code, lives):
    from launch import LaunchDescription, LaunchService
    from launch.actions import ExecuteProcess

    monkeypatch.setattr("vla_sim.bringup.backoff.FIRST_DELAY", 0.05)
    monkeypatch.setattr("vla_sim.bringup.backoff.LONGEST_DELAY", 0.1)
    count = tmp_path / "lives"
    program = (
        f"import os; p = {str(count)!r}; open(p, 'a').write('x')\n"
        f"if os.path.getsize(p) <= {deaths}: raise RuntimeError('dead')"
    )

    def make(on_exit):
        return ExecuteProcess(cmd=[sys.executable, "-c", program], name="mortal", on_exit=on_exit)

    service = LaunchService(argv=[], noninteractive=True)
    service.include_launch_description(LaunchDescription([launch_descriptions._restarting("mortal", make)]))
    assert service.run() == code
    assert count.stat().st_size == lives
