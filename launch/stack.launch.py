"""`ros2 launch vla_sim stack.launch.py world:=apartment`: the nodes without the simulator, in its time.

For a simulator that is started by other means, such as `python3 -m vla_sim.simulation.node` in a debugger: it
publishes /clock and what the contract asks of an engine. It is looked for on this machine; for one elsewhere,
set FASTRTPS_DEFAULT_PROFILES_FILE to a profile of yours.
"""

from vla_sim.bringup.launch_descriptions import describe


def generate_launch_description():
    return describe(engine=False, simulated_time=True)
