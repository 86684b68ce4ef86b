"""Gazebo's window: `gz sim -g` as a child, beside the server in this process."""

import logging
import os
import shutil
import subprocess
import tempfile

from vla_sim.common.child_process import ended, terminate_with_parent
from vla_sim.common.errors import MissingError

GRACE = 5.0
"""[s] for the window to close before it is killed."""


class GuiProcess:
    """The window of the server in this process's `GZ_PARTITION`. It ends with this process.

    Raises `MissingError` without the `gz` command or a display.
    """

    def __init__(self) -> None:
        gz = shutil.which("gz")
        if gz is None:
            raise MissingError(
                "--gui: the gz command is not on PATH; install gz-harmonic (gz-tools2 with gz-sim8's and "
                "gz-gui8's plugins), or run without --gui"
            )
        if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise MissingError(
                "--gui: there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set); run it on a "
                "desktop or under xvfb-run, or without --gui"
            )
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  (it lives as long as the window)
        self._popen: subprocess.Popen[bytes] | None = subprocess.Popen(
            [gz, "sim", "-g"], stdin=subprocess.DEVNULL, stdout=self._output, stderr=subprocess.STDOUT,
            preexec_fn=terminate_with_parent,
        )  # fmt: skip

    def started(self) -> None:
        """Raises `MissingError` if the window has already ended: it cannot be shown here."""
        if why := self._ended():
            raise MissingError(
                f"--gui: gz sim -g {why}; install gz-gui8 and gz-sim8 with their GUI, or run without --gui"
            )

    def check(self) -> None:
        """Say once that the window has ended; the simulation goes on without it."""
        if why := self._ended():
            logging.getLogger(__name__).warning("gz sim -g %s; the run goes on without a window", why)

    def _ended(self) -> str:
        """Why it ended, the first time that this is seen; "" while it runs."""
        if self._popen is None or (code := self._popen.poll()) is None:
            return ""
        self._popen = None
        self._output.seek(0)
        lines = [line for line in self._output.read().decode(errors="replace").splitlines() if line.strip()]
        return f"ended with exit code {code}" + (f" ({lines[-1].strip()})" if lines else "")

    def close(self) -> None:
        """Close the window. Idempotent."""
        if self._popen is not None:
            self._popen.terminate()
            ended(self._popen, GRACE)
            self._popen = None
        self._output.close()
