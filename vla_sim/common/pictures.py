"""Pictures as the bytes of a file."""

import io
from typing import Any

from numpy.typing import NDArray
from PIL import Image


def encoded(picture: Image.Image | NDArray[Any], kind: str, **how: Any) -> bytes:
    """picture: or its pixels, (height, width) or (height, width, 3). kind: "JPEG" or "PNG". how: as Pillow's
    `save` takes it."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()
