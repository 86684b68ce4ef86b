"""What a scenario added to its world, as a run's record keeps it: outlines from above, and where it went."""

from pathlib import Path

from vla_sim.contract.records import GroundTruth, Point
from vla_sim.scenario.format import Scenario
from vla_sim.scenario.record import AddedModel, Outline
from vla_sim.world import projection
from vla_sim.world.derived_world import model_name
from vla_sim.world.sdf import elements, reader
from vla_sim.world.solids import solids_of

BELOW, ABOVE = -100.0, 100.0  # heights [m] between which everything lies


def added_models(scenario: Scenario, world: Path, truths: list[GroundTruth]) -> list[AddedModel]:
    """world: the SDF file that was simulated. truths: of the run, from its first command on."""
    if not scenario.add:
        return []
    models = {model.name: model for model in reader.load_world(world).models}
    found = []
    for number, one in enumerate(scenario.add):
        name = model_name(one, number)
        if name in models:  # else the scenario took it away again
            found.append(AddedModel(
                name=one.name or one.model, x=one.x, y=one.y, mapped=one.mapped,
                outlines=_outlines(models[name]), walk=one.walk, track=_track(name, truths),
            ))  # fmt: skip
    return found


def _outlines(model: elements.Model) -> list[Outline]:
    shadows = (projection.shadow(s.shape, s.size, s.pose, BELOW, ABOVE) for s in solids_of(model))
    return [
        Outline(corners=[(round(float(x), 3), round(float(y), 3)) for x, y in shadow[0]], radius=shadow[1])
        for shadow in shadows if shadow is not None
    ]  # fmt: skip


def _track(name: str, truths: list[GroundTruth], interval: float = 1.0) -> list[Point]:
    """(stamp since the first truth, x, y), about one every `interval` seconds."""
    track: list[Point] = []
    for truth in truths:
        since = truth.stamp - truths[0].stamp
        if name in truth.movers and (not track or since - track[-1][0] >= interval - 1e-6):
            x, y = truth.movers[name][:2]
            track.append((round(since, 3), round(x, 3), round(y, 3)))
    return track
