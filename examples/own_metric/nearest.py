"""A metric of your own: a node beside the others that tells the monitor how near the nearest thing is.

In one terminal `vla-sim stack --thresholds "nearest.distance<0.5"`, in another, with the two variables it
prints, `python3 nearest.py`. `vla-sim top` shows nearest.distance, and an alert while it is under 0.5 m.
"""

import sys

from vla_sim.common.params import StageParams
from vla_sim.contract import topics
from vla_sim.ros.spin import spin
from vla_sim.ros.stage_node import StageNode


class Nearest(StageNode[StageParams]):
    def __init__(self):
        super().__init__("nearest", StageParams)
        self.listen(topics.SCAN, self.on_scan)  # sensor_msgs/LaserScan

    def on_scan(self, scan):
        seen = [r for r in scan.ranges if scan.range_min < r < scan.range_max]
        if seen:
            self.record_metric("distance", min(seen), "m")


if __name__ == "__main__":
    sys.exit(spin(Nearest))
