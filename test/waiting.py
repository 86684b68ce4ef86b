"""Waiting for what another process or thread does."""

import time


def wait_for(condition, seconds=20.0, step=lambda: time.sleep(0.01), says=lambda: "waited in vain"):
    """step: done until the condition holds. says: what to tell if it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, says()
        step()


def spin_until(executor, condition, seconds=30.0, **more):
    wait_for(condition, seconds, lambda: executor.spin_once(timeout_sec=0.05), **more)
