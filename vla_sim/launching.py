"""The table of nodes as a launch description, for machines with a ROS installation."""

from __future__ import annotations

import tempfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from vla_sim import sdf, stack
from vla_sim.engines.gz_bridge import bridge_config
from vla_sim.errors import MissingError
from vla_sim.stack import StackOptions
from vla_sim.world import ROBOT, World


def describe(*, simulated: bool) -> Any:
    """A `LaunchDescription` with one argument for each of `StackOptions` and one process a node.

    When one node ends, the launch ends. Raises `MissingError` where `launch` is not installed.
    """
    try:
        from launch import LaunchDescription
        from launch.actions import DeclareLaunchArgument, EmitEvent, ExecuteProcess, OpaqueFunction
        from launch.events import Shutdown
        from launch.substitutions import LaunchConfiguration
    except ImportError:
        raise MissingError(
            "the Python package launch is not installed: it comes with a ROS 2 installation; "
            "without one, use vla-sim run"
        ) from None

    declared = [
        DeclareLaunchArgument(f.name, default_value=str(f.default), description=f.metadata["doc"])
        for f in fields(StackOptions)
    ]

    def start(context: Any) -> list[Any]:
        values = {
            f.name: type(getattr(StackOptions(), f.name))(LaunchConfiguration(f.name).perform(context))
            for f in fields(StackOptions)
        }
        options = replace(StackOptions(), **values)
        return [
            ExecuteProcess(
                cmd=stack.command(node, options, simulated=simulated),
                name=node.name,
                output="screen",
                on_exit=[EmitEvent(event=Shutdown(reason=f"{node.name} ended"))],
            )
            for node in stack.nodes(simulated=simulated)
        ]

    return LaunchDescription([*declared, OpaqueFunction(function=start)])


def describe_bridge() -> Any:
    """A `LaunchDescription` of ros_gz_bridge with the contract's configuration, written to a file first.

    Raises `MissingError` where `launch` is not installed.
    """
    try:
        from launch import LaunchDescription
        from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction
        from launch.substitutions import LaunchConfiguration
    except ImportError:
        raise MissingError(
            "the Python package launch is not installed: it comes with a ROS 2 installation"
        ) from None

    def start(context: Any) -> list[Any]:
        world = World.load(LaunchConfiguration("world").perform(context))
        config = Path(tempfile.mkdtemp(prefix="vla_sim-bridge-")) / "bridge.yaml"
        config.write_text(bridge_config(sdf.load_world(world.path).model(ROBOT)))
        command = ["ros2", "run", "ros_gz_bridge", "parameter_bridge", "--ros-args", "-p"]
        return [ExecuteProcess(cmd=[*command, f"config_file:={config}"], output="screen")]

    argument = DeclareLaunchArgument("world", default_value="apartment", description="whose robot")
    return LaunchDescription([argument, OpaqueFunction(function=start)])
