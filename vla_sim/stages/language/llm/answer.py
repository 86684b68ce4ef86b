"""A model's answer as it comes: its words, its thoughts, its calls of a tool."""

import re
from typing import Any, NamedTuple

import msgspec

from vla_sim.stages.language.llm.errors import ServerError, WrongAnswerError, one_line
from vla_sim.stages.language.llm.server_error import said_no

MAX_CHARACTERS = 8000
"""Of an answer without its thoughts; the longest plan has a quarter of it."""
_NO_COMPLETION = "the server's answer is no chat completion"

_OPEN = re.compile(r"<(think(ing)?|thought|reasoning)>|\[THINK\]|<\|channel\|>analysis")
_CLOSE = re.compile(r"</(think(ing)?|thought|reasoning)>|\[/THINK\]|<\|channel\|>final<\|message\|>")
_LONGEST_TAG = 32

Tokens = tuple[int, int]
"""Of the prompt and of the answer."""


class Delta(NamedTuple):
    """What one event adds. call: of a tool's arguments. finish: why the answer ends here."""

    words: str = ""
    thoughts: str = ""
    call: str = ""
    refusal: str = ""
    finish: str = ""
    tokens: Tokens | None = None


def delta(event: Any) -> Delta:
    """From a chunk of a stream, or a whole completion. Raises `ServerError`."""
    if not isinstance(event, dict):
        raise ServerError(f"{_NO_COMPLETION} but {type(event).__name__}")
    choices = event.get("choices")
    if event.get("error") or (choices is None and ("detail" in event or event.get("object") == "error")):
        raise said_no(200, event, {})
    tokens = _tokens(event.get("usage"))
    if choices == [] or (choices is None and "usage" in event):
        return Delta(tokens=tokens)
    try:
        choice = event["choices"][0]
        said = choice.get("delta") or choice.get("message") or {}
        finish = choice.get("finish_reason") or ""
        return Delta(
            _text(said.get("content")), _thoughts(said), _call(said), _text(said.get("refusal")), str(finish),
            tokens,
        )  # fmt: skip
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ServerError(f"{_NO_COMPLETION}: {type(error).__name__} {error}") from None


def _text(content: Any) -> str:
    """A text, or the texts among typed parts."""
    if isinstance(content, list):
        return "".join(_text(part["text"]) for part in content if part["type"] == "text")
    if not isinstance(content, str | None):
        raise TypeError("its content is no text")
    return content or ""


def _thoughts(said: dict[str, Any]) -> str:
    for name in ("reasoning_content", "reasoning"):
        if isinstance(found := said.get(name), str):
            return found
    return ""


def _call(said: dict[str, Any]) -> str:
    calls = [call.get("function") for call in said.get("tool_calls") or []] or [said.get("function_call")]
    found = [call.get("arguments") or "" for call in calls if call]
    return "".join(one if isinstance(one, str) else msgspec.json.encode(one).decode() for one in found)


def _tokens(usage: Any) -> Tokens | None:
    counts = (
        [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
        if isinstance(usage, dict)
        else []
    )
    numbers = [n for n in counts if isinstance(n, int) and 0 <= n < 1 << 32]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else None


class Answer:
    """Collects deltas. pieces: how many had something. tokens: as far as the server told them."""

    def __init__(self) -> None:
        self.pieces = 0
        self.tokens: Tokens | None = None
        self._words = self._thoughts = self._call = self._refusal = self._finish = ""

    def take(self, one: Delta) -> None:
        """Raises `WrongAnswerError` if it grows too long."""
        self.tokens = one.tokens or self.tokens
        self.pieces += bool(one.words or one.thoughts or one.call)
        self._thoughts += one.thoughts
        self._call += one.call
        self._refusal += one.refusal
        self._finish = one.finish or self._finish
        if one.words:
            searched = max(0, len(self._words) - _LONGEST_TAG)
            self._words += one.words
            for closed in list(_CLOSE.finditer(self._words, searched))[-1:]:
                self._words = self._words[closed.end() :]
        if len(self.text) > MAX_CHARACTERS:
            raise WrongAnswerError(f"longer than {MAX_CHARACTERS} characters")

    @property
    def text(self) -> str:
        """What was said so far, without the thoughts before it."""
        if self._call:
            return self._call
        opened = _OPEN.match(self._words.lstrip())
        return "" if opened else self._words

    def whole(self, max_tokens: int) -> str:
        """The answer at its end. Raises `WrongAnswerError`."""
        if self._finish == "length":
            raise WrongAnswerError(f"the answer was cut off, since max_tokens is {max_tokens}")
        if self._finish == "content_filter":
            raise WrongAnswerError("a filter of the server withheld the answer")
        text = self.text
        if not text.strip():
            # Some servers take all that a model says under a schema for its thoughts.
            text = self._thoughts if self._thoughts.strip().startswith("{") else ""
        if not text.strip() and self._refusal.strip():
            raise WrongAnswerError(f"the model refuses: {one_line(self._refusal, 200)}")
        if not text.strip():
            thought = self._thoughts or self._words.strip()
            raise WrongAnswerError(
                "the model thought and did not answer" if thought else "the model answered nothing"
            )
        return text
