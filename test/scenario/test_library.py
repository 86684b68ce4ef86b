"""The shipped scenarios, in lock-step: the same on any machine, and faster than real time on most.

They are played as `vla-sim test` does it (see `conftest.Library`); what they leave is in the folder that a
failure names.
"""

import pytest

from vla_sim.common import process_priority
from vla_sim.scenario import load

pytestmark = [pytest.mark.scenario, pytest.mark.ros, pytest.mark.gl]
ALONE = "control keeps its deadlines beside others only where it may go before them: see README"
HOG = () if process_priority.allowed(-10) else pytest.mark.skip(reason=ALONE)


@pytest.mark.parametrize(
    "path", [pytest.param(p, id=p.stem, marks=HOG if p.stem == "cpu_hog" else ()) for p in load.shipped()]
)
def test_scenario(path, library):
    record = library.play(path).result()
    told = "\n".join(
        [*record.reasons, f"kept in {record.folder}", f"again: {record.again}", *record.log[-5:]]
    )
    assert record.passed, told
