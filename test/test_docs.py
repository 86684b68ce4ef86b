"""The documentation names what there is: files, commands, parameters, topics; its tables are the code's."""

import importlib.util
import re
import shlex
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest

from vla_sim.bringup import node_table, parameters
from vla_sim.cli import main
from vla_sim.contract import topics
from vla_sim.monitor import alert_rule
from vla_sim.scenario import load
from vla_sim.stages.language.rule_planner import RulePlanner
from vla_sim.stages.policy import mapping
from vla_sim.world.semantic_map import World

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "examples/README.md")]
PAGES += sorted((ROOT / "docs").glob("*.md"))
TOP = {p.name for p in ROOT.iterdir()} - {"runs"}
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: f"{p.parent.name}/{p.stem}")


@cache
def generator():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def blocks(text, language=None):
    """Code blocks, fenced (of one language) or indented (those are for the shell)."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)
    if language is not None:
        return [block for name, block in fenced if name == language]
    bare = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    indented = re.findall(r"(?:^    (?![ -]).*\n)+", bare, re.M)
    return [block for name, block in fenced if name == "bash"] + indented


def spans(text):
    """What stands in `code` within prose and tables."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    return [one.replace("\\|", "|") for one in re.findall(r"`([^`\n]+)`", prose)]


def lines(text):
    """Every command that a page shows, as words."""
    shown = [line for block in blocks(text) for line in block.replace("\\\n", " ").splitlines()]
    shown += [one for one in spans(text) if re.match(r"(vla-sim|make) \w", one)]
    return [words for line in shown if (words := shlex.split(line, comments=True))]


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 80


@each_page
def test_what_is_generated_is_what_the_code_says(page):
    text = page.read_text()
    assert generator().render(text) == text, "run python docs/generate.py"


def test_the_page_of_errors_misses_none():
    made = generator().error_messages
    messages, elsewhere = made.found()
    assert {message.room for message in messages} <= set(made.WHERE)
    assert set(elsewhere) == {  # what passes on words of others, which stand where these are made
        "bringup/parameters.py: f'{flag}{word}: {error}'",
        "bringup/parameters.py: str(error)",
        "cli/body.py: str(error)",
        "cli/fault.py: answer",
        "common/errors.py: missing",
        "common/yaml_records.py: expected",
        "common/yaml_records.py: f'{name}:{line}:{column}: {problem}'",
        "common/yaml_records.py: f'{name}: {why}'",
        "common/yaml_records.py: message",
        "common/yaml_records.py: why",
        "common/yaml_records.py: ''",
        "recording/reader.py: MISSING",
        "robot/extrinsics.py: str(error)",
        "scenario/load.py: str(error)",
        "tool_server/server.py: str(problem)",
        "view/node.py: refused",
        "view/stop_line.py: answer.message or 'it was refused'",
        "view/stop_line.py: result.reason",
        "world/map_file.py: expected",
        "world/sdf/link_reader.py: str(error)",
        "world/sdf/reader.py: link.inertial.impossible",
        "world/sdf/reader.py: str(error).replace(f'{path}:', f'{path}:0:', 1)",
        "world/sdf/values.py: f'{self.where(element)}: {message}'",
    }, "a message without words of its own: say what was given and what is allowed"


def test_the_rights_of_the_nodes_are_what_the_code_says_and_give_each_topic_its_one_writer():
    made = generator()
    text = made.security_policy()
    assert made.POLICY.read_text() == text, "run python docs/generate.py"
    by = {}
    for enclave in ElementTree.fromstring(text.encode()).iter("enclave"):
        for topic in enclave.find("profiles/profile/topics[@publish]"):
            by.setdefault(topic.text, []).append(enclave.get("path"))
    owned = [topic for topic in topics.TOPICS if topic.writer]
    assert len(owned) == 10
    for topic in owned:
        assert by[topic.name] == [f"/vla_sim/{topic.writer}"]


@each_page
def test_every_command_of_ours_is_understood(page):
    parser = main._parser()
    commands = next(a.choices for a in parser._actions if a.dest == "==SUPPRESS==" and a.choices)
    made = set()  # by a command before
    for words in lines(page.read_text()):
        if Path(words[0]).name != "vla-sim" or "COMMAND" in words or "--version" in words:
            continue
        if len(words) == 2:  # a command that is named, not run
            assert words[1] in commands
            continue
        a = parser.parse_args(words[1:])
        for word in getattr(a, "param", []):
            parameters.of_word(word)
        for target in getattr(a, "targets", []) if a.call.__module__ == "vla_sim.cli.test" else []:
            assert target in made or load.find(target)
        made.add(getattr(a, "out", None))
        alert_rule.thresholds(getattr(a, "thresholds", ""))


@each_page
def test_every_target_of_make_exists(page):
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
    for words in lines(page.read_text()):
        if words[0] == "make":
            assert {word for word in words[1:] if "=" not in word} <= targets, words


@each_page
def test_every_file_and_module_exists(page):
    text = page.read_text()
    for name in spans(text) + [word for words in lines(text) for word in words]:
        if re.fullmatch(r"[\w.-]+(/[\w.-]+)*/?", name) and name.split("/")[0] in TOP:
            assert (ROOT / name).exists(), name
        elif re.fullmatch(r"vla_sim(\.\w+)+", name) and name != "vla_sim.checks":  # that is an entry point
            assert importlib.util.find_spec(name), name
    for link in re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", text):
        assert (page.parent / link).exists(), link


@each_page
def test_every_topic_exists(page):
    known = {t.name for t in topics.TOPICS}
    known |= {topics.ESTOP_SERVICE, topics.MONITOR_SERVICE, topics.RESET_SERVICE}
    for name in spans(page.read_text()):
        if re.fullmatch(r"/(vla|voice|perception|navigation|manipulation|safety|monitor|sim)(/\w+)+", name):
            assert name in known, name


@each_page
def test_every_example_of_a_file_is_valid(page, tmp_path):
    text = page.read_text()
    for block in blocks(text, "yaml"):
        file = tmp_path / "example.yaml"
        file.write_text(block)
        if "ros__parameters" in block:
            assert parameters.of_file(file)
        elif "observation:" in block:
            assert mapping.parse(block, file)
        elif block.startswith("version: 1"):
            assert load.load(file)
    for block in blocks(text, "xml"):
        file = tmp_path / "example.sdf"
        file.write_text(block)
        world = World.load(str(file))
        assert world.places
        assert world.surfaces
        assert world.objects
    for block in blocks(text, "python"):
        exec(compile(block, page.name, "exec"), {"__name__": "example"})


def test_every_room_and_node_is_described():
    text = (ROOT / "docs" / "architecture.md").read_text()
    rooms = {p.name for p in (ROOT / "vla_sim").iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert set(re.findall(r"^\| `vla_sim/(\w+)` \|", text, re.M)) == rooms
    nodes = {(spec.name, spec.module.replace(".", "/") + ".py") for spec in node_table.STACK}
    assert set(re.findall(r"^\| `(\w+)` \| `(vla_sim/[\w/]+\.py)`", text, re.M)) == nodes


def test_the_pictures_of_tour_and_live_view_are_made_by_a_script():
    spec = importlib.util.spec_from_file_location("make_pictures", ROOT / "docs" / "make_pictures.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    pages = [path for path, *_ in made.PAGES]
    for page, paths in (("tour", [made.FILM, made.RUN, made.WORLD]), ("view", pages)):
        shown = set(re.findall(r"\]\(images/([^)]+)\)", (ROOT / "docs" / f"{page}.md").read_text()))
        assert shown == {path.name for path in paths}


def test_the_version_has_an_entry_in_the_changelog():
    import vla_sim

    assert f"\n## {vla_sim.__version__}\n" in (ROOT / "CHANGELOG.md").read_text()


def test_each_sentence_of_the_skills_is_understood_as_that_skill():
    planner = RulePlanner(World.load("apartment"))
    for skill, sentences in generator().SENTENCES.items():
        for sentence in sentences:
            words = sentence.partition('"')[2].rstrip('"') or sentence
            found = planner.plan(words)
            if words != sentence:  # it needs something in the hand
                assert found.question
            else:
                assert skill in [step.skill for step in found.steps], sentence
