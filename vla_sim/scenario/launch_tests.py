"""Launch descriptions of tests for `launch_testing`, which `make launch-test` or a ROS installation has."""

from pathlib import Path
from typing import Any

from vla_sim.bringup import launch_descriptions as described
from vla_sim.bringup import node_table
from vla_sim.common.errors import MissingError
from vla_sim.common.files import scratch_folder
from vla_sim.scenario.launch_test_driver import Robot
from vla_sim.scenario.load import load

GRACE = "30"
"""[s] for a node to end after SIGINT, then after SIGTERM: on a busy machine it takes its time."""


def describe_test(
    scenario: str | None = None, speed: str = described.MAX
) -> tuple[Any, dict[str, Any]]:  # fmt: skip
    """What `generate_test_description` returns: the nodes, started in a ROS domain of their own, and the
    `vla_sim.scenario.launch_test_driver.Robot` that tests get as their argument `robot`.

    scenario: name or path of what `robot.play()` plays; "" where the argument `scenario:=NAME` gives it;
    None where the test itself gives the commands. speed: unless `speed:=1` or the like is given; "max": in
    lock-step.
    Raises `MissingError` where `launch` or `launch_testing` is not installed.
    """
    launch = described.launch_library()
    try:
        from launch_testing.actions import ReadyToTest
    except ImportError:
        raise MissingError(
            "the Python package launch_testing is not installed: it comes with a ROS 2 installation; "
            "without one, use vla-sim test"
        ) from None
    robot = Robot()
    asks = scenario == ""

    def start(context: Any) -> list[Any]:
        values = described.values_of(context, [*described.OPTIONS, "out", *(["scenario"] if asks else [])])
        out, name = values.pop("out"), values.pop("scenario", scenario)
        folder = Path(out) if out else scratch_folder()
        file = load(name) if name else None
        nodes, options = robot.prepare(described.options_of(values), folder, file, keep=bool(out))
        environment = nodes.environment()
        actions = []
        for spec in node_table.nodes(options):
            process = launch.actions.ExecuteProcess(
                cmd=node_table.command(spec, options), name=spec.name, prefix=described.prefix(spec),
                env=environment, output="log", sigterm_timeout=GRACE, sigkill_timeout=GRACE,
                on_exit=lambda event, _, name=spec.name: nodes.ended(name, event.returncode),
            )  # fmt: skip
            actions += [
                *described.output_handlers(process, spec.name, nodes.started, robot.on_output),
                process,
            ]
        return actions

    entities = [
        *([described.argument("scenario", "fetch_cup", "name of a scenario, or its file")] if asks else []),
        described.argument("out", "", "folder for the run's record; empty: none is left"),
        *described.declared(described.OPTIONS, speed=speed),
        launch.actions.RegisterEventHandler(
            launch.event_handlers.OnShutdown(on_shutdown=lambda *_: robot.close())
        ),
        launch.actions.OpaqueFunction(function=start),
        ReadyToTest(),
    ]
    return launch.LaunchDescription(entities), {"robot": robot}
