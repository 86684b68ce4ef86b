"""Assets are found in the checkout, in a colcon share and in a pip share."""

from __future__ import annotations

import site
import sys
from pathlib import Path

import pytest

from vla_sim.common import assets
from vla_sim.common.errors import InputError, MissingError


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package's file as if pip had put it into site-packages, away from any checkout."""
    package = tmp_path / "site-packages" / "vla_sim"
    package.mkdir(parents=True)
    monkeypatch.setattr(assets, "__file__", str(package / "common" / "assets.py"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))
    monkeypatch.setattr(site, "getuserbase", lambda: str(tmp_path / "user"))
    monkeypatch.delenv("AMENT_PREFIX_PATH", raising=False)
    return tmp_path


def share(prefix: Path) -> Path:
    folder = prefix / "share" / "vla_sim" / "worlds"
    folder.mkdir(parents=True)
    return folder


def test_checkout_is_found_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    share(tmp_path)
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    assert assets.share_folder("worlds") == Path(__file__).resolve().parents[2] / "worlds"


def test_pip_share_is_found(installed: Path) -> None:
    assert share(installed / "prefix") == assets.share_folder("worlds")


def test_pip_user_share_is_found(installed: Path) -> None:
    assert share(installed / "user") == assets.share_folder("worlds")


def test_ament_share_comes_before_the_pip_share(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    share(installed / "prefix")
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"{installed / 'empty'}:{installed / 'colcon'}")
    assert share(installed / "colcon") == assets.share_folder("worlds")


def test_nothing_installed_says_where_it_looked(installed: Path) -> None:
    with pytest.raises(MissingError, match=r"the worlds of vla_sim are not installed.*prefix.*pip install"):
        assets.share_folder("worlds")


def test_unknown_world_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"no world 'castle'.*apartment.*path of an SDF file"):
        assets.find_world("castle")


def test_world_is_found_by_name_and_by_path(tmp_path: Path) -> None:
    mine = tmp_path / "mine.sdf"
    mine.write_text("<sdf/>")
    assert assets.find_world("apartment") == assets.share_folder("worlds") / "apartment.sdf"
    assert assets.find_world(str(mine)) == mine
