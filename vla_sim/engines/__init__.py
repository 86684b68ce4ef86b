"""Simulators and robots behind one door: `engine.Engine`; `make_engine` opens it by name."""

from vla_sim.engines.choose import ENGINES, make_engine

__all__ = ["ENGINES", "make_engine"]
