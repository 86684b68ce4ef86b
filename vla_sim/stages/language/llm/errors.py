"""Why a language model gave no plan.

    LlmError
    +-- WrongAnswerError     the model's mistake: what it said is no plan of this world
    +-- ServerError          the server's: silent, slow or broken
    |   +-- SaidNoError      it answered with an error
    +-- RefusedError         ours: not sent, since a limit forbids it

A message is always one printable line without secrets, also where it quotes a model or a server.
"""

from vla_sim.common.printable import printable
from vla_sim.common.secrets import strike

MAX_REASON = 400
"""Characters."""


def one_line(text: str, most: int) -> str:
    """`text` without what a terminal or a log would take for more than text, cut to `most` characters."""
    # Cut first as well: what comes from outside may be megabytes.
    line = strike(" ".join(printable(text[: 4 * most]).split()))
    return line if len(line) <= most else line[: most - 1] + "…"


class LlmError(Exception):
    """The model gave no usable plan; the message says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(one_line(reason, MAX_REASON))


class WrongAnswerError(LlmError):
    """answer: what the model said instead of a plan, as far as it came; "" where nothing is to be mended."""

    answer = ""


class ServerError(LlmError):
    """again: whether to repeat the request may help. pause: how long the server asks to be left alone [s],
    None if it does not say."""

    def __init__(self, reason: str, again: bool = False, pause: float | None = None) -> None:
        super().__init__(reason)
        self.again = again
        self.pause = pause


class SaidNoError(ServerError):
    """status: HTTP's, also where the server wrote the error into an answer with another. complaint: its own
    words and the names that it gives, lower case."""

    def __init__(
        self, reason: str, status: int, complaint: str, again: bool = False, pause: float | None = None
    ) -> None:
        super().__init__(reason, again, pause)
        self.status = status
        self.complaint = complaint


class RefusedError(LlmError):
    """The request was not sent at all."""
