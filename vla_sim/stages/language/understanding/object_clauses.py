"""Commands about objects: pick, bring, put, find, approach. Each function reads one kind of command at
a position and returns the clause, or None if there is none."""

from vla_sim.stages.language.understanding import command_phrases as p
from vla_sim.stages.language.understanding.clarifications import missing, unknown_place
from vla_sim.stages.language.understanding.clause import USER, Clause, Said, checked, no_object, with_object
from vla_sim.stages.language.understanding.reader import PlaceRef, Reader


def pick(r: Reader, i: int) -> Clause | None:
    verb = r.direct(i, p.PICK)
    if verb is None:
        return None
    thing = r.object(verb)
    if thing is None:
        return no_object(r, verb, "What shall I pick up?")
    end = r.at(thing.end, p.UP) or thing.end
    where = r.location(end)
    end = where.end if where else end
    end = r.at(end, p.UP) or end
    return checked(r, Clause(end, (Said("pick", thing, where),)))


def bring(r: Reader, i: int) -> Clause | None:
    verb = r.direct(i, p.BRING)
    if verb is None:
        return None
    found = []
    for me in {r.at(verb, p.ME), None}:
        thing = r.object(verb if me is None else me)
        if thing is None:
            continue
        end, source, target = thing.end, None, USER if me is not None else None
        for _ in range(2):
            if target is None and (goal := _goal(r, end)) is not None:
                end, target = goal.end, goal
            elif source is None and (where := r.location(end)) is not None:
                end, source = where.end, where
        if target is None and r.direct(i, p.BRING_USER) is not None:
            target = USER
        if target is not None:
            found.append(Clause(end, (Said("pick", thing, source), Said("carry", thing, target))))
        elif r.direct(i, p.CARRY) is not None:
            found.append(Clause(end, problem=missing("Where shall I bring it?")))
    if not found and r.direct(i, p.BRING_USER) is not None:
        return no_object(r, r.at(verb, p.ME) or verb, "What shall I bring?")
    best = max(found, key=lambda clause: clause.rank, default=None)
    return None if best is None else checked(r, best)


def _goal(r: Reader, i: int) -> PlaceRef | None:
    """to the kitchen, to me, there."""
    for table, word in ((p.ME, "user"), (p.THERE, "there")):
        if (end := r.at(i, table)) is not None:
            return PlaceRef(end, word=word)
    to = r.at(i, p.INTO)
    return None if to is None else r.place(to)


def put(r: Reader, i: int) -> Clause | None:
    verb = r.direct(i, p.PUT)
    if verb is None:
        return None
    thing = r.object(verb)
    if thing is None:
        return no_object(r, verb, "What shall I put down?")
    end = r.at(thing.end, p.DOWN) or thing.end
    where: PlaceRef | None = None
    on = r.at(end, p.ON) or r.at(thing.end, p.ON)
    if on is not None:
        where = r.place(on, prefer_surface=True)
        if where is None and (words := r.unknown(on)) is not None:
            return Clause(words[1], problem=unknown_place(words[0], r.lexicon))
    elif (there := r.at(end, p.THERE)) is not None:
        where = PlaceRef(there, word="there")
    elif (here := r.at(end, p.ON_THE_SPOT)) is not None:
        where = PlaceRef(here, word="down")
    elif end > thing.end or r.text[verb - 1] == "down" or r.text[i] in ("drop", "release", "let", "deposit"):
        where = PlaceRef(end, word="down")
    if where is None:
        return Clause(end, problem=missing("Where shall I put it?"))
    return checked(r, Clause(where.end, (Said("place", thing, where),)))


def find(r: Reader, i: int) -> Clause | None:
    search = r.direct(i, p.SEARCH_IN)
    if search is not None and (place := r.place(search, prefer_surface=True)) is not None:
        after = r.at(place.end, p.FOR)
        thing = r.object(after) if after is not None else None
        if thing is not None:
            return checked(r, Clause(thing.end, (Said("find", thing, place),)))
    verb = r.direct(i, p.FIND)
    if verb is None:
        return None
    thing = r.object(verb)
    if thing is None:
        return no_object(r, verb, "What shall I look for?")
    return with_object(r, thing, "find")


def approach(r: Reader, i: int) -> Clause | None:
    verb = r.direct(i, p.APPROACH)
    thing = r.object(verb) if verb is not None else None
    return None if thing is None else with_object(r, thing, "approach")
