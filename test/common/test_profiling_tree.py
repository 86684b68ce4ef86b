import re
import time
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.common.profiling.tree import Call, Sampled, fold, top
from vla_sim.report import flame
from vla_sim.scenario.report import profiles

MAIN = "MainThread\x00<thread>\x00123"


def info(name, file="/x/site-packages/vla_sim/a.py", line=1, of=""):
    return f"{name}\x00{file}\x00{line}\x01l{line}" + (f"\x01c{of}" if of else "")


def test_samples_become_a_tree_and_waiting_is_left_out():
    tree = Call("main", "")
    records = [
        ([MAIN, info("spin"), info("tick")], 0.2),
        ([MAIN, info("spin"), info("tick"), info("plan", of="Planner")], 0.3),
        ([MAIN, info("spin"), "wait\x00<built-in>\x000\x01cpybind11_detail_function_record"], 4.0),
        ([MAIN, info("spin"), "acquire\x00<built-in>\x000\x01clock"], 1.0),
        ([MAIN, info("spin"), "sum\x00<built-in>\x000"], 0.1),
    ]
    assert fold(records, tree) == pytest.approx(5.0)
    assert tree.seconds == pytest.approx(0.6)
    (spin,) = tree.calls
    assert (spin.function, spin.where, spin.seconds) == ("spin", "vla_sim/a.py:1", pytest.approx(0.6))
    tick, built_in = spin.calls
    assert tick.own == pytest.approx(0.2)
    assert (built_in.function, built_in.where) == ("sum", "built-in")
    assert tick.calls[0].function == "Planner.plan"


def test_a_function_that_calls_itself_counts_once():
    tree = Call("main", "")
    fold([([info("f"), info("f"), info("f")], 1.0)], tree)
    (row,) = top([tree], 10)
    assert row.cumulative == pytest.approx(1.0)
    assert row.own == pytest.approx(1.0)


@given(st.lists(st.tuples(st.lists(st.sampled_from("abcd"), max_size=6), st.floats(0.0, 1.0)), max_size=30))
def test_no_time_is_lost_and_none_is_made_up(samples):
    tree = Call("main", "")
    fold([([info(name) for name in stack], seconds) for stack, seconds in samples], tree)
    total = sum(seconds for _, seconds in samples)
    assert tree.seconds == pytest.approx(total)
    rows = top([tree], 100)
    assert sum(row.own for row in rows) + tree.own == pytest.approx(total)
    assert all(row.own <= row.cumulative + 1e-9 for row in rows)


def sampled(name="perception"):
    tree = Call("main", "")
    fold([([info("<module>"), info("tick"), info("detect <b>&\"'")], 0.5), ([info("tick")], 0.25)], tree)
    return Sampled(name, 10.0, 9.25, 0.005, [tree, Call("idle", "")])


def test_a_flame_graph_is_one_file_that_asks_nobody():
    page = flame.page(sampled())
    assert "http" not in page
    assert "@import" not in page
    assert not re.search(r'\b(src|href)="', page)
    svg = re.search(r"<svg.*?</svg>", page, re.DOTALL).group()
    drawn = ElementTree.fromstring(svg)
    widths = {g.findtext("title").split(" (")[0]: float(g.get("data-w")) for g in drawn.iter("g")}
    assert widths["main"] == pytest.approx(flame.WIDTH)
    assert widths["detect <b>&\"'"] == pytest.approx(flame.WIDTH * 0.5 / 0.75, rel=1e-3)
    assert "92 %" in page
    assert "thread idle" not in page


def test_a_run_leaves_a_report_and_a_broken_profile_hides_no_other(tmp_path):
    import msgspec

    (tmp_path / "perception.json").write_bytes(msgspec.json.encode(sampled()))
    (tmp_path / "broken.json").write_text('{"node": ')
    (tmp_path / "cut.pstats").write_bytes(b"abc")
    found = profiles.write(tmp_path)
    assert list(found) == ["perception"]
    assert (tmp_path / "perception.html").exists()
    text = (tmp_path / "profile.md").read_text()
    assert "[flame graph](perception.html)" in text
    assert "perception: top 5 by cumulative time" in profiles.summary(found)
    assert "<module>" not in profiles.summary(found)


def test_pyinstrument_gives_what_the_tree_reads():
    pyinstrument = pytest.importorskip("pyinstrument")

    class Worker:
        def work(self):
            end = time.perf_counter() + 0.1
            while time.perf_counter() < end:
                sum(range(500))

    profiler = pyinstrument.Profiler(interval=0.001, async_mode="disabled")
    profiler.start()
    Worker().work()
    time.sleep(0.05)
    tree = Call("main", "")
    waited = fold(profiler.stop().frame_records, tree)
    assert waited == pytest.approx(0.05, abs=0.04)
    names = {row.function: row.cumulative for row in top([tree], 50)}
    assert names["Worker.work"] == pytest.approx(0.1, abs=0.05)
