"""A recording with what was heard, streamed as an amplifier and a microphone would: to try and to test all of it without either."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from models import audio
from models.eeg.envelope import AUDIO_RATE, COMPRESSION, erb_spaced
from models.eeg.live import lsl
from models.eeg.recordings import open_recording
from models.eeg.samples import sample_file
from models.errors import UserError

if TYPE_CHECKING:
    from mne_lsl.lsl import StreamOutlet

TICK_S = 0.05
SAMPLE_SUBJECT = "8"
LOUD = 0.1  # root mean square of a sound that is made of an envelope
EEG_NAME, SOUND_NAME = "Polyphony EEG", "Polyphony talkers"


@dataclass(frozen=True)
class Played:
    """eeg: float32 [time, channels] in µV at `rate`; sounds: float32 [samples, tracks] at `sound_rate`, full scale ±1."""

    eeg: np.ndarray = field(repr=False)
    names: tuple[str, ...]
    rate: float
    sounds: np.ndarray = field(repr=False)
    sound_rate: int = AUDIO_RATE
    tracks: tuple[str, ...] = ("talker 1", "talker 2")

    @property
    def duration_s(self) -> float:
        return len(self.eeg) / self.rate


def audible(envelope: np.ndarray, rate: float) -> np.ndarray:
    """float32 [samples] at `AUDIO_RATE`: tones, one a band of the gammatone bank, as loud as the envelope [time] says.

    For recordings whose sound is not at hand. The envelope that is computed of it is nearly the one it was made of.
    """
    loudness = np.maximum(np.asarray(envelope, float), 0) ** (1 / COMPRESSION)
    times = np.arange(round(len(envelope) / rate * AUDIO_RATE)) / AUDIO_RATE
    loudness = np.interp(times, np.arange(len(envelope)) / rate, loudness)
    generator = np.random.default_rng(0)
    tones = np.zeros(len(times))
    for centre in erb_spaced(14):
        tones += np.sin(2 * np.pi * (centre * times + generator.random())) / np.sqrt(centre)
    sound = tones * loudness
    return (LOUD * sound / (np.sqrt(np.mean(sound**2)) or 1.0)).astype(np.float32)


def sample(subject: str = SAMPLE_SUBJECT) -> Played:
    """The sample's trials of one subject after one another. The second talker is the same envelope shifted by half of it."""
    with np.load(sample_file(), allow_pickle=False) as arrays:
        own = arrays["subject"].astype(str) == subject
        eeg = arrays["eeg"][own].astype(np.float32) * np.float32(arrays["eeg_step_uv"])
        envelope, rate = arrays["envelope"], float(arrays["fs"])
    names = open_recording(sample_file()).channel_names
    sound = audible(envelope, rate)
    both = np.stack([sound, np.roll(sound, len(sound) // 2)], axis=1)
    return Played(eeg.reshape(-1, eeg.shape[2]), names, rate, np.tile(both, (len(eeg), 1)))


def of_recording(path: Path, sounds: Sequence[Path] = ()) -> Played:
    """A recording of any format with the talkers' sounds, or with the envelope that it brings. Raises UserError."""
    opened = open_recording(path)
    opened = opened.trials[0] if opened.trials else opened
    columns = [audio.read(sound, AUDIO_RATE) for sound in sounds]
    names = [sound.stem for sound in sounds]
    if not columns and opened.envelope is not None:
        carrier = audible(opened.envelope, opened.sample_rate)
        columns, names = [carrier, np.roll(carrier, len(carrier) // 2)], ["talker 1", "talker 2"]
    if not columns:
        raise UserError(
            "{name} cannot be streamed with what was heard.",
            "It brings no envelope, and no sound was chosen.",
            "Add the talkers' sounds under What was heard.",
            name=path.name,
        )
    length = round(opened.duration_s * AUDIO_RATE)
    together = np.zeros((length, len(columns)), np.float32)
    for number, column in enumerate(columns):
        together[: min(length, len(column)), number] = column[:length]
    return Played(opened.read(), opened.channel_names, opened.sample_rate, together, AUDIO_RATE, tuple(names))


class Player(threading.Thread):
    """Streams until it is stopped or over; begins again at the end.

    time_s: how much has been streamed. swaps_s: when the talkers were swapped.
    """

    def __init__(self, played: Played, name: str = "", speed: float = 1.0) -> None:
        """name: after the streams' usual ones. speed: of the clock, for tests."""
        super().__init__(name="lsl player", daemon=True)
        self.played, self._suffix, self._speed = played, name, speed
        self._done = threading.Event()
        self._swapped = self._cut = False
        self.time_s = 0.0
        self.swaps_s: list[float] = []

    @property
    def names(self) -> tuple[str, str]:
        """(of the EEG's stream, of the talkers')."""
        return EEG_NAME + self._suffix, SOUND_NAME + self._suffix

    def swap(self) -> None:
        """From now on the sounds stand the other way round, as if the listener had turned to the other talker."""
        self._swapped = not self._swapped
        self.swaps_s.append(self.time_s)

    def cut(self) -> None:
        """The streams vanish."""
        self._cut = True

    def mend(self) -> None:
        """The streams come back, as time has gone on."""
        self._cut = False

    def stop(self) -> None:
        """Ends the thread, and with it the streams."""
        self._done.set()
        if self.is_alive():
            self.join(5.0)

    def run(self) -> None:
        """The thread."""
        library = lsl.library()
        outlets: list[StreamOutlet] = []
        begin = library.local_clock()
        given = [0, 0]
        rates = (self.played.rate, float(self.played.sound_rate))
        while not self._done.wait(TICK_S / self._speed):
            now = library.local_clock() - begin
            self.time_s = now * self._speed
            if self._cut:
                outlets.clear()  # liblsl ends a stream with its outlet
                given = [round(self.time_s * rate) for rate in rates]
                continue
            outlets = outlets or self._outlets(library)
            for number, rate in enumerate(rates):
                first, last = given[number], round(self.time_s * rate)
                if last > first:
                    block = self._block(number, first, last)
                    stamp = begin + ((last - 1) / rate) / self._speed
                    outlets[number].push_chunk(np.ascontiguousarray(block), timestamp=stamp)
                    given[number] = last
        outlets.clear()

    def _block(self, number: int, first: int, last: int) -> np.ndarray:
        source = (self.played.eeg, self.played.sounds)[number]
        block: np.ndarray = source[np.arange(first, last) % len(source)]
        return block[:, ::-1] if number and self._swapped else block

    def _outlets(self, library: ModuleType) -> list[StreamOutlet]:
        played = self.played
        outlets: list[StreamOutlet] = []
        sets = (
            (self.names[0], "EEG", played.names, played.rate, "microvolts", "eeg"),
            (self.names[1], "Audio", played.tracks, played.sound_rate, "normalized", "audio"),
        )
        for name, kind, channels, rate, unit, channel_kind in sets:
            info = library.StreamInfo(
                name, kind, len(channels), rate * self._speed, "float32", f"polyphony-{kind}{self._suffix}"
            )
            info.set_channel_names(list(channels))
            info.set_channel_units(unit)
            info.set_channel_types(channel_kind)
            outlets.append(
                library.StreamOutlet(info, chunk_size=1 if kind == "EEG" else 512, max_buffered=30)
            )
        return outlets
