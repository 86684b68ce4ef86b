"""Latency budgets of the stages, and what their work is charged in lock-step."""

from dataclasses import dataclass

from vla_sim.common.params import named_numbers


@dataclass(frozen=True)
class Budget:
    """Milliseconds: `limit` is what the performance chapter allows, `goal` what this project aims at."""

    limit: float
    goal: float


BUDGETS: dict[str, Budget] = {
    "voice": Budget(300.0, 150.0),  # last voiced sample to transcript
    "intent": Budget(200.0, 10.0),
    "planning": Budget(1000.0, 10.0),
    "perception": Budget(300.0, 50.0),  # image taken to objects published
    "safety": Budget(100.0, 10.0),  # plan received to verdict
    "control": Budget(100.0, 50.0),  # verdict to the first velocity or trajectory sent
}
TOTAL_BUDGET = Budget(2000.0, 1000.0)  # last voiced sample to first motion

COSTS: dict[str, float] = {
    "voice": 0.060, "intent": 0.002, "planning": 0.005, "llm": 0.5, "perception": 0.040, "safety": 0.002,
    "arm_gate": 0.001, "navigation": 0.010, "manipulation": 0.150, "policy": 0.1, "hearing": 0.350,
    "detector": 0.3,
}  # fmt: skip
"""Seconds that a stage's work is charged in lock-step where nothing else is said: rounded up from what
these stages take on two cores. llm: one answer of the model's server: 0.19 to 0.42 s of one
core with the local model, its prompt read. policy: a chunk of actions of a large
model on a fast GPU, a round figure. hearing: a sentence by the free recogniser, tiny.en on two cores.
detector: an image by an open-vocabulary detector on a server, a round figure too."""


def costs_of(text: str) -> dict[str, float]:
    """Seconds by name of work, of "voice=80 planning=1200" [ms]. Raises `InputError`."""
    return {name: 1e-3 * ms for name, ms in named_numbers(text, COSTS, "cost").items()}
