"""Labelled speech: opening a data set in whichever way it lies there, and parting it so that no speaker is on both
sides. Everything that is left out is counted and said. No torch: the window reads this.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from models import audio
from models.emotion import corpora, iemocap
from models.emotion.corpora import Reading, Utterance, canonical_emotion
from models.errors import UserError
from models.progress import Progress
from models.remarks import Remark, Skipped

__all__ = [
    "Dataset",
    "Fold",
    "Utterance",
    "canonical_emotion",
    "check_split",
    "describe",
    "open_dataset",
    "train_validation_split",
]

USUAL_LABELS = ("angry", "happy", "neutral", "sad")
EXCITED_IS_HAPPY: Mapping[str, str] = MappingProxyType({"excited": "happy"})
MOST_BEYOND_S = 0.5  # by which a stretch may end after its sound before it is said
TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".txt"})


@dataclass(frozen=True)
class Dataset:
    """Utterances whose emotions are all among `labels`, in an order that does not depend on the machine.

    name: the layout and the place, for people. skipped: what was left out and why. warnings: what to know. degree_scale: the
    lowest and the highest degree of listeners, where the corpus says so.
    """

    utterances: tuple[Utterance, ...]
    skipped: tuple[Skipped, ...]
    name: str
    labels: tuple[str, ...]
    warnings: tuple[Remark, ...] = ()
    degree_scale: tuple[float, float] | None = None

    @property
    def speakers(self) -> tuple[str, ...]:
        return tuple(sorted({utterance.speaker for utterance in self.utterances}))

    def without_speakers(self, speakers: Iterable[str]) -> Dataset:
        """The same data without the utterances of some speakers."""
        out = set(speakers)
        return replace(self, utterances=tuple(u for u in self.utterances if u.speaker not in out))


@dataclass(frozen=True)
class Fold:
    """One way to part a data set. `name` is the test group's, fit for a file name."""

    name: str
    train: tuple[Utterance, ...]
    validation: tuple[Utterance, ...]
    test: tuple[Utterance, ...]


def open_dataset(
    path: str | Path,
    labels: Sequence[str] | None = None,
    merge: Mapping[str, str] | None = EXCITED_IS_HAPPY,
    progress: Progress | None = None,
) -> Dataset:
    """The labelled utterances at `path`: a corpus folder, a folder with one folder an emotion, or a CSV.

    labels: which emotions to keep, in this order; None takes angry, happy, neutral and sad where the data has them
    all, and else whatever it has. merge: emotions that count as others, unless `labels` asks for them by name.
    Sound files are not read but for their headers; those that cannot be opened are among the skipped.
    Raises UserError where there is nothing to read or nothing left, Cancelled if asked to stop.
    """
    path = Path(path).expanduser()
    progress = progress or Progress()
    progress.update(0, 1, "Looking through {name}", name=path.name)
    wanted = tuple(dict.fromkeys(map(canonical_emotion, labels or ())))
    result = _read(path, wanted)
    merged = {canonical_emotion(a): canonical_emotion(b) for a, b in (merge or {}).items()}
    utterances = [
        u if u.emotion in wanted else replace(u, emotion=merged.get(u.emotion, u.emotion))
        for u in result.utterances
    ]
    counts = Counter(u.emotion for u in utterances)
    if not wanted:
        wanted = USUAL_LABELS if all(label in counts for label in USUAL_LABELS) else tuple(sorted(counts))
    kept = [u for u in utterances if u.emotion in wanted]
    for utterance in utterances:
        if utterance.emotion not in wanted:
            result.skip(
                utterance.path,
                "Its emotion, {emotion}, is not among those chosen.",
                emotion=utterance.emotion,
            )
    kept = _with_durations(kept, result, progress.part(0.1, 1.0))
    if not kept:
        raise _nothing_left(path, result, counts, wanted)
    lacking = [label for label in wanted if label not in {u.emotion for u in kept}]
    if lacking:
        result.warnings.append(
            Remark("The data has no utterance that is {labels}.", labels=", ".join(lacking))
        )
    kept.sort(key=lambda u: (str(u.path), u.start_s))
    name = f"{result.layout}: {path.name or path}"
    told = (tuple(result.skipped), name, wanted, tuple(result.warnings))
    return Dataset(tuple(kept), *told, degree_scale=result.degree_scale)


def _read(path: Path, labels: tuple[str, ...]) -> Reading:
    if not os.path.exists(path):
        raise UserError(
            "The data set {name} was not found.",
            "There is no folder or file {path}.",
            "Choose it again; an outer drive may have to be connected.",
            name=path.name,
            path=path,
        )
    if path.is_file():
        if path.suffix.lower() not in TABLE_SUFFIXES:
            raise UserError(
                "{name} is not a data set.",
                "A data set is a folder, or a CSV with the columns path, emotion, speaker.",
                "Choose the folder it lies in, or write such a CSV.",
                name=path.name,
            )
        return _not_empty(corpora.by_table(path), path)
    corpora.check_readable(path)
    table = corpora.named_table_in(path)
    if table is not None:
        return _not_empty(corpora.by_table(table), path)
    root = iemocap.root_in(path)
    if root is not None:
        return _not_empty(iemocap.read(root), path)
    files = audio.find_audio([path])
    named = corpora.by_name(path, files)
    if named is not None:
        return _not_empty(named, path)
    table = corpora.table_in(path)
    if table is not None:
        return _not_empty(corpora.by_table(table), path)
    if not files:
        raise UserError(
            "{name} holds no data set.",
            "There is no sound file in it and no CSV with the columns path, emotion, speaker.",
            "Choose the folder that holds the recordings.",
            name=path.name,
        )
    return _not_empty(corpora.by_folders(path, files, labels) or Reading(""), path)


def _not_empty(reading: Reading, path: Path) -> Reading:
    if reading.utterances:
        return reading
    if reading.skipped:
        raise _all_left_out(path, reading)
    raise UserError(
        "No utterance was recognised in {name}.",
        "Understood are IEMOCAP, EMO-DB, RAVDESS and CREMA-D as they are distributed, a folder with one folder an "
        "emotion (angry, sad …), and a CSV with the columns path, emotion, speaker.",
        "Choose the corpus's topmost folder, or list its files in a CSV.",
        name=path.name,
    )


def _with_durations(utterances: list[Utterance], reading: Reading, progress: Progress) -> list[Utterance]:
    """Those whose files can be opened, with their durations; the others join the skipped."""
    lengths: dict[Path, float | UserError] = {}
    kept, beyond = [], 0
    for number, utterance in enumerate(utterances):
        if number % 50 == 0:
            progress.update(number, len(utterances), "Looking into {name}", name=utterance.path.name)
        if utterance.path not in lengths:
            try:
                lengths[utterance.path] = audio.info(utterance.path).duration_s
            except UserError as error:
                lengths[utterance.path] = error
        length = lengths[utterance.path]
        if isinstance(length, UserError):
            reading.skip(utterance.path, "The sound file cannot be read. {why}", why=length.sentences()[1])
            continue
        end_s = length if utterance.end_s is None else min(length, utterance.end_s)
        if end_s <= utterance.start_s:
            reading.skip(utterance.path, "There is no sound in the stretch it names.")
            continue
        beyond += bool(utterance.end_s is not None and utterance.end_s > length + MOST_BEYOND_S)
        kept.append(replace(utterance, duration_s=end_s - utterance.start_s))
    if beyond:
        reading.warnings.append(
            Remark(
                "{count} stretches end after their sound and were cut there: are start_s and end_s seconds?",
                count=beyond,
            )
        )
    return kept


def _nothing_left(path: Path, reading: Reading, counts: Counter[str], wanted: tuple[str, ...]) -> UserError:
    if any(label in counts for label in wanted):
        return _all_left_out(path, reading)
    return UserError(
        "{name} has none of the emotions chosen.",
        "Chosen are {chosen}; it has {there}.",
        "Choose emotions that the data has.",
        name=path.name,
        chosen=", ".join(wanted),
        there=", ".join(sorted(counts)),
    )


def _all_left_out(path: Path, reading: Reading) -> UserError:
    reason, count = Counter(str(skipped.reason) for skipped in reading.skipped).most_common(1)[0]
    return UserError(
        "No utterance of {name} can be used.",
        "All {count} were left out, mostly for this reason: {reason}",
        "Mend the data set, or choose another.",
        name=path.name,
        count=len(reading.skipped),
        reason=f"{reason} ({count})",
    )


# --- parting ------------------------------------------------------------------------------------------------


def check_split(fold: Fold) -> None:
    """Raises UserError if a speaker is in more than one part, or if there is nothing to train on."""
    parts = [("training", fold.train), ("validation", fold.validation), ("test", fold.test)]
    speakers = [(name, {utterance.speaker for utterance in part}) for name, part in parts]
    for number, (name, ours) in enumerate(speakers):
        for other, theirs in speakers[number + 1 :]:
            both = sorted(ours & theirs)
            if both:
                raise UserError(
                    "The speaker {speaker} is in {one} and in {other}.",
                    "The figures would then be of voices already heard, and too good.",
                    "Part the data by speaker, or correct the speakers' names.",
                    speaker=", ".join(both[:5]),
                    one=name,
                    other=other,
                )
    if not fold.train:
        raise UserError(
            "Nothing is left to train on.",
            "All speakers are to validate or to test.",
            "Leave some speakers to the training.",
        )


def train_validation_split(
    dataset: Dataset, validation_speakers: Sequence[str] | None = None, seed: int = 0, fraction: float = 0.2
) -> tuple[tuple[Utterance, ...], tuple[Utterance, ...]]:
    """(training, validation) with the speakers apart.

    validation_speakers: who validates; None draws about `fraction` of the speakers by `seed`, if possible so that
    every emotion is heard on both sides, and among such draws one with women and men in the data's proportion.
    Raises UserError where that leaves one side empty.
    """
    speakers = dataset.speakers
    if len(speakers) < 2:
        raise UserError(
            "The data has a single speaker, {speaker}.",
            "What is learned must be judged on a voice that took no part, and there is no other.",
            "Choose data of at least two speakers, or name the speakers in a CSV.",
            speaker=speakers[0] if speakers else "–",
        )
    if validation_speakers:
        chosen = set(validation_speakers)
        unknown = sorted(chosen - set(speakers))
        if unknown:
            raise UserError(
                "The data has no speaker {unknown}.",
                "Its speakers are {known}.",
                "Correct the validation speakers.",
                unknown=", ".join(unknown),
                known=", ".join(speakers),
            )
    else:
        chosen = _drawn(dataset, min(len(speakers) - 1, max(1, round(fraction * len(speakers)))), seed)
    train = tuple(u for u in dataset.utterances if u.speaker not in chosen)
    validation = tuple(u for u in dataset.utterances if u.speaker in chosen)
    check_split(Fold("run", train, validation, ()))
    return train, validation


def _drawn(dataset: Dataset, count: int, seed: int) -> set[str]:
    """`count` speakers: of 50 draws the first with the emotions best on both sides; among such, the sexes, too."""
    emotions: dict[str, set[str]] = {speaker: set() for speaker in dataset.speakers}
    sexes: dict[str, str] = {}
    for utterance in dataset.utterances:
        emotions[utterance.speaker].add(utterance.emotion)
        if utterance.sex:
            sexes[utterance.speaker] = utterance.sex
    everyone = Counter(sexes.values())
    generator = np.random.default_rng(seed)
    draws = [set(generator.permutation(dataset.speakers)[:count].tolist()) for _ in range(50)]

    def covered(chosen: set[str]) -> int:
        inside = set().union(*(emotions[s] for s in chosen))
        outside = set().union(*(emotions[s] for s in emotions if s not in chosen))
        return len(inside) + 2 * len(outside)  # an emotion never trained is worse than one never judged

    def unlike(chosen: set[str]) -> float:
        """How many people of each sex the draw has too many or too few, together."""
        drawn = Counter(sexes[s] for s in chosen if s in sexes)
        share = len(chosen) / len(emotions)
        return sum(abs(drawn[sex] - share * people) for sex, people in everyone.items())

    return max(draws, key=lambda chosen: (covered(chosen), -round(unlike(chosen), 6)))


def describe(dataset: Dataset) -> dict[str, Any]:
    """Counts for people, plain values: utterances, duration, and utterances a class, speaker, sex, session, reason."""
    utterances = dataset.utterances
    counted = Counter(u.emotion for u in utterances)
    return {
        "name": dataset.name,
        "utterances": len(utterances),
        "duration_s": round(sum(u.duration_s for u in utterances), 3),
        "classes": {label: counted[label] for label in dataset.labels},
        "speakers": dict(sorted(Counter(u.speaker for u in utterances).items())),
        "sexes": dict(sorted(Counter(u.sex for u in utterances if u.sex).items())),
        "sessions": dict(sorted(Counter(u.session for u in utterances if u.session).items())),
        "skipped": dict(Counter(str(skipped.reason) for skipped in dataset.skipped).most_common()),
        "warnings": [str(warning) for warning in dataset.warnings],
    }
