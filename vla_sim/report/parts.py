"""What reports are made of: HTML that escapes by itself, tables, embedded pictures."""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from vla_sim.common.errors import InputError
from vla_sim.common.files import write_whole

Part = str | None
"""`Markup` goes in as it is, any other text is escaped, None is left out."""
Attribute = str | float | bool | None

VOID = {"br", "img", "meta"}
CLOSED = {"circle", "line", "path", "polygon", "polyline", "rect", "use"}
"""SVG elements that end themselves when they are empty."""
ILLEGAL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""What HTML or UTF-8 has no place for: control characters, halves of surrogate pairs, noncharacters."""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def escape(text: str) -> Markup:
    return text if isinstance(text, Markup) else Markup(html.escape(ILLEGAL.sub("\ufffd", text)))


def join(parts: Iterable[Part], between: str = "") -> Markup:
    return Markup(escape(between).join(escape(p) for p in parts if p is not None))


def tag(name: str, /, *children: Part, **attributes: Attribute) -> Markup:
    """One element. class_="x" is class, aria_label is aria-label; True is a bare attribute, None and False
    are left out."""
    head = name
    for key, value in attributes.items():
        key = key.rstrip("_").replace("_", "-")
        if value is True:
            head += f" {key}"
        elif value is not None and value is not False:
            head += f' {key}="{html.escape(ILLEGAL.sub(chr(0xFFFD), str(value)))}"'
    if name in VOID:
        return Markup(f"<{head}>")
    inside = join(children)
    return Markup(f"<{head}/>" if name in CLOSED and not inside else f"<{head}>{inside}</{name}>")


def number(value: float | None, digits: int = 0, unit: str = "") -> str:
    """ "0.31 m"; a dash if there is nothing to say."""
    if value is None or value != value or abs(value) == float("inf"):
        return "–"
    return f"{value:.{digits}f}{' ' if unit else ''}{unit}"


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def scroll(content: Markup, name: str) -> Markup:
    """A box that scrolls sideways on its own, also with the keyboard."""
    return tag("div", content, class_="scroll", tabindex=0, role="group", aria_label=name)


def table(caption: Part, heads: Sequence[Part], rows: Iterable[Sequence[Part]], class_: str = "") -> Markup:
    """A table whose first cell of each row heads the row. Cells that are `td` or `th` already stay so."""
    head = tag("thead", tag("tr", *(tag("th", h, scope="col") for h in heads)))
    body = tag("tbody", *(tag("tr", *_cells(row)) for row in rows))
    title = tag("caption", caption) if caption else None
    name = _plain(caption or next((h for h in heads if h), "table"))
    return scroll(tag("table", title, head, body, class_=class_ or None), name)


def _cells(row: Sequence[Part]) -> Iterable[Markup]:
    for i, cell in enumerate(row):
        if isinstance(cell, Markup) and cell.startswith(("<td", "<th")):
            yield cell
        else:
            yield tag("th", cell, scope="row") if i == 0 else tag("td", cell)


def _plain(text: str) -> str:
    return html.unescape(re.sub("<[^>]*>", "", text)) if isinstance(text, Markup) else text


def figure(picture: Markup, caption: Part, class_: str = "") -> Markup:
    return tag("figure", picture, tag("figcaption", caption), class_=class_ or None)


# --------------------------------------------------------------------------- pictures


@dataclass(frozen=True)
class Photo:
    """A JPEG as a data URI, width and height [px]."""

    uri: str
    width: int
    height: int

    def tag(self, alt: str) -> Markup:
        return tag("img", src=self.uri, width=self.width, height=self.height, alt=alt)


def photo(folder: str, file: str, width: int = 480, most: int = 30_000) -> Photo | None:
    """A picture of a run at most `width` pixels wide, of about `most` bytes at most; None if there is none.

    Only what lies in the run's folder is taken: a record may come from somebody else.
    """
    if not file:
        return None
    try:
        root = Path(folder).resolve()
        path = (root / file).resolve()
        if not path.is_relative_to(root) or not path.is_file():
            return None
        with Image.open(path) as image:
            small = image.convert("RGB")
        small.thumbnail((width, width), Image.Resampling.LANCZOS)
        data = _jpeg(small, 72)
        if len(data) > most:
            small.thumbnail((width * 2 // 3, width * 2 // 3), Image.Resampling.LANCZOS)
            data = _jpeg(small, 55)
    except Exception:  # Pillow raises many kinds; a broken picture must not lose the report
        return None
    return Photo(f"data:image/jpeg;base64,{base64.b64encode(data).decode()}", small.width, small.height)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, optimize=True)
    return out.getvalue()


# --------------------------------------------------------------------------- files


def write_text(path: Path, text: str) -> None:
    """The file is whole or not there. Raises `InputError` if it cannot be written."""
    try:
        write_whole(path, text.encode("utf-8", "replace"))
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from None
