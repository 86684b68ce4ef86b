"""What runs and how it is started: the table of nodes, the supervisor that runs them as forks of one process,
launch descriptions for machines with a ROS installation, reservations of the machine, and looks at it."""

__all__ = [
    "doctor", "fork_server", "launch_descriptions", "launched", "node_table", "parameter_client",
    "parameters", "reservations", "run_node", "siblings", "supervisor", "visitor",
]  # fmt: skip
