"""A virtual sound card: a PulseAudio server of its own, whose speaker is what its microphone hears."""

import os
import shutil
import subprocess
import tempfile
from ctypes.util import find_library
from importlib.util import find_spec
from pathlib import Path

import pytest
from waiting import wait_for

from vla_sim.stages.voice.audio import save

MICROPHONE, SPEAKER = "ears", "mouth"
ALSA = "/usr/share/alsa/alsa.conf"
DEVICES = """
pcm.{microphone} {{ type pulse server "unix:{socket}" device "{sink}.monitor" hint.show on }}
pcm.{speaker} {{ type pulse server "unix:{socket}" device "{sink}" hint.show on }}
"""


def missing():
    """What of the system's a virtual sound card needs, and is not there; "" if all is."""
    if not all(map(shutil.which, ("pulseaudio", "pactl", "paplay"))):
        return "pulseaudio and pulseaudio-utils are not installed"
    if not list(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so")):
        return "libasound2-plugins is not installed"
    if not find_library("portaudio"):  # not by loading it: it would not look for devices again
        return "libportaudio2 is not installed"
    wheels = [name for name in ("sounddevice", "samplerate") if find_spec(name) is None]
    return f"{' and '.join(wheels)}: not installed (extra audio)" if wheels else ""


needed = pytest.mark.skipif(bool(missing()), reason=missing())
"""For tests that play and record."""


class SoundCard:
    """Nobody else's: socket, state and devices are in a folder of its own, and what is in `environment` has
    to be set for programs that use it. Use as a context manager."""

    def __init__(self, rate=48_000, channels=2):
        self.rate, self.channels = rate, channels
        self.folder = Path(tempfile.mkdtemp(prefix="card-"))  # short: it is in the name of a socket
        socket = self.folder / "socket"
        (self.folder / "asoundrc").write_text(
            DEVICES.format(microphone=MICROPHONE, speaker=SPEAKER, socket=socket, sink="room")
        )
        self.environment = {
            "ALSA_CONFIG_PATH": f"{ALSA}:{self.folder / 'asoundrc'}", "PULSE_SERVER": f"unix:{socket}",
            "XDG_RUNTIME_DIR": str(self.folder), "PULSE_STATE_PATH": str(self.folder),
            "PULSE_COOKIE": str(self.folder / "cookie"),
        }  # fmt: skip
        self._all = {**os.environ, **self.environment}
        line = ["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1"]
        listens = f"module-native-protocol-unix socket={socket} auth-anonymous=1"
        self._server = subprocess.Popen(
            [*line, "-L", listens], env=self._all, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_for(socket.exists)
        self._module = ""
        self.plug()

    def plug(self):
        made = self._pactl(
            "load-module", "module-null-sink", "sink_name=room", f"rate={self.rate}",
            f"channels={self.channels}",
        )  # fmt: skip
        self._module = made.strip()

    def unplug(self):
        self._pactl("unload-module", self._module)

    def play(self, samples):
        """Return when it has been played."""
        file = self.folder / "sound.wav"
        save(file, samples)
        subprocess.run(["paplay", "--device=room", str(file)], env=self._all, check=True, timeout=60)

    def _pactl(self, *words):
        done = subprocess.run(
            ["pactl", *words], env=self._all, check=True, timeout=60, capture_output=True, text=True
        )
        return done.stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.terminate()
        self._server.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)
