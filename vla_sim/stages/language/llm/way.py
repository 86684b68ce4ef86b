"""The way in which a server is asked. Servers that call themselves OpenAI-compatible refuse different parts
of a request; what one refuses is said otherwise or left out."""

import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from vla_sim.stages.language.llm.errors import SaidNoError
from vla_sim.stages.language.llm.prompt import Message

Form = Literal["json_schema", "json_object", "tool", "text"]
FORMS: tuple[Form, ...] = ("json_schema", "json_object", "tool", "text")
"""How a plan is asked for, the strictest first."""

_REFUSALS = frozenset({400, 404, 405, 415, 422, 500, 501})
_UNSAID = frozenset({400, 422})
"""Statuses of a request that is not understood, even if nothing in it is named."""
_CONSTRAINED = re.compile(r"response_?format|json_?schema|json_?object|schema|grammar|structured|guided")
_TOOLS = re.compile(r"\btools?\b|tool_choice|function")
_SYSTEM = re.compile(r"system[ _](role|message|prompt)|role.{0,20}\bsystem\b|developer role")


@dataclass(frozen=True)
class Question:
    """What every request asks with. schema: of the plan; None: the answer is any text."""

    model: str
    temperature: float
    max_tokens: int
    schema: dict[str, Any] | None


@dataclass(frozen=True)
class Way:
    """form: how the plan's form is demanded. limit: the name of the field for the longest answer, "" for
    none. system: messages may be the system's."""

    form: Form = "json_schema"
    limit: Literal["max_tokens", "max_completion_tokens", ""] = "max_tokens"
    temperature: bool = True
    usage: bool = True
    stream: bool = True
    system: bool = True

    def body(self, question: Question, messages: list[Message]) -> dict[str, Any]:
        """Of the request."""
        body: dict[str, Any] = {"model": question.model, "messages": messages, "stream": self.stream}
        if not self.system:
            body["messages"] = _without_system(messages)
        if self.stream and self.usage:
            body["stream_options"] = {"include_usage": True}
        if self.limit:
            body[self.limit] = question.max_tokens
        if self.temperature:
            body["temperature"] = question.temperature
        return body | _FORMS[self.form](question.schema)

    def after(self, error: SaidNoError, guess: bool) -> "Way | None":
        """The next way to try; None if another would not help. guess: also where the server does not say
        what it refuses."""
        if error.status not in _REFUSALS:
            return None
        said, changed = error.complaint, self
        if "max_tokens" in said or "max_completion_tokens" in said:
            changed = replace(changed, limit=self._other_limit(said))
        if self.usage and "stream_options" in said:
            changed = replace(changed, usage=False)
        elif self.stream and re.search(r"\bstream(ing)?\b", said):
            changed = replace(changed, stream=False)
        if self.temperature and "temperature" in said:
            changed = replace(changed, temperature=False)
        if self.system and _SYSTEM.search(said):
            changed = replace(changed, system=False)
        named = _TOOLS if self.form == "tool" else _CONSTRAINED
        if self.form != "text" and named.search(said):
            changed = replace(changed, form=self._next_form())
        if changed != self:
            return changed
        if not guess or error.status not in _UNSAID:
            return None
        if self.form != "text":
            return replace(self, form=self._next_form())
        barest = Way("text", "", temperature=False, usage=False, stream=self.stream, system=self.system)
        return barest if self != barest else None

    def __str__(self) -> str:
        """For a log: what is unlike the first way."""
        out = {
            "json_schema": "a JSON schema", "json_object": "JSON without a schema", "tool": "a tool's call",
            "text": "text",
        }[self.form]  # fmt: skip
        kept = {
            "limit of tokens": bool(self.limit), "temperature": self.temperature, "usage": self.usage,
            "stream": self.stream, "system message": self.system,
        }  # fmt: skip
        renamed = [self.limit] * (self.limit == "max_completion_tokens")
        return ", ".join([out, *renamed, *(f"no {name}" for name in kept if not kept[name])])

    def _other_limit(self, said: str) -> Literal["max_completion_tokens", ""]:
        return "max_completion_tokens" if self.limit == "max_tokens" and "max_completion" in said else ""

    def _next_form(self) -> Form:
        return FORMS[FORMS.index(self.form) + 1]


def _tool(schema: dict[str, Any] | None) -> dict[str, Any]:
    function = {"name": "plan", "description": "Gives the robot its plan.", "parameters": schema or {}}
    return {
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": "plan"}},
    }


def _schema(schema: dict[str, Any] | None) -> dict[str, Any]:
    plan = {"name": "plan", "strict": True, "schema": schema}
    return {"response_format": {"type": "json_schema", "json_schema": plan}}


_FORMS = {
    "json_schema": _schema, "json_object": lambda _: {"response_format": {"type": "json_object"}},
    "tool": _tool, "text": lambda _: {},
}  # fmt: skip


def _without_system(messages: list[Message]) -> list[Message]:
    """What the system says stands before the first thing that the user says."""
    first, second, *rest = messages
    if first["role"] != "system":
        return messages
    return [{"role": second["role"], "content": f"{first['content']}\n\n{second['content']}"}, *rest]
