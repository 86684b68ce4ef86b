"""The whole stack, spoken to through a (virtual) sound card: what was said is heard and done."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest
from sound_card import MICROPHONE, SoundCard, needed
from waiting import wait_for

from vla_sim.stages.voice.simulated_microphone import in_room
from vla_sim.stages.voice.synthesis import Hibari

pytestmark = [pytest.mark.scenario, pytest.mark.ros, pytest.mark.audio, pytest.mark.alone, needed]
READY, DONE = 400.0, 200.0  # [s] on a busy machine


class Talk:
    """`vla-sim run --mic` beside the test. said: what it has printed."""

    def __init__(self, card, out):
        self.card, self.out = card, out
        line = [sys.executable, "-m", "vla_sim.cli.main", "run", "--mic", "--engine", "kinematic"]
        line += ["--param", f"microphone.device={MICROPHONE}", "--no-reserve", "--no-monitor"]
        self.process = subprocess.Popen(
            [*line, "--out", str(out), "--json", str(out / "run.json")], text=True,
            env={**os.environ, **card.environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.said = []
        threading.Thread(target=lambda: self.said.extend(self.process.stdout), daemon=True).start()

    def wait(self, words, seconds):
        try:
            wait_for(lambda: any(words in line for line in self.said), seconds)
        except AssertionError:
            raise AssertionError(f"never {words!r} in {''.join(self.said)}") from None

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)
        return json.loads((self.out / "run.json").read_text())


@pytest.fixture
def talk(tmp_path):
    with SoundCard() as card:
        made = Talk(card, tmp_path)
        yield made
        if made.process.poll() is None:
            made.process.send_signal(signal.SIGINT)  # it ends its nodes
            made.process.wait(60)


def test_go_to_the_kitchen_is_heard_and_walked(talk):
    talk.wait("speak: the microphone is open", READY)
    talk.card.play(in_room(Hibari().speak("go to the kitchen")))
    talk.wait('heard: "go to the kitchen"', DONE)
    talk.wait("succeeded", DONE)
    record = talk.end()
    assert record["heard"] == "go to the kitchen"
    [command] = record["commands"]
    assert (command["state"], command["spoken"]) == ("succeeded", True)
    checks = {check["name"]: check for check in record["checks"]}
    assert checks["navigate to kitchen"]["passed"], checks  # by the simulator's truth
    assert record["path_length"] > 3.0
    assert "voice" in {stage["stage"] for stage in record["stages"]}
    assert "".join(talk.said).count("Traceback") == 0
