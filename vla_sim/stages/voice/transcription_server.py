"""Any server that transcribes as OpenAI's does: POST .../audio/transcriptions with a WAV file."""

import logging
import os
from typing import Annotated

import msgspec

from vla_sim.common import secrets
from vla_sim.common.errors import InputError
from vla_sim.common.http_client import open_client, post
from vla_sim.stages.voice.audio import Samples, wav
from vla_sim.stages.voice.recogniser import Recognition
from vla_sim.stages.voice.spoken_numbers import normalise

KEY = "OPENAI_API_KEY"
"""Environment variable of the key, if the server wants one."""
CONFIDENCE = 0.6
"""Of a text, since such servers do not say how sure they are."""
MOST_BYTES = 100_000
"""Of an answer that is read."""
MOST_CHARACTERS = 2000
"""Of its text; 15 s of speech have some 300."""


class Answer(msgspec.Struct):
    """What is read of one."""

    text: Annotated[str, msgspec.Meta(max_length=MOST_CHARACTERS)]


_answer = msgspec.json.Decoder(Answer)


def is_address(model: str) -> bool:
    return model.startswith(("http://", "https://"))


class TranscriptionServer:
    """url: up to and with /v1. timeout [s]: of one request. What goes wrong is logged once until it works
    again, and is nothing heard."""

    name = "server"

    def __init__(self, url: str, model: str = "whisper-1", timeout: float = 5.0) -> None:
        import httpx2

        key = os.environ.get(KEY, "").strip()
        if key and not (key.isascii() and key.isprintable()):
            raise InputError(f"the key in {KEY} has a character that no key has: copy it anew")
        secrets.keep(key)
        self.url = f"{url.rstrip('/')}/audio/transcriptions"
        self._form = {"model": model, "language": "en", "response_format": "json", "temperature": "0"}
        self._errors = (httpx2.HTTPError, httpx2.InvalidURL, OSError)
        # A body that is compressed could be a thousand times as long as what was received.
        headers = {"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {key}"} if key else {})
        self._timeout, self._client = timeout, open_client(url, timeout, headers)
        self._failed = False

    def transcribe(self, sound: Samples) -> Recognition:
        if not sound.size:
            return Recognition("", 0.0)
        try:
            files = {"file": ("speech.wav", wav(sound), "audio/wav")}
            text = _answer.decode(
                post(self._client, self.url, self._timeout, MOST_BYTES, data=self._form, files=files)
            ).text
        except (*self._errors, ValueError, RecursionError) as error:  # also what is no UTF-8
            if not self._failed:
                why = secrets.strike(f"{type(error).__name__}: {error}")[:200]
                logging.getLogger(__name__).warning("%s does not transcribe (%s)", self.url, why)
            self._failed = True
            return Recognition("", 0.0)
        self._failed = False
        found = normalise(text)
        return Recognition(found, CONFIDENCE if found else 0.0)
