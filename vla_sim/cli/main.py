"""`vla-sim`: run a command or a scenario in a simulated world, watch it, check engines, list."""

import argparse
import codecs
import importlib
import io
import itertools
import locale
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any, NoReturn

import vla_sim
from vla_sim.common import assets
from vla_sim.common.errors import INTERRUPTED, InputError, VlaSimError, nearest
from vla_sim.common.files import check_output, user_path
from vla_sim.common.signals import ENDING

COMMANDS = (
    "run", "stack", "view", "test", "sweep", "record", "replay", "video", "bench", "soak", "param", "fault",
    "monitor", "g1", "robot", "body", "microphone", "calibrate", "policy_server", "map", "world", "engines",
    "listing", "doctor", "mcp",
)  # fmt: skip
"""Modules whose `add` makes commands, in the order of `vla-sim --help`."""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit codes: docs/commands.md has them, `common/errors.py` those of errors."""
    if argv is None:
        _take_any_character()
    if threading.current_thread() is threading.main_thread():
        # A CI job that is cancelled ends as cleanly as Ctrl-C, also where a shell has left SIGINT ignored.
        for number in ENDING:
            signal.signal(number, signal.default_int_handler)
    try:
        for word in sys.argv[1:] if argv is None else argv:
            if word.encode(errors="replace").decode() != word:
                raise InputError(f"{word}: its bytes are no UTF-8, which words and names of files must be")
        choose_robot(sys.argv[1:] if argv is None else argv)
        parser = _parser()
        arguments = parser.parse_args(argv)
        if not hasattr(arguments, "call"):
            parser.print_help()
            return 0
        importlib.import_module("vla_sim.robot.facts")  # a wrong profile is said before anything else
        for name in ("json", "junit", "truth"):  # what could not be written is said before hours of work
            if getattr(arguments, name, None) not in (None, "-"):
                check_output(user_path(getattr(arguments, name)))
        return int(arguments.call(arguments))
    except VlaSimError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (KeyboardInterrupt, ImportError) as error:
        # The import of a C++ module makes an ImportError of it.
        if not isinstance(error, KeyboardInterrupt) and not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        print("interrupted: every node that it had started has ended", file=sys.stderr)
        return INTERRUPTED


def choose_robot(words: Sequence[str]) -> None:
    """Be of the robot that `--robot` names among a command's words, as is all that this process starts. It
    must be known before anything is imported that is made for a robot. Raises `InputError`."""
    given = _value(words, "--robot")
    if given is not None:
        path = assets.find_robot(given)
        now = sys.modules.get("vla_sim.robot.facts")
        if now is not None and path != now.FILE:
            raise InputError(f"--robot {given}: this process is of {now.NAME} already; start another one")
        os.environ[assets.ROBOT] = given if given in assets.robot_names() else str(path)


def _value(words: Sequence[str], flag: str) -> str | None:
    """Of a flag among words; the last one counts."""
    found = None
    for word, following in itertools.zip_longest(words, words[1:]):
        if word == "--":
            break
        if word == flag:
            found = following
        elif word.startswith(f"{flag}="):
            found = word.partition("=")[2]
    return found


def _take_any_character() -> None:
    """Arguments, files and nodes in UTF-8 whatever the locale; a terminal that cannot show a character shows
    its number."""
    out = sys.stdout
    if not sys.flags.utf8_mode and codecs.lookup(locale.getpreferredencoding(False)).name != "utf-8":
        # Python decides at its start alone.
        shown = {} if out is None else {"PYTHONIOENCODING": f"{out.encoding}:backslashreplace"}
        os.environ.update(PYTHONUTF8="1", **shown)
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="backslashreplace")


class Parser(argparse.ArgumentParser):
    """Its errors are as all others are: one line."""

    def parse_known_args(self, *given: Any) -> Any:  # type: ignore[override]
        found, left = super().parse_known_args(*given)
        flag = next((word.partition("=")[0] for word in left if word.startswith("-")), None)
        if flag is not None:
            near = nearest(flag, self._option_string_actions, f"{self.prog} --help shows what is")
            raise InputError(f"{flag} is not known{near}")
        if left:
            taken = any(not action.option_strings for action in self._actions)
            how = 'words go in quotes, as "go to the kitchen"' if taken else f"{self.prog} takes flags alone"
            raise InputError(f"too much: {' '.join(left)}; {how}")
        return found, left

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            near = nearest(str(value), map(str, action.choices))
            raise argparse.ArgumentError(action, f"invalid choice: {value!r}{near}")

    def error(self, message: str) -> NoReturn:
        """Raises `InputError`."""
        raise InputError(f"{message.removeprefix('argument ')}; {self.prog} --help shows what is allowed")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="vla-sim", description=vla_sim.__doc__)
    parser.add_argument("--version", action="version", version=f"vla-sim {vla_sim.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND")
    for name in COMMANDS:
        importlib.import_module(f"vla_sim.cli.{name}").add(commands)
    for one in commands._choices_actions:  # what `vla-sim --help` says of a command, its own help says, too
        command, about = commands.choices[one.dest], one.help or ""
        command.description = command.description or f"{about[:1].upper()}{about[1:]}."
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
