"""The sentence of the grammar that sounds most like what another ear wrote down: "pick up the rack up" sounds
like "pick up the red cup"."""

import heapq
from collections.abc import Callable
from itertools import count

from vla_sim.stages.voice.grammar import Automaton

Phones = tuple[str, ...]
"""CMU phones without stress."""
NEAR = 0.2
"""Distance a phone of what was heard, beyond which a sentence is another one."""
GAP = 0.8
"""Cost of a phone too many or too few; that of a wrong one is at most 1."""
_ALIKE = (
    "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW", "P B", "T D DH TH", "K G", "F V", "S Z", "SH ZH CH JH",
    "M N NG", "L R W", "HH Y",
)  # fmt: skip
_KIND = {phone: kind for kind, phones in enumerate(_ALIKE) for phone in phones.split()}


def unlike(a: str, b: str) -> float:
    """0 for equal phones, 0.5 for those of one kind (voiced or not, one vowel for another), else 1."""
    return 0.0 if a == b else 0.5 if _KIND.get(a) == _KIND.get(b) else 1.0


def nearest(automaton: Automaton, heard: Phones, spelt: Callable[[str], Phones]) -> str:
    """The sentence whose phones have the smallest edit distance to those `heard`, "" if that is more than
    `NEAR` of them. spelt: the phones of a word of the grammar.

    Dijkstra's search over (states of the grammar, phones that are explained).
    """
    n, order = len(heard), count()
    most = NEAR * n
    costs: dict[tuple[str, int], list[float]] = {}
    queue: list[tuple[float, int, frozenset[int], int, str]] = [(0.0, next(order), automaton.start, 0, "")]
    done = set()
    while queue:
        cost, _, states, at, text = heapq.heappop(queue)
        if at == n and automaton.end in states:
            return text.strip()
        if (states, at) in done:
            continue
        done.add((states, at))
        for word in sorted(automaton.following(states)):
            if (word, at) not in costs:
                costs[word, at] = _costs(spelt(word), heard[at : at + 2 * len(spelt(word)) + 2])
            for taken, more in enumerate(costs[word, at]):
                if cost + more <= most:
                    state = automaton.step(states, word)
                    heapq.heappush(queue, (cost + more, next(order), state, at + taken, f"{text} {word}"))
    return ""


def _costs(word: Phones, heard: Phones) -> list[float]:
    """Edit distances of a word to the first 0, 1, ... of the phones heard (Levenshtein, 1966)."""
    row = [GAP * k for k in range(len(heard) + 1)]
    for i, phone in enumerate(word, start=1):
        above, row[0] = row[0], GAP * i
        for j, other in enumerate(heard, start=1):
            best = min(row[j] + GAP, row[j - 1] + GAP, above + unlike(phone, other))
            above, row[j] = row[j], best
    return row
