"""Reads a microphone in a process of its own, for `capture.Capture`.

PortAudio lists devices once a process, and may hang for ever when one is pulled out (PortAudio#1037): this
process can be ended at any time, and the next one sees what is there then.

Its arguments are device, rate and channel. On standard output it writes a line of JSON (`Opened`), then
pieces (`PIECE`, and the samples). An error is the last line on standard error, and the exit code its own. It
ends with its standard input.
"""

import json
import os
import sys
import time
from typing import Any

import numpy as np

from vla_sim.common.errors import InputError, MissingError, VlaSimError
from vla_sim.hardware.capture import PIECE
from vla_sim.hardware.mono_stream import MonoStream
from vla_sim.hardware.sample_clock import SampleClock
from vla_sim.stages.voice.sound_devices import choose, devices, portaudio

BUFFER = 0.04
"""[s] of the device: who is late by less loses nothing."""
MOST_MIXED = 2
"""Channels whose mean is taken; a device of ALSA's plugins offers 32 or more, which are copies."""


def record(wanted: str, rate: int, channel: int, out: int, told: int) -> None:
    """Write to the file descriptor `out` until standard input ends, errors to `told`. Raises
    `VlaSimError`."""
    library = portaudio()
    device = choose(devices(), wanted, "microphone")
    if channel > device.inputs:
        raise InputError(f"channel {channel}: microphone {device} has {device.inputs}; 0: the mean of all")
    channels = channel or min(device.inputs, MOST_MIXED)
    mono = MonoStream(rate or device.rate, channel)
    clock = SampleClock(mono.rate)

    def take(data: Any, count: int, when: Any, status: Any) -> None:
        now = time.monotonic()
        block = np.frombuffer(data, dtype=np.int16).reshape(count, channels)
        lost = bool(status.input_overflow)
        begin = clock.begin(count, now, lost)
        for piece, captured in mono.push(block, begin):
            os.write(out, PIECE.pack(captured, lost) + piece.tobytes())
            lost = False

    def stopped() -> None:
        os.write(told, f"error: microphone {device} has stopped\n".encode())
        os._exit(MissingError.exit_code)

    try:
        stream = library.RawInputStream(
            samplerate=mono.rate, device=device.number, channels=channels, dtype="int16", latency=BUFFER,
            callback=take, finished_callback=stopped,
        )  # fmt: skip
        opened = {"device": device.name, "rate": mono.rate, "channels": channels, "latency": stream.latency}
        os.write(out, json.dumps(opened).encode() + b"\n")
        stream.start()
    except library.PortAudioError as error:
        raise MissingError(
            f"microphone {device} cannot be opened with {channels} channels at {mono.rate} Hz ({error}); "
            "is it in use by another program?"
        ) from None
    while os.read(0, 4096):
        pass


def main() -> int:
    out, told = os.dup(1), os.dup(2)
    # Libraries print, without end where a device fails: neither between the pieces, nor where nobody reads.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    code = 0
    try:
        record(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), out, told)
    except VlaSimError as error:
        os.write(told, f"error: {error}\n".encode())
        code = error.exit_code
    except Exception as error:
        os.write(told, f"error: {type(error).__name__}: {error}\n".encode())
        code = 1
    os._exit(code)  # PortAudio's own end may hang


if __name__ == "__main__":
    raise SystemExit(main())
