"""What several commands share: arguments, folders, output."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from vla_sim.common.errors import InputError
from vla_sim.simulation.registry import SIMULATORS

GL = ("egl", "glfw", "osmesa", "disable")


def count(text: str) -> int:
    """A whole number from 0, for argparse."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} is negative")
    return value


def engine_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--engine", default="mujoco", choices=SIMULATORS)
    sensors_argument(parser)


def sensors_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sensors", default="auto", choices=("auto", "native", "software"),
        help="lidar and camera: the simulator's own, or by ray casting; auto: its own where there is GL",
    )  # fmt: skip


def gui_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--gui", action="store_true", help="with Gazebo's window; default: headless")


def check_gui(a: argparse.Namespace) -> None:
    """Raises `InputError` if the engine has no window."""
    if a.gui and a.engine != "gazebo":
        raise InputError(f"--gui: engine {a.engine} has no window of its own; only gazebo has one")


def stack_arguments(parser: argparse.ArgumentParser) -> None:
    """Which recogniser and language model the stack uses."""
    parser.add_argument("--base-url", default="", metavar="URL", help="of an OpenAI-compatible server")
    parser.add_argument("--model", default="", metavar="NAME", help="of that server")
    parser.add_argument("--recogniser", default="pocketsphinx", choices=("pocketsphinx", "whisper"))
    parser.add_argument("--whisper-model", default="", metavar="FOLDER")


def monitor_arguments(parser: argparse.ArgumentParser) -> None:
    """Whether and how a run in real time is watched."""
    parser.add_argument(
        "--monitor", action=argparse.BooleanOptionalAction, default=True,
        help="watch latencies, rates and the machine (default; never in lock-step)",
    )  # fmt: skip
    parser.add_argument(
        "--shedding", action=argparse.BooleanOptionalAction, default=True,
        help="give up the least useful work while the machine is overloaded (default; never in lock-step)",
    )  # fmt: skip
    parser.add_argument(
        "--prometheus", type=count, default=0, metavar="PORT", help="serve the monitor's metrics on 127.0.0.1"
    )
    parser.add_argument(
        "--thresholds", default="", metavar="WORDS", help='of alerts: "system.cpu=90 voice.response=1.5"'
    )


def reserve_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--reserve", action=argparse.BooleanOptionalAction, default=True,
        help="reserve what of the machine a run takes, so that runs beside each other do not overbook it",
    )  # fmt: skip


def load_nodes() -> None:
    """Have what the nodes are forked from loaded, while the command goes on with its own start."""
    from vla_sim.bringup import fork_server  # 12 ms that a command without nodes need not wait

    fork_server.prepare()


@contextlib.contextmanager
def reserved(wanted: bool, name: str, needs: Any, console: Any) -> Iterator[None]:
    """While a run that a person looks at holds its share of the machine. It is never kept waiting: where
    others hold what it takes, a line says so."""
    from vla_sim.bringup.reservations import Reservations
    from vla_sim.common.errors import BusyError

    with contextlib.ExitStack() as stack:
        if wanted:
            try:
                book = Reservations()
                held = book.reserve(name, needs.within(book.machine().limit), seconds=None)
                stack.callback(book.release, held.id)
            except (BusyError, InputError) as error:
                console.print(f"goes on without a reservation: {error}", markup=False, soft_wrap=True)
        yield


def monitor_options(a: argparse.Namespace) -> dict[str, Any]:
    """Their part of `StackOptions`. Raises `InputError`, `MissingError`."""
    from vla_sim.monitor import alert_rule, prometheus

    alert_rule.thresholds(a.thresholds)
    if a.prometheus:
        if not a.monitor or speed(a.speed) == 0.0:
            raise InputError("--prometheus: the monitor does not run in lock-step or with --no-monitor")
        if a.prometheus > 65535:
            raise InputError(f"--prometheus {a.prometheus}: a port is a number from 1 to 65535")
        prometheus.installed()
    return {
        "monitor": a.monitor, "shedding": a.shedding, "prometheus_port": a.prometheus,
        "thresholds": a.thresholds,
    }  # fmt: skip


def speed(text: str) -> float:
    """Times real time; 0 for "max". Raises `InputError`."""
    if text == "max":
        return 0.0
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 < value <= 100.0:
        raise InputError(f"--speed {text}: a factor such as 1 or 0.5, or max, is allowed")
    return value


def check_gl() -> None:
    """Raises `InputError` if MUJOCO_GL names no way of rendering."""
    gl = os.environ.get("MUJOCO_GL", "")
    if gl and gl.lower() not in GL:
        raise InputError(f"MUJOCO_GL={gl}: one of {', '.join(GL)} is allowed, or leave it unset")


def folder(given: str | None, prefix: str = "") -> Path:
    """Where results go: as given, or `runs/<date>-<time>`."""
    return Path(given) if given else Path("runs") / f"{prefix}{datetime.now():%Y%m%d-%H%M%S}"


def write_json(target: str | None, records: list) -> None:  # type: ignore[type-arg]
    """One record as an object, several as a list; - is standard output."""
    if target is None:
        return
    data = msgspec.json.format(msgspec.json.encode(records[0] if len(records) == 1 else records), indent=1)
    if target == "-":
        sys.stdout.buffer.write(data + b"\n")
        return
    try:
        Path(target).write_bytes(data)
    except OSError as error:
        raise InputError(f"--json {target}: {error.strerror}") from None
