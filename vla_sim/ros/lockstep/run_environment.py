"""How a process learns that it is part of a lock-step run."""

import os
from pathlib import Path

SOCKET = "VLA_SIM_LOCKSTEP"
"""Environment variable with the path of the conductor's socket; set in every process of a lock-step run."""
NODES = "VLA_SIM_LOCKSTEP_NODES"
"""Environment variable with the names of the nodes that the conductor waits for."""
TURN_TIMEOUT = 120.0
"""[s] of the machine's clock for a node to take its turn."""
START_TIMEOUT = 240.0
"""[s] of the machine's clock for all nodes to start and find each other: the first start compiles."""


def wanted() -> bool:
    """Whether this process is part of a lock-step run."""
    return bool(os.environ.get(SOCKET))


def variables(socket_path: Path, nodes: tuple[str, ...]) -> dict[str, str]:
    """What every process of a lock-step run has in its environment."""
    return {SOCKET: str(socket_path), NODES: " ".join(nodes)}
