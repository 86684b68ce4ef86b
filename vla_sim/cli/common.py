"""What several commands share: flags, the stack that they describe, folders, output."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from vla_sim.common.errors import InputError
from vla_sim.simulation.registry import SIMULATORS

if TYPE_CHECKING:
    from vla_sim.bringup.node_table import StackOptions

GL = ("egl", "glfw", "osmesa", "disable")


def count(text: str) -> int:
    """A whole number from 0, for argparse."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} is negative")
    return value


_SWITCH = argparse.BooleanOptionalAction
FLAGS: dict[str, dict[str, Any]] = {
    "world": {"default": "apartment", "help": "name of a shipped world or path of an SDF file"},
    "engine": {"default": "mujoco", "choices": SIMULATORS},
    "sensors": {
        "default": "auto", "choices": ("auto", "native", "software"),
        "help": "lidar and camera: the simulator's own, or by ray casting; auto: its own where there is GL",
    },
    "gui": {"action": "store_true", "help": "with Gazebo's window; default: headless"},
    "seed": {"type": count, "default": 0, "metavar": "N"},
    "speed": {"metavar": "FACTOR", "help": "times real time; max: in lock-step, the same on any machine"},
    "planner": {"default": "rules", "choices": ("rules", "llm", "auto")},
    "base-url": {"default": "", "metavar": "URL", "help": "of an OpenAI-compatible server"},
    "model": {"default": "", "metavar": "NAME", "help": "of that server"},
    "recogniser": {"default": "pocketsphinx", "choices": ("pocketsphinx", "whisper")},
    "whisper-model": {"default": "", "metavar": "FOLDER"},
    "monitor": {
        "action": _SWITCH, "default": True,
        "help": "watch latencies, rates and the machine (default; never in lock-step)",
    },
    "shedding": {
        "action": _SWITCH, "default": True,
        "help": "give up the least useful work while the machine is overloaded (default; never in lock-step)",
    },
    "prometheus": {
        "type": count, "default": 0, "metavar": "PORT", "dest": "prometheus_port",
        "help": "serve the monitor's metrics on 127.0.0.1",
    },
    "thresholds": {
        "default": "", "metavar": "WORDS", "help": 'of alerts: "system.cpu=90 voice.response=1.5"',
    },
    "reserve": {
        "action": _SWITCH, "default": True,
        "help": "reserve what of the machine a run takes, so that runs beside each other do not overbook it",
    },
    "domain": {"type": int, "metavar": "N", "help": "ROS domain id; default: a free one"},
    "json": {"metavar": "FILE", "help": "also write the record here; - for standard output"},
    "out": {"metavar": "FOLDER", "help": "default: runs/<date>-<time>"},
    "verbose": {"action": "store_true", "help": "show the nodes' logs"},
}  # fmt: skip
"""The flags that more than one command has, as `ArgumentParser.add_argument` takes them."""

STACK = ("base-url", "model", "recogniser", "whisper-model")
"""Which recogniser and language model the stack uses."""
MONITOR = ("monitor", "shedding", "prometheus", "thresholds")  # whether and how a run in real time is watched


def add_flags(parser: argparse.ArgumentParser, *names: str, **changes: Mapping[str, Any]) -> None:
    """Flags of the table by name. changes: of what it says, by flag."""
    for name in names:
        short = ("-v",) if name == "verbose" else ()
        parser.add_argument(*short, f"--{name}", **{**FLAGS[name], **changes.get(name, {})})


def given(a: argparse.Namespace, *names: str, **defaults: object) -> list[str]:
    """The flags of these names that are not at their defaults, as words of a command line. defaults: of
    flags whose default is not the table's."""
    words: list[str] = []
    for name in names:
        value = getattr(a, name.replace("-", "_"))
        if value != defaults.get(name.replace("-", "_"), FLAGS.get(name, {}).get("default")):
            words += [f"--{name}", f"{value:g}" if isinstance(value, float) else str(value)]
    return words


def stack_options(a: argparse.Namespace) -> StackOptions:
    """What the flags say of the stack. Raises `InputError`, `MissingError`."""
    from vla_sim.bringup.node_table import StackOptions
    from vla_sim.monitor import alert_rule, prometheus

    if getattr(a, "gui", False) and a.engine != "gazebo":
        raise InputError(f"--gui: engine {a.engine} has no window of its own; only gazebo has one")
    alert_rule.thresholds(a.thresholds)
    values = {f.name: getattr(a, f.name) for f in fields(StackOptions) if hasattr(a, f.name)}
    values["speed"] = speed(a.speed)
    if a.prometheus_port:
        if not a.monitor or values["speed"] == 0.0:
            raise InputError("--prometheus: the monitor does not run in lock-step or with --no-monitor")
        if a.prometheus_port > 65535:
            raise InputError(f"--prometheus {a.prometheus_port}: a port is a number from 1 to 65535")
        prometheus.installed()
    return StackOptions(**values)


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
        try:
            if wanted:
                book = Reservations()
                held = book.reserve(name, needs.within(book.machine().limit), seconds=None)
                stack.callback(book.release, held.id)
        except (BusyError, InputError) as error:
            console.print(f"goes on without a reservation: {error}", markup=False, soft_wrap=True)
        yield


def folder(given: str | None, prefix: str = "") -> Path:
    """Where results go: as given, or `runs/<date>-<time>`."""
    return Path(given) if given else Path("runs") / f"{prefix}{datetime.now():%Y%m%d-%H%M%S}"


def write_json(target: str | None, records: list[Any]) -> None:
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
