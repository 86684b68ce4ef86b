"""Searches for bytes that a parser trips over: `make fuzz`, or `python test/fuzz/fuzz.py yaml -runs=100000`.

Guided by coverage (atheris; libFuzzer options after the name). It begins with the inputs in corpus/ and with
an earlier search kept in runs/fuzz/; what crashes lies there too, as crash-*. Put it into corpus/, where
`test_corpus.py` tries it each time, and mend the parser.
"""

import os
import sys
from pathlib import Path

try:
    import atheris
except ImportError:
    sys.exit('error: the package "atheris" is not installed; `make fuzz` brings it (Python 3.11)')

os.environ["NUMBA_DISABLE_JIT"] = "1"  # numba compiles nothing that atheris has changed
with atheris.instrument_imports(include=["vla_sim", "yaml"]):
    import targets

HERE = Path(__file__).parent


def main() -> None:
    name, *options = sys.argv[1:] or [""]
    if name not in targets.TARGETS:
        sys.exit(f"error: {name!r} is no target; there are {', '.join(targets.TARGETS)}")
    kept = Path("runs", "fuzz", name)
    kept.mkdir(parents=True, exist_ok=True)
    folders = [str(kept), *(str(p) for p in [HERE / "corpus" / name] if p.is_dir())]
    artifacts = f"-artifact_prefix={kept.parent}/{name}-"
    atheris.Setup([sys.argv[0], artifacts, "-timeout=10", "-rss_limit_mb=2000", *options, *folders],
                  lambda data: targets.check(name, data))  # fmt: skip
    atheris.Fuzz()


if __name__ == "__main__":
    main()
