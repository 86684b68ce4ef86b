import subprocess
import sys
import textwrap

import pytest
from cachetools import LRUCache, TTLCache

from vla_sim.common import caches
from vla_sim.common.caches import AGAIN, MemoryOptimizer, clear_old_entries

pytestmark = pytest.mark.integration

LIMIT, CLEAR = 80.0, 76.0


@pytest.fixture
def used(monkeypatch):
    """What is used [%], as a test sets it."""
    now = {"share": 10.0}
    monkeypatch.setattr(caches, "usage", lambda limit=0.0: (now["share"], f"{now['share']:.0f} %"))
    return now


def registered():
    calls = []
    one = MemoryOptimizer(LIMIT, CLEAR)
    one.register("answers", lambda: calls.append(1) or "3 of 4 entries")
    one.register("nothing", lambda: "")
    return one, calls


def test_caches_are_emptied_at_the_limit_and_it_is_told_what_was_freed(used):
    one, calls = registered()
    assert one.optimize_memory_usage(0.0) == ""
    used["share"] = LIMIT
    freed = one.optimize_memory_usage(1.0)
    assert calls == [1]
    assert "nothing" not in freed
    assert f"{LIMIT:.0f} %: freed " in freed
    assert "answers: 3 of 4 entries" in freed


def test_it_is_done_once_until_it_was_over_or_goes_on_for_long(used):
    one, calls = registered()
    used["share"] = LIMIT + 1.0
    one.optimize_memory_usage(0.0)
    assert one.optimize_memory_usage(1.0) == ""
    used["share"] = (LIMIT + CLEAR) / 2.0  # between the two nothing changes
    assert one.optimize_memory_usage(2.0) == ""
    used["share"] = LIMIT + 1.0
    assert one.optimize_memory_usage(3.0) == ""
    assert one.optimize_memory_usage(AGAIN + 0.1)  # it has gone on for so long
    used["share"] = CLEAR - 1.0
    assert one.optimize_memory_usage(AGAIN + 1.0) == ""
    used["share"] = LIMIT + 1.0
    assert one.optimize_memory_usage(AGAIN + 2.0)  # it was over, and is short anew
    assert len(calls) == 3


def test_without_caches_nobody_looks(monkeypatch):
    monkeypatch.setattr(caches, "usage", lambda limit: pytest.fail("looked"))
    assert MemoryOptimizer(LIMIT, CLEAR).optimize_memory_usage(0.0) == ""


def test_a_full_cache_loses_the_quarter_that_was_used_longest_ago():
    cache = LRUCache(100)
    for k in range(81):
        cache[k] = k
    assert cache[0] == 0  # used just now
    assert clear_old_entries(cache) == "20 of 81 entries"
    assert 0 in cache
    assert 1 not in cache
    assert 80 in cache
    assert clear_old_entries(cache) == ""  # 61 of 100 is not full


def test_what_has_expired_goes_first_and_may_be_enough():
    now = [0.0]
    cache = TTLCache(10, 5.0, timer=lambda: now[0])
    for k in range(9):
        cache[k] = k
    now[0] = 6.0
    cache["new"] = 1
    assert clear_old_entries(cache) == ""
    assert list(cache) == ["new"]


def test_a_control_groups_limit_counts_without_the_page_cache(tmp_path):
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("900\n")
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 100\n")
    assert caches._group(tmp_path) == pytest.approx(80.0)
    (tmp_path / "memory.max").write_text("max\n")
    assert caches._group(tmp_path) is None
    assert caches._group(tmp_path / "nowhere") is None


def test_the_greatest_share_counts_and_names_its_reason():
    share, why = caches.usage(limit=caches.resident() / 0.97)
    assert share >= 90.0
    assert why.split(" % of ")[1].startswith(("this process's", "the machine's", "the control"))


PRESSED = textwrap.dedent("""
    import sys, time
    from cachetools import LRUCache
    from vla_sim.common.caches import MemoryOptimizer, resident, clear_old_entries
    MB = 1 << 20
    start = resident()
    limit = start + 100.0                       # relative to what it needs anyway
    caches, cache = MemoryOptimizer(80.0, 76.0, limit), LRUCache(40)
    caches.register("tensors", lambda: clear_old_entries(cache))
    freed, worst = [], 0.0
    for k in range(400):                        # 2 MB each: 800 MB in all, 80 at once
        cache[k] = bytearray(2 * MB)
        cache[k][::4096] = b"x" * (2 * MB // 4096)
        done = caches.optimize_memory_usage(70.0 * k)
        worst = max(worst, resident())
        if done:
            freed.append(done)
    most = max(float(f.split(" freed ")[1].split()[0]) for f in freed)
    print(len(freed), most, worst / limit, freed[0])
""")


def test_under_real_pressure_a_process_keeps_to_its_limit():
    """A child whose limit stands just above what it uses fills a cache far beyond it."""
    done = subprocess.run([sys.executable, "-c", PRESSED], capture_output=True, text=True, check=True)
    times, most, worst, *told = done.stdout.split(maxsplit=3)
    assert int(times) >= 3
    assert float(most) > 12.0  # MB, really given back
    assert float(worst) < 1.0
    assert "of this process's" in told[0]
    assert "tensors: " in told[0]
