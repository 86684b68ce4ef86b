"""The sentence of the grammar that sounds most like what another ear wrote down: "pick up the rack up" sounds
like "pick up the red cup"."""

import heapq
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from itertools import count

import numpy as np

from vla_sim.common.geometry import Array
from vla_sim.stages.voice.grammar import Automaton

Phones = tuple[str, ...]
"""CMU phones without stress."""
NEAR = 0.2
"""Distance a phone of what was heard, beyond which a sentence is another one."""
GAP = 0.8
"""Cost of a phone too many or too few; that of a wrong one is at most 1."""
MOST_PHONES = 200
"""Of what was heard: a good dozen seconds of speech; more is no sentence."""
MOST_STEPS = 2000
"""Of the search."""
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

    A* over (states of the grammar, phones that are explained); what is left costs at least what the words of
    the grammar in any order would. Talk that has no such sentence is given up after `MOST_STEPS`.
    """
    n, order = len(heard), count()
    if not 0 < n <= MOST_PHONES:
        return ""
    most = NEAR * n + 1e-9
    words = {word: phones for word in sorted(automaton.words) if (phones := spelt(word))}
    width = 2 * max(map(len, words.values())) + 3
    behind = np.add.outer(np.arange(n + 1), np.arange(width))
    wrong = {
        phone: np.array([*(unlike(phone, other) for other in heard), *[math.inf] * width])[behind]
        for phone in dict.fromkeys(phone for phones in words.values() for phone in phones)
    }
    costs = {word: _costs([wrong[phone] for phone in phones]) for word, phones in words.items()}
    left = _at_least(costs.values(), n)
    steps = cache(lambda at: _steps(costs, left, at, most - left[0]))
    cheapest = {(automaton.start, 0): 0.0}
    queue = [(left[0], next(order), automaton.start, 0, "")]
    for _ in range(MOST_STEPS):
        if not queue:
            break
        _, _, states, at, text = heapq.heappop(queue)
        if at == n and automaton.end in states:
            return text.strip()
        cost = cheapest[states, at]
        for word in sorted(automaton.following(states) & steps(at).keys()):
            state = automaton.step(states, word)
            for taken, more in steps(at)[word]:
                after, whole = (state, at + taken), cost + more + left[at + taken]
                if whole <= most and cost + more < cheapest.get(after, math.inf):
                    cheapest[after] = cost + more
                    heapq.heappush(queue, (whole, next(order), *after, f"{text} {word}"))
    return ""


def _costs(wrong: Sequence[Array]) -> Array:
    """[i, k]: edit distance of a word to the k phones that follow the first i of those heard (Levenshtein,
    1966), up to twice its length; inf where there are no k. wrong: of each of its phones, the cost of that
    which was heard k phones after i in its place."""
    width = 2 * len(wrong) + 3
    gaps = GAP * np.arange(width)
    ends = np.where(np.isinf(wrong[0][:, : width - 1]), math.inf, 0.0)
    row = np.tile(gaps, (len(wrong[0]), 1))
    for one in wrong:
        best = row + GAP
        best[:, 1:] = np.minimum(best[:, 1:], row[:, :-1] + one[:, : width - 1])
        row = np.minimum.accumulate(best - gaps, axis=1) + gaps
    row[:, 1:] += ends
    return row


def _steps(
    costs: Mapping[str, Array], left: list[float], at: int, spare: float
) -> dict[str, list[tuple[int, float]]]:
    """Words that may explain phones from `at` on, how many, and at which cost, if no more than `spare` is
    lost by them."""
    found = {
        word: [
            (taken, more) for taken, more in enumerate(table[at].tolist())
            if more + left[at + taken] - left[at] <= spare
        ]
        for word, table in costs.items()
    }  # fmt: skip
    return {word: some for word, some in found.items() if some}


def _at_least(costs: Collection[Array], n: int) -> list[float]:
    """[i]: what it costs at least to explain all but the first i of n phones by words in any order; beyond
    them inf."""
    widest = max(one.shape[1] for one in costs)
    cheapest = np.full((n + 1, widest), math.inf)
    for one in costs:
        cheapest[:, : one.shape[1]] = np.minimum(cheapest[:, : one.shape[1]], one)
    left = np.full(n + widest, math.inf)
    left[n] = 0.0
    for i in reversed(range(n)):
        left[i] = np.min(cheapest[i, 1:] + left[i + 1 : i + widest])
    return list(left.tolist())
