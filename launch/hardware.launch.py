"""`ros2 launch vla_sim hardware.launch.py world:=home.sdf`: the same nodes without the simulator.

The robot's driver takes the engine's place in the contract: it publishes /joint_states, /imu, /odom,
/scan and the head camera, and obeys /cmd_vel and the joint trajectories. Domain, discovery and middleware are
those of your environment.
"""

from vla_sim.bringup.launch_descriptions import describe


def generate_launch_description():
    return describe(engine=False, simulated_time=False)
