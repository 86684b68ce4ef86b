"""Parts of a sweep are put together only if they are that."""

from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from report_records import record

from vla_sim.cli import main
from vla_sim.common.errors import InputError
from vla_sim.scenario.sweep import shards
from vla_sim.scenario.sweep.shards import Shard, merge, sweep_of
from vla_sim.scenario.sweep.tasks import RECORDS, Task

TEXT = """
version: 1
proves: The robot goes to the kitchen.
script: [{do: type, words: Go to the kitchen, means: [{skill: navigate, place: kitchen}]}]
"""


@pytest.fixture
def part(tmp_path):
    """Leaves part `number` of three of a sweep over seven seeds as `vla-sim test` does."""

    def make(number, name=None, bad=(), text=TEXT, count=7, lose=0, **changes):
        folder = tmp_path / (name or f"part{number}")
        tasks = [Task("x.yaml", "walk", "mujoco", seed, 1, folder) for seed in range(count)]
        shard = Shard(number=number, of=3)
        sweep = sweep_of(tasks, {"walk": text}, changes.pop("stack", []), shard)
        msgspec.structs.replace(sweep, **changes).write(folder)
        with (folder / RECORDS).open("wb") as file:
            for task in shard.part(tasks)[lose:]:
                there = task.folder(1)
                there.mkdir(parents=True)
                one = record(
                    scenario="walk", engine="mujoco", seed=task.seed,
                    folder=f"/elsewhere/out/walk/{there.name}",
                    reasons=["fell"] if task.seed in bad else [],
                )  # fmt: skip
                file.write(msgspec.json.encode(one) + b"\n")
        return str(folder)

    return make


def test_three_parts_are_one_sweep_in_the_order_of_the_whole(part):
    sweep, records = merge([part(2), part(3), part(1, bad=(3,))])
    assert [r.seed for r in records] == list(range(7))
    assert [r.passed for r in records].count(False) == 1
    assert sweep.shard == Shard()
    assert records[1].folder.endswith("part2/walk/mujoco-seed001")  # where it lies now


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"text": TEXT + "timeout: 5"}, "the file of walk: one and another"),
        ({"code": "0123"}, "the code of vla_sim"),
        ({"versions": {"mujoco": "0.1"}}, "and none"),
        ({"stack": ["--model", "x"]}, "flags:  and --model x"),
        ({"count": 8}, "runs: one list and another"),
        ({"lose": 1}, "has not played 1 of 2: walk on mujoco, seed 2"),
    ],
)
def test_what_is_of_another_sweep_or_not_whole_is_refused(part, changes, said):
    with pytest.raises(InputError, match=said):
        merge([part(1), part(2), part(3, **changes)])


def test_seeds_that_overlap_and_parts_that_are_missing_are_refused(part):
    first = part(1)
    with pytest.raises(InputError, match="are both part 1 of 3: the same seeds"):
        merge([first, part(1, name="again"), part(2)])
    with pytest.raises(InputError, match="part 3 of 3 is missing"):
        merge([first, part(2, name="two")])


def test_the_command_gives_one_verdict_and_one_report(part, tmp_path, capsys):
    out = tmp_path / "merged"
    folders = [part(1), part(2), part(3, bad=(2,))]
    assert main.main(["merge", *folders, "--out", str(out), "--junit", str(tmp_path / "j.xml")]) == 1
    assert "walk: 6 of 7" in capsys.readouterr().out
    assert (out / "report.html").is_file()
    assert (tmp_path / "j.xml").is_file()
    assert len(shards.records(out)) == 7


def test_what_does_not_hold_over_all_runs_is_no_pass_anywhere(part, tmp_path, capsys):
    """Each run passed; the verdict, the page and the file for CI say the same of all together."""
    late = f"{TEXT}expect: [{{check: latency, at_most: 100, percentile: 95}}, {{check: no_fall}}]\n"
    out, xml = tmp_path / "merged", tmp_path / "j.xml"
    folders = [part(number, text=late) for number in (1, 2, 3)]
    assert main.main(["merge", *folders, "--out", str(out), "--junit", str(xml)]) == 1
    words = "total of command 1 within 100 ms, 95 % of runs"
    assert f"FAIL  {words}: 212.0 ms" in capsys.readouterr().out
    assert f"✗ Failed over all runs of walk on mujoco: {words}: 212.0 ms" in (out / "report.html").read_text()
    root = ElementTree.parse(xml).getroot()
    assert (root.get("tests"), root.get("failures")) == ("8", "1")
    (case,) = [one for one in root.iter("testcase") if one.find("failure") is not None]
    assert case.get("name") == words


def test_two_sweeps_are_compared_by_their_seeds(part, capsys):
    first = part(1)
    assert main.main(["compare", first, first]) == 0
    assert "passes as often (both 3" in capsys.readouterr().out
    assert main.main(["compare", first, part(2)]) == 2, "not a seed of one is in the other"
    assert "have no judged run in common" in capsys.readouterr().err
    with pytest.raises(InputError, match=r"holds no records\.jsonl"):
        shards.records("/nowhere")


@pytest.mark.parametrize("text", ["0/3", "4/3", "2", "a/b", "1/", "-1/2"])
def test_a_part_that_is_none_is_refused(text):
    with pytest.raises(InputError, match="as 2/5"):
        Shard.parse(text)


def test_parts_share_all_tasks_and_no_seed_twice():
    tasks = [Task("x.yaml", "walk", "mujoco", seed, 1, Path()) for seed in range(23)]
    parts = [Shard.parse(f"{k}/5").part(tasks) for k in range(1, 6)]
    assert sorted(one.seed for part in parts for one in part) == list(range(23))
