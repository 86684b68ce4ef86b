"""How servers that call themselves OpenAI-compatible differ, each habit as a scripted server plays it.

A habit makes the whole response to one request. The names of the servers that were seen or are documented to
have it stand beside it.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Body = Mapping[str, Any]
THOUGHTS = "The user wants the robot to walk. {The kitchen} is a place, so one step is enough. " * 6


class Response(NamedTuple):
    status: int
    kind: str
    data: bytes


Habit = Callable[[Body, str], Response]
"""From the body of a request and the plan that the model has in mind."""

_HEAD = {"id": "scripted", "object": "chat.completion.chunk", "created": 0, "model": "scripted"}

NO_MAX_TOKENS = "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
NO_TEMPERATURE = (
    "'temperature' does not support 0.1 with this model. Only the default (1) value is supported."
)


def _said(content: Any, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": content} | more}]}


def _ended(reason: str) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}


def _words(text: str) -> list[dict[str, Any]]:
    return [_said(text[i : i + 6]) for i in range(0, len(text), 6)]


def _stream(
    chunks: list[Any], event: str = "data: {}\n\n", end: str = "data: [DONE]\n\n", begin: str = ""
) -> Response:
    """event: how a chunk is written."""
    events = "".join(event.replace("{}", json.dumps(_HEAD | chunk)) for chunk in chunks)
    return Response(200, "text/event-stream", (begin + events + end).encode())


def _json(data: Any, status: int = 200) -> Response:
    return Response(status, "application/json", json.dumps(data).encode())


def _whole(plan: str, indent: int | None = None) -> Response:
    message = {"role": "assistant", "content": plan}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    completion = _HEAD | {"object": "chat.completion", "choices": [choice]}
    return Response(200, "application/json", json.dumps(completion, indent=indent).encode())


def _no(message: str, status: int = 400) -> Response:
    return _json({"error": {"message": message, "type": "invalid_request_error", "code": None}}, status)


def _says(words: str) -> Habit:
    """A stream of these words, `{plan}` replaced."""
    return lambda body, plan: _stream([*_words(words.replace("{plan}", plan)), _ended("stop")])


def _streams(chunks: Callable[[str], list[Any]], **how: str) -> Habit:
    """A stream of these chunks, which end by themselves if they have a reason for it."""

    def habit(body: Body, plan: str) -> Response:
        made = chunks(plan)
        ends = any(choice.get("finish_reason") for chunk in made for choice in chunk.get("choices", []))
        return _stream(made if ends else [*made, _ended("stop")], **how)

    return habit


def _calls(**call: Any) -> Callable[[str], list[Any]]:
    return lambda plan: [
        _said(None, tool_calls=[{"index": 0, "id": "c1", "type": "function", "function": call}])
    ]


def _refuses(*checks: tuple[Callable[[Body], bool], Response]) -> Habit:
    """Answers if none of the checks finds something to refuse."""

    def habit(body: Body, plan: str) -> Response:
        refusal = next((response for finds, response in checks if finds(body)), None)
        if refusal is not None:
            return refusal
        if "tools" in body:
            return _stream([*_calls(name="plan", arguments=plan)(plan), _ended("stop")])
        return _stream([*_words(plan), _ended("stop")]) if body.get("stream") else _whole(plan)

    return habit


def _form(*forms: str) -> Callable[[Body], bool]:
    return lambda body: body.get("response_format", {}).get("type") in forms


def _has(*names: str) -> Callable[[Body], bool]:
    return lambda body: any(name in body for name in names)


def _streamed(body: Body) -> bool:
    return bool(body.get("stream"))


def _system(body: Body) -> bool:
    return bool(body["messages"][0]["role"] == "system")


def _forbidden(body: Body, plan: str) -> Response:
    """As pydantic says it, what was given quoted."""
    names = [name for name in ("stream_options", "response_format") if name in body]
    quoted = {"type": "extra_forbidden", "msg": "Extra inputs are not permitted", "input": body}
    detail = [quoted | {"loc": ["body", name]} for name in names]
    return _json({"detail": detail}, 422) if names else _stream([*_words(plan), _ended("stop")])


def _bare(body: Body, plan: str) -> Response:
    known = {"model", "messages", "stream"}
    if body.keys() - known:
        return Response(400, "text/html", b"<html><h1>Bad Request</h1></html>")
    return _stream([*_words(plan), _ended("stop")])


def _many_lines(body: Body, plan: str) -> Response:
    lines = json.dumps(_HEAD | _said(plan), indent=1).split("\n")
    return Response(200, "text/event-stream", "".join(f"data: {line}\n" for line in lines).encode() + b"\n")


def _line(event: str, end: str = "") -> Habit:
    return _streams(_words, event=event, end=end)


OTHER = '{"steps": [{"skill": "navigate", "place": "bedroom"}]}'

HABITS: dict[str, Habit] = {
    # thoughts: DeepSeek R1, Qwen 3, Magistral, gpt-oss; vLLM, Ollama and OpenRouter in a field of their own
    "think_tag": _says(f"<think>\n{THOUGHTS}\n</think>\n\n{{plan}}"),
    "think_end_only": _says(f"{THOUGHTS}\n</think>\n\n{{plan}}"),
    "think_bracket": _says(f"[THINK]{THOUGHTS}[/THINK]{{plan}}"),
    "think_channel": _says(
        f"<|channel|>analysis<|message|>{THOUGHTS}<|end|><|start|>assistant<|channel|>final<|message|>{{plan}}"
    ),
    "think_draft": _says(f"<think>Perhaps {OTHER}? No.</think>{{plan}}"),
    "reasoning_content": _streams(lambda p: [_said(None, reasoning_content=THOUGHTS), *_words(p)]),
    "reasoning": _streams(lambda p: [_said("", reasoning=THOUGHTS), *_words(p)]),
    "reasoning_alone": _streams(lambda p: [_said(None, reasoning_content=c) for c in (p[:9], p[9:])]),
    "typed_parts": _streams(lambda p: [
        _said([{"type": "thinking", "thinking": [{"type": "text", "text": THOUGHTS}]}]),
        _said([{"type": "text", "text": p}]),
    ]),
    "thoughts_alone": _says(f"<think>{THOUGHTS}"),
    "thoughts_cut": _streams(lambda p: [_said(None, reasoning_content=THOUGHTS), _ended("length")]),
    # words around the plan: any model that is not constrained
    "prose_before": _says("Sure! Here is the plan {as asked for}:\n\n{plan}"),
    "prose_after": _says("{plan}\n\nLet me know if the robot should do anything else."),
    "fence": _says("```json\n{plan}\n```"),
    "fence_prose": _says("Here you go:\n```json\n{plan}\n```\nI hope this helps {you}."),
    "end_token": _says("{plan}<|im_end|>"),
    "same_twice": _says("{plan}\n{plan}"),
    "two_plans": _says(f"{{plan}} or {OTHER}"),
    "prose_alone": _says("I will gladly walk to the kitchen."),
    # calls of a tool, where an answer was expected
    "tool_call": _streams(lambda p: [*_calls(name="plan", arguments=p[:7])(p), *_calls(arguments=p[7:])(p)]),
    "tool_call_object": _streams(lambda p: _calls(name="plan", arguments=json.loads(p))(p)),
    "function_call": _streams(lambda p: [_said(None, function_call={"name": "plan", "arguments": p})]),
    # streams: Azure, LM Studio, proxies, gateways
    "role_first": _streams(lambda p: [_said("", role="assistant"), *_words(p)]),
    "empty_choices": _streams(lambda p: [{"choices": [], "prompt_filter_results": []}, *_words(p)]),
    "null_delta": _streams(lambda p: [*_words(p), {"choices": [{"index": 0, "delta": None}]}]),
    "half_usage": _streams(lambda p: [*_words(p), {"choices": [], "usage": {"prompt_tokens": 5}}]),
    "null_usage": _streams(lambda p: [chunk | {"usage": None} for chunk in _words(p)]),
    "usage_alone": _streams(lambda p: [*_words(p), {"usage": {"prompt_tokens": 5, "completion_tokens": 2}}]),
    "byte_order_mark": _streams(_words, begin="\ufeff"),
    "comments": _line(": still at it\n\nevent: message\nid: 7\nretry: 10\ndata:{}\n\n", "data: [DONE]\n\n"),
    "crlf": _line("data: {}\r\n\r\n", "data: [DONE]\r\n\r\n"),
    "cr": _line("data: {}\r\r", "data: [DONE]\r\r"),
    "no_blank_lines": _line("data: {}\n", "data: [DONE]\n"),
    "no_end": _line("data: {}\n\n"),
    "after_the_end": _line("data: {}\n\n", "data: [DONE]\n\ndata: {not json\n\n"),
    "json_lines": _line("{}\n"),
    "many_lines": _many_lines,
    "not_streamed": lambda body, plan: _whole(plan),
    "not_streamed_indented": lambda body, plan: _whole(plan, indent=2),
    # refusals of a part of the request: DeepSeek, LM Studio, OpenAI's newer models, Mistral, Gemma's template
    "no_json_schema": _refuses((_form("json_schema"), _no("This response_format type is unavailable now"))),
    "no_json_object": _refuses((_form("json_object"), _no("'response_format.type' must be json_schema"))),
    "only_tools": _refuses((_has("response_format"), _no("structured output is not supported"))),
    "only_text": _refuses((_has("response_format", "tools"), _no("grammar and tools are not supported"))),
    "no_schema_500": _refuses((_form("json_schema"), _no("failed to parse grammar", 500))),
    "max_completion_tokens": _refuses((_has("max_tokens"), _no(NO_MAX_TOKENS))),
    "only_default_temperature": _refuses((_has("temperature"), _no(NO_TEMPERATURE))),
    "new_model": _refuses(
        (_has("max_tokens"), _no(NO_MAX_TOKENS)), (_has("temperature"), _no(NO_TEMPERATURE)),
        (_streamed, _no("Your organization must be verified to stream this model.")),
    ),
    "no_stream": _refuses((_streamed, _no("stream is not supported", 501))),
    "no_system": _refuses((_system, _no("System role not supported"))),
    "extra_forbidden": _forbidden,
    "bare": _bare,
    # errors, however they are written
    "error_in_200": lambda body, plan: _json({"error": {"message": "model is overloaded", "code": 503}}),
    "error_in_stream": _streams(lambda p: [*_words(p[:20]), {"error": {"message": "out of memory"}}]),
    "error_line": _line("data: {}\n\n", '{"error": "out of memory"}\n'),
    "error_text": lambda body, plan: _json({"error": "model 'tiny' not found, try pulling it first"}, 404),
    "error_object": lambda body, plan: _json({"object": "error", "message": "no such model"}, 404),
    "detail": lambda body, plan: _json({"detail": "Not authenticated"}, 403),
    "page_502": lambda body, plan: Response(502, "text/html", b"<html>Bad Gateway</html>"),
    "latin_1": lambda body, plan: Response(200, "text/event-stream", b'data: {"choices": "caf\xe9"}\n\n'),
    "latin_1_error": lambda body, plan: Response(500, "application/json", b'{"error": "d\xe9sol\xe9"}'),
    "too_long": lambda body, plan: _no("This model's context length is 512 tokens, the prompt has 900."),
    "cut_by_length": _streams(lambda p: [*_words(p[:20]), _ended("length")]),
    "filtered": _streams(lambda p: [_ended("content_filter")]),
    "refusal": _streams(lambda p: [_said(None, refusal="I cannot help with that.")]),
    "no_choices": lambda body, plan: _json({"id": "x", "object": "chat.completion"}),
}  # fmt: skip
