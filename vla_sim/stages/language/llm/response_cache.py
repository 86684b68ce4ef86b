"""A language model's answers, remembered for a while.

What is remembered are the model's words, under everything they depend on: the prompt (with the world's names,
the situation in rounded figures, what is held and what was mentioned), the model and its parameters. They are
read anew each time, in the world as it is then, so a plan that was made for another world is never served.
"""

import msgspec
from cachetools import TTLCache

from vla_sim.common import clock
from vla_sim.common.caches import clear_old_entries
from vla_sim.stages.language.llm.prompt import Message
from vla_sim.stages.language.llm.way import Question


class ResponseCache:
    """entries: most answers; seconds: how long each is kept. question: what every request asks with."""

    def __init__(self, entries: int, seconds: float, question: Question) -> None:
        self._question = question
        self._answers: TTLCache[bytes, str] = TTLCache(entries, seconds, timer=clock.mono)

    def generate_cache_key(self, messages: list[Message]) -> bytes:
        return msgspec.json.encode([messages, self._question])

    def get(self, key: bytes) -> str | None:
        answer: str | None = self._answers.get(key)
        return answer

    def put(self, key: bytes, answer: str) -> None:
        self._answers[key] = answer

    def clear_old_entries(self) -> str:
        """Forget a quarter if it is nearly full; returns what was dropped ("12 of 48 entries")."""
        return clear_old_entries(self._answers)
