"""All kinds of command that one clause can hold, and the best reading of a clause.

A clause that is understood in part (a verb without its object, a place that does not exist) carries a
problem: the question to ask back.
"""

from __future__ import annotations

from collections.abc import Callable

from vla_sim.stages.language.understanding import command_phrases as p
from vla_sim.stages.language.understanding.clarifications import missing
from vla_sim.stages.language.understanding.clause import Clause, Said
from vla_sim.stages.language.understanding.motion_clauses import go, move, stop, turn, wait
from vla_sim.stages.language.understanding.object_clauses import approach, bring, find, pick, put
from vla_sim.stages.language.understanding.reader import Reader


def say(r: Reader, i: int) -> Clause | None:
    verb = r.direct(i, p.SAY)
    if verb is None:
        return None
    end = verb
    while end < len(r.text) and r.text[end] not in ("then", "and") and r.text[end] not in ",.;!?":
        end += 1
    if end == verb:
        return Clause(end, problem=missing("What shall I say?"))
    return Clause(end, (Said("say", text=" ".join(r.text[verb:end]).capitalize() + "."),))


READERS: tuple[Callable[[Reader, int], Clause | None], ...] = (
    stop, wait, move, turn, go, put, bring, pick, find, approach, say,
)  # fmt: skip


def best_clause(readers: tuple[Reader, ...], i: int) -> Clause | None:
    """The best reading of what begins at i by all kinds of command."""
    found = [
        clause for reader in reversed(readers) for read in READERS if (clause := read(reader, i)) is not None
    ]
    return max(found, key=lambda clause: clause.rank, default=None)
