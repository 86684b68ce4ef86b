"""The page of latencies is made of runs, by a script."""

import importlib.util
import itertools
import sys
from pathlib import Path

import pytest

from vla_sim.common.errors import InputError
from vla_sim.scenario import load, variants
from vla_sim.scenario.sweep import shards

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "test" / "scenario"))
from report_records import command, record  # noqa: E402


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("make_latency", ROOT / "docs" / "make_latency.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_condition_has_two_hundred_commands_by_all_voices(script):
    scenario = load.load(script.COMMANDS).scenario
    assert len(scenario.script) * script.SEEDS * (1 + len(variants.VOICES)) >= 200


def test_the_page_has_the_percentiles_of_what_moved_by_ear_load_voice_and_stage(script, tmp_path):
    for ear, where in itertools.product(script.EARS, script.LOADS):
        times = itertools.count(100)
        records = [
            record(
                scenario=name, seed=seed,
                commands=[command(total_ms=float(next(times)), state="succeeded"), command(total_ms=None)],
            )
            for name in ("latency", "latency-voice_espeak_en-gb") for seed in range(10)
        ]  # fmt: skip
        shards.write_records(records, script.place(tmp_path, ear, where))
    text = "\n".join(script.page(script.read(tmp_path)))
    assert "| pocketsphinx | idle | 40 | 20 | 110 | 118 | 119 | 119 |" in text
    assert "| whisper | cores busy | espeak en-gb | 20 | 10 | 114 | 119 | 119 | 119 |" in text


def test_without_a_measurement_there_is_no_page(script, tmp_path):
    with pytest.raises(InputError, match="holds no measurement"):
        script.read(tmp_path)
