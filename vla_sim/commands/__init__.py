"""The commands of `vla-sim`: one file each, with its arguments and what it does."""
