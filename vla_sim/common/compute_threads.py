"""How many threads compute: one in each node.

Nodes are processes that share few cores, and their kernels and networks are small. A library that starts a
thread a core, as most do, has them wait for each other and takes the cores from the stage whose turn it is.
So each gets its number of threads here, by its environment before it is loaded or when a network is:

    BLAS under numpy (OpenBLAS, MKL), OpenMP, numba, Mesa's renderer     `environment`
    onnxruntime, between and within operators                            `onnx_session`

hibari (speech), whisper and the local language model take their number as an argument: 1, 2 and 1.
pocketsphinx and MuJoCo compute in the thread that calls.
"""

from pathlib import Path
from typing import Any

from vla_sim.common.errors import package

VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "LP_NUM_THREADS",
)  # fmt: skip
"""LP: Mesa's software rasteriser."""


def environment() -> dict[str, str]:
    """What says so to the libraries of a process that starts."""
    return dict.fromkeys(VARIABLES, "1")


def onnx_session(path: Path) -> Any:
    """An `onnxruntime.InferenceSession` that computes in the thread that calls. Raises `MissingError` without
    onnxruntime, and what onnxruntime raises for a file that is no network."""
    onnxruntime = package("onnxruntime", "onnxruntime is not installed; pip install onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
