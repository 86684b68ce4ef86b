"""One node as a program of its own."""

import sys

import pytest

from vla_sim.bringup import run_node


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["safety", "--help"], "max_forward = "),
        (["-h"], "nodes: engine, "),
        (["--help", "nobody"], "nodes: engine, "),
    ],
)
def test_help_starts_nothing(monkeypatch, capsys, arguments, told):
    monkeypatch.setattr(sys, "argv", ["run_node", *arguments])
    assert run_node.main() == 0
    assert told in capsys.readouterr().out
