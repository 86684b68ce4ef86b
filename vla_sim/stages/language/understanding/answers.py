"""Questions that are answered in words: "what are you holding", "what do you see", "where are you"."""

from vla_sim.stages.language.dialogue_context import Context
from vla_sim.stages.language.understanding.lexicon import Lexicon
from vla_sim.stages.language.understanding.tokens import MAX_LENGTH, PAUSES, tokenise

_COURTESY = frozenset({"please", "robot", "hey", "hi", "now", "the", "ok", "okay", "so", "right"})
_HOLDING = frozenset({"what are you holding", "what do you hold", "what is in your hand", "what do you have"})
_SEEING = frozenset({"what do you see", "what can you see", "what have you seen"})
_WHERE = frozenset({"where are you", "what place is this"})
_ABLE = frozenset({"help", "what can you do", "what do you know", "what do you understand", "what can i say"})
_GREETING = frozenset({"hello", "good morning", "good evening", "good afternoon", "hello there", ""})


def asks_what_is_seen(text: str) -> bool:
    """Whether the answer depends on what perception sees."""
    return _asked(_spoken(text)) in _SEEING


def _spoken(text: str) -> list[str]:
    return [token for token in tokenise(text[:MAX_LENGTH]) if token not in PAUSES]


def _asked(spoken: list[str]) -> str:
    return " ".join(word for word in spoken if word not in _COURTESY)


def answer_to(text: str, lexicon: Lexicon, context: Context) -> str:
    """The answer to a question about the robot itself; "" if the text is no such question."""
    spoken = _spoken(text)
    asked = _asked(spoken)
    if asked in _HOLDING:
        return f"I am holding the {context.held}." if context.held else "I am holding nothing."
    if asked in _SEEING:
        seen = dict.fromkeys(f"a {one.colour} {one.kind}" for one in context.objects)
        return f"I have seen {', '.join(seen)}." if seen else "I have seen nothing I know."
    if asked in _WHERE:
        return f"I am at the {context.place}." if context.place else "I am between two places."
    if asked in _ABLE:
        places, things = ", ".join(lexicon.place_names), ", ".join(str(one) for one in lexicon.objects)
        return (
            "I can go, move, turn, find, pick up, bring, put down, wait and stop. "
            f"I know the places {places} and the objects {things}."
        )
    greeted = any(word in ("hello", "hi", "hey", "morning", "evening", "afternoon") for word in spoken)
    return "Hello. What should I do?" if greeted and asked in _GREETING else ""
