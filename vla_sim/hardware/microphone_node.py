"""A microphone as the source of /voice/audio: on the robot, or on any machine in its ROS domain."""

import time

from diagnostic_msgs.msg import DiagnosticStatus

from vla_sim.contract import topics
from vla_sim.hardware import capture
from vla_sim.hardware.capture import Capture
from vla_sim.hardware.params import MicrophoneParams
from vla_sim.hardware.sound_level import SoundLevel
from vla_sim.ros import conversions
from vla_sim.ros.spin import spin
from vla_sim.ros.stage_node import StageNode
from vla_sim.stages.voice.audio import Samples


class MicrophoneNode(StageNode[MicrophoneParams]):
    """Parameters: `MicrophoneParams`.

    Publishes /voice/audio, each piece with its age. /diagnostics has the level of the last second, and what
    is wrong. It ends at its start without such a microphone; one that is pulled out later is waited for.
    """

    def __init__(self) -> None:
        self.level, self.age = SoundLevel(), 0.0
        self.capture: Capture | None = None
        super().__init__("microphone", MicrophoneParams)
        p = self.params
        self.publish(topics.AUDIO)
        line = capture.command(p.device, p.sample_rate, p.channel)
        self.capture = Capture(line, self.guard("sound", self.send_sound), self.note)
        try:
            self.capture.start()
        except BaseException:
            self.destroy_node()
            raise
        self.get_logger().info(f"listens to {self.capture.opened}")

    def send_sound(self, samples: Samples, captured: float) -> None:
        """In the thread of the capture."""
        self.level.add(samples)
        self.age = time.monotonic() - captured
        self.published[topics.AUDIO.name].publish(conversions.audio_message(samples, self.age))

    def note(self, problem: str) -> None:
        """Likewise: what is wrong."""
        if problem:
            self.get_logger().warning(problem)
        else:
            self.get_logger().info("the microphone is back")

    def status(self) -> dict[str, str]:
        if self.capture is None or self.capture.opened is None:
            return {}
        opened = self.capture.opened
        return {
            "device": opened.device,
            "rate [Hz]": str(opened.rate),
            "channels": str(opened.channels),
            "level [dB]": f"{self.level.rms:.0f}",
            "peak [dB]": f"{self.level.peak:.0f}",
            "age [ms]": f"{1e3 * self.age:.0f}",
            "overruns": str(self.capture.overruns),
            "lost": str(self.capture.lost),
        }

    def health(self) -> tuple[bytes, str]:
        if self.capture is not None and self.capture.problem:
            return DiagnosticStatus.ERROR, self.capture.problem
        opened = self.capture.opened if self.capture is not None else None
        if said := (opened.verdict() if opened is not None else "") or self.level.verdict():
            return DiagnosticStatus.WARN, said
        return super().health()

    def close(self) -> None:
        if self.capture is not None:
            self.capture.close()


def main() -> int:
    return spin(MicrophoneNode)


if __name__ == "__main__":
    raise SystemExit(main())
