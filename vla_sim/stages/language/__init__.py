"""From a transcript or a typed command to an intent, and from the intent to a plan or a question back.

`understanding` reads the words by rules, `rule_planner` turns what is wanted into skills, `llm` asks a
language model instead where that is chosen; `responder` decides between them and answers every command.
"""

__all__ = [
    "dialogue_context", "gathered_context", "llm", "node", "params", "responder", "rule_planner",
    "understanding",
]  # fmt: skip
