"""Parting a data set into training, validation and test, never with the same stretch of stimulus on two sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.signal import butter, sosfiltfilt

from models.eeg.config import DataConfig
from models.eeg.dataset import Dataset, Item, unknown_subjects
from models.eeg.preprocessing import robust_statistics, standardised
from models.eeg.signal_config import PreprocessingConfig
from models.errors import UserError
from models.remarks import Remark

WITHIN_SUBJECT, UNSEEN_SUBJECTS = Remark("within subject"), Remark("unseen subjects")
LEAST_STIMULI = 5  # with fewer, time is cut instead
MOST_SPARED = 0.1  # of the time of a part, for windows of full length
LEAST_PIECE_S = 5  # a shorter rest of a stretch would make all windows short


@dataclass(frozen=True)
class Stretch:
    """A stretch of time of one subject and stimulus, filtered and standardised.

    eeg: float32 [time, channels]; envelope: float32 [time]; both in standard deviations of the subject's training time.
    start: where it begins within its stimulus, in samples.
    """

    subject: str
    stimulus: str
    eeg: np.ndarray = field(repr=False)
    envelope: np.ndarray = field(repr=False)
    start: int = 0

    def __len__(self) -> int:
        return len(self.envelope)


@dataclass(frozen=True)
class Parts:
    """by: ``files`` (as published), ``stimulus`` or ``time``. met: subjects that are learned from."""

    train: tuple[Stretch, ...]
    validation: tuple[Stretch, ...]
    test: tuple[Stretch, ...]
    by: str
    met: tuple[str, ...]
    filtered_whole: bool = True  # with a guard as long as the filter; else each stretch by itself
    remarks: tuple[Remark, ...] = ()

    def kinds(self, met: Sequence[str] | None = None) -> tuple[Remark, ...]:
        """What a figure on the test part shows, in words; `met`: whom a decoder learned from, if not from this training part."""
        known = set(self.met if met is None else met)
        tested = {item.subject for item in self.test}
        result = []
        if tested & known:
            result.append(WITHIN_SUBJECT)
        if tested - known:
            result.append(UNSEEN_SUBJECTS)
        return (*result, self.stimulus_kind)

    @property
    def stimulus_kind(self) -> Remark:
        """How strict the test is: whether its stimuli, or only their time, were kept from training."""
        if self.by == "stimulus":
            return Remark("unseen stimuli")
        if self.by == "files":
            return Remark("other stretches of the same stimuli")
        if len({item.stimulus for item in self.train}) > 1:
            return Remark("unseen time of the same stimuli, split by time")
        return Remark("unseen time of a single stimulus, split by time")

    @property
    def generalisation(self) -> str:
        """The same in one line."""
        return "; ".join(map(str, self.kinds()))


@dataclass(frozen=True)
class _Cut:
    """A stretch before it is made: item, first and last sample, and the part it goes to."""

    item: Item
    first: int
    last: int
    part: str


def part(dataset: Dataset, settings: DataConfig, signal: PreprocessingConfig, seed: int = 1) -> Parts:
    """Filter, cut, and standardise by the subject's training time.

    Where the files say their part, they are believed; with several stimuli, whole stimuli are held back (drawn by
    `seed`); with few, time is cut into blocks with a guard. Test subjects take no part in training and validation, and
    are tested on the held-back time or stimuli only. A recording is filtered whole where the guard is as long as the
    filter's response (or where it is not cut at all), else each stretch by itself: no filter reaches across a cut.
    Raises UserError where nothing is left to train on.
    """
    unknown = sorted(set(settings.test_subjects) - set(dataset.subjects))
    if unknown:
        raise unknown_subjects(unknown, dataset.subjects)
    dataset, remarks = _without_scraps(dataset, settings)
    splits = {item.split for item in dataset.items}
    if "train" in splits and len(splits) > 1:
        by, cuts = "files", [_Cut(item, 0, len(item.envelope), item.split) for item in dataset.items]
    elif len(dataset.stimuli) >= LEAST_STIMULI:
        by, cuts = "stimulus", _by_stimulus(dataset, seed)
    else:
        by, cuts = "time", _by_time(dataset, settings)
    whole = by != "time" or _guard_s(dataset, settings) >= reach_s(signal, dataset.sample_rate)
    held = set(settings.test_subjects)
    # The time of a test subject that others learn from serves for its statistics alone.
    result: dict[str, list[Stretch]] = {"train": [], "validation": [], "test": []}
    for subject in dataset.subjects:
        own = [cut for cut in cuts if cut.item.subject == subject]
        for name, stretches in _standardised(own, signal, dataset.sample_rate, whole).items():
            if name == "test" or subject not in held:
                result[name] += stretches
    window = round(settings.window_s * dataset.sample_rate)
    result = {name: long_enough(stretches, window) for name, stretches in result.items()}
    train = _shortened(result["train"], settings.minutes, dataset.sample_rate)
    train = long_enough(train, window)
    if not train:
        raise UserError(
            "Nothing is left to train on.",
            "All subjects are to test, or the stretches are too short once cut.",
            "Leave some subjects to the training, or lower the number of blocks.",
        )
    met = tuple(dict.fromkeys(entry.subject for entry in train))
    parts = Parts(tuple(train), tuple(result["validation"]), tuple(result["test"]), by, met, whole, remarks)
    check(parts, round(_guard_s(dataset, settings) * dataset.sample_rate) if by == "time" else 0)
    return parts


def _without_scraps(dataset: Dataset, settings: DataConfig) -> tuple[Dataset, tuple[Remark, ...]]:
    """Without recordings shorter than a window, where others hold one: else all windows would be as short as the shortest."""
    least = round(settings.window_s * dataset.sample_rate)
    kept = tuple(item for item in dataset.items if len(item.envelope) >= least)
    as_published = any(item.split for item in dataset.items)
    if as_published or not kept or len(kept) == len(dataset.items):
        return dataset, ()
    remark = Remark(
        "Left out: {count} recordings shorter than a window of {window:g} s.",
        count=len(dataset.items) - len(kept),
        window=settings.window_s,
    )
    return replace(dataset, items=kept), (remark,)


def _guard_s(dataset: Dataset, settings: DataConfig) -> float:
    """The guard at a cut: as long as asked for, and as far as filters look that the recordings went through before."""
    return max(settings.guard_s, dataset.reach_s)


def long_enough(stretches: list[Stretch], window: int) -> list[Stretch]:
    """Without short rests, which would make all windows as short as the shortest of them.

    A rest is shorter than a window and than half of the longest stretch; or shorter than a window, where all that are
    as short hold a tenth of the time at most.
    """
    least = min(window, max(map(len, stretches), default=0) // 2)
    lengths = np.sort([len(stretch) for stretch in stretches])
    for length in np.unique(lengths[lengths < window]):
        if lengths[lengths <= length].sum() > MOST_SPARED * lengths.sum():
            break
        least = max(least, int(length) + 1)
    return [stretch for stretch in stretches if len(stretch) >= least]


def _by_stimulus(dataset: Dataset, seed: int) -> list[_Cut]:
    """A fifth of the stimuli validates, another fifth tests (one each at least)."""
    names = np.random.default_rng(seed).permutation(dataset.stimuli).tolist()
    count = max(1, len(names) // 5)
    test, validation = set(names[:count]), set(names[count : 2 * count])
    return [
        _Cut(
            item,
            0,
            len(item.envelope),
            "test" if item.stimulus in test else "validation" if item.stimulus in validation else "train",
        )
        for item in dataset.items
    ]


def _by_time(dataset: Dataset, settings: DataConfig) -> list[_Cut]:
    """Blocks of the longest stimulus time, the same for all subjects; training and validation keep the guard."""
    guard = round(_guard_s(dataset, settings) * dataset.sample_rate)
    lengths: dict[str, int] = {}
    for item in dataset.items:
        lengths[item.stimulus] = max(lengths.get(item.stimulus, 0), len(item.envelope))
    cuts = []
    for item in dataset.items:
        edges = np.linspace(0, lengths[item.stimulus], settings.blocks + 1).astype(int)
        for first, last, name in runs(edges, settings):
            rank = {"train": 0, "validation": 1, "test": 2}
            before, after = neighbours(edges, settings, first, last)
            first += guard if before and rank[before] > rank[name] else 0
            last -= guard if after and rank[after] > rank[name] else 0
            last = min(last, len(item.envelope))
            if last - first >= 2 * dataset.sample_rate:
                cuts.append(_Cut(item, first, last, name))
    return cuts


def names_of(settings: DataConfig) -> list[str]:
    """The part of each time block."""
    return [
        "test" if n == settings.test_block else "validation" if n == settings.validation_block else "train"
        for n in range(settings.blocks)
    ]


def runs(edges: np.ndarray, settings: DataConfig) -> list[tuple[int, int, str]]:
    """Neighbouring blocks of one part, joined: (first, last, part)."""
    joined: list[tuple[int, int, str]] = []
    for number, name in enumerate(names_of(settings)):
        first, last = int(edges[number]), int(edges[number + 1])
        if joined and joined[-1][2] == name:
            joined[-1] = (joined[-1][0], last, name)
        else:
            joined.append((first, last, name))
    return joined


def neighbours(edges: np.ndarray, settings: DataConfig, first: int, last: int) -> tuple[str, str]:
    """The parts before and after a run; empty at the ends."""
    result = runs(edges, settings)
    number = next(i for i, run in enumerate(result) if run[:2] == (first, last))
    return result[number - 1][2] if number else "", result[number + 1][2] if number + 1 < len(result) else ""


def _standardised(
    cuts: Sequence[_Cut], signal: PreprocessingConfig, rate: int, whole: bool
) -> dict[str, list[Stretch]]:
    """One subject's stretches by part, filtered, in standard deviations of its training time (of all, if it has none)."""
    made: dict[str, list[Stretch]] = {"train": [], "validation": [], "test": []}
    ready: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for cut in cuts:
        item, piece = cut.item, slice(cut.first, cut.last)
        if whole:
            if id(item) not in ready:
                ready = {
                    id(item): _in_band(item, slice(None), signal, rate)
                }  # cuts of an item follow one another
            eeg, envelope = (values[piece] for values in ready[id(item)])
        else:
            eeg, envelope = _in_band(item, piece, signal, rate)
        made[cut.part].append(Stretch(item.subject, item.stimulus, eeg, envelope, cut.first))
    source = made["train"] or [entry for part in made.values() for entry in part]
    if not source:
        return made
    statistics = robust_statistics(np.concatenate([entry.eeg for entry in source]), signal.clip_sd)
    envelopes = np.concatenate([entry.envelope for entry in source]).astype(np.float64)
    mean, sd = envelopes.mean(), envelopes.std() or 1.0
    return {
        name: [
            replace(
                entry,
                eeg=standardised(entry.eeg, signal.clip_sd, statistics),
                envelope=((entry.envelope - mean) / sd).astype(np.float32),
            )
            for entry in part
        ]
        for name, part in made.items()
    }


def _in_band(
    item: Item, piece: slice, signal: PreprocessingConfig, rate: int
) -> tuple[np.ndarray, np.ndarray]:
    eeg = np.asarray(item.eeg[piece], np.float32) * np.float32(item.step)
    return in_band(eeg, signal, rate), envelope_in_band(item.envelope[piece], signal, rate)


def in_band(values: np.ndarray, signal: PreprocessingConfig, rate: int) -> np.ndarray:
    """float32 [time] or [time, channels]: without phase, Butterworth of order 4 (there and back).

    A low-pass at 0.45 of the rate or more takes nothing away and is left out; the high-pass stands by itself.
    """
    values = np.asarray(values, np.float32)
    sections = sections_of(signal, rate)
    if sections is None:
        return values
    reach = min(len(values) - 1, 4 * rate)
    return sosfiltfilt(sections, values, axis=0, padlen=reach).astype(np.float32)


def envelope_in_band(values: np.ndarray, signal: PreprocessingConfig, rate: int) -> np.ndarray:
    """An envelope, float32 [time], in the decoder's band; as it is at full band, which no drift of electrodes is in."""
    full = signal.high_hz >= 0.45 * rate
    return np.asarray(values, np.float32) if full else in_band(values, signal, rate)


def reach_s(signal: PreprocessingConfig, rate: int, least: float = 0.01) -> float:
    """How far the filter of `in_band` looks to either side: until its response stays below `least` of its peak."""
    sections = sections_of(signal, rate)
    if sections is None:
        return 0.0
    impulse = np.zeros(60 * rate)
    impulse[30 * rate] = 1
    response = np.abs(sosfiltfilt(sections, impulse))
    return float(np.abs(np.flatnonzero(response > least * response.max()) - 30 * rate).max() / rate)


def sections_of(signal: PreprocessingConfig, rate: int) -> np.ndarray | None:
    """Second-order sections of the decoder's band, or None where nothing is to be taken away."""
    if signal.high_hz >= 0.45 * rate:
        return butter(4, signal.low_hz, "highpass", fs=rate, output="sos") if signal.low_hz else None
    edges: float | list[float] = [signal.low_hz, signal.high_hz] if signal.low_hz else signal.high_hz
    return butter(4, edges, "bandpass" if signal.low_hz else "lowpass", fs=rate, output="sos")


def _shortened(stretches: list[Stretch], minutes: float, rate: int) -> list[Stretch]:
    """So many minutes, as much of each subject: whole stretches first, then the beginning of one; 0 takes all of them."""
    if not minutes:
        return stretches
    names = list(dict.fromkeys(stretch.subject for stretch in stretches))
    kept: list[Stretch] = []
    for name in names:
        left = round(minutes * 60 * rate / len(names))
        for number, item in enumerate(stretch for stretch in stretches if stretch.subject == name):
            take = min(left, len(item))
            if take >= LEAST_PIECE_S * rate or (not number and take > rate):
                kept.append(replace(item, eeg=item.eeg[:take], envelope=item.envelope[:take]))
            left -= take
    return kept


def check(parts: Parts, guard: int = 0) -> None:
    """Raises UserError if a stretch of a stimulus is on two sides, or closer to one than `guard` samples."""
    if parts.by == "files":  # each split has a time axis of its own
        return
    spans: dict[str, dict[str, list[tuple[int, int]]]] = {}
    for name in ("train", "validation", "test"):
        for item in getattr(parts, name):
            spans.setdefault(item.stimulus, {}).setdefault(name, []).append(
                (item.start, item.start + len(item))
            )
    for stimulus, by_part in spans.items():
        names = list(by_part)
        for number, name in enumerate(names):
            for other in names[number + 1 :]:
                for a, b in {(a, b) for a in set(by_part[name]) for b in set(by_part[other])}:
                    if a[0] < b[1] + guard and b[0] < a[1] + guard:
                        raise UserError(
                            "A stretch of the stimulus {stimulus} is in {one} and in {other}.",
                            "A network could know it by heart, and the figures would be too good.",
                            "Part the data by stimulus or by time.",
                            stimulus=stimulus,
                            one=name,
                            other=other,
                        )
