"""Where time goes: by component in a program of your own, by node in `vla-sim run --profile`.

    from vla_sim.common.profiling.component import PerformanceProfiler, profile_function

    @profile_function("planner")            # profiles only where VLA_SIM_PROFILE=cprofile is set
    def plan(...): ...

    profiler = PerformanceProfiler()        # profiles in any case
    profiler.start_profiling("detector"); ...; profiler.stop_profiling("detector")
    print(profiler.report("detector"))      # its top 10 by cumulative time
    print(profiler.get_profile_summary())   # the top 5 of every component

**Which clock.** All figures are seconds of the wall clock (`time.perf_counter`), in which a thread also
waits: for the interpreter's lock, for a core, for the disk. Of what pyinstrument sees of a node, waiting for
the next message is left out and given as a share; cProfile's cumulative figures contain it.

**Which threads.** `PerformanceProfiler` and `profile_function`: the one that calls. `vla-sim run --profile`:
the main thread of every node from its first callback on, and every Python thread that the node starts.
Threads of libraries (Fast DDS, MuJoCo, onnxruntime) are no Python threads: their work is seen as the call
that waits for it. A kernel compiled by numba stands in a flame graph by itself, not above its caller.

**Which tool.** cProfile counts every call and costs each some tenths of a microsecond, which makes code of
many small calls look slower than it is. pyinstrument (extra `profile`) looks once in a few milliseconds,
which tells less of what is rare and costs less; it keeps stacks, of which flame graphs are made. CPython
lets one of them at a time into a thread.
"""

__all__ = ["component", "node_profile"]
