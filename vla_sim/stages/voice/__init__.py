"""From sound to transcripts (voice activity, endpointing, recognisers with the grammar of one world), and
from texts to speech."""

__all__ = [
    "audio",
    "grammar",
    "listener",
    "nearest_sentence",
    "node",
    "params",
    "pocketsphinx_recogniser",
    "recogniser",
    "second_ear",
    "simulated_microphone",
    "sound_devices",
    "speaker",
    "spoken_numbers",
    "synthesis",
    "transcription_server",
    "two_ears",
    "whisper_recogniser",
]
