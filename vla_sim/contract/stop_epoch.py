"""The stop epoch as every door keeps it: what was asked for in an earlier one is void."""

NOW = -1
"""As the stop epoch of a request: the present one, of whoever knows none."""


class StopEpoch:
    """The newest stop epoch that was heard of (see `SafetyState`)."""

    def __init__(self) -> None:
        self.value = 0

    def advance(self, epoch: int) -> bool:
        """Take an epoch that was heard of; whether it is a new stop."""
        new = epoch > self.value
        self.value = max(self.value, epoch)
        return new

    def void(self, epoch: int) -> bool:
        """Whether what was asked for in that epoch is void."""
        return NOW < epoch < self.value
