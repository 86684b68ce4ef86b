"""What several commands share: flags, the stack that they describe, folders, output."""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import select
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import Field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from vla_sim.bringup.node_table import OPTIONS, StackOptions
from vla_sim.common import assets
from vla_sim.common.errors import BusyError, InputError
from vla_sim.common.files import new_folder, own, user_path, write_output
from vla_sim.contract.budgets import costs_of
from vla_sim.hardware.unitree import network
from vla_sim.simulation.registry import GL_NAMES, check_pace
from vla_sim.stages.voice.sound_devices import SoundDevice, choose, devices

CHECK_PERIOD = 0.2
"""[s] between two looks at what runs, while somebody may type."""
LARGEST = 2**63 - 1  # a whole number among ROS's parameters
LAST_DOMAIN = 232  # whose ports there are (DDSI-RTPS 9.6.1.1)


def count(text: str) -> int:
    """A whole number from 0, for argparse."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is given; a whole number of 0 or more is allowed")
    if len(text) > len(str(LARGEST)) or int(text) > LARGEST:
        raise argparse.ArgumentTypeError(f"{text[:30]} is given; at most {LARGEST} is allowed")
    return int(text)


def domain(text: str) -> int:
    """The id of a domain of ROS or DDS, for argparse."""
    if (number := count(text)) > LAST_DOMAIN:
        raise argparse.ArgumentTypeError(f"{text} is given; a number from 0 to {LAST_DOMAIN} is allowed")
    return number


def number(allowed: str, holds: Callable[[float], bool]) -> Callable[[str], float]:
    """What reads a finite number of which that holds, for argparse. allowed: in words."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and holds(value)):
            raise argparse.ArgumentTypeError(f"{text} is given; {allowed} is allowed")
        return value

    return read


positive = number("a positive number", lambda value: value > 0.0)
not_negative = number("a number from 0", lambda value: value >= 0.0)


def _flag(option: Field[Any]) -> dict[str, Any]:
    """An option of the stack, as `ArgumentParser.add_argument` takes it."""
    about, kind = option.metadata, type(option.default)
    flag: dict[str, Any] = {"default": option.default, "help": about["doc"].replace("%", "%%")}
    if kind is bool:
        return {**flag, "action": argparse.BooleanOptionalAction}
    if about["choices"]:
        return {**flag, "choices": about["choices"]}
    metavar = about["metavar"] or {int: "N", float: "FACTOR", str: "NAME"}[kind]
    return {**flag, "type": count if kind is int else kind, "metavar": metavar}


FLAGS: dict[str, dict[str, Any]] = {
    **{name.replace("_", "-"): _flag(option) for name, option in OPTIONS.items()},
    # A text: "max" is a speed, too.
    "speed": {"metavar": "FACTOR", "help": "times real time; max: in lock-step, the same on any machine"},
    "param": {
        "action": "append", "default": [], "metavar": "NODE.NAME=VALUE",
        "help": "a parameter of one node, as perception.rate=5 (may be repeated)",
    },
    "params": {
        "action": "append", "default": [], "metavar": "FILE",
        "help": "ROS's YAML file of parameters (may be repeated; --param goes before it)",
    },
    "replace": {
        "action": "append", "default": [], "metavar": "NODE=COMMAND",
        "help": "a program of yours in a node's place, as language=my_planner.py (may be repeated)",
    },
    "reserve": {
        "action": argparse.BooleanOptionalAction, "default": True,
        "help": "reserve what of the machine a run takes, so that runs beside each other do not overbook it",
    },
    "robot": {
        "metavar": "NAME",
        "help": "a shipped robot, or the path of a profile; default: VLA_SIM_ROBOT, else g1",
    },
    "domain": {"type": domain, "metavar": "N", "help": "ROS domain id; default: a free one"},
    "interface": {"default": "lo", "metavar": "NAME", "help": "to the robot; default: lo"},
    "dds-domain": {"type": domain, "default": 0, "metavar": "N", "help": "default: 0, the robot's"},
    "mode": {
        "choices": ("sport", "low"), "default": "sport",
        "help": "who walks: sport, the robot's own controller; low, our policy",
    },
    "json": {"metavar": "FILE", "help": "also write the record here; - for standard output"},
    "out": {"metavar": "FOLDER", "help": "default: runs/<date>-<time>"},
    "record": {
        "action": argparse.BooleanOptionalAction, "default": False,
        "help": "keep all that the nodes say, as run.mcap in its folder (docs/recording.md)",
    },
    "gif": {"action": "store_true", "help": "also a film of the run, run.gif in its folder"},
    "verbose": {"action": "store_true", "help": "show the nodes' logs"},
}  # fmt: skip
"""The flags that more than one command has, as `ArgumentParser.add_argument` takes them."""

STACK = (
    "base-url", "model", "recogniser", "whisper-model", "policy", "policy-mapping", "policy-pickle",
    "costs", "params", "param", "without", "replace",
)  # fmt: skip
"""Which recogniser, language model and policy of the arms the stack uses, what work costs, parameters of
single nodes, nodes of the user's own."""
MONITOR = ("monitor", "shedding", "prometheus-port", "thresholds")
"""Whether and how a run in real time is watched."""
VIEW = ("view", "view-host", "view-port")
"""Whether it can be watched in a browser, and where."""
NETWORK = ("interface", "dds-domain", "mode")
"""What leads to a robot, and how it is driven."""

HERE = {"help": "ROS domain id; default: ROS_DOMAIN_ID, or the one stack here"}
"""Of the flag `domain` of a command that looks into a running stack."""


def add_flags(parser: argparse.ArgumentParser, *names: str, **changes: Mapping[str, Any]) -> None:
    """Flags of the table by name. changes: of what it says, by flag."""
    for name in names:
        short = ("-v",) if name == "verbose" else ()
        parser.add_argument(*short, f"--{name}", **{**FLAGS[name], **changes.get(name, {})})


def given(a: argparse.Namespace, *names: str, **defaults: object) -> list[str]:
    """The flags of these names that are not at their defaults, as words of a command line; of files of
    parameters what they say, so that the words hold when a file changes. defaults: of flags whose default is
    not the table's. Raises `InputError`."""
    from vla_sim.bringup import parameters

    words: list[str] = []
    for name in names:
        value = getattr(a, name.replace("-", "_"))
        if name == "params":
            name, value = "param", [word for file in value for word in parameters.words(file)]
        if value != defaults.get(name.replace("-", "_"), FLAGS.get(name, {}).get("default")):
            for one in value if isinstance(value, list) else [value]:
                words += [f"--{name}", f"{one:g}" if isinstance(one, float) else str(one)]
    return words


def robot_words() -> list[str]:
    """The flag of the robot, as words of a command line, if it is not the default one."""
    robot = os.environ.get(assets.ROBOT) or assets.DEFAULT_ROBOT
    return [] if robot == assets.DEFAULT_ROBOT else ["--robot", robot]


def stack_options(a: argparse.Namespace) -> StackOptions:
    """What the flags say of the stack. Raises `InputError`, `MissingError`."""
    from vla_sim.bringup import node_table, parameters
    from vla_sim.monitor import alert_rule, prometheus

    values = {name: getattr(a, name) for name in OPTIONS if hasattr(a, name)}
    values["speed"] = speed(a.speed)
    values["replacements"] = dict(node_table.replacement(word) for word in a.replace)
    options = parameters.applied(StackOptions(**values), a.params, a.param)
    node_table.nodes(options)
    for name, line in options.replacements.items():
        program = next((word for word in line[:2] if word.endswith(".py")), line[0])
        if not (Path(program).is_file() if program.endswith(".py") else shutil.which(program)):
            raise InputError(
                f"--replace {name}: there is no program {program}; give its path, or its name on PATH"
            )
    for name in options.replacements.keys() & options.overrides.keys():
        raise InputError(f"{name} is replaced, and its parameters are those of your program: give them there")
    _check_models(options)
    _check_policy(options)
    if options.gui and options.engine != "gazebo":
        raise InputError(f"--gui: engine {options.engine} has no window of its own; only gazebo has one")
    if options.mic:
        if options.speed == 0.0:
            raise InputError("--mic: nobody can speak in lock-step; give --speed 1")
        device = str(options.overrides.get("microphone", {}).get("device", ""))
        choose(sound_devices(), device, "microphone")  # what is wrong with it is said at once
    check_pace(options.engine, options.speed)
    costs_of(options.costs)
    alert_rule.thresholds(options.thresholds)
    if options.prometheus_port:
        if not options.monitor or options.speed == 0.0:
            raise InputError("--prometheus-port: the monitor does not run in lock-step or with --no-monitor")
        prometheus.installed()
    return options


def _check_models(options: StackOptions) -> None:
    """Whether there are the files of the recogniser and of a language model's answers, and whether its server
    is named by a URL: a node would find out later. Raises `InputError`."""
    from vla_sim.stages.language.llm import address
    from vla_sim.stages.language.params import LOCAL, SCRIPTED
    from vla_sim.stages.voice.transcription_server import is_address
    from vla_sim.stages.voice.whisper_recogniser import model_folder

    free = options.recogniser != "pocketsphinx" and not is_address(options.whisper_model)
    if free and not options.replacements.get("voice"):
        model_folder(options.whisper_model)
    url = options.base_url
    if url.startswith(SCRIPTED):
        if not user_path(url.removeprefix(SCRIPTED)).is_file():
            raise InputError(f"--base-url {url}: there is no such file")
    elif url not in ("", LOCAL):
        address.base_url(url)


def _check_policy(options: StackOptions) -> None:
    """Whether a policy's server is named by an address, and its mapping can be read: a node would find out
    later. Raises `InputError`, `MissingError`."""
    if not options.policy:
        return
    from vla_sim.stages.policy import client, mapping
    from vla_sim.stages.policy.names import OWN

    where = "openpi://127.0.0.1:1" if options.policy in OWN else options.policy
    about = mapping.load(mapping.chosen(options.policy, options.policy_mapping))
    client.connect(client.address(where), about, 1.0, options.policy_pickle)  # which asks nothing yet


def view(options: StackOptions, console: Any) -> StackOptions:
    """The options with the port at which the page will be, which is said. Raises `InputError`,
    `MissingError`, `StackError`."""
    if not options.view:
        return options
    if options.speed == 0.0:
        raise InputError("--view: in lock-step there is nothing to watch; give --speed 1")
    return replace(options, view_port=serve_at(options.view_host, options.view_port, console))


def serve_at(host: str, port: int, console: Any) -> int:
    """The port at which the page will be, and the words that say so; a page that others than this machine's
    programs reach gets a token. Raises `InputError`, `MissingError`, `StackError`."""
    from vla_sim.view import door

    door.library("aiohttp")
    door.check_host(host)
    port = door.free_port(host, port)
    token = "" if door.loopback(host) else os.environ.get(door.TOKEN) or door.new_token()
    if token:
        os.environ[door.TOKEN] = token
    console.print(f"watch it: {door.url(host, port, token)}", style="bold", soft_wrap=True)
    return port


def check_robot(recording: Any) -> None:
    """Raises `InputError` for a recording of another robot than this process is of."""
    from vla_sim.robot import facts

    robot = recording.about.robot
    if robot not in ("", facts.NAME) and not robot.endswith(f"/{facts.NAME}.yaml"):
        raise InputError(f"{recording.path} is of the robot {robot}: give --robot {robot}")


def sound_devices() -> list[SoundDevice]:
    """Those of this machine. ALSA complains of each that there might be and is not: that is not shown. Raises
    `MissingError`."""
    shown, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        return devices()
    finally:
        os.dup2(shown, 2)
        os.close(shown)
        os.close(nowhere)


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
    if gl and gl.lower() not in GL_NAMES:
        raise InputError(f"MUJOCO_GL={gl}: one of {', '.join(GL_NAMES)} is allowed, or leave it unset")


def check_network(a: argparse.Namespace) -> None:
    """Raises `MissingError` without CycloneDDS, `InputError` for a network that there is not."""
    network.check_installed()
    network.check_robot()
    network.check_network(a.interface, a.dds_domain)


def load_nodes() -> None:
    """Have what the nodes are forked from loaded, while the command goes on with its own start. Raises
    `MissingError` where they would not find each other."""
    from vla_sim.bringup import fork_server  # 12 ms that a command without nodes need not wait
    from vla_sim.common import loopback

    loopback.check()

    fork_server.prepare()


@contextlib.contextmanager
def reserved(wanted: bool, name: str, needs: Any, console: Any) -> Iterator[str]:
    """While a run that a person looks at holds its share of the machine, which is given in words. It is never
    kept waiting: where others hold what it takes, a line says so, and the words are empty."""
    from vla_sim.bringup.reservations import ADVICE, ResourceReservationSystem

    words = ""
    with contextlib.ExitStack() as stack:
        try:
            if wanted:
                book = ResourceReservationSystem()
                held = book.reserve(name, needs.within(book.machine().limit), seconds=None)
                stack.callback(book.release, held.id)
                words = held.needs.text()
        except (BusyError, InputError) as error:
            why = str(error).removesuffix(ADVICE)
            console.print(f"goes on without a reservation: {why}", soft_wrap=True)
        yield words


def console(record: str | None = None) -> Any:
    """Where a command shows its words: with --json -, given as `record`, on standard error."""
    from vla_sim.report.console import Console  # 30 ms that a command without words need not wait

    return Console(stderr=record == "-")


def log_echo(console: Any, verbose: bool, always: str = "") -> Callable[[str, str], None]:
    """What shows a line of a node's log: every one where it is `verbose`, else errors and what the node
    `always` says."""

    def echo(name: str, text: str) -> None:
        if verbose or name == always or "[ERROR]" in text:
            console.print(f"[{name}] {text}", style="dim", soft_wrap=True, markup=False)

    return echo


def typed_lines(check: Callable[[], object] = lambda: None, file: int = 0) -> Iterator[str]:
    """Lines of standard input, or another file descriptor, until its end, without blanks about them; `check`
    is called a few times a second meanwhile. Read past Python's buffer, whose lock a thread that waits for a
    line would hold at the end."""
    rest = b""
    while True:
        check()
        try:
            if not select.select([file], [], [], CHECK_PERIOD)[0]:
                continue
            data = os.read(file, 4096)
        except OSError:  # it is closed, or a terminal that is gone
            return
        *lines, rest = (rest + data).split(b"\n")
        if not data and rest:
            lines = [rest]
        yield from (line.decode(errors="replace").strip() for line in lines)
        if not data:
            return


def exit_code(records: Iterable[Any]) -> int:
    """0 if all runs passed, 1 if one did not; 6 if nothing failed, but a run is no verdict, since others kept
    the machine busy."""
    missed = [r for r in records if not r.passed]
    if not missed:
        return 0
    return BusyError.exit_code if all(r.unjudged for r in missed) else 1


def folder(given: str | None, prefix: str = "") -> Path:
    """Where results go: as given, or a new `runs/<date>-<time>`, also where several commands begin in one
    second. Of this process alone until it ends. Raises `InputError`."""
    stem = f"{prefix}{datetime.now():%Y%m%d-%H%M%S}"
    chosen = user_path(given) if given else new_folder(Path("runs"), stem)
    own(chosen)
    return chosen


def write_json(target: str | None, records: list[Any]) -> None:
    """One record as an object, several as a list; - is standard output."""
    if target is None:
        return
    data = msgspec.json.format(msgspec.json.encode(records[0] if len(records) == 1 else records), indent=1)
    if target == "-":
        sys.stdout.buffer.write(data + b"\n")
        return
    write_output(user_path(target), data)


def checked(json: str | None, check: Callable[[Callable[[Any], None]], list[Any]]) -> int:
    """Make checks, a line each; the exit code. check: calls what it is given with each outcome."""
    from rich.text import Text

    shown = console(json)

    def report(one: Any) -> None:
        mark, style = ("skip", "dim") if one.skipped else ("ok", "green") if one.passed else ("FAIL", "red")
        allowed = f" (allowed: {one.allowed})" if one.allowed else ""
        shown.print(
            Text.assemble((f"{mark:4}", style), f"  {one.name}: {one.figure}{allowed}"), soft_wrap=True
        )

    outcomes = check(report)
    done = [one for one in outcomes if not one.skipped]
    passed = sum(one.passed for one in done)
    shown.print(f"{passed} of {len(done)} checks passed", style="bold")
    write_json(json, outcomes)
    return 0 if passed == len(done) else 1
