"""HTML pages from jinja2 templates: one file each, with style, script and security policy inside."""

import base64
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from vla_sim.report.text import number, plural

HERE = Path(__file__).parent
ILLEGAL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""What HTML or UTF-8 does not allow: control characters, halves of surrogate pairs, noncharacters."""


def environment(package: str) -> Environment:
    """Templates of `package`, which may extend those of this room. All text that they print is escaped unless
    it is `Markup`."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("vla_sim.report")]),
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined,
    )  # fmt: skip
    made.filters |= {"number": number, "plural": plural}
    return made


def render(templates: Environment, name: str, values: Mapping[str, Any]) -> str:
    """A whole HTML document from a template that extends `page.html.j2`. Its policy lets nothing in from
    outside and no script run but its own."""
    script = (HERE / "report.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = templates.get_template(name).render(
        style=Markup(_style()), script=Markup(script), script_digest=digest, **values
    )
    return ILLEGAL.sub("\ufffd", text)


def standalone(picture: Markup | None) -> bytes | None:
    """A drawing as an SVG file of its own; None of none."""
    if picture is None:
        return None
    head = '<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" '
    inside = str(picture).removeprefix("<svg ").replace(">", f"><style>{_style()}</style>", 1)
    return ILLEGAL.sub("\ufffd", head + inside).encode()


def _style() -> str:
    return (HERE / "report.css").read_text("utf-8")
