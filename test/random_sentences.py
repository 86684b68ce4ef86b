"""Sentences at random out of a speech grammar."""


def sentence(grammar, rng):
    """Word by word of those that may come next; where a sentence may end, it does in three of four cases."""
    automaton, words = grammar.automaton, []
    states = automaton.start
    while automaton.end not in states or (automaton.following(states) and rng.random() < 0.25):
        words.append(str(rng.choice(sorted(automaton.following(states)))))
        states = automaton.step(states, words[-1])
    return " ".join(words)
