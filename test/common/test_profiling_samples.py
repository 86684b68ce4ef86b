import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.common.profiling.node_profile import SESSION, busy, merged, top
from vla_sim.scenario.report import profile_report

pyinstrument = pytest.importorskip("pyinstrument")
MAIN = "MainThread\x00<thread>\x00123"


def info(name, file="/x/site-packages/vla_sim/a.py", line=1, of=""):
    return f"{name}\x00{file}\x00{line}\x01l{line}" + (f"\x01c{of}" if of else "")


def test_waiting_is_left_out_and_what_works_has_its_name_and_place():
    records = [
        ([MAIN, info("spin"), info("tick")], 0.2),
        ([MAIN, info("spin"), info("tick"), info("plan", of="Planner")], 0.3),
        ([MAIN, info("spin"), "wait\x00<built-in>\x000\x01cpybind11_detail_function_record"], 4.0),
        ([MAIN, info("spin"), "acquire\x00<built-in>\x000\x01clock"], 1.0),
        ([MAIN, info("spin"), "sum\x00<built-in>\x000"], 0.1),
    ]
    rows = {row.function: row for row in top(busy(records), 10)}
    assert (rows["spin"].where, rows["spin"].cumulative) == ("vla_sim/a.py:1", pytest.approx(0.6))
    assert rows["tick"].own == pytest.approx(0.2)
    assert rows["sum"].where == "built-in"
    assert rows["Planner.plan"].cumulative == pytest.approx(0.3)


def test_a_function_that_calls_itself_counts_once():
    (row,) = top([([info("f"), info("f"), info("f")], 1.0)], 10)
    assert (row.cumulative, row.own) == (1.0, 1.0)


@given(st.lists(st.tuples(st.lists(st.sampled_from("abcd"), min_size=1, max_size=6), st.floats(0.0, 1.0))))
def test_no_time_is_lost_and_none_is_made_up(samples):
    records = merged([([info(name) for name in stack], seconds) for stack, seconds in samples])
    assert [stack for stack, _ in records] == sorted(stack for stack, _ in records)
    total = sum(seconds for _, seconds in samples)
    assert sum(seconds for _, seconds in records) == pytest.approx(total)
    rows = top(records, 100)
    assert sum(row.own for row in rows) == pytest.approx(total)
    assert all(row.own <= row.cumulative + 1e-9 for row in rows)


class Worker:
    def work(self):
        end = time.perf_counter() + 0.1
        while time.perf_counter() < end:
            sum(range(500))


def sampled():
    """In a thread, where no more frames of the test's runner are above the work than can be told apart."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_sampled).result()


def _sampled():
    profiler = pyinstrument.Profiler(interval=0.001, async_mode="disabled")
    profiler.start()
    Worker().work()
    time.sleep(0.05)
    return profiler.stop()


def test_a_run_leaves_a_report_and_a_broken_profile_hides_no_other(tmp_path):
    session = sampled()
    session.frame_records = merged(session.frame_records)
    (tmp_path / f"perception{SESSION}").write_text(json.dumps(session.to_json()))
    (tmp_path / f"broken{SESSION}").write_text('{"node": ')
    (tmp_path / "cut.pstats").write_bytes(b"abc")
    found = profile_report.write(tmp_path)
    assert list(found) == ["perception"]
    rows = {row.function: row for row in found["perception"]}
    assert rows["Worker.work"].cumulative == pytest.approx(0.1, abs=0.05)
    assert "sleep" not in rows
    page = (tmp_path / "perception.html").read_text()
    assert 'viewMode:"timeline"}' in page
    assert "default-src 'none'" in page
    assert '"name": "work"' in (tmp_path / "perception.speedscope.json").read_text()
    text = (tmp_path / "profile.md").read_text()
    assert "[flame graph](perception.html)" in text
    assert "perception: top 5 by cumulative time" in profile_report.summary(found)
    assert "<module>" not in profile_report.summary(found)
