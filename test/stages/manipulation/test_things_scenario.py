"""Any thing on a table is found, grasped, lifted and carried by what the camera measures of it.

python test/stages/manipulation/test_things_scenario.py [THING ...]    # the table in docs/things.md
"""

import math
import sys
import tempfile
from pathlib import Path

import pytest
from table_things import NAMELESS, THINGS
from things_lockstep import Outcome, try_thing

from vla_sim.scenario.statistics import wilson

pytestmark = [pytest.mark.scenario, pytest.mark.variant]

SEEDS = range(5)
STAGES = ("found", "grasped", "lifted", "carried")
SURE = ("mug", "carton", "can")
"""Those that must not be lost."""


@pytest.mark.parametrize("name", THINGS)
def test_it_is_found_and_nothing_false_is_said_of_it(name, tmp_path):
    out = try_thing(name, 0, tmp_path)
    assert out.found, out
    assert not out.false_grasp, out
    assert not out.fallen, out
    assert out.carried or name not in SURE, out


def table(outcomes: list[Outcome]) -> str:
    """Rates with their 95 % intervals, in Markdown."""
    rows = [f"| thing | {' | '.join(STAGES)} | said falsely |", f"| --- | {'--- | ' * len(STAGES)}--- |"]
    names = list(dict.fromkeys(one.name for one in outcomes))
    for name in (*names, "all"):
        mine = [one for one in outcomes if name in ("all", one.name)]
        cells = []
        for stage in STAGES:
            good = sum(getattr(one, stage) for one in mine)
            low, high = wilson(good, len(mine))
            cells.append(f"{good} of {len(mine)} ({100 * low:.0f} to {100 * high:.0f} %)")
        label = f"{name} (no word for it)" if name in NAMELESS else name
        rows.append(
            f"| {label.replace('_', ' ')} | {' | '.join(cells)} | {sum(o.false_grasp for o in mine)} |"
        )
    return "\n".join(rows)


def main(names: list[str]) -> None:
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names or THINGS:
            for seed in SEEDS:
                out = try_thing(name, seed, Path(folder))
                outcomes.append(out)
                off = "" if math.isnan(out.off) else f"{100 * out.off:.1f} cm off"
                print(
                    out.name, out.seed, *(s for s in STAGES if getattr(out, s)), off, out.detail, flush=True
                )
    print(table(outcomes))


if __name__ == "__main__":
    main(sys.argv[1:])
