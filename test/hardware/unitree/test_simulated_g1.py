"""`vla-sim g1` as a process, with the vendor's SDK at the other end; judged by the simulator's truth."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from installed import needs

from vla_sim.cli.main import main
from vla_sim.hardware.unitree.network import domain_beside

pytestmark = pytest.mark.integration
needs("cyclonedds", "CycloneDDS is not installed")


def start(*words):
    command = [sys.executable, "-m", "vla_sim.cli.main", "g1", "--world", "corridor", *words]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_the_vendors_sdk_moves_it(ros_domain, tmp_path):
    pytest.importorskip("unitree_sdk2py", reason="the vendor's SDK is not installed")
    truth = tmp_path / "truth.jsonl"
    robot = start("--dds-domain", str(domain_beside(ros_domain)), "--truth", str(truth))
    try:
        client = subprocess.run(
            [sys.executable, Path(__file__).with_name("loco_client.py"), str(domain_beside(ros_domain))],
            capture_output=True, text=True, timeout=300, cwd=tmp_path,
            env={k: v for k, v in os.environ.items() if k != "CYCLONEDDS_URI"}, check=False,
        )  # fmt: skip
        assert client.returncode == 0, client.stderr[-2000:]
        said = json.loads(client.stdout.splitlines()[-1])
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            robot.send_signal(number)
        lines = robot.communicate(timeout=60)[0]
    assert said == {"crc": True, "mode_machine": 5, "move": 0, "sit": 7301}
    assert robot.returncode == 0
    assert "sport 7101: refused with code 7301" in lines
    assert "ended; of" in lines
    rows = [json.loads(line) for line in truth.read_text().splitlines()]
    assert not any(row["fallen"] for row in rows)
    assert rows[-1]["robot"][0] > rows[0]["robot"][0] + 0.3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--interface", "eth77"], "there is no network interface 'eth77'; there are"),
        (["--dds-domain", "999"], "--dds-domain: 999 is given; a number from 0 to 232 is allowed"),
        (["--sensors-domain", "999"], "--sensors-domain: 999 is given; a number from 0 to 232 is allowed"),
        (["--randomise-start", "nan"], "randomise_start is nan; it must be a number from 0 to 2"),
        (["--seconds", "0"], "a positive number is allowed"),
        (["--world", "nowhere"], "no world 'nowhere'"),
        (["--truth", f"{__file__}/truth.jsonl"], "truth.jsonl"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(words, said, capsys):
    assert main(["g1", *words]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("words", [["--interface", "eth77"], ["--dds-domain", "999"], ["--world", "nowhere"]])
def test_so_is_it_of_the_stack_for_a_robot_before_anything_starts(words, capsys):
    assert main(["robot", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1
