#!/bin/sh
# `ros2 run vla_sim NODE`: the node whose name this file is installed under, in the Python that it is installed
# with (pip), else the first on the path (colcon).
python="$(dirname "$0")/../../bin/python3"
[ -x "$python" ] || python=python3
exec "$python" -m vla_sim.bringup.run_node "$(basename "$0")" "$@"
