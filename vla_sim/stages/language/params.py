"""Parameters of the language node, and those of them that are the language model's settings."""

from dataclasses import dataclass

from vla_sim.common.params import StageParams, param
from vla_sim.contract.vocabulary import TALK

LOCAL = "local"
"""As `base_url`: a small model on this machine (`local_model`)."""
SCRIPTED = "scripted:"
"""Before a file, as `base_url`: no model, a server that answers from that file (`scripted_llm`)."""


@dataclass(frozen=True)
class LlmSettings:
    base_url: str = param(
        LOCAL,
        'address of an OpenAI-compatible server, "local": small model, "scripted:FILE": answers in a file',
        metavar="URL",
    )
    model: str = param("SmolLM2-135M-Instruct", "name of the model at that server")
    api_key_env: str = param("OPENAI_API_KEY", "environment variable that holds the key, if one is needed")
    timeout: float = param(
        4.0, "until the rules answer instead of the model [s]", low=0.1, high=60.0, live=True
    )
    temperature: float = param(0.1, "of the model", low=0.0, high=2.0)
    max_tokens: int = param(1000, "of the model's answer", low=16, high=4096)
    per_minute: int = param(100, "requests to the server in any minute, at most", low=1, high=10000)
    batch: int = param(3, "requests under way at once, at most", low=1, high=64)
    batch_wait: float = param(2.0, "longest wait for one of them to end [s]", low=0.0, high=60.0)
    cache_entries: int = param(50, "answers in the cache, at most", low=1, high=100_000)
    cache_seconds: float = param(300.0, "how long an answer is cached [s]", low=0.0, high=1e6)
    price_in: float = param(0.0, "of a million tokens of the prompt, to count the cost", low=0.0, live=True)
    price_out: float = param(0.0, "of a million tokens of the answer", low=0.0, live=True)
    grounded: bool = param(
        True, "refuse a model's plan of things or amounts that the command does not name", live=True
    )


@dataclass(frozen=True)
class LanguageParams(LlmSettings, StageParams):
    planner: str = param(
        "rules",
        "llm: the model first; auto: the model for what the rules cannot read",
        choices=("rules", "llm", "auto"),
    )
    talk: str = param(
        "normal",
        'little: questions and answers; normal: "One moment." too; much: what it is about to do as well',
        choices=TALK,
        live=True,
    )
