"""What the G1's services answer: requests with a number and JSON in, a code and JSON out.

Names, numbers, fields and codes are those of the vendor's clients (unitree_sdk2_python at 37116c5, and the
`*_error.hpp` of its unitree_sdk2).
"""

import json
import math
from collections.abc import Callable
from typing import Any

from vla_sim.hardware.unitree.gestures import GESTURES, RELEASE
from vla_sim.hardware.unitree.motion import NOT_AVAILABLE, OK, UNKNOWN_TASK, Motion

SET_STATE, SET_VELOCITY = 7101, 7105
CHECK_MODE, RELEASE_MODE = 1001, 1003
"""Numbers of the services "sport" and "motion_switcher" that a driver asks for as well."""
VERSION_ID = 1
"""Of the API's version, at every service."""
NOT_IMPLEMENTED, BAD_PARAMETER = 3203, 3204
"""Codes of every service."""
LONGEST_VELOCITY = 864_000.0
"""[s] that the vendor's `Move(..., continous_move=True)` asks for."""
ARMS_BUSY, UNKNOWN_ACTION, WRONG_STATE = 7400, 7402, 7404
"""Codes of the service "arm"."""

Answer = tuple[int, Any]
"""A code, and what its JSON holds."""
Handler = Callable[[dict[str, Any]], Answer]


def number(parameter: dict[str, Any], name: str = "data") -> float:
    """Raises `ValueError` where it is none."""
    value = parameter.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} must be a number; got {value!r}")
    return float(value)


class Service:
    """One service: what answers each number. log: takes a line for a person."""

    name: str
    version: str

    def __init__(self, log: Callable[[str], object]) -> None:
        self.log = log
        self.handlers: dict[int, Handler] = {}

    def answer(self, api: int, parameter: str) -> tuple[int, str]:
        """The code and the JSON text. What cannot be read is `BAD_PARAMETER`, and changes nothing."""
        if api == VERSION_ID:
            return OK, self.version
        handler = self.handlers.get(api)
        if handler is None:
            return NOT_IMPLEMENTED, ""
        try:
            given = json.loads(parameter) if parameter else {}
            if not isinstance(given, dict):
                raise ValueError(f"a JSON object is expected; got {parameter[:40]!r}")
            code, data = handler(given)
        except (ValueError, OverflowError, RecursionError) as error:
            self.log(f"{self.name} {api}: {error}")
            return BAD_PARAMETER, ""
        if code != OK:
            self.log(f"{self.name} {api}: refused with code {code}: {parameter[:80]}")
        return code, "" if data is None else json.dumps(data)


class Sport(Service):
    """Walking and standing ("LocoClient")."""

    name, version = "sport", "1.0.0.0"

    def __init__(self, motion: Motion, log: Callable[[str], object]) -> None:
        super().__init__(log)
        self._motion = motion
        self.handlers = {
            7001: lambda _: (OK, {"data": int(motion.state)}),
            7002: lambda _: (OK, {"data": 0}),  # feet on the ground
            7003: lambda _: (OK, {"data": 0}),  # it stands where it stands
            7004: lambda _: (OK, {"data": 0.0}),
            7005: lambda _: (OK, {"data": motion.height}),
            7006: lambda _: (OK, {"data": motion.controller.phases}),
            SET_STATE: lambda p: (motion.set_state(int(number(p))), None),
            7102: lambda p: (NOT_AVAILABLE if int(number(p)) else OK, None),  # 1: it steps all the time
            7103: lambda _: (NOT_AVAILABLE, None),  # the policy has one way to swing a foot
            7104: self._set_height,
            SET_VELOCITY: self._set_velocity,
            7106: self._set_task,
        }

    def _set_height(self, parameter: dict[str, Any]) -> Answer:
        """The vendor's clients send 0 and 2^32 - 1 for lowest and highest."""
        return self._motion.set_height(min(max(number(parameter), 0.0), 1.0)), None

    def _set_velocity(self, parameter: dict[str, Any]) -> Answer:
        given = parameter.get("velocity")
        if not isinstance(given, list) or len(given) != 3:
            raise ValueError(f"velocity must be a list of 3 numbers; got {given!r}")
        vx, vy, wz = (number({"data": one}) for one in given)
        duration = number(parameter, "duration") if "duration" in parameter else 1.0
        if not 0.0 <= duration <= LONGEST_VELOCITY:
            raise ValueError(f"duration must be from 0 to {LONGEST_VELOCITY:g} s; got {duration:g}")
        return self._motion.set_velocity((vx, vy, wz), duration), None

    def _set_task(self, parameter: dict[str, Any]) -> Answer:
        """Wave, wave and turn, first and second half of a handshake."""
        tasks = {0: "high wave", 2: "shake hand", 3: RELEASE}
        task = int(number(parameter))
        if task == 1:  # turning round while waving is two motions at once
            return NOT_AVAILABLE, None
        if task not in tasks:
            return UNKNOWN_TASK, None
        return (OK if self._motion.gesture(tasks[task]) else NOT_AVAILABLE), None


class ArmAction(Service):
    """Gestures by name ("G1ArmActionClient")."""

    name, version = "arm", "1.0.0.14"

    def __init__(self, motion: Motion, log: Callable[[str], object]) -> None:
        super().__init__(log)
        self._motion = motion
        listed = [{"id": one.id, "name": name} for name, one in GESTURES.items()]
        self.handlers = {7106: self._execute, 7107: lambda _: (OK, listed)}

    def _execute(self, parameter: dict[str, Any]) -> Answer:
        wanted = int(number(parameter))
        name = next((name for name, one in GESTURES.items() if one.id == wanted), None)
        if name is None:
            return UNKNOWN_ACTION, None
        if not self._motion.balances:
            return WRONG_STATE, None
        return (OK if self._motion.gesture(name) else ARMS_BUSY), None


class MotionSwitcher(Service):
    """Who has the motors ("MotionSwitcherClient")."""

    name, version = "motion_switcher", "1.0.0.1"
    MODE = "ai"

    def __init__(self, motion: Motion, log: Callable[[str], object]) -> None:
        super().__init__(log)
        self._motion = motion
        self._silent = False
        self.handlers = {
            CHECK_MODE: lambda _: (OK, {"form": "0", "name": "" if motion.released else self.MODE}),
            1002: self._select,
            RELEASE_MODE: lambda _: (motion.release(), None),
            1004: self._set_silent,
            1005: lambda _: (OK, {"silent": self._silent}),
        }

    def _select(self, parameter: dict[str, Any]) -> Answer:
        name = parameter.get("name")
        if name not in (self.MODE, "normal"):
            raise ValueError(f"mode {name!r} is not known; {self.MODE} is")
        return self._motion.take_over(), None

    def _set_silent(self, parameter: dict[str, Any]) -> Answer:
        self._silent = bool(parameter.get("silent"))
        return OK, None


class Voice(Service):
    """Speech, volume and lights ("AudioClient"): lines of the log. say: called with what is to be spoken."""

    name, version = "voice", "1.0.0.0"

    def __init__(self, log: Callable[[str], object], say: Callable[[str], object]) -> None:
        super().__init__(log)
        self._say = say
        self._volume = 100
        self.handlers = {
            1001: self._speak,
            1005: lambda _: (OK, {"volume": self._volume}),
            1006: self._set_volume,
            1010: self._light,
        }

    def _speak(self, parameter: dict[str, Any]) -> Answer:
        text = parameter.get("text")
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"text must be words to speak; got {text!r}")
        self._say(text)
        return OK, None

    def _set_volume(self, parameter: dict[str, Any]) -> Answer:
        volume = number(parameter, "volume")
        if not 0 <= volume <= 100:
            raise ValueError(f"volume must be from 0 to 100; got {volume:g}")
        self._volume = int(volume)
        self.log(f"volume {self._volume}")
        return OK, None

    def _light(self, parameter: dict[str, Any]) -> Answer:
        colour = [int(number(parameter, one)) for one in "RGB"]
        if not all(0 <= one <= 255 for one in colour):
            raise ValueError(f"R, G and B must be from 0 to 255; got {colour}")
        self.log("light #{:02x}{:02x}{:02x}".format(*colour))
        return OK, None
