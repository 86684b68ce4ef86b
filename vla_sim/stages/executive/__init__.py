"""Runs plans that safety allowed: a queue by priority, the skills, goals for navigation and manipulation."""

__all__ = ["core", "goals", "node", "params", "queue", "skill_context", "skills"]
