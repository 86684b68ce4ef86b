"""How often a policy picks: the robot docks, looks, picks and holds, judged from the simulator's truth.

python examples/training/measure.py 50 --policy reference planner scripted     # on equal seeds
python examples/training/measure.py 20 --policy reference --ms 0 100 200 500   # against what an answer takes

Seeds are 0 and on, which no recording has.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT), str(ROOT / "test/stages/manipulation")]

from manipulation_lockstep import PLACES, Bench, pick_once  # noqa: E402
from policy_wire import Costs, Wired  # noqa: E402

from vla_sim.common import clock  # noqa: E402
from vla_sim.common.asking import Asking  # noqa: E402
from vla_sim.scenario.statistics import wilson  # noqa: E402
from vla_sim.stages.manipulation.policy_pick import PolicyPick  # noqa: E402
from vla_sim.stages.policy import mapping, server  # noqa: E402
from vla_sim.stages.policy.names import OWN, REFERENCE  # noqa: E402

PLANNER = "planner"


def picker(name: str, weights: Path | None) -> PolicyPick | None:
    """Who picks; None: our own planner."""
    if name == PLANNER:
        return None
    make = server.maker(name, weights)
    return PolicyPick(mapping.load(name), lambda: Asking(Wired(make()), None, 5.0), Bench.kinematics)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("seeds", type=int)
    parser.add_argument("--begin", type=int, default=0, help="first seed (default: 0)")
    parser.add_argument("--policy", nargs="+", choices=(*OWN, PLANNER), default=[REFERENCE])
    parser.add_argument("--weights", type=Path, help="ONNX file, in the shipped one's place")
    parser.add_argument("--ms", type=float, nargs="+", default=[0.0], help="that an answer takes")
    parser.add_argument("--thing", choices=sorted(PLACES), default="red_cup")
    a = parser.parse_args()
    for name in a.policy:
        policy = picker(name, a.weights)
        for ms in a.ms if policy is not None else [0.0]:
            good = 0
            for n, seed in enumerate(range(a.begin, a.begin + a.seeds), 1):
                clock.use(Costs(1e-3 * ms))
                report = pick_once(a.thing, seed, policy=policy)
                clock.use(None)
                good += report.ok
                low, high = wilson(good, n)
                why = "picked" if report.ok else f"not picked: {report.detail or 'dropped'}"
                rate = f"{good} of {n}, {100 * low:.0f} to {100 * high:.0f} % at 95 %"
                print(f"{name}, {ms:g} ms, seed {seed}: {why}; {rate}", flush=True)


if __name__ == "__main__":
    main()
