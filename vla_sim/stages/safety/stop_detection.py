"""The word "stop", recognised without any planner."""

import re

from vla_sim.contract.vocabulary import STOP_FILLERS, STOP_WORDS


def is_stop(text: str) -> bool:
    """Whether the first word that is not a filler is a stop word.

    "Stop the robot", "please stop", "emergency stop": yes. "Go to the bus stop": no. Being too eager
    is the safe side, so whatever follows the stop word does not matter.
    """
    for word in re.findall(r"[a-z']+", text.lower()):
        if word in STOP_WORDS:
            return True
        if word not in STOP_FILLERS:
            return False
    return False


def may_be_stop(payload: str) -> bool:
    """Whether a payload that could not be read holds a stop word anywhere: when in doubt the robot stops."""
    return not STOP_WORDS.isdisjoint(re.findall(r"[a-z']+", payload.lower()))
