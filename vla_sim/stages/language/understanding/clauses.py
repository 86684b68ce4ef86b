"""The kinds of command: each function reads one at a position; None if there is none."""

import math
from dataclasses import replace

from vla_sim.contract import phrases as p
from vla_sim.contract.records import Relation, Skill
from vla_sim.contract.vocabulary import A_BIT, A_BIT_TURNED, STEP_LENGTH
from vla_sim.stages.language.understanding import clarifications as ask
from vla_sim.stages.language.understanding.reader import USER, Clause, ObjectRef, PlaceRef, Reader, Said

QUARTER = math.pi / 2
RELATIONS: dict[Relation, p.Phrases] = {"next to": p.NEXT_TO, "on top of": p.ON_TOP_OF, "into": p.INSIDE}


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
    back = r.at(verb, p.BACKWARD) if verb is not None else None
    for start, sure in ((to, True), (verb, False), (enter, True), (back, False)):
        if start is None:
            continue
        if start != verb and (began := r.at(start, p.START)) is not None:
            found.append(Clause(began, (Said("navigate", place=PlaceRef(began, word="start")),)))
        if (place := r.place(start)) is not None:
            found.append(checked(r, _by_way_of(r, place)))
        if sure and (thing := r.object(start)) is not None:
            found.append(with_object(r, thing, "approach"))
        if sure and not found and (words := r.unknown(start)) is not None:
            found.append(Clause(words[1], problem=ask.unknown_place(words[0], r.lexicon)))
    if (way := _through(r, i, verb)) is not None:
        found.append(way)
    if not found and verb is not None:
        found.append(Clause(to or verb, problem=ask.missing("Where shall I go?")))
    return max(found, key=lambda clause: clause.rank, default=None)


def _by_way_of(r: Reader, place: PlaceRef) -> Clause:
    """[to] the kitchen via the hallway."""
    via = r.at(place.end, p.VIA)
    between = r.place(via) if via is not None else None
    if between is None:
        return Clause(place.end, (Said("navigate", place=place),))
    return Clause(between.end, (Said("navigate", place=between), Said("navigate", place=place)))


def _through(r: Reader, i: int, verb: int | None) -> Clause | None:
    """go through the hallway to the kitchen, take the hallway to the kitchen."""
    via = r.at(verb, p.VIA) if verb is not None else r.direct(i, p.TAKE_WAY)
    between = r.place(via) if via is not None else None
    to = r.at(between.end, p.TO) if between is not None else None
    place = r.place(to) if to is not None else None
    if between is None or place is None:
        return None
    return checked(r, Clause(place.end, (Said("navigate", place=between), Said("navigate", place=place))))


def bare_place(r: Reader, i: int) -> Clause | None:
    """[to] the kitchen, without a verb."""
    place = r.place(r.direct(i, p.TO) or i)
    if place is None or not (place.names or place.word):
        return None
    return replace(checked(r, _by_way_of(r, place)), bare=True)


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
        if amount is None and not verbless and (bit := r.direct(end, p.A_BIT)) is not None:
            amount, end = A_BIT, bit
            continue
        if not ahead and not aside:
            way = _way(r, end)
            if way is not None:
                ahead, aside, end = way
                continue
        break
    if amount is None and r.direct(i, p.STEP_ALONE) and (ahead or aside) and not r.number(end):
        amount = STEP_LENGTH
    if amount is None:
        bare = r.number(r.at(end, p.BY) or end)
        if verbless or not (ahead or aside or bare):
            return None
        if bare is not None:
            said = f"{bare[0]:g}"
            return Clause(bare[1], problem=ask.missing(f'{said} what? Say for example "{said} meters".'))
        return Clause(end, problem=ask.missing('How far? Say for example "1 meter".'))
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
    around = named = False
    made = verb is None or r.text[i] in ("make", "do", "take")
    while True:
        start = r.at(end, p.BY) or end
        if made and not named and (name := r.direct(end, p.A_TURN)) is not None:  # as in "a left turn"
            named, end = True, name
            continue
        found = r.quantity(start) if angle is None else None
        if found is not None and found.dimension == "angle":
            angle, end = found.value, found.end
            continue
        if angle is None and verb is not None and (bit := r.direct(end, p.A_BIT)) is not None:
            angle, end = A_BIT_TURNED, bit
            continue
        if angle is None and verb is not None and (full := r.direct(end, p.FULL_TURN)) is not None:
            angle, end = 4.0 * QUARTER, full
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
    plain = named or not made
    if angle is None and not (plain and (around or sign or r.text[i] != "face")):
        return None
    if angle is None and not around and not sign:
        return Clause(end, problem=ask.missing("Which way shall I turn: left or right, and how far?"))
    if angle is None:
        angle = math.pi if around else QUARTER
    whole_halves = abs(math.remainder(angle, math.pi)) < 1e-6
    if not sign and not (around or whole_halves):
        return Clause(end, problem=ask.missing("Shall I turn left or right?"))
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
    while end < len(r.text) and r.text[end] not in ("then", "and", *",.;!?"):
        if end > verb and r.direct(end, p.ONE_WORD_STOP):
            break
        end += 1
    if end == verb:
        return Clause(end, problem=ask.missing("What shall I say?"))
    return Clause(end, (Said("say", text=" ".join(r.text[verb:end]).capitalize() + "."),))


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
    found: list[Clause] = []
    for me in {r.at(verb, p.ME), None}:
        thing = r.object(verb if me is None else me)
        if thing is not None:
            sources = dict.fromkeys((None, r.location(thing.end)))
            found += [one for source in sources if (one := _brought(r, i, thing, me is not None, source))]
    if not found and r.direct(i, p.BRING_USER) is not None:
        return no_object(r, r.at(verb, p.ME) or verb, "What shall I bring?")
    best = max(found, key=lambda clause: clause.rank, default=None)
    return None if best is None else checked(r, best)


def _brought(r: Reader, i: int, thing: ObjectRef, to_user: bool, source: PlaceRef | None) -> Clause | None:
    """From where and to where: "on the dresser to the bedroom"; the first place may be either ("move the box
    on the table"). source: the first place, if the thing is there."""
    end = thing.end if source is None else source.end
    if not to_user and (by := _put_by(r, end, thing)) is not None:
        return Clause(by[0], (Said("pick", thing, source), by[1]))
    carried = r.direct(i, p.CARRY) is not None
    target = USER if to_user else _goal(r, end, carried)
    if target is not None:
        end = max(end, target.end)
    elif r.direct(i, p.BRING_USER) is not None:
        target = USER
    if source is None and (source := r.location(end)) is not None:
        end = source.end
    if target is not None:
        set_down = bool(target.names) and all(name in r.lexicon.surface_place for name in target.names)
        then = Said("place" if set_down else "carry", thing, target)
        return Clause(end, (Said("pick", thing, source), then))
    return Clause(end, problem=ask.missing("Where shall I bring it?")) if carried else None


def _goal(r: Reader, i: int, carried: bool) -> PlaceRef | None:
    """to the kitchen, to me, there; of a verb that needs a goal, "on the table" is one too."""
    for table, word in ((p.ME, "user"), (p.THERE, "there")):
        if (end := r.at(i, table)) is not None:
            return PlaceRef(end, word=word)
    to = r.at(i, p.INTO_OR_ON if carried else p.INTO)
    return None if to is None else r.place(to, prefer_surface=r.text[to - 1] not in ("to", "into"))


def _put_by(r: Reader, i: int, thing: ObjectRef) -> tuple[int, Said] | None:
    """`thing` next to the ball, on top of the red box, into the bowl; and the index after it."""
    for relation, table in RELATIONS.items():
        after = r.at(i, table)
        other = r.object(after) if after is not None else None
        if other is not None:
            return other.end, Said("place", thing, relation=relation, beside=other)
    return None


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
    by = _put_by(r, end, thing) or _put_by(r, thing.end, thing)
    if by is not None:
        return checked(r, Clause(by[0], (by[1],)))
    if (beside := r.at(end, p.NEXT_TO)) is not None:
        return no_object(r, beside, "Next to what shall I put it?")
    elsewhere = r.at(end, p.NOT_PUT)
    other = r.object(elsewhere) if elsewhere is not None else None
    if other is not None and r.place(elsewhere or 0) is None:
        return Clause(other.end, problem=ask.ONLY_BY)
    if on is not None:
        where = r.place(on, prefer_surface=True)
        if where is None and (words := r.unknown(on)) is not None:
            return Clause(words[1], problem=ask.unknown_place(words[0], r.lexicon))
    elif (there := r.at(end, p.THERE)) is not None:
        where = PlaceRef(there, word="there")
    elif (here := r.at(end, p.ON_THE_SPOT)) is not None:
        where = PlaceRef(here, word="down")
    elif end > thing.end or r.text[verb - 1] == "down" or r.direct(i, p.RELEASE):
        where = PlaceRef(end, word="down")
    if where is None:
        return Clause(end, problem=ask.missing("Where shall I put it?"))
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
    clause = with_object(r, thing, "find")
    return replace(clause, end=r.direct(clause.end, p.BE) or clause.end)  # "where the cup is"


def approach(r: Reader, i: int) -> Clause | None:
    verb = r.direct(i, p.APPROACH)
    thing = r.object(verb) if verb is not None else None
    return None if thing is None else with_object(r, thing, "approach")


def remember(r: Reader, i: int) -> Clause | None:
    """this is my mug, the red cup is my mug."""
    thing = None
    after = r.direct(i, p.THIS_IS)
    if after is None and (thing := r.named(r.skip(i))) is not None:
        after = r.direct(thing.end, p.IS_MINE)
    mine = None if after is None else r.direct(after, p.MINE)
    name = None if mine is None else r.own_name(mine)
    return None if name is None else Clause(name[1], (Said("remember", thing, text=name[0]),))


def with_object(r: Reader, thing: ObjectRef, skill: Skill) -> Clause:
    where = r.location(thing.end)
    return checked(r, Clause(where.end if where else thing.end, (Said(skill, thing, where),)))


def no_object(r: Reader, i: int, question: str) -> Clause:
    words = r.unknown(i)
    if words is None:
        return Clause(i, problem=ask.missing(question))
    colour = r.name(r.skip(i), r.lexicon.colours)
    if colour is not None and colour.end == words[1]:
        return Clause(words[1], problem=ask.which_object(r.lexicon, colour.values[0]))
    return Clause(words[1], problem=ask.unknown_object(words[0], r.lexicon))


def checked(r: Reader, clause: Clause) -> Clause:
    """The clause, or a question if a mistyped name in it fits several."""
    for one in clause.said:
        for ref in one.names:
            if ref.ambiguous:
                return Clause(clause.end, problem=ask.which_name(r.text[ref.end - 1], ref.ambiguous))
    return clause
