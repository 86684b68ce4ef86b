"""Importing this loads all nodes and their kernels in the process that nodes are forked from.

It starts no thread, which a fork would lack, and opens no file or socket, which forks would share.
"""

import contextlib
import gc
import importlib

from setproctitle import setproctitle

from vla_sim.bringup import fork_server, node_table
from vla_sim.common import numba_cache

setproctitle(node_table.title("fork-server"))
fork_server.end_with_client()
for _node in (*node_table.STACK, node_table.RECORDER):
    with contextlib.suppress(ImportError):  # the node itself says what is missing
        importlib.import_module(_node.module)
numba_cache.load()
# The garbage collector would write to every object's page, and so copy it in every fork.
gc.collect()
gc.freeze()
