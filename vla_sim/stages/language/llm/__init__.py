"""Plans by a language model behind an OpenAI-compatible server: prompt and plan format, grounding, and a
client with a response cache, a rate limiter, request batching and a circuit breaker."""

__all__ = [
    "completion_client", "errors", "llm_planner", "local_model", "rate_limiter",
    "request_batcher", "scripted_llm", "settings",
]  # fmt: skip
