"""What runs and how it is started: the table of nodes, the supervisor that runs them as forks of one process,
launch descriptions for machines with a ROS installation, and reservations of the machine."""

__all__ = [
    "fork_server", "launch_descriptions", "launched", "node_table", "parameters", "reservations",
    "supervisor",
]  # fmt: skip
