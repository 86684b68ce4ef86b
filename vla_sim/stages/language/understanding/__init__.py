"""From words to an intent, by rules: tokens, quantities and names are read into clauses, whose references
are then resolved against the world and the dialogue. What stays unclear becomes a question."""

__all__ = [
    "amendments", "clarifications", "intent_extractor", "lexicon", "manner", "quantities",
    "reader", "reference_resolver", "tokens",
]  # fmt: skip
