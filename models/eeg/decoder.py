"""How decoders are used: EEG in, envelope out, for arrays, for raw recordings, and what the decoder relied on.

decoder = Decoder.load("bundled")
decoder.decode(eeg)                                 # µV [time, channels] at decoder.sample_rate
decoder.decode_recording("listening.bdf").envelope
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from models import devices
from models.devices import AUTO, Device
from models.eeg import members, scores
from models.eeg.attended import Attention, attended
from models.eeg.cleaning import USUAL, Cleaning
from models.eeg.correlation import Decoded, by_window, pearson
from models.eeg.ensembles import averaged
from models.eeg.history import History
from models.eeg.members import Reliance
from models.eeg.preprocessing import Prepared, preprocess, replay, standardised
from models.eeg.recordings import Recording, open_recording
from models.eeg.samples import trained_subjects
from models.eeg.signal_config import PreprocessingConfig
from models.eeg.splits import Stretch, envelope_in_band, in_band
from models.errors import UserError
from models.loading import (
    BUNDLED,
    UNBUILDABLE,
    Choice,
    Opened,
    not_described,
    open_model,
)
from models.progress import Progress
from models.remarks import Remark


@dataclass(frozen=True)
class Decoding:
    """A decoded recording.

    envelope: float32 [time] at `sample_rate`, in standard deviations. eeg: float32 [time, channels] µV, preprocessed.
    history: how the EEG was preprocessed. remarks: what a person should know.
    """

    path: Path
    envelope: np.ndarray
    eeg: np.ndarray
    sample_rate: int
    channel_names: tuple[str, ...]
    history: History
    remarks: tuple[Remark, ...]


@dataclass(frozen=True)
class Comparison:
    """A decoded envelope against the true one.

    true: float32 [time], in the decoder's band and in standard deviations. r: over everything.
    times_s, r_over_time: float64 [n], middles of windows of `window_s`, and r within each.
    interval: 95 % of the mean of r over windows side by side; NaN for fewer than three.
    window_chance: what r of a window passes by chance once in twenty; NaN where the recording is too short to tell.
    null: float64 [draws], r by chance; p: one-sided.
    """

    true: np.ndarray
    r: float
    window_s: float
    times_s: np.ndarray
    r_over_time: np.ndarray
    interval: tuple[float, float]
    window_chance: float
    null: np.ndarray
    p: float

    @property
    def null_95(self) -> float:
        """What r over everything passes by chance once in twenty; NaN where the recording is too short to tell."""
        return scores.quantiles(self.null, 0.95)[0]

    @property
    def chance_band(self) -> tuple[float, float]:
        """What nineteen of twenty draws by chance lie between."""
        low, high = scores.quantiles(self.null, 0.025, 0.975)
        return low, high


class Decoder:
    """A decoder ready for use: one network, or an ensemble of several whose outputs are averaged."""

    def __init__(self, opened: Opened, device: Device) -> None:
        """Raises UserError where the checkpoint's weights are not of its networks, or one of `loading.UNBUILDABLE`."""
        info = opened.info
        self.info, self.device, self.remarks = info, device, opened.remarks
        self.signal = PreprocessingConfig.model_validate(info.preprocessing["signal"])
        self.sample_rate = self.signal.sample_rate
        self.channel_names = tuple(info.preprocessing["channels"])
        self.subjects = tuple(trained_subjects(info))  # that it learned from; anyone else is unknown to it
        self.window_s = float(info.preprocessing["window_s"])
        self.members = members.opened(opened.weights, info, device.torch, self.sample_rate)
        self.rim = max(member.rim for member in self.members)  # samples, see `members.Member`
        self.parameters = sum(
            parameter.numel() for member in self.members for parameter in member.network.parameters()
        )

    @classmethod
    def load(
        cls,
        choice: Choice = BUNDLED,
        device: str = AUTO,
        progress: Progress | None = None,
    ) -> Decoder:
        """`choice`: whatever `loading` opens; ``bundled-ridge`` and ``bundled-conformer`` ship beside ``bundled``, their mean. Raises UserError, Cancelled."""
        return cls.of(open_model(choice, "eeg", progress=progress), device)

    @classmethod
    def of(cls, opened: Opened, device: str = AUTO) -> Decoder:
        """The decoder of a checkpoint that was opened. Raises UserError where it describes none."""
        try:
            return cls(opened, devices.resolve(device))
        except UNBUILDABLE as error:
            raise not_described(opened.info.title, error) from error

    def decode(
        self, eeg: np.ndarray, subject: str | None = None, progress: Progress | None = None
    ) -> np.ndarray:
        """The envelope, float32 [time] or [n, time], of preprocessed EEG in µV, [time, channels] or [n, time, channels].

        eeg is at `sample_rate` with the channels `channel_names`; each stretch is filtered into the decoder's band and
        standardised by itself. subject: one of `subjects`; anyone else, or None, is unknown. Raises UserError for EEG of
        another shape or with values that are no numbers.
        """
        eeg = np.asarray(eeg)
        if eeg.ndim not in (2, 3) or eeg.shape[-1] != len(self.channel_names):
            raise UserError(
                "The EEG does not fit the decoder.",
                "It has the shape {shape}, and {channels} channels are needed.",
                "Choose a recording with the channels {names}.",
                shape=list(eeg.shape),
                channels=len(self.channel_names),
                names=", ".join(self.channel_names[:6]) + " …",
            )
        if not np.isfinite(eeg).all():
            raise UserError(
                "The EEG holds values that are no numbers.",
                "",
                "Open it as a recording: then gaps are filled in.",
            )
        if eeg.ndim == 3:
            done = [self.decode(item, subject) for item in eeg]
            return np.stack(done) if done else np.zeros(eeg.shape[:2], np.float32)
        ready = standardised(in_band(eeg, self.signal, self.sample_rate), self.signal.clip_sd)
        return self.decode_standardised(ready, subject, progress)

    def decode_standardised(
        self, eeg: np.ndarray, subject: str | None = None, progress: Progress | None = None
    ) -> np.ndarray:
        """As `decode`, of EEG [time, channels] that is in the band and in standard deviations already."""
        progress, count = progress or Progress(), len(self.members)
        outputs = [
            member.decode(eeg, subject, progress.part(number / count, (number + 1) / count))
            for number, member in enumerate(self.members)
        ]
        return averaged(outputs) if count > 1 else outputs[0]

    def decode_recording(
        self,
        recording: Recording | str | os.PathLike[str],
        subject: str | None = None,
        cleaning: Cleaning = USUAL,
        history: History | None = None,
        progress: Progress | None = None,
    ) -> Decoding:
        """Open, preprocess and decode a recording of any format, length and rate.

        Arrays (NPZ, NPY, MAT) at the decoder's rate are taken for preprocessed: only bad channels are mended, and what
        `cleaning` asks for is done. history: preprocess as that says. Raises UserError, Cancelled.
        """
        progress = progress or Progress()
        opened = recording if isinstance(recording, Recording) else open_recording(recording)
        prepared = self.prepare(opened, cleaning, history, progress.part(0, 0.5))
        envelope = self.decode(prepared.eeg, subject, progress.part(0.5, 1))
        return Decoding(
            opened.path,
            envelope,
            prepared.eeg,
            self.sample_rate,
            prepared.channel_names,
            prepared.history,
            prepared.history.remarks,
        )

    def prepare(
        self,
        recording: Recording,
        cleaning: Cleaning = USUAL,
        history: History | None = None,
        progress: Progress | None = None,
    ) -> Prepared:
        """The recording as the decoder needs it; see `preprocessing.preprocess`."""
        if history is not None:
            return replay(recording, history, progress)
        is_array = recording.path.suffix.lower() in (".npz", ".npy", ".mat")
        ready = is_array and recording.sample_rate == self.sample_rate
        wide = self.signal.model_copy(update={"high_hz": max(self.signal.high_hz, 32.0)})
        if ready:
            wide = wide.model_copy(update={"reference": "none", "notch_hz": 0.0, "ica": False})
        prepared = preprocess(
            recording, wide, self.channel_names, cleaning, band=not ready, progress=progress
        )
        if cleaning.reference in (None, self.signal.reference):
            return prepared
        said = Remark(
            "The decoder learned from EEG with the reference {learned}: with another it may decode worse.",
            learned=self.signal.reference,
        )
        kept = prepared.history
        return replace(prepared, history=History(kept.steps, (*kept.remarks, said)))

    def decode_stretches(
        self, stretches: list[Stretch] | tuple[Stretch, ...], progress: Progress | None = None
    ) -> list[Decoded]:
        """Stretches of a split data set, with what was truly heard, for `scores.evaluate`."""
        result = []
        for number, stretch in enumerate(stretches):
            if progress is not None:
                progress.update(number, len(stretches), "Subject {name}", name=stretch.subject)
            result.append(
                Decoded(
                    stretch.subject,
                    stretch.stimulus,
                    self.decode_standardised(stretch.eeg, stretch.subject),
                    stretch.envelope,
                )
            )
        return result

    def target(self, envelope: np.ndarray) -> np.ndarray:
        """A true envelope [time] at `sample_rate` as the decoder would have it: in its band, in standard deviations."""
        result = envelope_in_band(envelope, self.signal, self.sample_rate)
        return ((result - result.mean()) / (result.std() or 1.0)).astype(np.float32)

    def attended(
        self, decoded: np.ndarray, envelopes: Sequence[np.ndarray], truth: int | None = None
    ) -> Attention:
        """Which of several tracks was listened to: their envelopes [time] each, as `stimulus.read_stimulus` gives them."""
        return attended(decoded, [self.target(envelope) for envelope in envelopes], self.sample_rate, truth)

    def compare(
        self, decoded: np.ndarray, envelope: np.ndarray, window_s: float = 10.0, draws: int = 1000
    ) -> Comparison:
        """How alike a decoded envelope and the true one are, over everything and window by window.

        decoded and envelope: [time] each, at `sample_rate` and equally long (see `alignment.overlap`).
        """
        true = self.target(envelope)
        window = min(round(window_s * self.sample_rate), len(true))
        hop = max(1, self.sample_rate // 2)
        over_time = by_window(decoded, true, window, hop)
        times = (np.arange(len(over_time)) * hop + window / 2) / self.sample_rate
        r = float(pearson(decoded, true))
        null = scores.null_distribution(
            [Decoded("", "", decoded, true)], self.sample_rate, draws, np.random.default_rng(0)
        )
        p = float((1 + (null >= r).sum()) / (1 + len(null)))
        apart = by_window(decoded, true, window)
        interval = scores.interval_95(float(apart.mean()), scores.standard_error(apart))
        chance = scores.window_chance(decoded, true, window, self.sample_rate)
        return Comparison(true, r, window / self.sample_rate, times, over_time, interval, chance, null, p)

    def filtered(self, eeg: np.ndarray) -> np.ndarray:
        """EEG [time, channels] in µV at `sample_rate`, in the decoder's band; float32."""
        return in_band(eeg, self.signal, self.sample_rate)

    def reliance(self, eeg: np.ndarray, subject: str | None = None) -> Reliance:
        """What the decoder relies on in EEG [time, channels] µV at `sample_rate`; the first minute is looked at."""
        piece = np.asarray(eeg)[: 60 * self.sample_rate]
        ready = standardised(in_band(piece, self.signal, self.sample_rate), self.signal.clip_sd)
        return members.together([member.reliance(ready, subject) for member in self.members])
