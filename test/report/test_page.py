"""A page is one file that escapes by itself and needs nothing from outside."""

from jinja2 import ChoiceLoader, DictLoader

from vla_sim.report import page
from vla_sim.report.curves import Panel, stacked


def rendered(body, **values):
    templates = page.environment("vla_sim.report")
    own = f'{{% extends "page.html.j2" %}}{{% block body %}}{body}{{% endblock %}}'
    templates.loader = ChoiceLoader([templates.loader, DictLoader({"own": own})])
    return page.render(templates, "own", {"title": "T", **values})


def test_what_is_printed_is_text_and_has_no_control_characters():
    text = rendered("<p>{{ words }}</p>", words="<b>\x1b[31m\ud800\n")
    assert "<p>&lt;b&gt;\ufffd[31m\ufffd\n</p>" in text
    text.encode()


def test_the_policy_allows_the_pages_own_script_alone():
    text = rendered("")
    assert text.count("<script>") == 1
    assert "default-src 'none'" in text
    assert "script-src 'sha256-" in text


def test_a_drawing_can_stand_alone():
    drawn = page.standalone(stacked([Panel("cpu [%]", [(0.0, 1.0), (1.0, 2.0)], limit=1.5)]))
    assert drawn.startswith(b'<svg xmlns="http://www.w3.org/2000/svg"')
    assert b"<style>" in drawn
    assert b"limit 1.5" in drawn
    assert page.standalone(stacked([])) is None
