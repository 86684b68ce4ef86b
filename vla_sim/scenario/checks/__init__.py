"""What must hold in a scenario: a class for each check, by subject, and the registry that a scenario file's
`check` names."""

__all__ = ["base", "commands", "motion", "objects", "performance", "registry", "rules"]
