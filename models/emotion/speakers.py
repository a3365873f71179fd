"""How good an emotion model is, and for whom: metrics over all utterances, a speaker, a sex, a session.

NumPy alone: the window imports this. Whether one model is better than another says `significance.py`.

The recall of an emotion that never occurred is not 0: it is NaN, and ``None`` in `as_dict`. Figures of no utterance
at all are 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from models.datafiles import read_table
from models.emotion.concordance import Concordance
from models.errors import UserError
from models.overlap import TrainingOverlap
from models.remarks import Remark, Skipped

BINS = 15  # of the calibration error
SPEAKER_METRICS = ("accuracy", "weighted_f1", "uar")


@dataclass(frozen=True)
class SpeakerMetrics:
    """Figures over the `n` utterances of one speaker. `uar` is over the emotions this speaker showed."""

    speaker: str
    sex: str
    session: str
    n: int
    accuracy: float
    weighted_f1: float
    uar: float


@dataclass(frozen=True)
class GroupMetrics:
    """Figures over all utterances of a group (a sex, a session) of `speakers` people."""

    name: str
    speakers: int
    n: int
    accuracy: float
    weighted_f1: float
    uar: float


@dataclass(frozen=True)
class Bin:
    """Predictions of about the same certainty: its mean, how many of the `n` were right, as a share."""

    certainty: float
    accuracy: float
    n: int


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The metrics of a model on `n` utterances.

    recall, precision: by label, NaN where an emotion never occurred or was never predicted. uar: the mean of
    the recalls that are defined. macro_f1: over the emotions that occurred or were predicted. confusion: int64
    [classes, classes], rows what is true, columns what was predicted. calibration_error: expected, over 15 bins of
    certainty, 0 to 1. speaker_mean, speaker_sd: over `by_speaker`, sd of a sample (0 for one speaker).
    overlap: what the model had met before; skipped: utterances that were left out. degrees: agreement with listeners in each
    dimension that the model gives and the data has.
    ids, truth, predicted, speakers: an utterance each, for comparisons; truth and predicted are positions in `labels`.
    """

    labels: tuple[str, ...]
    n: int
    accuracy: float
    uar: float
    weighted_f1: float
    macro_f1: float
    recall: dict[str, float]
    precision: dict[str, float]
    confusion: np.ndarray
    calibration_error: float
    bins: tuple[Bin, ...]
    by_speaker: tuple[SpeakerMetrics, ...]
    speaker_mean: dict[str, float]
    speaker_sd: dict[str, float]
    by_sex: tuple[GroupMetrics, ...]
    by_session: tuple[GroupMetrics, ...]
    ids: tuple[str, ...] = field(repr=False)
    truth: np.ndarray = field(repr=False)
    predicted: np.ndarray = field(repr=False)
    speakers: tuple[str, ...] = field(repr=False)
    overlap: TrainingOverlap | None = None
    skipped: tuple[Skipped, ...] = ()
    degrees: tuple[Concordance, ...] = ()

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What a person should know of these metrics: what the model had met before, what was left out."""
        result = list(self.overlap.remarks) if self.overlap is not None else []
        if self.skipped:
            first = self.skipped[0]
            result.append(
                Remark(
                    "{count} utterances were left out, such as {name}: {reason}",
                    count=len(self.skipped),
                    name=first.path.name,
                    reason=first.reason,
                )
            )
        return tuple(result)

    def to_rows(self) -> list[list[object]]:
        """A table of the speakers with its heading, for CSV."""
        heading: list[object] = ["speaker", "sex", "session", "n", *SPEAKER_METRICS]
        heading += [f"ccc_{item.name}" for item in self.degrees]
        return [heading] + [
            [
                item.speaker,
                item.sex,
                item.session,
                item.n,
                *(round(getattr(item, name), 6) for name in SPEAKER_METRICS),
                *(_cell(of.by_speaker.get(item.speaker, math.nan)) for of in self.degrees),
            ]
            for item in self.by_speaker
        ]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, fit for JSON; what is not defined is None."""
        values = {
            "n": self.n,
            "labels": list(self.labels),
            "accuracy": self.accuracy,
            "uar": self.uar,
            "weighted_f1": self.weighted_f1,
            "macro_f1": self.macro_f1,
            "calibration_error": self.calibration_error,
            "recall": self.recall,
            "precision": self.precision,
            "reliability": [vars(item) for item in self.bins],
            "confusion": self.confusion.tolist(),
            "speaker_mean": self.speaker_mean,
            "speaker_sd": self.speaker_sd,
            "by_speaker": [vars(item) for item in self.by_speaker],
            "by_sex": [vars(item) for item in self.by_sex],
            "by_session": [vars(item) for item in self.by_session],
            "learned": self.overlap.as_dict() if self.overlap is not None else None,
            "skipped": [item.as_dict() for item in self.skipped],
        }
        if self.degrees:
            values["degrees"] = [vars(item) for item in self.degrees]
        return _plain(values)


def evaluate(
    truth: Sequence[str],
    probabilities: np.ndarray,
    labels: Sequence[str],
    speakers: Sequence[str],
    sexes: Sequence[str] | None = None,
    sessions: Sequence[str] | None = None,
    ids: Sequence[str] | None = None,
) -> Evaluation:
    """The metrics of predictions [n, classes], columns in the order of `labels`; n may be 0.

    truth, speakers, sexes, sessions, ids: [n] words; an empty sex or session belongs to no group. ids name the
    utterances, so that two evaluations can be compared whatever their order. The predicted class is the first of
    the most probable. Raises ValueError for shapes that do not fit, labels unknown, probabilities that are no numbers.
    """
    count = len(truth)
    true, probabilities = _checked(truth, probabilities, labels)
    words = [speakers, *([""] * count if column is None else column for column in (sexes, sessions, ids))]
    if any(len(column) != count for column in words):
        raise ValueError(f"the columns do not fit {count} utterances")
    predicted = probabilities.argmax(1) if count else np.zeros(0, np.int64)
    who, sex, session, names = (np.array(column, dtype=object) for column in words)
    confusion = confused(true, predicted, len(labels))
    calibration_error, bins = calibration(probabilities, true)
    by_speaker = tuple(
        SpeakerMetrics(
            str(name),
            _listed(sex[who == name]),
            _listed(session[who == name]),
            int((who == name).sum()),
            **metrics_of(confused(true[who == name], predicted[who == name], len(labels))),
        )
        for name in sorted(set(who))
    )
    recall, precision = _recall(confusion), _recall(confusion.T)
    overall = metrics_of(confusion)
    return Evaluation(
        labels=tuple(labels),
        n=count,
        accuracy=overall["accuracy"],
        uar=overall["uar"],
        weighted_f1=overall["weighted_f1"],
        macro_f1=_macro_f1(confusion),
        recall=dict(zip(labels, recall.tolist(), strict=True)),
        precision=dict(zip(labels, precision.tolist(), strict=True)),
        confusion=confusion,
        calibration_error=calibration_error,
        bins=bins,
        by_speaker=by_speaker,
        speaker_mean={name: _mean([getattr(item, name) for item in by_speaker]) for name in SPEAKER_METRICS},
        speaker_sd={name: _sd([getattr(item, name) for item in by_speaker]) for name in SPEAKER_METRICS},
        by_sex=_groups(sex, who, true, predicted, len(labels)),
        by_session=_groups(session, who, true, predicted, len(labels)),
        ids=tuple(map(str, names)),
        truth=true,
        predicted=predicted,
        speakers=tuple(map(str, who)),
    )


def _checked(
    truth: Sequence[str], probabilities: np.ndarray, labels: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """(truth as positions in `labels`, int64 [n]; probabilities float64 [n, classes]). Raises ValueError where they do not fit."""
    count = len(truth)
    probabilities = np.asarray(probabilities, dtype=np.float64)
    probabilities = probabilities.reshape(count, -1) if count else np.zeros((0, len(labels)))
    if probabilities.shape[1] != len(labels):
        raise ValueError(f"{count} utterances and {len(labels)} labels do not fit what was given with them")
    if not np.isfinite(probabilities).all():
        raise ValueError("a probability is not a number")
    place = {label: number for number, label in enumerate(labels)}
    unknown = sorted(set(truth) - set(place))
    if unknown:
        raise ValueError(f"{', '.join(unknown)} is not among the labels")
    return np.array([place[label] for label in truth], dtype=np.int64), probabilities


def read_items(path: str | Path) -> Evaluation:
    """The evaluation that an ``items.csv`` was written from: path, emotion, speaker, one ``p_LABEL`` a class.

    Raises UserError where it cannot be read or is no such table.
    """
    table = read_table(path, ["path", "emotion", "speaker"])
    labels = [column[2:] for column in table.columns if column.startswith("p_")]
    try:
        return evaluate(
            truth=[row["emotion"] for row in table.rows],
            probabilities=np.array(
                [[float(row[f"p_{label}".lower()]) for label in labels] for row in table.rows]
            ),
            labels=labels,
            speakers=[row["speaker"] for row in table.rows],
            sexes=[row["sex"] for row in table.rows],
            sessions=[row["session"] for row in table.rows],
            ids=[row["path"] for row in table.rows],
        )
    except ValueError as error:
        raise UserError(
            "{name} is not a table of predictions.",
            "{reason}.",
            "Choose the items.csv that an evaluation or a cross-validation wrote.",
            name=Path(path).name,
            reason=str(error),
        ) from error


# --- metrics ------------------------------------------------------------------------------------------------


def confused(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """int64 [classes, classes]: how often (row) was taken for (column)."""
    return np.bincount(truth * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def metrics_of(confusion: np.ndarray) -> dict[str, float]:
    """accuracy, uar and weighted_f1 of a confusion matrix; 0 for an empty one."""
    total = confusion.sum()
    if not total:
        return dict.fromkeys(SPEAKER_METRICS, 0.0)
    support = confusion.sum(1)
    return {
        "accuracy": float(np.trace(confusion) / total),
        "weighted_f1": float((_f1(confusion) * support).sum() / total),
        "uar": float(np.nanmean(_recall(confusion))),
    }


def calibration(
    probabilities: np.ndarray, truth: np.ndarray, bins: int = BINS
) -> tuple[float, tuple[Bin, ...]]:
    """(expected calibration error, the bins that hold any prediction), bins of equal width, upper edges included.

    The error is the mean distance between certainty and share of right ones, weighted by the bins' counts (Guo et
    al. 2017). 0 without predictions.
    """
    if not len(truth):
        return 0.0, ()
    certainty = probabilities.max(1)
    right = probabilities.argmax(1) == truth
    where = np.clip(np.ceil(certainty * bins) - 1, 0, bins - 1).astype(int)
    result = [
        Bin(
            float(certainty[where == item].mean()),
            float(right[where == item].mean()),
            int((where == item).sum()),
        )
        for item in np.unique(where)
    ]
    return sum(abs(item.certainty - item.accuracy) * item.n for item in result) / len(truth), tuple(result)


def _recall(confusion: np.ndarray) -> np.ndarray:
    support = confusion.sum(1)
    return np.divide(np.diag(confusion), support, out=np.full(len(confusion), np.nan), where=support > 0)


def _f1(confusion: np.ndarray) -> np.ndarray:
    """[classes]; 0 for a class that neither occurred nor was predicted."""
    both = confusion.sum(0) + confusion.sum(1)
    return np.divide(2 * np.diag(confusion), both, out=np.zeros(len(confusion)), where=both > 0)


def _macro_f1(confusion: np.ndarray) -> float:
    defined = (confusion.sum(0) + confusion.sum(1)) > 0
    return float(_f1(confusion)[defined].mean()) if defined.any() else 0.0


def _listed(words: np.ndarray) -> str:
    """The different words, without the empty one."""
    return ", ".join(sorted({str(word) for word in words} - {""}))


def _groups(
    words: np.ndarray, speakers: np.ndarray, truth: np.ndarray, predicted: np.ndarray, classes: int
) -> tuple[GroupMetrics, ...]:
    groups = []
    for name in sorted(set(words) - {""}):
        members = words == name
        result = metrics_of(confused(truth[members], predicted[members], classes))
        groups.append(GroupMetrics(str(name), len(set(speakers[members])), int(members.sum()), **result))
    return tuple(groups)


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else 0.0


def _sd(values: list[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def _cell(value: float) -> object:
    return round(value, 6) if math.isfinite(value) else ""


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
