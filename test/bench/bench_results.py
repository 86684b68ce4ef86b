"""Results and reports for the tests."""

from vla_sim.bench.suite import Machine, Report, Result, figures

MACHINE = Machine(processor="one", cores=2, memory_gb=8.0, load=0.1, python="3.11", packages={})


def result(name, samples=(), unit="ms", error=""):
    samples = [float(v) for v in samples]
    made = figures(samples, unit) if samples else None
    return Result(name=name, unit=unit, success=not error, error=error, figures=made, samples=samples)


def report(*results, machine=MACHINE):
    return Report(
        began="2026-01-01T00:00:00+00:00", version="0.1", machine=machine, quick=False, sets=["voice"],
        seconds=1.0, complete=True, results=list(results),
    )  # fmt: skip
