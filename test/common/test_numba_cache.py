"""The cache of compiled kernels: fresh when it is used, and no failure when it cannot be."""

import importlib.util
import os
import sys
import tempfile
import types

import numpy as np
import pytest
from numba.core import config
from numba.core.caching import InTreeCacheLocator, UserWideCacheLocator, _CacheLocator

from vla_sim.common import numba_cache

pytestmark = pytest.mark.integration

CALLED = (
    "from vla_sim.common.numba_cache import kernel\n"
    "GAIN = {gain}\n@kernel\ndef grow(x):\n    return {grow} * x\n"
)
CALLER = (
    "from called import GAIN, grow\nfrom vla_sim.common.numba_cache import kernel\n"
    "@kernel\ndef run(x):\n    return GAIN + grow(x)\n"
)


@pytest.fixture(autouse=True)
def _told(monkeypatch, tmp_path):
    monkeypatch.setattr(numba_cache, "_told", set())
    monkeypatch.setattr(numba_cache, "_settled", False)
    monkeypatch.setattr(numba_cache, "_OF_FILE", {})
    monkeypatch.setattr(config, "CACHE_DIR", "")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in ("called", "caller"):
        sys.modules.pop(name, None)


def load(folder, gain=1.0, grow=2.0):
    """The kernel `run` of a process that has just started, with the sources as they are."""
    numba_cache._OF_FILE.clear()
    for name, text in (("called", CALLED.format(gain=gain, grow=grow)), ("caller", CALLER)):
        path = folder / f"{name}.py"
        path.write_text(text)
        spec = importlib.util.spec_from_file_location(name, path)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        exec(compile(text, path, "exec"), vars(sys.modules[name]))
    return sys.modules["caller"].run


def from_disk(kernel):
    return sum(kernel.stats.cache_hits.values()) > 0


def test_the_next_process_compiles_nothing(tmp_path):
    assert load(tmp_path)(3.0) == 7.0
    again = load(tmp_path)
    assert again(3.0) == 7.0
    assert from_disk(again)


@pytest.mark.parametrize(("change", "expected"), [({"grow": 5.0}, 16.0), ({"gain": 4.0}, 10.0)])
def test_a_change_in_another_file_is_seen(tmp_path, change, expected):
    assert load(tmp_path)(3.0) == 7.0
    changed = load(tmp_path, **change)
    assert changed(3.0) == expected
    assert not from_disk(changed)


def test_a_constant_read_through_a_module_of_ours_counts(monkeypatch):
    module = types.ModuleType("vla_sim.constants")
    vars(module)["GAIN"] = 2.0
    monkeypatch.setattr(sys.modules[__name__], "constants", module, raising=False)
    function = eval("lambda x: constants.GAIN * x", globals())
    assert ("GAIN", 2.0) in list(numba_cache._reads(function))


def test_what_a_kernel_does_not_read_may_change(tmp_path):
    load(tmp_path)(3.0)
    before = numba_cache.stamp(str(tmp_path / "caller.py"))
    (tmp_path / "called.txt").write_text("another file")
    load(tmp_path)
    assert numba_cache.stamp(str(tmp_path / "caller.py")) == before


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("content", [b"", b"\x80\x05nonsense"])
def test_a_file_that_was_cut_short_is_compiled_again(tmp_path, capsys, suffix, content):
    load(tmp_path)(3.0)
    files = list(tmp_path.rglob(f"caller*.{suffix}"))
    assert files
    for path in files:
        path.write_bytes(content)
    assert load(tmp_path)(3.0) == 7.0
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith("[WARN] the cache of compiled kernels cannot be read (")
    assert "NUMBA_CACHE_DIR" in said[0]
    mended = load(tmp_path)
    assert mended(3.0) == 7.0
    assert from_disk(mended)


def nowhere(tmp_path):
    """A path that nobody can make a folder of, not even root."""
    file = tmp_path / "file"
    file.touch()
    return str(file / "below")


def test_a_chosen_folder_that_cannot_be_written_is_told_and_another_is_taken(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(config, "CACHE_DIR", nowhere(tmp_path))
    assert load(tmp_path)(3.0) == 7.0
    assert list(tmp_path.glob("__pycache__/caller*.nbc"))
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "cannot be written: kernels go to" in said[0]


def read_only(monkeypatch, *locators):
    """Make what numba takes for a folder of these kinds one that cannot be written, also by root."""

    def ensure(self):
        if type(self) in locators:
            raise PermissionError("read-only")
        _CacheLocator.ensure_cache_path(self)

    for locator in locators:
        monkeypatch.setattr(locator, "ensure_cache_path", ensure)


def test_kernels_beside_a_source_that_cannot_be_written_are_read(tmp_path, monkeypatch, capsys):
    assert load(tmp_path)(3.0) == 7.0
    read_only(monkeypatch, InTreeCacheLocator)
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "chosen"))
    again = load(tmp_path)
    assert again(3.0) == 7.0
    assert from_disk(again)
    assert capsys.readouterr().err == ""
    assert again(np.float32(3.0)) == 7.0  # a new one goes where it may
    assert list((tmp_path / "chosen").rglob("caller*.nbc"))


def test_the_last_resort_is_a_temporary_folder_which_is_told(tmp_path, monkeypatch, capsys):
    read_only(monkeypatch, InTreeCacheLocator, UserWideCacheLocator)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    assert load(tmp_path)(3.0) == 7.0
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert str(tmp_path / "temporary") in said[0]
    assert "NUMBA_CACHE_DIR" in said[0]
    again = load(tmp_path)
    assert again(3.0) == 7.0
    assert from_disk(again)


def test_without_any_folder_kernels_work_and_one_line_says_so(tmp_path, monkeypatch, capsys):
    (tmp_path / "__pycache__").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", nowhere(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", nowhere(tmp_path))
    assert load(tmp_path)(3.0) == 7.0
    assert load(tmp_path)(np.float32(3.0)) == 7.0
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "[WARN] no folder for compiled kernels can be written: each start compiles anew; set "
        "NUMBA_CACHE_DIR to a folder that can be written"
    ]


def test_a_folder_that_is_lost_meanwhile_costs_the_cache_and_not_the_result(tmp_path, capsys):
    kernel = load(tmp_path)
    kernel(3.0)
    for path in (tmp_path / "__pycache__").iterdir():
        path.unlink()
    os.rmdir(tmp_path / "__pycache__")
    (tmp_path / "__pycache__").touch()
    assert kernel(3) == 7.0
    assert "cannot be" in capsys.readouterr().err


def test_a_kernel_that_comes_late_is_told_once(tmp_path, capsys):
    kernel = load(tmp_path)
    kernel(3.0)
    numba_cache.settled()
    kernel(4.0)
    assert capsys.readouterr().err == ""
    kernel(3)
    kernel(4)
    said = [line for line in capsys.readouterr().err.splitlines() if "caller.run" in line]
    assert len(said) == 1
    assert "was not warm: compiled in the middle of the work" in said[0]
