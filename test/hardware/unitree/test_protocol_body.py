"""A G1 behind its protocol is a body as any other: all that `vla-sim check-body` checks, in lock-step."""

import pytest
from installed import needs

needs("cyclonedds", "CycloneDDS is not installed")
from protocol_rig import RigBody  # noqa: E402

from vla_sim.simulation.conformance.bench import BodyBench  # noqa: E402
from vla_sim.simulation.conformance.body_checks import check_body, until_it_obeys  # noqa: E402
from vla_sim.stages.control.policy import standing_policy  # noqa: E402

pytestmark = [pytest.mark.integration, pytest.mark.scenario, pytest.mark.variant]


def test_a_g1_behind_its_protocol_is_a_body():
    body = RigBody()
    bench = BodyBench(body, standing_policy(), clock=lambda: body.rig.body.time)
    body.arm()
    until_it_obeys(bench)
    outcomes = check_body(bench, True, lambda one: print(f"{one.name}: {one.passed}: {one.figure}"))
    assert [one for one in outcomes if not one.passed or one.skipped] == []
