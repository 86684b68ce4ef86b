"""Plans by a language model behind an OpenAI-compatible server: prompt and plan format, grounding, and a
client with a response cache, a rate limiter, request batching and a circuit breaker."""

__all__ = ["address", "errors", "llm_planner", "local_model", "rate_limiter", "scripted_llm"]
