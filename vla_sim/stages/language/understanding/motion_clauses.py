"""Commands without an object: go, move, turn, wait, stop, say. Each function reads one kind of command at a
position and returns the clause, or None if there is none."""

import math

from vla_sim.stages.language.understanding import command_phrases as p
from vla_sim.stages.language.understanding.clarifications import missing, unknown_place
from vla_sim.stages.language.understanding.clause import USER, Clause, Said, checked, with_object
from vla_sim.stages.language.understanding.reader import PlaceRef, Reader

QUARTER = math.pi / 2


def stop(r: Reader, i: int) -> Clause | None:
    end = r.direct(i, p.STOP)
    return None if end is None else Clause(end, (Said("stop"),))


def go(r: Reader, i: int) -> Clause | None:
    come = r.direct(i, p.COME)
    verb = r.direct(i, p.GO)
    enter = r.direct(i, p.ENTER)
    found: list[Clause] = []
    if come is not None and (here := r.at(come, p.HERE)) is not None:
        found.append(Clause(here, (Said("navigate", place=USER),)))
    if verb is not None and (there := r.at(verb, p.THERE)) is not None:
        found.append(Clause(there, (Said("navigate", place=PlaceRef(there, word="there")),)))
    to = r.at(verb, p.TO) if verb is not None else None
    for start, sure in ((to, True), (verb, False), (enter, True)):
        if start is None:
            continue
        if (place := r.place(start)) is not None:
            found.append(checked(r, Clause(place.end, (Said("navigate", place=place),))))
        if sure and (thing := r.object(start)) is not None:
            found.append(with_object(r, thing, "approach"))
        if sure and not found and (words := r.unknown(start)) is not None:
            found.append(Clause(words[1], problem=unknown_place(words[0], r.lexicon)))
    if not found and verb is not None:
        found.append(Clause(to or verb, problem=missing("Where shall I go?")))
    return max(found, key=lambda clause: clause.rank, default=None)


def move(r: Reader, i: int) -> Clause | None:
    end = r.direct(i, p.STEP)
    verbless = end == i
    if end is None:
        return None
    ahead = aside = 0.0
    if (reverse := r.direct(i, p.BACK_UP)) is not None:
        ahead, end = -1.0, reverse
    amount: float | None = None
    while True:
        start = r.at(end, p.BY) or end
        found = r.quantity(start) if amount is None else None
        if found is not None and found.dimension == "length":
            amount, end = found.value, found.end
            continue
        if not ahead and not aside:
            way = _way(r, end)
            if way is not None:
                ahead, aside, end = way
                continue
        break
    if amount is None:
        bare = r.number(r.at(end, p.BY) or end)
        if verbless or not (ahead or aside or bare):
            return None
        if bare is not None:
            said = f"{bare[0]:g}"
            return Clause(bare[1], problem=missing(f'{said} what? Say for example "{said} meters".'))
        return Clause(end, problem=missing('How far? Say for example "1 meter".'))
    if verbless and not (ahead or aside):
        return None
    ahead = ahead if ahead or aside else 1.0
    distance, lateral = amount * ahead or None, amount * aside or None
    if distance is lateral is None:
        distance = 0.0
    return Clause(end, (Said("move", distance=distance, lateral=lateral),))


def _way(r: Reader, i: int) -> tuple[float, float, int] | None:
    for table, ahead, aside in (
        (p.FORWARD, 1.0, 0.0), (p.BACKWARD, -1.0, 0.0), (p.LEFT, 0.0, 1.0), (p.RIGHT, 0.0, -1.0),
    ):  # fmt: skip
        end = r.at(i, table)
        if end is not None and not (table is p.RIGHT and r.direct(end - 1, p.URGENT)):
            return ahead, aside, end
    return None


def turn(r: Reader, i: int) -> Clause | None:
    verb = r.direct(i, p.TURN)
    end = i if verb is None else verb
    sign = 0.0
    angle: float | None = None
    around = False
    while True:
        start = r.at(end, p.BY) or end
        found = r.quantity(start) if angle is None else None
        if found is not None and found.dimension == "angle":
            angle, end = found.value, found.end
            continue
        if angle is None and verb is not None and sign and (bare := r.number(start)) and bare[0] >= 10.0:
            angle, end = math.radians(bare[0]), bare[1]  # "turn left 90": no unit but degrees fits
            continue
        if not sign:
            for table, value in (
                (p.LEFT, 1.0), (p.RIGHT, -1.0), (p.CLOCKWISE, -1.0), (p.COUNTERCLOCKWISE, 1.0),
            ):  # fmt: skip
                if (after := r.at(end, table)) is not None:
                    sign, end = value, after
                    break
            if sign:
                continue
        if verb is not None and not around and (after := r.at(end, p.AROUND)) is not None:
            around, end = True, after
            continue
        break
    if verb is None and not sign:
        return None
    plain = verb is not None and r.text[i] not in ("make", "do")
    if angle is None and not (plain and (around or sign or r.text[i] != "face")):
        return None
    if angle is None and not around and not sign:
        return Clause(end, problem=missing("Which way shall I turn: left or right, and how far?"))
    if angle is None:
        angle = math.pi if around else QUARTER
    whole_halves = abs(math.remainder(angle, math.pi)) < 1e-6
    if not sign and not (around or whole_halves):
        return Clause(end, problem=missing("Shall I turn left or right?"))
    return Clause(end, (Said("turn", angle=angle * (sign or 1.0)),))


def wait(r: Reader, i: int) -> Clause | None:
    verb = r.direct(i, p.WAIT)
    found = None if verb is None else r.quantity(r.at(verb, p.FOR) or verb)
    timed = found is not None and found.dimension == "time"
    return Clause(found.end, (Said("wait", seconds=found.value),)) if found and timed else None


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
