"""Secrets struck out of what a run leaves: logs, records, the command line that plays it again."""

import os
import re

from vla_sim.common.errors import InputError

STRUCK = "***"
SHORTEST = 6
"""Characters of a secret; a shorter value would be struck out of words that only look like it."""
_NAMES = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|PASSWD)$")
_LOGIN = re.compile(r"(?<=://)[^\s/@'\"\\]+(?=@)")


_kept: set[str] = set()


def keep(secret: str) -> None:
    """Strike this one out as well, wherever it came from."""
    _kept.add(secret)


def read_key(name: str) -> str:
    """The key in the environment's variable `name`, "" if there is none; it is struck out from now on. Raises
    `InputError`, which does not say it."""
    key = os.environ.get(name, "").strip()
    keep(key)
    wrong = [i for i, c in enumerate(key, start=1) if not "!" <= c <= "~" or c in "\"'"]
    if wrong:
        raise InputError(
            f"the key in {name} has a character that no key has, at place {wrong[0]} of {len(key)}: copy it "
            "anew, without blanks, line breaks and quotes"
        )
    return key


def bearer(key: str) -> dict[str, str]:
    """The header that carries a key; none without one."""
    return {"Authorization": f"Bearer {key}"} if key else {}


def of_environment() -> list[str]:
    """Values of this process's variables that are named like secrets, and those kept, the longest first."""
    found = {value.strip() for name, value in os.environ.items() if _NAMES.search(name)} | _kept
    return sorted((one for one in found if len(one) >= SHORTEST), key=len, reverse=True)


def strike(text: str) -> str:
    """The text without secrets of the environment and without logins in URLs ("http://name:password@host")."""
    if "@" in text:
        text = _LOGIN.sub(STRUCK, text)
    for secret in of_environment():
        text = text.replace(secret, STRUCK)
    return text
