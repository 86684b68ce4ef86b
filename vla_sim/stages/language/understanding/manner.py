"""How and with which hand something is to be done: "slowly", "quickly", "with your left hand"."""

from collections.abc import Sequence
from dataclasses import replace

from vla_sim.contract import phrases
from vla_sim.contract.records import Arm
from vla_sim.contract.vocabulary import PACES
from vla_sim.stages.language.understanding import clarifications as ask
from vla_sim.stages.language.understanding.reader import Clause, Reader, Said

PACED = ("navigate", "carry", "place", "move")
"""Skills that walk at a pace of one's choice."""


def with_manner(r: Reader, clauses: Sequence[tuple[int, Clause]]) -> list[Said] | ask.Problem:
    """All that was said, with the speeds and arms that were. clauses: where each begins.

    Words about the manner belong to the clause around them: before it up to its link, and after it up to the
    next one's.
    """
    out: list[Said] = []
    begin = 0
    for k, (start, clause) in enumerate(clauses):
        end = len(r.text)
        if k + 1 < len(clauses):
            after = range(clause.end, clauses[k + 1][0])
            end = next((i for i in after if r.direct(i, phrases.LINKS)), clauses[k + 1][0])
        said = _paced(r, clause, begin, start, end)
        if not isinstance(said, ask.Problem):
            said = _handed(r, said, begin, end)
        if isinstance(said, ask.Problem):
            return said
        out += said
        begin = end
    return out


def _paced(r: Reader, clause: Clause, begin: int, start: int, end: int) -> list[Said] | ask.Problem:
    if phrases.SLOWLY.within(r.text, begin, end):
        if not any(one.skill in PACED for one in clause.said):
            return ask.NO_SLOWNESS
        speed = PACES["slowly"]
    elif phrases.QUICKLY.within(r.text, begin, end) or r.direct(start, phrases.RUN):
        speed = PACES["quickly"]
    else:
        return list(clause.said)
    return [replace(one, speed=speed) if one.skill in PACED else one for one in clause.said]


def _handed(r: Reader, said: list[Said], begin: int, end: int) -> list[Said] | ask.Problem:
    tables: dict[Arm, phrases.Phrases] = {"left": phrases.LEFT_HAND, "right": phrases.RIGHT_HAND}
    hands = [arm for arm, table in tables.items() if table.within(r.text, begin, end)]
    if not hands:
        return said
    if len(hands) > 1:
        return ask.ONE_HAND
    if said and said[0].skill == "place" and said[0].object is not None:
        said = [Said("pick", said[0].object), *said]
    if not any(one.skill == "pick" for one in said):
        return ask.NO_HANDEDNESS
    return [replace(one, arm=hands[0]) if one.skill == "pick" else one for one in said]
