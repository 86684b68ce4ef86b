"""Pictures of a run, scaled down and embedded into a page."""

import base64
import io
from pathlib import Path
from typing import NamedTuple

from PIL import Image


class Photo(NamedTuple):
    """A JPEG as a data URI, width and height [px]."""

    uri: str
    width: int
    height: int


def photo(folder: str, file: str, width: int = 480, most: int = 30_000) -> Photo | None:
    """A picture of a run, at most `width` pixels wide and of about `most` bytes; None if there is none.

    Only files in the run's folder are read: a record may come from another machine.
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
