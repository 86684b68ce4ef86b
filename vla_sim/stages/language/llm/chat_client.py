"""Requests to a model's server that speaks OpenAI's chat completions, or something like it.

Imports the HTTP client: import this module late.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

import httpx2
import msgspec

from vla_sim.common import secrets
from vla_sim.common.http_client import open_client
from vla_sim.stages.language.llm.address import base_url
from vla_sim.stages.language.llm.answer import Delta, delta
from vla_sim.stages.language.llm.errors import MAX_REASON, SaidNoError, ServerError, one_line
from vla_sim.stages.language.llm.event_stream import EventReader, NotJsonError
from vla_sim.stages.language.llm.prompt import Message
from vla_sim.stages.language.llm.server_error import said_no
from vla_sim.stages.language.llm.way import Question, Way

MAX_BYTES = 1 << 20
"""Of a response, errors included: a plan has a few hundred."""
MAX_NAMES = 8
"""Models that a message lists."""
_NO_MODEL = re.compile(
    r"model.*not (found|exist)|not exist.*model|(unknown|invalid|no such) model|model_not_found"
)


_json = msgspec.json.Decoder()


class ChatServer:
    """question: what every request asks with. tell: takes one line, when the way to ask is found. One event
    loop's. Raises `InputError` for an address or settings that no client can be made of."""

    def __init__(
        self, address: str, key: str, question: Question, tell: Callable[[str], None] = lambda _: None
    ) -> None:
        self.url = base_url(address)
        # No time-outs: the client's count from one byte to the next, so that a server which only keeps the
        # line alive would never be given up. The caller cancels, and that closes the connection.
        headers = {"Accept": "text/event-stream, application/json", **secrets.bearer(key)}
        self._client = open_client(httpx2.AsyncClient, self.url, headers, None)
        self._question = question
        self._tell = tell
        self._first = self._way = Way() if question.schema is not None else Way("text")
        self._found = False
        self._searched = False

    async def close(self) -> None:
        await self._client.aclose()

    async def deltas(self, said: list[Message]) -> AsyncGenerator[Delta, None]:
        """The answer as it comes. The first request finds the way in which this server is asked. Closing this
        closes the connection. Raises `ServerError`."""
        refused = ""
        while True:
            way, came = self._way, False
            try:
                async with aclosing(self._asked(way, said)) as stream:
                    async for one in stream:
                        if not came:
                            came = True
                            self._on_found(way, refused)
                        yield one
                return
            except SaidNoError as error:
                if came:
                    raise
                after = way.after(error, guess=not (self._found or self._searched))
                if after is None:
                    if not self._found:  # what was left out was not the cause
                        self._way, self._searched = self._first, True
                    raise await self._explained(error) from None
                refused = refused or str(error)
                self._way = after if self._way is way else self._way

    def _on_found(self, way: Way, refused: str) -> None:
        if not self._found or refused:
            because = f", since {refused}" if refused else ""
            told = f'the model "{self._question.model}" at {self.url} is asked for {way}{because}'
            self._tell(one_line(told, MAX_REASON))
        self._found = True

    async def _explained(self, error: SaidNoError) -> SaidNoError:
        """With the models that there are, where the one asked for seems not to be one."""
        if error.status not in (400, 404) or not _NO_MODEL.search(error.complaint):
            return error
        try:
            async with self._client.stream("GET", "models", timeout=2.0) as response:
                names = [str(one["id"]) for one in _json.decode(await _all(response))["data"]]
        except (httpx2.HTTPError, OSError, ValueError, RecursionError, KeyError, TypeError):
            return error
        if not names or self._question.model in names:
            return error
        has = ", ".join(one_line(name, 60) for name in names[:MAX_NAMES])
        reason = f'it has no model "{self._question.model}", it has {has} (language.model, --model): {error}'
        return SaidNoError(reason, error.status, error.complaint, error.again, error.pause)

    async def _asked(self, way: Way, said: list[Message]) -> AsyncGenerator[Delta, None]:
        """One request."""
        body = msgspec.json.encode(way.body(self._question, said))
        try:
            async with self._client.stream(
                "POST", "chat/completions", content=body, headers={"Content-Type": "application/json"}
            ) as response:
                if not response.is_success:
                    raise said_no(response.status_code, await _all(response), response.headers)
                async with aclosing(_events(response)) as events:
                    async for one in events:
                        yield one
        except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, OSError) as error:
            raise ServerError(f"{type(error).__name__}: {error}", again=True) from None


async def _events(response: httpx2.Response) -> AsyncGenerator[Delta, None]:
    reader, came = EventReader(), False
    kind = one_line(response.headers.get("content-type", "no type"), 60)
    if response.headers.get("content-encoding", "identity") != "identity":
        raise ServerError("the server's answer is compressed, which it was asked not to be")
    try:
        async for data in _bounded(response):
            for event in reader.take(data):
                came = True
                yield delta(event)
            if reader.done:
                break
        for event in reader.end():
            came = True
            yield delta(event)
    except NotJsonError as error:
        raise ServerError(f"the server's answer is no chat completion but {kind}: {error}") from None
    if not came:
        raise ServerError(f"the server's answer is no chat completion but {kind}")


async def _bounded(response: httpx2.Response) -> AsyncIterator[bytes]:
    """A response's bytes up to `MAX_BYTES`."""
    size = 0
    async for data in response.aiter_raw():
        size += len(data)
        if size > MAX_BYTES:
            raise httpx2.ReadError(f"the answer is longer than {MAX_BYTES} bytes")
        yield data


async def _all(response: httpx2.Response) -> bytes:
    return b"".join([data async for data in _bounded(response)])
