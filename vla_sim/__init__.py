"""vla_sim: a simulation-first testbed for voice- and vision-driven humanoids."""

import os

__version__ = "0.1.0"

# Else the wheels of onnxruntime report to their makers over the network, from the first import on.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
