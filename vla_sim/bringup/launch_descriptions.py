"""The table of nodes as launch descriptions, for machines with a ROS installation."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from vla_sim.bringup import node_table, parameters
from vla_sim.bringup.backoff import Backoff, crashed
from vla_sim.bringup.node_table import OPTIONS, NodeSpec, StackOptions
from vla_sim.common import assets, process_priority
from vla_sim.common.errors import package
from vla_sim.common.files import scratch_folder
from vla_sim.common.params import check, read_text
from vla_sim.ros import kept_state
from vla_sim.simulation.gazebo.bridge import bridge_config
from vla_sim.world import world_file
from vla_sim.world.semantic_map import ROBOT, World

MAX = "max"  # the speed at which simulated time waits for the nodes
ROBOT_NAME = ("robot", "", "a shipped robot, or the path of a profile; empty: VLA_SIM_ROBOT, else g1")
FAULTS = "vla_sim.scenario.fault_host"
"""The program that does it for `vla-sim fault`."""
PARAMS_FILE = ("params_file", "", "ROS's YAML file of parameters for single nodes; empty: none")


def describe(*, engine: bool, simulated_time: bool) -> Any:
    """A `LaunchDescription` of the nodes, with one argument for each option that one of them takes.

    engine: with the simulator. simulated_time: whether the nodes live in /clock; then `vla-sim fault` breaks
    them, except in lock-step. A node that dies is started again (`backoff`). When the engine ends, or a node
    that cannot be started again, the launch ends, with exit code 1 if it failed. Raises `MissingError` where
    `launch` is not installed.
    """
    launch = launch_library()

    def table(options: StackOptions | None = None) -> list[NodeSpec]:
        every = node_table.nodes(options, simulated=simulated_time)
        return [node for node in every if engine or node.name != "engine"]

    taken = node_table.taken(tuple(table()))
    names = [name for name in OPTIONS if name in {*taken, "without"}]

    def start(context: Any) -> list[Any]:
        values = values_of(context, [*names, PARAMS_FILE[0], ROBOT_NAME[0]])
        robot = values.pop(ROBOT_NAME[0])
        files = list(filter(None, [values.pop(PARAMS_FILE[0])]))
        options = parameters.applied(options_of(values), files)
        environment = node_environment(os.environ, local=simulated_time)
        if robot:
            environment[assets.ROBOT] = str(assets.find_robot(robot))
        environment[kept_state.FOLDER] = str(scratch_folder())

        def process(node: NodeSpec, on_exit: Any) -> Any:
            return launch.actions.ExecuteProcess(
                cmd=node_table.command(node, options, simulated=simulated_time), name=node.name,
                prefix=prefix(node), output="screen", on_exit=on_exit, additional_env=environment,
            )  # fmt: skip

        def begun(node: NodeSpec) -> Any:
            if node.observer:
                return process(node, None)
            if node.name in node_table.BODIES:  # the world would be lost, or the robot out of sight
                return process(node, _end_all(node.name))
            return _restarting(node.name, partial(process, node))

        actions = [begun(node) for node in table(options)]
        if simulated_time and options.speed > 0.0:
            actions.append(launch.actions.ExecuteProcess(
                cmd=[sys.executable, "-m", FAULTS], name="faults", output="screen",
                additional_env=environment,
            ))  # fmt: skip
        return actions

    start_all = launch.actions.OpaqueFunction(function=start)
    arguments = [*declared(names), argument(*PARAMS_FILE), argument(*ROBOT_NAME)]
    return launch.LaunchDescription([*arguments, start_all])


def describe_scenario() -> Any:
    """A `LaunchDescription` that plays one scenario as `vla-sim play` does, which starts its own nodes in a
    ROS domain of its own; the launch ends with it, with exit code 1 if it did not pass.

    Raises `MissingError` where `launch` is not installed.
    """
    launch = launch_library()
    names = ["engine", "sensors", "seed", "speed", "base_url", "model", "recogniser", "whisper_model"]

    def start(context: Any) -> list[Any]:
        values = values_of(context, [*names, "scenario", "out", PARAMS_FILE[0], ROBOT_NAME[0]])
        line = [sys.executable, "-m", "vla_sim.cli.main", "play", values.pop("scenario")]
        values["params"] = values.pop(PARAMS_FILE[0])
        options_of({name: values[name] for name in names})
        for name, value in values.items():
            line += [f"--{name.replace('_', '-')}", value] if value else []
        return [launch.actions.ExecuteProcess(
            cmd=line, name="scenario", output="screen", on_exit=_end_all("the scenario", "did not pass")
        )]  # fmt: skip

    described = [
        argument("scenario", "fetch_cup", "name of a shipped scenario, or path of its file"),
        argument("out", "", "folder for the record and the pictures; empty: runs/<date>-<time>"),
        argument(*PARAMS_FILE),
        argument(*ROBOT_NAME),
        *declared(names, speed=MAX),
    ]
    return launch.LaunchDescription([*described, launch.actions.OpaqueFunction(function=start)])


def describe_bridge() -> Any:
    """A `LaunchDescription` of ros_gz_bridge with the contract's configuration, written to a file first.

    Raises `MissingError` where `launch` is not installed.
    """
    launch = launch_library()

    def start(context: Any) -> list[Any]:
        world = World.load(values_of(context, ["world"])["world"])
        config = scratch_folder() / "bridge.yaml"
        config.write_text(bridge_config(world_file.load(world.path).model(ROBOT)), "utf-8")
        command = ["ros2", "run", "ros_gz_bridge", "parameter_bridge", "--ros-args", "-p"]
        return [launch.actions.ExecuteProcess(
            cmd=[*command, f"config_file:={config}"], name="bridge", output="screen",
            on_exit=_end_all("ros_gz_bridge"),
        )]  # fmt: skip

    return launch.LaunchDescription([*declared(["world"]), launch.actions.OpaqueFunction(function=start)])


def options_of(values: Mapping[str, str]) -> StackOptions:
    """Options of launch arguments, which are texts. Raises `InputError` for one that is none."""
    fields = {name: OPTIONS[name] for name in values}
    typed: dict[str, Any] = {
        name: 0.0 if (name, text) == ("speed", MAX) else read_text(fields[name], text)
        for name, text in values.items()
    }
    return check(replace(StackOptions(), **typed))


def node_environment(given: Mapping[str, str], *, local: bool) -> dict[str, str]:
    """Variables added to a node's environment; what the user has set, in `given`, stays. local: all nodes
    are on this machine, so that images may go through shared memory; the domain is the user's in any case."""
    own = node_table.own()
    if local:
        own |= {k: v for k, v in node_table.middleware(0).items() if k != "ROS_DOMAIN_ID"}
    return {name: value for name, value in own.items() if name not in given}


def declared(names: Iterable[str], **defaults: str) -> list[Any]:
    """A declaration for each of these options, with these defaults instead of the options' own."""
    return [
        argument(name, defaults.get(name, default_text(OPTIONS[name].default)), OPTIONS[name].metadata["doc"])
        for name in names
    ]


def default_text(value: object) -> str:
    """A value as launch arguments have it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def argument(name: str, default: str, doc: str) -> Any:
    return launch_library().actions.DeclareLaunchArgument(name, default_value=default, description=doc)


def values_of(context: Any, names: Iterable[str]) -> dict[str, str]:
    """What was given for each argument, or its default."""
    of = launch_library().substitutions.LaunchConfiguration
    return {name: of(name).perform(context) for name in names}


def launch_library() -> Any:
    """The package `launch`. Raises `MissingError`."""
    # `import launch` alone succeeds wherever a folder has this name.
    package(
        "launch.launch_description",
        "the Python package launch is not installed: it comes with a ROS 2 installation; without one, "
        "use vla-sim run",
    )
    import launch
    import launch.actions
    import launch.event_handlers
    import launch.events
    import launch.substitutions

    return launch


def prefix(node: NodeSpec) -> str | None:
    """A `nice` for a node that goes before others, where that is allowed, or steps back; else None, which
    leaves the user's `launch-prefix` in force."""
    return f"nice -n {node.nice}" if node.nice and process_priority.allowed(node.nice) else None


def _end_all(who: str, how: str = "failed") -> Callable[[Any, Any], Any]:
    """What to do when a process ends: end the launch, with exit code 1 if the process did not end well."""

    def on_exit(event: Any, context: Any) -> Any:
        launch = launch_library()
        if context.is_shutdown:
            return None
        if event.returncode != 0:
            # An error is the one thing that gives `ros2 launch` an exit code of its own.
            raise RuntimeError(f"{who} {how} (exit code {event.returncode})")
        return launch.actions.EmitEvent(event=launch.events.Shutdown(reason=f"{who} ended"))

    return on_exit


def _restarting(name: str, make: Callable[[Any], Any]) -> Any:
    """A process that is started again when it has died. make: a new one, of what to do when it ends."""
    launch, backoff, end = launch_library(), Backoff(), _end_all(name)

    def on_exit(event: Any, context: Any) -> Any:
        if context.is_shutdown:
            return None
        delay = backoff.died(time.monotonic()) if crashed(event.returncode) else None
        if delay is None:
            return end(event, context)
        text = f"{name} has died (exit code {event.returncode}); it is started again in {delay:.0f} s"
        return [
            launch.actions.LogInfo(msg=text),
            launch.actions.TimerAction(period=delay, actions=[make(on_exit)]),
        ]

    return make(on_exit)


def output_handlers(
    process: Any, name: str, started: Callable[[str, int], None], said: Callable[[str, str], None]
) -> list[Any]:
    """Event handlers of a process that is about to start: its process id, and each line of its output."""
    launch = launch_library()

    def on_output(event: Any) -> None:
        for line in event.text.decode(errors="replace").splitlines():
            said(name, line.rstrip())

    handlers = (
        launch.event_handlers.OnProcessStart(
            target_action=process, on_start=lambda event, _: started(name, event.pid)
        ),
        launch.event_handlers.OnProcessIO(target_action=process, on_stdout=on_output, on_stderr=on_output),
    )
    return [launch.actions.RegisterEventHandler(h) for h in handlers]
