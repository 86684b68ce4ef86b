"""`ros2 launch vla_sim stack.launch.py world:=apartment`: the nodes without the simulator, in its time.

For a simulator that is started elsewhere on this machine, such as by `ros2 run` or a debugger: it publishes
/clock and what the contract asks of an engine. Set FASTRTPS_DEFAULT_PROFILES_FILE yourself, if only to
nothing, for one on another machine.
"""

from vla_sim.launching import describe


def generate_launch_description():
    return describe(engine=False, simulated_time=True)
