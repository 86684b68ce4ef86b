"""Inverse kinematics of an arm against mink alone."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vla_sim.bench.baselines.against import against, library
from vla_sim.bench.benchmark import Meter, Wrong
from vla_sim.common.geometry import quaternion_from_rotation
from vla_sim.robot.kinematics import LIMIT_MARGIN, WAIST, Kinematics

TARGETS = 60
"""Poses that are asked for."""


def reachable(chain: Any) -> list[Any]:
    """Tool poses (4, 4) of postures that the joint limits allow, 0.1 rad off them."""
    rng = np.random.default_rng(0)
    return [
        chain.forward(rng.uniform(chain.low + 0.1, chain.high - 0.1), np.zeros(3)) for _ in range(TARGETS)
    ]


def with_mink(chain: Any) -> Callable[[Any, Any], Any]:
    """(target, seeds) -> joints (7,) or None: mink alone, from one seed after the other, to 0.2 mm and 1 mrad
    as ours. It sees the chain as a MuJoCo model with the waist held still."""
    import mujoco

    library("daqp", "daqp")
    mink = library("mink", "mink")
    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    body = spec.worldbody
    for i, (origin, axis) in enumerate(zip(chain.origin, chain.axis, strict=True)):
        body = body.add_body(pos=origin[:3, 3], quat=quaternion_from_rotation(origin[:3, :3]))
        body.mass, body.inertia, body.explicitinertial = 1.0, [0.1, 0.1, 0.1], True
        if i >= WAIST:
            low, high = chain.low[i - WAIST] + LIMIT_MARGIN, chain.high[i - WAIST] - LIMIT_MARGIN
            body.add_joint(type=mujoco.mjtJoint.mjJNT_HINGE, axis=axis, range=[low, high], limited=True)
    quat = quaternion_from_rotation(chain.tool[:3, :3])
    body.add_site(name="tool", pos=chain.tool[:3, 3], quat=quat)
    model = spec.compile()
    task = mink.FrameTask("tool", "site", position_cost=1.0, orientation_cost=0.2, lm_damping=1e-3)
    limits = [mink.ConfigurationLimit(model)]
    configuration = mink.Configuration(model)

    def solve(target: Any, seeds: Any) -> Any:
        task.set_target(mink.SE3.from_matrix(target))
        for seed in seeds:
            configuration.update(np.clip(seed, chain.low + LIMIT_MARGIN, chain.high - LIMIT_MARGIN))
            for _ in range(80):
                error = task.compute_error(configuration)
                if np.linalg.norm(error[:3]) < 2e-4 and np.linalg.norm(error[3:]) < 1e-3:
                    return configuration.q.copy()
                step = mink.solve_ik(configuration, [task], 1.0, "daqp", damping=1e-6, limits=limits)
                configuration.integrate_inplace(step, 1.0)
        return None

    return solve


def inverse(meter: Meter) -> None:
    """A tool pose within reach, from the comfortable posture and then the spread seeds; targets that both
    reach."""
    chain = Kinematics.load().arm["right"]
    solve = with_mink(chain)
    seeds = np.vstack([chain.comfort, chain.seeds])
    waist = np.zeros(3)
    targets = [t for t in reachable(chain) if solve(t, seeds) is not None]
    if len(targets) < TARGETS // 2:
        raise Wrong(f"mink reached {len(targets)} of {TARGETS} targets: nothing to compare")

    def check(a: Any, b: Any) -> None:
        for target, q, other in zip(targets, a, b, strict=True):
            if q is None:
                raise Wrong("mink reached what the kernel did not")
            for joints in (q, other):
                off = np.linalg.norm((chain.forward(joints, waist) - target)[:3, 3])
                if off > 2.5e-4:
                    raise Wrong(f"a solution is {1e3 * off:.2f} mm off")

    against(
        meter, lambda: [chain.inverse(t, waist, chain.comfort) for t in targets],
        lambda: [solve(t, seeds) for t in targets], check,
    )  # fmt: skip


def reached(meter: Meter, mink: bool, seeds: str) -> None:
    """Share of the targets that are reached from one seed, or from all."""
    chain = Kinematics.load().arm["right"]
    start = chain.comfort[None] if seeds == "one" else np.vstack([chain.comfort, chain.seeds])
    waist, targets = np.zeros(3), reachable(chain)
    if mink:
        solve = with_mink(chain)
        found = [solve(t, start) for t in targets]
    elif seeds == "one":
        solved = (chain._solve(t, waist, start, chain.comfort) for t in targets)
        found = [q[0] if np.isfinite(cost[0]) else None for q, cost in solved]
    else:
        found = [chain.inverse(t, waist, chain.comfort) for t in targets]
    meter.add(100.0 * sum(q is not None for q in found) / len(targets))
