"""`vla-sim microphone`: this machine's microphones, and how loud one of them is."""

import argparse
import math
import time
from typing import Any

from vla_sim.cli import common
from vla_sim.common.params import named

WIDTH = 50
"""Characters of the meter."""
QUIETEST = -80.0
"""[dB] of an empty meter."""
SHOWN = 0.1
"""[s] between two looks at it."""


def add(commands: Any) -> None:
    from vla_sim.hardware.params import MicrophoneParams

    microphone = commands.add_parser(
        "microphone", help="list this machine's microphones, and show how loud one is, until Ctrl-C"
    )
    microphone.add_argument("--list", action="store_true", help="only list them")
    for name, kind in (("device", str), ("sample-rate", common.count), ("channel", common.count)):
        one = named(MicrophoneParams)[name.replace("-", "_")]
        metavar = one.metadata["metavar"] or "N"
        microphone.add_argument(
            f"--{name}", type=kind, default=one.default, metavar=metavar, help=one.metadata["doc"]
        )
    microphone.add_argument("--seconds", type=common.positive, default=math.inf, metavar="S", help="then end")
    microphone.set_defaults(call=call)


def call(a: argparse.Namespace) -> int:
    console = common.console()
    found = [one for one in common.sound_devices() if one.inputs]
    if a.list and not found:
        console.print("this machine has no microphone")
    for one in found:
        mark = ", default" if one.default[0] else ""
        text = f"{one.number:3}  {one.name}: {one.inputs} channels, {one.rate} Hz{mark}"
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    if not a.list:
        show(a, console)
    return 0


def show(a: argparse.Namespace, console: Any) -> None:
    """The level's meter, on a terminal in one line that is rewritten. Raises `InputError`, `MissingError`."""
    from vla_sim.hardware import capture
    from vla_sim.hardware.capture import Capture
    from vla_sim.hardware.sound_level import SoundLevel

    level = SoundLevel()
    source = Capture(
        capture.command(a.device, a.sample_rate, a.channel), lambda piece, _: level.add(piece),
        lambda problem: console.print(problem or "the microphone is back", markup=False),
    )  # fmt: skip
    try:
        source.start()
        assert source.opened is not None
        console.print(str(source.opened), markup=False, highlight=False, soft_wrap=True)
        console.print(source.opened.verdict(), end="\n" if source.opened.verdict() else "")
        end = time.monotonic() + a.seconds
        period = SHOWN if console.is_terminal else 1.0
        while time.monotonic() < end:
            time.sleep(min(period, max(0.0, end - time.monotonic())))
            line = meter(level.rms, level.peak, level.verdict())
            console.print(line, end="\r" if console.is_terminal else "\n", markup=False, highlight=False)
    except KeyboardInterrupt:  # the way to end it
        pass
    finally:
        source.close()
    lost = f"; lost {source.lost} times" if source.lost else ""
    console.print(f"\nended; {source.overruns} overruns{lost}")


def meter(rms: float, peak: float, verdict: str) -> str:
    """A bar of the level, with both in dB re full scale."""
    filled = round(WIDTH * min(1.0, max(0.0, (rms - QUIETEST) / -QUIETEST)))
    return f"{'#' * filled:{WIDTH}} {rms:4.0f} dB, peak {peak:4.0f} dB  {verdict:46}"
