"""An open-vocabulary detector on a server: one POST with a picture and names, boxes with names back.

    {"image": "<a JPEG in base64>", "names": ["stapler", "toy car"]}
    {"detections": [{"name": "stapler", "score": 0.8, "box": [x0, y0, x1, y1]}]}

box: left, top, right, bottom [px of the picture]. score: 0 to 1.
"""

from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from vla_sim.common import secrets
from vla_sim.common.errors import InputError
from vla_sim.common.http_client import open_client, post
from vla_sim.common.pictures import encoded
from vla_sim.common.printable import one_line
from vla_sim.contract.records import Unit

QUALITY = 90
"""Of the JPEG."""
MOST_BYTES = 1_000_000
"""Of an answer that is read."""
MOST = 500
"""Boxes of an answer."""
LONGEST = 300
"""Characters of a reason."""
Pixel = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]


class NamedBox(msgspec.Struct, frozen=True):
    """See the module's head."""

    name: str
    score: Unit
    box: tuple[Pixel, Pixel, Pixel, Pixel]


class _Found(msgspec.Struct, frozen=True):
    detections: Annotated[list[NamedBox], msgspec.Meta(max_length=MOST)]


_decoder = msgspec.json.Decoder(_Found)


class ServerError(Exception):
    """Why there is no answer, in one printable line."""

    def __init__(self, reason: str) -> None:
        super().__init__(one_line(secrets.strike(reason))[:LONGEST])


class LateError(ServerError):
    """No answer came in time."""


class DetectorServer:
    """An `asking.Client` of {"image": (h, w, 3) uint8, "names": [...]}, whose answer is {"boxes":
    list[NamedBox]}. timeout: [s] of one request in all. Raises `InputError` for what is no address."""

    work = "detector"
    late: type[Exception] = LateError

    def __init__(self, url: str, timeout: float) -> None:
        import httpx2  # takes long, and few runs need it

        wrong = InputError(
            f"detector_url {secrets.strike(url)[:200]!r} is no address of a server; "
            "give one like http://127.0.0.1:8000/detect"
        )
        try:
            address = httpx2.URL(url)
        except (httpx2.InvalidURL, ValueError, TypeError):
            raise wrong from None
        if address.scheme not in ("http", "https") or not address.host:
            raise wrong
        self._url, self._timeout = url, timeout
        self._quiet, self._broken = httpx2.TimeoutException, (httpx2.HTTPError, httpx2.InvalidURL, OSError)
        self._client = open_client(httpx2.Client, url, {"Content-Type": "application/json"}, timeout)

    def infer(self, question: dict[str, Any], /) -> dict[str, Any]:
        """Raises `ServerError`, `LateError`."""
        names = list(question["names"])
        body = msgspec.json.encode({"image": jpeg(question["image"]), "names": names})  # bytes: base64
        try:
            answer = post(self._client, self._url, MOST_BYTES, self._timeout, content=body)
            boxes = _decoder.decode(answer).detections
        except self._quiet:
            raise LateError(f"the detector has not answered for {self._timeout:g} s") from None
        except (ValueError, RecursionError) as error:  # also what is no UTF-8
            raise ServerError(f"the detector's answer cannot be read: {error}") from None
        except self._broken as error:
            raise ServerError(f"the detector at {self._url}: {type(error).__name__}: {error}") from None
        for one in boxes:
            if one.box[0] >= one.box[2] or one.box[1] >= one.box[3]:
                raise ServerError(
                    f"the detector's answer has a box {list(one.box)}; left, top, right, bottom"
                )
        return {"boxes": [one for one in boxes if one.name in names]}

    def close(self) -> None:
        self._client.close()


def jpeg(rgb: NDArray[np.uint8]) -> bytes:
    """Of (h, w, 3) uint8."""
    return encoded(rgb, "JPEG", quality=QUALITY)
