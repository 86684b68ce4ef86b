"""Runs on a Ray cluster."""

import os
import socket
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from vla_sim.common.errors import InputError, package
from vla_sim.scenario.record import DECODER, RunRecord
from vla_sim.scenario.sweep.processes import Processes
from vla_sim.scenario.sweep.tasks import MAX_DEATHS, Runner, Task, Wanted, tried


def on_ray(arguments: Sequence[str], address: str, jobs: int) -> Runner:
    """address: of the cluster, or "local" for one started here with `jobs` places. Ray repeats a run whose
    worker is lost. Raises `MissingError` without Ray."""
    ray = package("ray", "--ray needs the package ray: pip install 'vla_sim[ray]'")

    def runner(tasks: Sequence[Task], wanted: Wanted) -> Generator[RunRecord, None, None]:
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        _reachable(address)
        where: dict[str, Any] = {"num_cpus": jobs, "include_dashboard": False}
        if address != "local":
            where = {"address": address}
        try:
            ray.init(logging_level="error", log_to_driver=False, **where)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise InputError(
                f"--ray {address}: no such cluster ({error}); give its address, or local"
            ) from None
        remote = ray.remote(num_cpus=1, max_retries=MAX_DEATHS)(_play)
        pending = {remote.remote(task, list(arguments)): task for task in tasks}
        try:
            while pending:
                done, _ = ray.wait(list(pending), num_returns=1, timeout=1.0)
                for ref in done:
                    yield _unpack(pending.pop(ref), *ray.get(ref))
                for ref in [ref for ref, task in pending.items() if done and not wanted(task)]:
                    ray.cancel(ref, force=False)
                    del pending[ref]
        finally:
            for ref in pending:
                ray.cancel(ref, force=False)
            ray.shutdown()

    return runner


def _reachable(address: str) -> None:
    """Raises `InputError` at once where Ray would try for minutes: nothing listens at HOST:PORT."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        return  # "local", "auto" or another name that Ray resolves
    try:
        socket.create_connection((host.removeprefix("ray://"), int(port)), timeout=5.0).close()
    except OSError as error:
        raise InputError(
            f"--ray {address}: nothing answers there ({error}); give a cluster's address, or local"
        ) from None


def _play(task: Task, arguments: list[str]) -> tuple[bytes, dict[str, bytes]]:
    """In a worker, which may be another machine: the record and the files of its folder."""
    processes = Processes()
    try:
        record = tried(task, lambda attempt: processes.play(task, attempt, arguments))
    finally:
        processes.end()
    folder = Path(record.folder)
    found = [p for p in folder.rglob("*") if p.is_file() and p.suffix != ".log"]
    return msgspec.json.encode(record), {str(p.relative_to(folder)): p.read_bytes() for p in found}


def _unpack(task: Task, encoded: bytes, files: dict[str, bytes]) -> RunRecord:
    record = DECODER.decode(encoded)
    folder = task.folder(record.attempt)
    for name, data in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return msgspec.structs.replace(record, folder=str(folder))
