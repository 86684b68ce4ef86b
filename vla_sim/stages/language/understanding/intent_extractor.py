"""Intent extraction: from a text to what was said, clause by clause, and which words are left over."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from vla_sim.contract import phrases
from vla_sim.contract.vocabulary import STOP_FILLERS, STOP_WORDS, TRAIT_WORDS
from vla_sim.stages.language.understanding import clarifications as ask
from vla_sim.stages.language.understanding import quantities
from vla_sim.stages.language.understanding.amendments import amended
from vla_sim.stages.language.understanding.clauses import (
    approach,
    bare_place,
    bring,
    find,
    go,
    move,
    pick,
    put,
    remember,
    say,
    stop,
    turn,
    wait,
)
from vla_sim.stages.language.understanding.lexicon import Lexicon
from vla_sim.stages.language.understanding.manner import with_manner
from vla_sim.stages.language.understanding.reader import Clause, Reader, Said
from vla_sim.stages.language.understanding.tokens import MAX_LENGTH, PAUSES, slip, tokenise, words

_ENDS = frozenset(".!?")
"""Of a sentence."""
_APART = _ENDS | {"and", "then", ",", ";"}
"""What sets a command apart from a stop before it."""
Span = tuple[int, int]
Placed = tuple[int, int, Clause]
"""Where its links begin, where it begins, and the clause."""
READERS: tuple[Callable[[Reader, int], Clause | None], ...] = (
    stop, wait, move, turn, go, put, bring, pick, find, approach, say, remember, bare_place,
)  # fmt: skip
"""All kinds of command. One that is understood in part (a verb without its object, a place that does not
exist) gives a clause with a problem: the question to ask back."""


@dataclass(frozen=True)
class Extraction:
    """said: commands in order, names not resolved. problem: why it must be asked back. stop: the
    speaker wants everything to stop. urgent: "now", "quickly"."""

    said: tuple[Said, ...] = ()
    problem: ask.Problem | None = None
    stop: bool = False
    urgent: bool = False
    elided: bool = False
    """A place alone."""


class Extractor:
    """Reads texts for one world."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self._known = phrases.WORDS | quantities.WORDS | frozenset(TRAIT_WORDS) | {
            word
            for names in (lexicon.places, lexicon.surfaces, lexicon.kinds, lexicon.colours)
            for key in names.by_words
            for word in key
        }  # fmt: skip

    def extract(self, text: str) -> Extraction:
        """What the text says. Never raises."""
        tokens = tokenise(text[:MAX_LENGTH])
        if (put_right := self._corrected(tokens)) is not None:
            return put_right
        said = [self._mend(token) for token in tokens]
        for i in range(1, len(said)):
            if said[i - 1] == "mind":  # "would you mind going"
                said[i] = self._base_form(said[i])
        strange = frozenset(i for i, word in enumerate(said) if word.isalpha() and word not in self._known)
        readers: tuple[Reader, ...] = (Reader(said, self.lexicon),)
        if strange:
            readers = (*readers, Reader(said, self.lexicon, strange))

        @cache
        def best(i: int) -> Clause | None:
            """The best clause of any kind at an index."""
            found = [clause for r in reversed(readers) for read in READERS if (clause := read(r, i))]
            return max(found, key=lambda clause: clause.rank, default=None)

        clauses: list[Placed] = []
        rest: list[Span] = []
        i = 0
        while i < len(said):
            start, i = i, _begin(readers[0], best, i)
            if i >= len(said):
                break
            clause = best(i)
            if clause is not None and clause.end > i:
                clauses.append((start, i, clause))
                i = clause.end
            else:
                if rest and rest[-1][1] == start:
                    start = rest.pop()[0]
                i += 1
                rest.append((start, i))
        clauses, rest = _without_stray_places(readers[0], clauses, rest)
        stop = _is_stop(said, clauses, rest)
        urgent = any(readers[0].direct(k, phrases.URGENT) for k in range(len(said)))
        if stop is not None:
            later = () if stop else tuple(one for _, _, c in clauses[1:] for one in c.said)
            if stop or (not rest and not any(c.problem for _, _, c in clauses)):
                return Extraction(said=later, stop=True, urgent=True)
            return Extraction(stop=True, urgent=True)
        problem = self._problem(text, tokens, clauses, rest)
        if problem is not None:
            return Extraction(problem=problem)
        said_how = with_manner(readers[0], [(begin, clause) for _, begin, clause in clauses])
        if isinstance(said_how, ask.Problem):
            return Extraction(problem=said_how)
        commands = list(said_how)
        while len(commands) > 1 and commands[-1].skill == "stop":
            commands.pop()  # "go to the kitchen and stop": it stands there anyway
        return Extraction(said=tuple(commands), urgent=urgent, elided=clauses[0][2].bare)

    def _problem(
        self, text: str, tokens: list[str], clauses: list[Placed], rest: list[Span]
    ) -> ask.Problem | None:
        if len(text) > MAX_LENGTH:
            return ask.too_long_text(len(text), MAX_LENGTH)
        if not text.strip():
            return ask.NOTHING_HEARD
        if rest or not clauses:
            understood = [words(tokens[a : c.end]) for _, a, c in clauses if c.problem is None]
            spans = _merged(rest + [(a, c.end) for _, a, c in clauses if c.problem is not None])
            strange = [one for a, b in spans if (one := words(tokens[a:b]))]
            strange = strange or [words(tokens) or text.strip()[:40]]
            if (why := ask.beyond(tokens)) is not None:
                return why
            return ask.not_understood(understood, strange)
        return next((c.problem for _, _, c in clauses if c.problem is not None), None)

    def _corrected(self, tokens: list[str]) -> Extraction | None:
        """What is meant by "the red cup, no, the blue one"; None if nothing is taken back."""
        at = next((i for i in range(1, len(tokens)) if phrases.CORRECTION.end(tokens, i)), None)
        if at is None or not STOP_WORDS.isdisjoint(tokens):
            return None
        after = phrases.CORRECTION.end(tokens, at) or at
        if any(phrases.CORRECTION.end(tokens, i) for i in range(after, len(tokens))):
            return None
        before = words(tokens[:at])
        new = amended(self, before, words(tokens[after:]))
        if new.startswith(f"{before} ") and self.extract(before).problem is not None:
            return None  # nothing was said that could be taken back: "take no cup"
        return self.extract(new) if new else None

    def _base_form(self, word: str) -> str:
        """ "going" -> "go", "taking" -> "take", "putting" -> "put"."""
        stem = word.removesuffix("ing")
        forms = (stem, stem + "e", stem[:-1]) if stem != word else ()
        return next((form for form in forms if form in self._known), word)

    def _mend(self, word: str) -> str:
        """The word, or the known verb or unit of which it is a typing slip."""
        if word in self._known or not word.isalpha():
            return word
        near = [one for one in phrases.MENDABLE if slip(word, one)]
        return near[0] if len(near) == 1 else word


def _begin(reader: Reader, best: Callable[[int], Clause | None], i: int) -> int:
    """The index after links, pauses and fillers; but a command wins over a filler ("do" a quarter turn,
    "a" quarter turn left) and over the link "to" ("to the left" 1 meter)."""
    while i < len(reader.text):
        clause = best(i)
        if clause is not None and clause.problem is None and clause.end > i:
            break
        after = reader.direct(i, phrases.LINKS)
        if after is None and reader.text[i] in "!?:":
            after = i + 1
        if after is None:
            after = reader.skip(i)
        if after == i:
            break
        i = after
    return i


def _without_stray_places(
    reader: Reader, clauses: list[Placed], rest: list[Span]
) -> tuple[list[Placed], list[Span]]:
    """A place without a verb is a command if nothing else is said or a way goes before it ("go to the
    kitchen, then the bedroom"); any other is not understood."""
    kept: list[Placed] = []
    for start, begin, clause in clauses:
        alone = len(clauses) == 1
        goes_on = bool(kept) and kept[-1][2].end == start and kept[-1][2].said[-1:] != ()
        goes_on = goes_on and kept[-1][2].said[-1].skill == "navigate"
        linked = goes_on and any(reader.direct(i, phrases.LINKS) for i in range(start, begin))
        if clause.bare and not alone and not linked:
            rest = [*rest, (begin, clause.end)]
        else:
            kept.append((start, begin, clause))
    return kept, rest


def _merged(spans: list[Span]) -> list[Span]:
    """In order, neighbours joined."""
    out: list[Span] = []
    for a, b in sorted(spans):
        if out and a <= out[-1][1]:
            a = out.pop()[0]
        out.append((a, b))
    return out


def _is_stop(text: Sequence[str], clauses: list[Placed], rest: list[Span]) -> bool | None:
    """True: stop, whatever else was said. False: stop first, then the other commands. None: no stop.

    What nothing sets apart from it is what is to be stopped: "cancel go to the kitchen".

    A sure word ("stop", not "wait", unless it is a sentence of its own) at the beginning always counts, at
    the end too unless it is linked to a command ("go to the kitchen and stop"); words that are not
    understood do not matter, only that it is forbidden ("don't stop", but "not there, stop") or asked about
    ("did you stop there"). Too eager is the safe side.
    """
    stops = [k for k, (_, _, clause) in enumerate(clauses) if clause.said and clause.said[0].skill == "stop"]
    strange = {word for a, b in rest for word in text[a:b]} - STOP_FILLERS - PAUSES
    if not stops or (strange and not any(_sure(text, clauses[k]) for k in stops)):
        return None
    first = clauses[0][1]
    before = {word for a, b in rest if b <= first for word in text[a:b]}
    if stops[0] == 0 and before <= STOP_FILLERS:
        return len(stops) == len(clauses) or bool(rest) or _APART.isdisjoint(text[slice(*clauses[1][:2])])
    last, (at, begin, _) = stops[-1], clauses[stops[-1]]
    if _forbidden(text, begin) or (begin == 2 and text[0] in phrases.DID):
        return None
    linked = last > 0 and text[at] in ("and", "then") and clauses[last - 1][2].end == at
    return True if last == len(clauses) - 1 and not linked else None


def _sure(text: Sequence[str], placed: Placed) -> bool:
    """Whether a stop is one beside words that are not understood: a sure word, or a sentence of its own."""
    start, begin, clause = placed
    before, after = text[start:begin], text[clause.end : clause.end + 1]
    alone = (begin == 0 or not _ENDS.isdisjoint(before)) and (not after or after[0] in _ENDS)
    return alone or text[begin] in phrases.SURE_STOP


def _forbidden(text: Sequence[str], stop: int) -> bool:
    while stop > 0 and text[stop - 1] in phrases.BEFORE_STOP:
        stop -= 1
    if stop == 0 or text[stop - 1] not in phrases.NEGATIONS:
        return False
    plea = stop > 1 and text[stop - 2] == "why"  # "why don't you stop", "can't you stop"
    return not plea and (text[stop - 1] != "can't" or text[stop] != "you")
