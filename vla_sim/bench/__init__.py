"""The benchmark suite: what the stack's parts take, and whether that is what was asked for."""
