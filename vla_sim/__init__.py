"""vla_sim: a simulation-first testbed for voice- and vision-driven humanoids."""

__version__ = "0.1.0"
