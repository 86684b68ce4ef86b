"""`ros2 launch vla_sim hardware.launch.py world:=home.sdf`: the same nodes without the simulator.

The node "robot" takes the engine's place: it publishes /joint_states, /imu and /odom, and obeys /cmd_vel and
the joint trajectories; lidar and camera are their own drivers'. A driver of yours takes its place with
`without:=robot`. Domain, discovery and middleware are those of your environment.
"""

from vla_sim.bringup.launch_descriptions import describe


def generate_launch_description():
    return describe(engine=False, simulated_time=False)
