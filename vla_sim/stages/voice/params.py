"""Parameters of the voice node."""

from dataclasses import dataclass

from vla_sim.common.params import StageParams, param


@dataclass(frozen=True)
class VoiceParams(StageParams):
    recogniser: str = param(
        "pocketsphinx",
        "pocketsphinx: the world's grammar; whisper: any words",
        choices=("pocketsphinx", "whisper"),
    )
    whisper_model: str = param(
        "", "folder of a faster-whisper model, for recogniser whisper", metavar="FOLDER"
    )
    confidence: float = param(0.5, "from which a sentence is accepted", low=0.0, high=1.0, live=True)
    hangover_closed: float = param(
        0.14, "silence that ends a finished sentence [s]", low=0.06, high=2.0, live=True
    )
    hangover_complete: float = param(
        0.20, "silence that ends a sentence that could go on [s]", low=0.06, high=2.0, live=True
    )
    hangover_unfinished: float = param(
        1.2, "silence that ends a sentence of which more must come [s]", low=0.06, high=3.0, live=True
    )
    hangover_open: float = param(0.44, "silence that ends anything else [s]", low=0.06, high=2.0, live=True)
    silence_seconds: float = param(
        5.0,
        "after the last answer, from which a stream that ends without a voice is reported; 0: never [s]",
        low=0.0,
        high=600.0,
        live=True,
    )
    stream_ends: float = param(1.0, "without a chunk: the stream of audio is over [s]", low=0.1, high=60.0)
    speech_folder: str = param(
        "", "folder for the robot's answers as WAV files; empty: none", metavar="FOLDER"
    )
    play: bool = param(False, "play the robot's answers on a sound device")
    speaker: str = param(
        "", "number of that device, its name or a part of it; empty: the default one", metavar="DEVICE"
    )
    half_duplex: bool = param(
        True, "deaf while the robot speaks; false: for a microphone without its echo", live=True
    )
