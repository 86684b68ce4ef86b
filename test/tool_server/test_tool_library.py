"""A call becomes a command line that a person could have typed, and nothing else."""

import pytest

from vla_sim.cli import main
from vla_sim.common.errors import InputError
from vla_sim.tool_server import library
from vla_sim.tool_server.calls import RunCommand, RunScenario


def test_every_shipped_scenario_is_listed_with_its_checks():
    found = library.scenarios(library.scenario_files(None)).scenarios
    by_name = {one.name: one for one in found}
    assert len(found) > 30
    assert "as_commanded" in by_name["fetch_cup"].checks
    assert 'never below=0.6 object="red_cup"' in by_name["carry_through_door"].checks
    assert by_name["turn_left"].commands == ["Turn left 90 degrees"]


def test_the_worlds_are_listed_with_what_stands_in_them():
    by_name = {one.name: one for one in library.worlds().worlds}
    assert "kitchen" in by_name["apartment"].places
    assert "red cup" in by_name["apartment"].objects


def test_a_scenario_of_the_users_own_can_be_played_by_its_name(tmp_path):
    shipped = library.scenario_files(None)
    (tmp_path / "mine.yaml").write_text(shipped["turn_left"].read_text())
    files = library.scenario_files(tmp_path)
    assert library.play_words(RunScenario(scenario="mine"), files)[1] == str(tmp_path / "mine.yaml")


def test_the_words_are_understood_by_the_command_line():
    files = library.scenario_files(None)
    asked = RunScenario(
        scenario="turn_left", seed=7, engine="kinematic", parameters={"safety.max_forward": 0.4}
    )
    a = main._parser().parse_args(library.play_words(asked, files))
    assert (a.seed, a.engine, a.speed, a.param) == (7, "kinematic", "max", ["safety.max_forward=0.4"])
    assert a.record == "none"
    recorded = library.play_words(RunScenario(scenario="turn_left", record=True), files)
    assert main._parser().parse_args(recorded).record == "all"
    assert main._parser().parse_args(library.run_words(RunCommand(words="stop", record=True))).record


@pytest.mark.parametrize("words", ["go to the kitchen", "--out /etc", "-- --gui", "--help"])
def test_what_is_said_to_the_robot_cannot_be_a_flag(words):
    a = main._parser().parse_args(library.run_words(RunCommand(words=words, real_time=True)))
    assert (a.command, a.out, a.gui, a.speed, a.text) == (words, None, False, "1", True)


@pytest.mark.parametrize("name", ["../fetch_cup", "/etc/passwd", "fetch_cup.yaml", "."])
def test_a_scenario_is_named_and_not_a_path(name):
    with pytest.raises(InputError, match="no scenario is called"):
        library.play_words(RunScenario(scenario=name), library.scenario_files(None))


def test_a_world_is_named_and_not_a_path():
    with pytest.raises(InputError, match="no world '/etc/passwd': give one of apartment"):
        library.run_words(RunCommand(words="stop", world="/etc/passwd"))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("perception.detector", "os:system", "perception.detector is a text, which may name files"),
        ("language.base_url", "http://10.0.0.1/v1", "language.base_url is a text"),
        ("voice.whisper_model", "/etc", "voice.whisper_model is a text"),
        ("safety.max_forward", 99, "safety.max_forward=99: parameter max_forward is 99.0; it must be"),
        ("safety.max_forward", True, "must be a number"),
        ("safety.max_forwrd", 0.4, "safety has no parameter max_forwrd; did you mean max_forward"),
        ("safety", 0.4, "NODE.NAME is allowed"),
        ("nobody.rate", 1, "no node is called 'nobody'"),
    ],
)
def test_a_parameter_that_names_files_or_is_out_of_its_range_is_refused(name, value, words):
    with pytest.raises(InputError) as error:
        library.run_words(RunCommand(words="stop", parameters={name: value}))
    assert words in str(error.value)


def test_a_choice_and_a_switch_may_be_given():
    asked = RunCommand(words="stop", parameters={"voice.recogniser": "whisper", "engine.gui": False})
    assert "voice.recogniser=whisper" in library.run_words(asked)
    assert "engine.gui=false" in library.run_words(asked)
