"""A planner that asks a language model behind an OpenAI-compatible server. It blocks: give it a thread
(`worker.py`). What it returns has been checked as strictly as the rules' own plans."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import Any

from vla_sim.errors import MissingError
from vla_sim.language.context import Context
from vla_sim.language.grounding import forgotten, ungrounded
from vla_sim.language.llm_format import LlmError, read, schema
from vla_sim.language.prompt import Message, messages
from vla_sim.language.resolve import Unresolved
from vla_sim.language.rules import RulePlanner, Understood


@dataclass(frozen=True)
class LlmSettings:
    """base_url: of the server, ending in /v1. api_key_env: environment variable with the key (a local
    server needs none). timeout: for the whole plan, a repair included [s]. grounded: refuse a plan with
    names or amounts that the text does not speak of, or without a name that it speaks of."""

    base_url: str
    model: str = "local"
    api_key_env: str = "OPENAI_API_KEY"
    timeout: float = 4.0
    temperature: float = 0.1
    max_tokens: int = 256
    grounded: bool = True


class LlmPlanner:
    """Thread-safe. Shares vocabulary and expansion with the rule planner."""

    def __init__(self, rules: RulePlanner, settings: LlmSettings) -> None:
        self.rules = rules
        self.settings = settings
        self._format = {
            "type": "json_schema",
            "json_schema": {"name": "plan", "strict": True, "schema": schema(rules.lexicon)},
        }
        self._client: Any = None
        self._errors: type[Exception] = Exception
        self._lock = threading.Lock()

    def connect(self) -> None:
        """Import and make the client (about 1 s at the first call). Raises `MissingError`."""
        with self._lock:
            if self._client is not None:
                return
            try:
                import openai
            except ImportError:
                raise MissingError(
                    'the "openai" package is not installed; pip install openai, or use planner:=rules'
                ) from None
            key = os.environ.get(self.settings.api_key_env) or "none"
            self._errors = openai.OpenAIError
            self._client = openai.OpenAI(base_url=self.settings.base_url, api_key=key, max_retries=0)

    def warm(self, timeout: float = 60.0) -> None:
        """Let the server read the prompt once; a local one keeps it and is then several times faster.
        Raises `LlmError`."""
        self.connect()
        self._ask(messages(self.rules.lexicon, Context(), "Stop"), time.monotonic() + timeout)

    def plan(self, text: str, context: Context) -> Understood:
        """The model's plan for a text. A wrong answer goes back to it once, with the mistake.

        Raises `LlmError` if there is no valid plan within the timeout, whatever the cause.
        """
        deadline = time.monotonic() + self.settings.timeout
        try:
            self.connect()
        except MissingError as error:
            raise LlmError(str(error)) from None
        said = messages(self.rules.lexicon, context, text)
        answer = self._ask(said, deadline)
        try:
            return self._understood(text, answer, context)
        except LlmError as error:
            repair = f"That is wrong: {error}. Answer again with corrected JSON only."
            said += [{"role": "assistant", "content": answer}, {"role": "user", "content": repair}]
        return self._understood(text, self._ask(said, deadline), context)

    def _ask(self, said: list[Message], deadline: float) -> str:
        left = deadline - time.monotonic()
        if left <= 0.0:
            raise LlmError(f"no plan within {self.settings.timeout:g} s")
        try:
            reply = self._client.chat.completions.create(
                model=self.settings.model, messages=said, response_format=self._format, timeout=left,
                temperature=self.settings.temperature, max_tokens=self.settings.max_tokens,
            )  # fmt: skip
            content = reply.choices[0].message.content
        except self._errors as error:
            raise LlmError(f"{type(error).__name__}: {str(error)[:200]}") from None
        except (AttributeError, IndexError, TypeError, ValueError) as error:  # not OpenAI's form at all
            raise LlmError(f"the server's answer is no chat completion: {error}") from None
        if not isinstance(content, str) or not content.strip():
            raise LlmError("the model answered nothing")
        return content

    def _understood(self, text: str, answer: str, context: Context) -> Understood:
        try:
            intent = tuple(read(answer, self.rules.lexicon, context))
        except Unresolved as question:
            return Understood(problem=question.problem)
        if self.settings.grounded and (what := ungrounded(text, intent, self.rules.lexicon, context)):
            raise LlmError(f"the command does not speak of {what}")
        if self.settings.grounded and (what := forgotten(text, intent, self.rules.lexicon)):
            raise LlmError(f'the plan forgets the "{what}" of the command')
        mentioned = next((step.object for step in reversed(intent) if step.object), None)
        place = next((s.place for s in reversed(intent) if s.place and s.place != "user"), "")
        priority = "stop" if intent[0].skill == "stop" else "normal"
        wanted = Understood(intent=intent, priority=priority, mentioned=mentioned, place=place)  # type: ignore[arg-type]
        return self.rules.finish(wanted, context)
