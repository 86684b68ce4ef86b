"""No text steers the terminal that it is shown on."""

import io

from hypothesis import example, given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from vla_sim.report.console import Console


def shown(renderable):
    out = io.StringIO()
    console = Console(file=out, width=10_000, color_system=None, force_terminal=True)
    console.print(renderable, soft_wrap=True)
    return out.getvalue()


@given(st.text())
@example("\x1b[2J\x1b]0;title\x07 gone")
@example("\x9b31m red")
@example("cup \u202edetsop")
@example("[bold]loud[/] :smile: [/]")
def test_no_text_is_more_than_text(text):
    table = Table(text)
    table.add_row(text)
    for one in (text, Text(text), Text("then ") + Text(text, style="red"), table):
        assert all(c.isprintable() or c == "\n" for c in shown(one))


def test_words_stay_as_they_are():
    assert (
        shown("[/] Müller's [robot] = 50% #1 :smile:\n日本")
        == "[/] Müller's [robot] = 50% #1 :smile:\n日本\n"
    )
