"""Every parameter of every node from the command line, a file, a launch argument and at run time."""

import argparse
import os
import signal
import subprocess
import sys
import threading
from dataclasses import MISSING

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from waiting import wait_for

from vla_sim.bringup import launch_descriptions, node_table, parameters
from vla_sim.bringup.node_table import OPTIONS, STACK, StackOptions
from vla_sim.cli import common, main
from vla_sim.common.errors import InputError
from vla_sim.common.params import named

AWKWARD = ("runs/a #2", "007", "a: b", "true", "1.5", "", 'Müller\'s [robot] = 50% \\ "x"\n', "~", "- a")
"""Texts that YAML or a shell would take for something else."""
ALL = [(spec.name, name) for spec in STACK for name in named(spec.params)]


WORDS = {
    "thresholds": "system.cpu=91",
    "costs": "voice=81",
    "base_url": "http://127.0.0.1:9/v1",
    "policy": "scripted",
}
"""Of texts that must be of a form."""


def other(field):
    """An allowed value of a parameter that is not its default."""
    about, default = field.metadata, field.default
    if about["choices"]:
        return next(choice for choice in about["choices"] if choice != default)
    if isinstance(default, bool):
        return not default
    if isinstance(default, str):
        return WORDS.get(field.name, "runs/a #2")
    return next(v for v in (about["high"], about["low"], default + 1) if v not in (None, default))


def held(options, node, name):
    """What the node is started with."""
    spec = parameters.NODES[node]
    return node_table.parameters(spec, options).get(name, MISSING)


@pytest.mark.parametrize(("node", "name"), ALL)
def test_it_is_set_from_the_command_line_a_file_and_a_launch_argument(node, name, tmp_path):
    value = other(named(parameters.NODES[node].params)[name])
    text = str(value).lower() if isinstance(value, bool) else str(value)
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump({node: {"ros__parameters": {name: value}}}))
    parser = argparse.ArgumentParser()
    common.add_flags(parser, *common.STACK, *common.MONITOR, "engine", "speed", speed={"default": "1"})
    window = ["--engine", "gazebo"] if name == "gui" else []
    if name == "recogniser":  # the other one needs its model
        (tmp_path / "model.bin").touch()
        window = ["--whisper-model", str(tmp_path)]
    options = common.stack_options(parser.parse_args(["--param", f"{node}.{name}={text}", *window]))
    assert held(options, node, name) == value
    arguments = parser.parse_args(["--params", str(file), *window])
    assert held(common.stack_options(arguments), node, name) == value
    # What a record says of the run holds when the file is gone.
    again = parser.parse_args([*common.given(arguments, *common.STACK), *window])
    assert not again.params
    assert held(common.stack_options(again), node, name) == value
    # A launch file has an argument for each option, and `params_file` for the rest.
    launched = launch_descriptions.options_of({name: text}) if name in OPTIONS else StackOptions()
    assert held(parameters.applied(launched, [str(file)]), node, name) == value


@pytest.mark.ros
@pytest.mark.parametrize("spec", STACK, ids=lambda spec: spec.name)
def test_at_run_time_it_takes_effect_or_is_refused_with_the_reason(spec, ros_domain):
    rclpy = pytest.importorskip("rclpy")
    from rclpy.parameter import Parameter

    from vla_sim.ros.stage_node import StageNode

    rclpy.init(args=[], domain_id=ros_domain)
    node = StageNode(spec.name, spec.params)
    try:
        for name, field in named(spec.params).items():
            result = node.set_parameters([Parameter(name, value=other(field))])[0]
            if field.metadata["live"]:
                assert result.successful, (name, result.reason)
                assert getattr(node.params, name) == other(field)
            else:
                assert f"{name} is read when the node starts" in result.reason
                assert getattr(node.params, name) == field.default
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


@pytest.mark.ros
@pytest.mark.integration
def test_a_node_alone_is_asked_and_told_while_it_runs(ros_domain, capsys):
    line = [sys.executable, "-m", "vla_sim.bringup.run_node", "safety", "--ros-args", "-p", "max_turn:=0.3"]
    domain = ("--domain", str(ros_domain))
    with subprocess.Popen(line, env={**os.environ, "ROS_DOMAIN_ID": str(ros_domain)}) as node:
        try:
            wait_for(lambda: main.main(["param", *domain, "safety.max_turn"]) == 0, 120.0)
            assert "safety.max_turn=0.3\n" in capsys.readouterr().out

            assert main.main(["param", *domain, "safety.max_forward=0.4", "safety.max_turn"]) == 0
            assert capsys.readouterr().out == "safety.max_forward=0.4\nsafety.max_turn=0.3\n"

            assert main.main(["param", *domain, "safety.rate=60"]) == 2
            assert "error: safety refuses: rate is read when the node starts" in capsys.readouterr().err
        finally:
            node.send_signal(signal.SIGINT)
    assert node.returncode == 0
    assert main.main(["param", *domain, "safety.max_forward"]) == 5
    assert "no node safety is in ROS domain" in capsys.readouterr().err


@pytest.mark.ros
def test_a_lost_answer_is_asked_for_again(ros_domain, monkeypatch):
    """A busy middleware may know of a client's requests before it knows of the reader of its answers."""
    rclpy = pytest.importorskip("rclpy")
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.node import Node
    from rclpy.service import Service

    from vla_sim.bringup.parameter_client import ParameterClient

    answers, send = [], Service.send_response

    def lost_first(service, *answer):
        answers.append(service.srv_name)
        if len(answers) > 1:
            send(service, *answer)

    monkeypatch.setattr(Service, "send_response", lost_first)
    context = rclpy.Context()
    context.init(domain_id=ros_domain)
    node = Node("deaf", context=context)
    node.declare_parameter("rate", 20)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin)
    thread.start()
    try:
        with ParameterClient(ros_domain) as client:
            assert client.get("deaf", "rate") == 20
            assert len(answers) == 2
            client.set("deaf", "rate", 30)
            assert client.get("deaf", "rate") == 30
    finally:
        executor.shutdown()
        thread.join()
        node.destroy_node()
        context.try_shutdown()


@pytest.mark.ros
def test_texts_arrive_as_they_are(ros_domain):
    rclpy = pytest.importorskip("rclpy")
    from vla_sim.ros.stage_node import StageNode

    spec = parameters.NODES["voice"]
    for text in AWKWARD:
        line = node_table.arguments(spec, StackOptions(overrides={"voice": {"speech_folder": text}}))
        rclpy.init(args=line, domain_id=ros_domain)
        node = StageNode("voice", spec.params)
        try:
            assert vars(node.params)["speech_folder"] == text
        finally:
            node.destroy_node()
            rclpy.try_shutdown()


@pytest.mark.ros
@pytest.mark.parametrize(("argument", "told"), [
    ("raet:=20.0", "navigation has no parameter raet; did you mean rate?"),
    ("world:=007", r"world is 7; it must be a text \(in quotes\)"),
])  # fmt: skip
def test_a_node_refuses_what_it_has_not(argument, told, ros_domain):
    rclpy = pytest.importorskip("rclpy")
    from vla_sim.ros.stage_node import StageNode

    rclpy.init(args=["--ros-args", "-p", argument], domain_id=ros_domain)
    try:
        with pytest.raises(InputError, match=told):
            StageNode("navigation", parameters.NODES["navigation"].params)
    finally:
        rclpy.try_shutdown()


def test_words_go_before_files_and_an_option_counts_for_the_whole_run(tmp_path):
    file = tmp_path / "p.yaml"
    file.write_text("perception: {ros__parameters: {rate: 4, world: flat}}\n")
    options = parameters.applied(StackOptions(), [str(file)], ["perception.rate=5", "engine.seed=3"])
    assert options.overrides == {"perception": {"rate": 5.0}}
    assert (options.world, options.seed) == ("flat", 3)


def test_a_wildcard_means_the_nodes_that_have_it(tmp_path):
    file = tmp_path / "p.yaml"
    file.write_text("/**:\n  ros__parameters: {rate: 20}\n/robot/voice:\n  ros__parameters: {play: true}\n")
    overrides = parameters.applied(StackOptions(), [str(file)]).overrides
    having = {node for node, name in ALL if name == "rate"}
    assert overrides == {**{node: {"rate": 20} for node in having}, "voice": {"play": True}}


@pytest.mark.parametrize(("word", "told"), [
    ("perception.raet=5", "--param perception.raet=5: perception has no parameter raet; did you mean rate?"),
    ("perceptoin.rate=5", "no node is called 'perceptoin'; did you mean perception?"),
    ("perception.rate=fast", "rate is 'fast'; it must be a number from 0.5 to 60"),
    ("perception.rate=nan", "rate is nan; it must be a number from 0.5 to 60"),
    ("language.planner=best", "planner is 'best'; it must be one of rules, llm, auto"),
    ("rate=5", "NODE.NAME=VALUE is allowed"),
    ("perception.rate", "NODE.NAME=VALUE is allowed"),
])  # fmt: skip
def test_a_wrong_word_is_told_with_what_is_allowed(word, told):
    with pytest.raises(InputError) as error:
        parameters.applied(StackOptions(), words=[word])
    assert told in str(error.value)


@pytest.mark.parametrize(("text", "told"), [
    ("a: [", "p.yaml:1:5: not YAML"),
    ("- a", "p.yaml:1:1: a mapping of names of nodes belongs here"),
    ("perception: {rate: 5}", "p.yaml:1:13: perception: ros__parameters alone is allowed; got rate"),
    ("perception:\n  ros__parameters: {raet: 5}", "p.yaml:2:21: perception has no parameter raet; did you"),
    ("ear:\n  ros__parameters: {rate: 5}", "p.yaml:1:1: no node is called 'ear'"),
    ("/**:\n  ros__parameters: {ratte: 5}", "p.yaml:2:21: no node has a parameter ratte; did you mean rate?"),
    ("voice:\n  ros__parameters: {whisper_model: 007}", "whisper_model is 7; it must be a text (in quotes)"),
])  # fmt: skip
def test_a_wrong_file_is_told_with_the_place(text, told, tmp_path):
    file = tmp_path / "p.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as error:
        parameters.applied(StackOptions(), [str(file)])
    assert told in str(error.value)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml: cannot be read: No such file"):
        parameters.of_file(tmp_path / "none.yaml")


@given(st.text())
def test_any_word_is_taken_or_refused(word):
    try:
        parameters.of_word(word)
    except InputError:
        return
    raise AssertionError(f"{word!r} names no parameter")


ANY = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.dictionaries(st.text(), inner)
)


@settings(max_examples=20)
@given(data=st.dictionaries(st.text(), ANY))
def test_any_file_is_taken_or_refused(data, tmp_path_factory):
    file = tmp_path_factory.mktemp("any") / "p.yaml"
    file.write_text(yaml.safe_dump(data, allow_unicode=True))
    try:
        assert parameters.of_file(file) == []
    except InputError:
        return
