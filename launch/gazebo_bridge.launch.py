"""`ros2 launch vla_sim gazebo_bridge.launch.py world:=apartment`: a Gazebo server's own sensors, brought to
ROS under the contract's names by ros_gz_bridge. For a server that runs beside, such as the engine's
(`GZ_PARTITION`) or `gz sim`."""

from vla_sim.bringup.launch_descriptions import describe_bridge


def generate_launch_description():
    return describe_bridge()
