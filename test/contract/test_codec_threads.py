import subprocess
import sys

FIRST_USE = """
import importlib, threading
from vla_sim.contract import codec, records

plan = '{"command_id": "c", "text": "", "planner": "rules", "steps": [{"skill": "stop", "object": {}}]}'
payload = '{"command_id": "c", "allowed": true, "reasons": [], "mono": 1, "plan": %s}' % plan
for _ in range(50):
    importlib.reload(records)
    importlib.reload(codec)
    barrier = threading.Barrier(4)

    def first_use():
        barrier.wait()
        codec.decode(records.Verdict, payload)

    threads = [threading.Thread(target=first_use) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
"""


def test_threads_may_be_the_first_to_decode_a_record():
    """msgspec 0.22 crashes the interpreter where two threads build the decoder of one type at once."""
    result = subprocess.run([sys.executable, "-c", FIRST_USE], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
