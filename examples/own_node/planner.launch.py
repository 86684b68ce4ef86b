"""The same with a ROS installation: our launch file without `language`, and yours beside it.

`ros2 launch ./planner.launch.py world:=tabletop`
"""

import sys
from pathlib import Path

from launch import LaunchDescription
from launch.actions import ExecuteProcess, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

from vla_sim.common.assets import share_folder


def generate_launch_description():
    ours = PythonLaunchDescriptionSource(str(share_folder("launch") / "simulation.launch.py"))
    yours = [sys.executable, str(Path(__file__).parent / "planner.py")]
    return LaunchDescription(
        [
            IncludeLaunchDescription(ours, launch_arguments={"without": "language"}.items()),
            ExecuteProcess(cmd=yours, output="screen"),
        ]
    )
