"""What a killed participant left in shared memory is given back, and nothing else is touched."""

import fcntl

from vla_sim.bringup import shared_memory


def segment(folder, name):
    (folder / name).write_bytes(b"images")
    (folder / f"{name}_el").touch()


def test_only_what_nobody_holds_is_given_back(tmp_path):
    for name in ("fastrtps_0123", "fastrtps_4567", "fastrtps_port7411", "mine"):
        segment(tmp_path, name)
    with (tmp_path / "fastrtps_4567_el").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert shared_memory.free(tmp_path) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "fastrtps_4567", "fastrtps_4567_el", "fastrtps_port7411", "fastrtps_port7411_el", "mine", "mine_el",
    ]  # fmt: skip


def test_a_machine_without_such_a_folder_is_none_to_clean(tmp_path):
    assert shared_memory.free(tmp_path / "none") == 0
