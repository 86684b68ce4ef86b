"""Parameters of the monitor node."""

from dataclasses import dataclass

from vla_sim.common.params import StageParams, param


@dataclass(frozen=True)
class MonitorParams(StageParams):
    monitor_folder: str = param("", "where the journal is written; empty: nowhere", metavar="FOLDER")
    prometheus_port: int = param(
        0, "of the metrics for Prometheus, on 127.0.0.1; 0: none", low=0, high=65535, metavar="PORT"
    )
    shedding: bool = param(True, "shed load while the machine is under pressure; never in lock-step")
    thresholds: str = param(
        "", 'instead of the contract\'s: "system.cpu=90 voice.response=1.5"', metavar="WORDS"
    )
