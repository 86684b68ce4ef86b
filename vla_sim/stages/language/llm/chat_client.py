"""One request to an OpenAI-compatible server, streamed, as pieces of the model's answer or one kind of error.

Imports the client (about 1 s): import this module late.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import httpx2
import openai

from vla_sim.stages.language.llm.errors import ServerError, one_line
from vla_sim.stages.language.llm.prompt import Message
from vla_sim.stages.language.llm.retry_after import MAX_PAUSE, pause_asked

MAX_BYTES = 1 << 20
"""Of a response, errors included: a plan has a few hundred."""
PERMANENT = frozenset(range(400, 500)) - {408, 409, 429}
"""Statuses that no repetition mends."""

Tokens = tuple[int, int]
"""Of the prompt and of the answer."""


class ChatServer:
    """parameters: of every request, "model" among them. One event loop's."""

    def __init__(self, base_url: str, key: str, parameters: dict[str, Any]) -> None:
        self._parameters = parameters
        # No time-outs: the client's count from one byte to the next, so that a server which only keeps the
        # line alive would never be given up. The caller cancels, and that closes the connection.
        self._client: Any = openai.AsyncOpenAI(
            base_url=base_url, api_key=key, max_retries=0, timeout=None,
            http_client=openai.DefaultAsyncHttpxClient(event_hooks={"response": [_bound]}),
        )  # fmt: skip

    async def close(self) -> None:
        await self._client.close()

    async def pieces(self, said: list[Message]) -> AsyncGenerator[str | Tokens, None]:
        """The answer as it comes, and each count of tokens that the server reports. Closing this closes the
        connection. Raises `ServerError`."""
        came = 0
        try:
            # extra_body goes out as it is; to walk through the messages costs the client 2 ms.
            stream = await self._client.chat.completions.create(
                model=self._parameters["model"], messages=[], stream=True,
                stream_options={"include_usage": True}, extra_body=self._parameters | {"messages": said},
            )  # fmt: skip
            kind = one_line(stream.response.headers.get("content-type", "no type"), 60)
            async with stream:
                async for chunk in stream:
                    came += 1
                    if tokens := _tokens(getattr(chunk, "usage", None)):
                        yield tokens
                    if piece := _piece(chunk):
                        yield piece
        except openai.APIStatusError as error:
            raise _refusal(error) from None
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError) as error:
            cause = error.__cause__ or error
            raise ServerError(f"{type(error).__name__}: {cause}", again=True) from None
        except (ValueError, RecursionError) as error:  # a stream of something that is not JSON
            raise ServerError(f"the server's answer is no chat completion: {error}") from None
        if not came:
            raise ServerError(f"the server's answer is no chat completion but {kind}")


def _tokens(usage: Any) -> Tokens | None:
    counts = [getattr(usage, name, None) for name in ("prompt_tokens", "completion_tokens")]
    numbers = [n for n in counts if isinstance(n, int) and 0 <= n < 1 << 32]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else None


def _piece(chunk: Any) -> str:
    """The client takes any JSON for a chunk; this looks."""
    try:
        piece = chunk.choices[0].delta.content if chunk.choices else ""
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ServerError(f"the server's answer is no chat completion: {error}") from None
    if not isinstance(piece, str | None):
        raise ServerError("the server's answer is no chat completion: its content is no text")
    return piece or ""


def _refusal(error: openai.APIStatusError) -> ServerError:
    reason = f"{type(error).__name__}: {error.message}"
    headers = error.response.headers
    pause = pause_asked(headers)
    if pause == MAX_PAUSE:
        asked = one_line(headers["retry-after"], 40)
        reason = f"{reason} (it asks for a pause of {asked}; {pause:.0f} s are kept)"
    return ServerError(reason, error.status_code not in PERMANENT, pause)


async def _bound(response: httpx2.Response) -> None:
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    response.stream = _Bounded(response.stream)


class _Bounded(httpx2.AsyncByteStream):
    """A response's bytes up to `MAX_BYTES`."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for data in self._stream:
            size += len(data)
            if size > MAX_BYTES:
                raise httpx2.ReadError(f"the answer is longer than {MAX_BYTES} bytes")
            yield data

    async def aclose(self) -> None:
        await self._stream.aclose()
