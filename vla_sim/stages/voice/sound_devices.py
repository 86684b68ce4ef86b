"""The microphones and speakers of this machine, as PortAudio knows them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from vla_sim.common.errors import InputError, MissingError

Kind = Literal["microphone", "speaker"]


@dataclass(frozen=True)
class SoundDevice:
    """number: PortAudio's, which may be another one after the next start. inputs, outputs: channels.
    rate: what it has by itself [Hz]. default: whether it is taken where none is named, as a microphone and
    as a speaker."""

    number: int
    name: str
    inputs: int
    outputs: int
    rate: int
    default: tuple[bool, bool] = (False, False)

    def channels(self, kind: Kind) -> int:
        return self.inputs if kind == "microphone" else self.outputs

    def __str__(self) -> str:
        return f"{self.number} {self.name!r}"


def portaudio() -> Any:
    """The module `sounddevice`. Raises `MissingError`."""
    try:
        import sounddevice  # type: ignore[import-untyped]
    except ImportError:
        raise MissingError(
            "sound devices need sounddevice; install it with: pip install sounddevice==0.5.6"
        ) from None
    except OSError:
        raise MissingError(
            "sound devices need the system's library PortAudio; install it with: apt install libportaudio2"
        ) from None
    return sounddevice


def devices() -> list[SoundDevice]:
    """Those that were there when this process asked first: PortAudio looks once. Raises `MissingError`."""
    library = portaudio()
    microphone, speaker = library.default.device
    return [
        SoundDevice(
            one["index"], one["name"], one["max_input_channels"], one["max_output_channels"],
            round(one["default_samplerate"]), (one["index"] == microphone, one["index"] == speaker),
        )
        for one in library.query_devices()
    ]  # fmt: skip


def choose(found: Iterable[SoundDevice], wanted: str, kind: Kind) -> SoundDevice:
    """The device that is meant by its number, its name or a part of it; "": the default one. Raises
    `InputError`, which lists what there is."""
    fit = [one for one in found if one.channels(kind) > 0]
    what = f"no {kind}"
    if not fit:
        raise InputError(f"{what}: this machine has none; plug one in")
    word = wanted.strip()
    if not word:
        defaults = [one for one in fit if one.default[kind == "speaker"]]
        return (defaults or fit)[0]
    if word.isdecimal():
        named = [one for one in fit if one.number == int(word)]
    else:
        named = [one for one in fit if one.name == word]
        named = named or [one for one in fit if word.lower() in one.name.lower()]
    if not named:
        raise InputError(f"{what} {word!r}; there are {_list(fit)}")
    if len(named) > 1:
        raise InputError(f"{word!r} is not one {kind}; give more of its name, or its number: {_list(named)}")
    return named[0]


def _list(found: Iterable[SoundDevice]) -> str:
    return ", ".join(map(str, found))
