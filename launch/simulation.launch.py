"""`ros2 launch vla_sim simulation.launch.py world:=apartment`: the nodes and the simulator."""

from vla_sim.bringup.launch_descriptions import describe


def generate_launch_description():
    return describe(engine=True, simulated_time=True)
