"""What every node is forked from (`fork_server`): importing this loads all of them and their kernels.

No threads, no files, no sockets here: a fork has none of the first and shares the others.
"""

import contextlib
import gc
import importlib

from setproctitle import setproctitle

from vla_sim.bringup import node_table
from vla_sim.common import numba_cache

setproctitle(node_table.title("fork-server"))
for _node in node_table.STACK:
    with contextlib.suppress(ImportError):  # the node itself says what is missing
        importlib.import_module(_node.module)
numba_cache.load()
# The collector would write to the pages of all that it looks at, and so copy them in every fork.
gc.collect()
gc.freeze()
