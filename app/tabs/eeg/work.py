"""What the tab has computed in its worker: recordings opened, decoded and compared. No Qt here, and torch only inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.eeg import alignment, attended, recordings, tuning
from models.eeg.attended import Attention, WindowChoice
from models.eeg.browse import Overview
from models.eeg.cleaning import Cleaning
from models.eeg.correlation import Decoded
from models.eeg.recordings import Recording
from models.progress import Progress
from models.remarks import Remark

if TYPE_CHECKING:
    from models.eeg.bids import BidsFolder
    from models.eeg.decoder import Comparison, Decoder, Decoding
    from models.eeg.history import History
    from models.eeg.maps import LagMap
    from models.eeg.members import Reliance
    from models.eeg.scores import Evaluation
    from models.eeg.tuning import Gain


MAPPED_S = 600.0  # of a recording, for maps over lags
PERMUTED_S = 60.0  # of it, for what each channel is worth


@dataclass(frozen=True)
class Part:
    """One recording of what was opened: the whole of it, or one trial. subject: empty where the file does not say."""

    subject: str
    number: int  # counts within the subject, from 1
    recording: Recording = field(repr=False)


@dataclass(frozen=True)
class OpenedFile:
    """path: what was opened. places: [channels, 2] on the scalp, see `scalp.positions`. folder: of BIDS, where it lies in one."""

    path: Path
    parts: tuple[Part, ...]
    places: np.ndarray = field(repr=False)
    folder: BidsFolder | None = field(default=None, repr=False)

    @property
    def first(self) -> Recording:
        return self.parts[0].recording

    @property
    def subjects(self) -> list[str]:
        return list(dict.fromkeys(part.subject for part in self.parts))


@dataclass(frozen=True)
class Track:
    """Something that may have been heard. envelope: float32 [time] at `rate` Hz.

    path: None for the envelope that the recording brings, and for made-up ones.
    """

    name: str
    envelope: np.ndarray = field(repr=False)
    rate: float
    path: Path | None = None

    def at(self, rate: float) -> np.ndarray:
        """The envelope at another rate, such as a decoder's."""
        if self.rate == rate:
            return self.envelope
        import soxr

        result: np.ndarray = soxr.resample(self.envelope, self.rate, rate).astype(np.float32)
        return result


@dataclass(frozen=True)
class DecodedRecording:
    """A recording as a decoder sees it.

    power: dB a channel. reliance: by channel. pattern: µV a standard deviation of what was decoded. places: [channels, 2] on the scalp. bad: mended channels and why;
    asked_bad: those that a person had marked. seconds: how long it took.
    """

    decoding: Decoding
    power: np.ndarray
    reliance: Reliance
    places: np.ndarray
    bad: dict[str, str]
    asked_bad: tuple[str, ...]
    overview: Overview
    seconds: float
    pattern: LagMap


@dataclass(frozen=True)
class TrackComparison:
    """A decoded envelope against a track. decoded and `comparison.true`: [time], equally long, from `start_s` on.

    response: the forward response to the track, in µV a standard deviation of its envelope.
    """

    name: str
    decoded: np.ndarray
    start_s: float
    comparison: Comparison
    response: LagMap
    remark: Remark | None = None


@dataclass(frozen=True)
class TalkerChoice:
    """Which track was listened to. truth: the track that is known to be it; None where it is not known.

    pooled: over all the trials of the file, where there are several; else the windows of `attention`.
    """

    names: tuple[str, ...]
    attention: Attention
    pooled: tuple[WindowChoice, ...]
    start_s: float
    truth: int | None
    trials: int = 1


def open_source(path: Path, progress: Progress) -> OpenedFile:
    """A recording of any format, the first one of a BIDS folder, or the items of a data set. Raises UserError, Cancelled."""
    from models.eeg import bids, scalp

    progress.update(0, 1, "Opening {name}", name=path.name)
    root = path if path.is_dir() and bids.is_bids(path) else bids.root_of(path)
    folder = None if root is None else bids.open_folder(root)
    if folder is not None and path.is_dir():
        path = folder.runs[0].path
    if path.is_dir() or path.suffix.lower() == ".csv":
        parts = _of_dataset(path, progress)
    else:
        parts = _of_file(path)
    if folder is not None:
        parts = tuple(_in_folder(part, folder, path) for part in parts)
    return OpenedFile(path, parts, scalp.positions(parts[0].recording.channel_names), folder)


def _in_folder(part: Part, folder: BidsFolder, path: Path) -> Part:
    """What the folder says of the subject and of itself is said of the recording."""
    from models.eeg import bids

    subject = bids.entities_of(path)["sub"]
    said = (*folder.remarks, *part.recording.remarks)
    return replace(part, subject=subject, recording=replace(part.recording, remarks=said))


def _of_dataset(path: Path, progress: Progress) -> tuple[Part, ...]:
    from models.eeg.data import open_dataset

    dataset = open_dataset(path, progress=progress)
    remarks = (*dataset.remarks, *dataset.skipped[:6])
    parts = []
    for item in dataset.items:
        recording = Recording(
            path / f"{item.stimulus or item.subject}.npy",
            dataset.channel_names,
            float(dataset.sample_rate),
            len(item.eeg),
            _reader(item.eeg, item.step),
            envelope=item.envelope,
            remarks=remarks,
        )
        parts.append((item.subject, recording))
    return _numbered(parts)


def _reader(eeg: np.ndarray, step: float) -> Callable[[int, int], np.ndarray]:
    """Counts to µV, as much as is asked for."""

    def read(first: int, last: int) -> np.ndarray:
        result: np.ndarray = np.asarray(eeg[first:last], np.float32) * np.float32(step)
        return result

    return read


def _of_file(path: Path) -> tuple[Part, ...]:
    opened = recordings.open_recording(path)
    if not opened.trials:
        partner = path.with_name(path.name.replace("_-_eeg.npy", "_-_envelope.npy"))
        if (
            opened.envelope is None and partner != path and partner.exists()
        ):  # as the challenge names its files
            from models.eeg.stimulus import read_stimulus

            opened = replace(opened, envelope=read_stimulus(partner, round(opened.sample_rate)))
        return (Part("", 1, opened),)
    subjects = [""] * len(opened.trials)
    if path.suffix.lower() in (".npz", ".mat"):
        named = np.asarray(recordings.read_arrays(path).get("subject", [])).ravel()
        if len(named) == len(opened.trials):
            subjects = [str(item) for item in named]
    return _numbered(list(zip(subjects, opened.trials, strict=True)))


def _numbered(parts: list[tuple[str, Recording]]) -> tuple[Part, ...]:
    counts: dict[str, int] = {}
    result = []
    for subject, item in parts:
        counts[subject] = counts.get(subject, 0) + 1
        result.append(Part(subject, counts[subject], item))
    return tuple(result)


def own_track(recording: Recording, name: str) -> Track | None:
    """The envelope that the recording brings."""
    return None if recording.envelope is None else Track(name, recording.envelope, recording.sample_rate)


def read_tracks(paths: Sequence[Path], rate: int, progress: Progress) -> list[Track]:
    """Sounds or envelope files. Raises UserError for the first that is none."""
    from models.eeg.stimulus import read_stimulus

    result = []
    for number, path in enumerate(paths):
        part = progress.part(number / len(paths), (number + 1) / len(paths))
        result.append(Track(path.stem, read_stimulus(path, rate, part), rate, path))
    return result


def decode(
    decoder: Decoder,
    recording: Recording,
    subject: str,
    cleaning: Cleaning,
    history: History | None,
    progress: Progress,
) -> DecodedRecording:
    """Preprocess and decode; power and reliance by channel. Raises UserError, Cancelled."""
    import time

    from models.eeg import scalp

    began = time.monotonic()
    decoding = decoder.decode_recording(recording, subject or None, cleaning, history, progress)
    power = scalp.channel_power(decoding.eeg[: 600 * decoding.sample_rate], decoding.sample_rate)
    reliance = decoder.reliance(decoding.eeg, subject or None)
    mended: dict[str, str] = {}
    for step in decoding.history.steps:
        if step["step"] == "interpolate":
            mended = dict(zip(step["channels"], step["reasons"], strict=True))
    arrays = {"eeg": decoding.eeg, "fs": decoding.sample_rate, "channels": np.array(decoding.channel_names)}
    whole = recordings.of_arrays(decoding.path, arrays)
    overview = Overview(whole).fill(whole)
    places = scalp.positions(decoding.channel_names)
    seconds, pattern = time.monotonic() - began, _pattern(decoder, decoding)
    return DecodedRecording(
        decoding, power, reliance, places, mended, cleaning.bad, overview, seconds, pattern
    )


def _pattern(decoder: Decoder, decoding: Decoding) -> LagMap:
    from models.eeg import maps
    from models.eeg.ridge import lags_of

    rate, piece = decoding.sample_rate, slice(0, round(MAPPED_S * decoding.sample_rate))
    first, last = lags_of(maps.FIRST_S, maps.LAST_S, rate)
    decoded = decoding.envelope[piece]
    values = maps.pattern([(decoder.filtered(decoding.eeg[piece]), decoded)], first, last)
    return maps.LagMap(values * decoded.std(), np.arange(first, last + 1) / rate)


def _response(decoder: Decoder, decoding: Decoding, envelope: np.ndarray, start_s: float) -> LagMap:
    """envelope: [time], standardised, begins `start_s` into the recording."""
    from models.eeg import maps
    from models.eeg.ridge import lags_of

    rate, begin = decoding.sample_rate, max(0, round(start_s * decoding.sample_rate))
    time = min(len(envelope), round(MAPPED_S * rate), len(decoding.eeg) - begin)
    first, last = lags_of(maps.FIRST_S, maps.LAST_S, rate)
    eeg = decoder.filtered(decoding.eeg[begin : begin + time])
    weights, _ = maps.forward([(eeg, envelope[:time])], first, last)
    return maps.LagMap(weights, np.arange(first, last + 1) / rate)


def permute(
    decoder: Decoder, decoding: Decoding, comparison: TrackComparison, subject: str, progress: Progress
) -> np.ndarray:
    """float64 [channels]: how much r with the track falls without each channel, over the first minute. Raises Cancelled."""
    from models.eeg import maps

    rate, begin = decoding.sample_rate, round(comparison.start_s * decoding.sample_rate)
    time = min(len(comparison.comparison.true), round(PERMUTED_S * rate))
    eeg = decoding.eeg[begin : begin + time]
    return maps.permuted(
        lambda values: decoder.decode(values, subject or None),
        eeg,
        comparison.comparison.true[:time],
        progress=progress,
    )


def compare(
    decoder: Decoder, decoding: Decoding, track: Track, start_s: float, stretch: bool, window_s: float
) -> TrackComparison:
    """Raises UserError where they have too little in common."""
    rate = decoding.sample_rate
    decoded, envelope, remark = alignment.overlap(decoding.envelope, track.at(rate), rate, start_s, stretch)
    result = decoder.compare(decoded, envelope, window_s)
    response = _response(decoder, decoding, result.true, start_s)
    return TrackComparison(track.name, decoded, max(0.0, start_s), result, response, remark)


def choose(
    decoder: Decoder,
    decoding: Decoding,
    tracks: Sequence[Track],
    start_s: float,
    stretch: bool,
    truth: int | None,
) -> TalkerChoice:
    """Which of two or more tracks was listened to in this recording."""
    rate = decoding.sample_rate
    pieces = [
        alignment.overlap(decoding.envelope, track.at(rate), rate, start_s, stretch) for track in tracks
    ]
    time = min(len(envelope) for _, envelope, _ in pieces)
    result = decoder.attended(pieces[0][0][:time], [envelope[:time] for _, envelope, _ in pieces], truth)
    return TalkerChoice(
        tuple(track.name for track in tracks), result, result.windows, max(0.0, start_s), truth
    )


def choose_against_shifted(
    decoder: Decoder,
    parts: Sequence[Part],
    shown: int,
    subject: str,
    names: tuple[str, str],
    cleaning: Cleaning,
    history: History | None,
    progress: Progress,
) -> TalkerChoice:
    """A made-up second talker: each trial's own envelope against itself, shifted by half its length; all trials together.

    shown: which of the parts the windows over time are of. subject: as whom they are decoded. cleaning, history: as they are for the shown one. Raises UserError, Cancelled.
    """
    rate = decoder.sample_rate
    stretches = []
    for number, part in enumerate(parts):
        portion = progress.part(number / len(parts), (number + 1) / len(parts))
        decoding = decoder.decode_recording(part.recording, subject or None, cleaning, history, portion)
        track = own_track(part.recording, "")
        assert track is not None
        decoded, envelope, _ = alignment.overlap(decoding.envelope, track.at(rate), rate)
        stretches.append(Decoded(part.subject, str(part.number), decoded, decoder.target(envelope)))
    own = stretches[shown]
    result = attended.attended(own.decoded, [own.envelope, attended.shifted(own.envelope)], rate, 0)
    pooled = attended.against_shifted(stretches, rate)
    return TalkerChoice(names, result, pooled, 0.0, 0, len(stretches))


def evaluate(decoder: Decoder, path: Path, progress: Progress) -> Evaluation:
    """The decoder on the held-back part of a data set, subject by subject."""
    from models.eeg.evaluation import evaluate_with

    return evaluate_with(decoder, path, progress)


def tuned(before: Decoder, run: Path, data: str, subject: str, device: str, progress: Progress) -> Gain:
    """What a run of fine-tuning brought over the decoder it began with. Raises UserError, Cancelled."""
    from models.eeg.decoder import Decoder

    after = Decoder.load(run / "best", device, progress.part(0, 0.1))
    return tuning.gain(before, after, data, subject, progress.part(0.1, 1))
