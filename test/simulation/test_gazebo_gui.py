"""Gazebo's window, with a stand-in for the gz command."""

from __future__ import annotations

import logging
import os

import pytest
from waiting import wait_for

from vla_sim.cli import main
from vla_sim.common.errors import InputError, MissingError
from vla_sim.simulation.gazebo.gui import GuiProcess
from vla_sim.simulation.registry import make_simulator


@pytest.fixture
def gz(tmp_path, monkeypatch):
    """gz(script): put a gz command with this shell script on PATH, and a display into the environment."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DISPLAY", ":0")

    def make(script):
        command = tmp_path / "gz"
        command.write_text(f"#!/bin/sh\n{script}\n")
        command.chmod(0o755)

    return make


def test_without_the_gz_command_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingError, match="gz command is not on PATH; install gz-harmonic"):
        GuiProcess()


def test_without_a_display_the_message_says_so(gz, monkeypatch):
    gz("exit 0")
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(MissingError, match=r"no display.*DISPLAY.*xvfb-run"):
        GuiProcess()


def test_a_window_that_cannot_start_is_an_error_with_its_last_words(gz):
    gz("echo 'built without its GUI'")
    window = GuiProcess()
    popen = window._popen
    wait_for(lambda: popen.poll() is not None)
    with pytest.raises(MissingError, match=r"exit code 0 \(built without its GUI\); install gz-gui8"):
        window.started()
    window.close()


def test_a_window_that_is_closed_later_is_said_once(gz, caplog):
    gz("exec sleep 100")
    window = GuiProcess()
    window.started()
    window.check()
    window._popen.kill()
    window._popen.wait()
    with caplog.at_level(logging.WARNING):
        window.check()
        window.check()
    assert [r.getMessage() for r in caplog.records] == [
        "gz sim -g ended with exit code -9; the run goes on without a window"
    ]
    window.close()


def test_it_is_ended_with_the_engine(gz):
    gz("exec sleep 100")
    window = GuiProcess()
    popen = window._popen
    window.close()
    assert popen.poll() is not None
    window.close()


def test_other_engines_have_no_window(capsys):
    with pytest.raises(InputError, match="engine kinematic has no window of its own; only gazebo has one"):
        make_simulator("kinematic", "tabletop", gui=True)
    assert main.main(["run", "--gui"]) == 2
    assert "only gazebo has one" in capsys.readouterr().err
