"""`ros2 launch vla_sim scenario.launch.py scenario:=fetch_cup seed:=0 engine:=mujoco`: plays one scenario and
judges it; the exit code is 1 if it did not pass."""

from vla_sim.bringup.launch_descriptions import describe_scenario


def generate_launch_description():
    return describe_scenario()
