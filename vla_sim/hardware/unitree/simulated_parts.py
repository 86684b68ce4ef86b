"""What of a simulated G1 is not its body: remote control, battery, warm motors; and what a person types to
have something happen to them, or to its cable."""

import math
from collections.abc import Callable

import numpy as np

from vla_sim.hardware.unitree import remote
from vla_sim.hardware.unitree.wire import JOINTS
from vla_sim.robot import facts

CASE_TEMPERATURE, WINDING_TEMPERATURE, VOLTAGE = 35, 40, 50.4
"""[°C], [V] of motors that never warm up, and of a battery that is always full."""
PRESS_TIME = 0.5
"""[s] for which a key is held down."""
HELP = "press L2+B | stick ly 0.5 | battery VOLTS | heat JOINT DEGREES | unplug SECONDS"


class Parts:
    """keys: of the remote control that are down; sticks: how far each is pushed, -1 to 1. voltage [V].
    temperature: (29, 2) [°C] of each motor's case and winding. Times are the robot's [s]. unplug: takes the
    cable out for so many seconds."""

    def __init__(self, unplug: Callable[[float], None]) -> None:
        self.keys: frozenset[str] = frozenset()
        self.voltage = VOLTAGE
        self.temperature = np.tile(np.array([CASE_TEMPERATURE, WINDING_TEMPERATURE], np.int16), (JOINTS, 1))
        self.sticks = dict.fromkeys(remote.STICKS, 0.0)
        self._pressed_until = -math.inf
        self._unplug = unplug

    def tick(self, now: float) -> None:
        if now >= self._pressed_until:
            self.keys = frozenset()

    def typed(self, line: str, now: float) -> str:
        """Have happen what a line says; what is answered to it."""
        try:
            return self._happen(line.split(), now)
        except ValueError as error:
            return f"{error}; {HELP}"

    def _happen(self, words: list[str], now: float) -> str:
        if len(words) == 2 and words[0] == "press":
            keys = frozenset(words[1].split("+"))
            remote.press(np.zeros(40, np.uint8), keys)  # of keys that there are
            self.keys, self._pressed_until = keys, now + PRESS_TIME
        elif len(words) == 3 and words[0] == "stick":
            if words[1] not in remote.STICKS:
                raise ValueError(
                    f"there is no stick {words[1]}; there are {', '.join(sorted(remote.STICKS))}"
                )
            self.sticks[words[1]] = _number(words[2], -1.0, 1.0)
        elif len(words) == 2 and words[0] == "battery":
            self.voltage = _number(words[1], 0.0, 60.0)
        elif len(words) == 3 and words[0] == "heat":
            if words[1] not in facts.BODY_JOINTS:
                raise ValueError(f"there is no joint {words[1]}, as left_knee_joint is one")
            self.temperature[facts.BODY_JOINTS.index(words[1]), 1] = round(_number(words[2], -20.0, 200.0))
        elif len(words) == 2 and words[0] == "unplug":
            self._unplug(_number(words[1], 0.0, 3600.0))
        else:
            raise ValueError(f"{' '.join(words)!r} is not known")
        return " ".join(words)


def _number(text: str, least: float, most: float) -> float:
    """Raises `ValueError`."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise ValueError(f"{text} is no number from {least:g} to {most:g}")
    return value
