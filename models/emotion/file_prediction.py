"""What a file comes to: its word, its windows, and where the networks looked. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from models.emotion.dimensions import spoken_mean
from models.emotion.doubt import NO_SPEECH, TRUSTED_SNR_DB, word
from models.emotion.person import Person


@dataclass(frozen=True)
class FilePrediction:
    """One file.

    starts_s, ends_s: float64 [n], the windows in seconds; one for a file no longer than a window.
    speech: bool [n], in which of them somebody speaks; of the others no emotion is told.
    probabilities: float32 [n, classes], as the model has it, whether or not somebody speaks.
    mean_probabilities: float32 [classes], over the windows with speech (of all, where there is none).
    mean_alone: the same without what was known of the person; equal where no person was given.
    unsure_below: the certainty under which the word is UNSURE. snr_db: speech over noise, the median of the windows with
    speech; NaN where there is none.
    functionals, new_s: float32 [n, functionals] and float64 [n], what a person is known by of each window, and how much speech of it
    the windows before did not have; None where a model hears everybody alike. voice: float32 [256], whose voice it is, an
    embedding of length 1; None where there is none.
    sentences: (start, end) in seconds of what is spoken without a longer pause.
    dimension_names, dimensions: which of `DIMENSIONS` the model gives, and float32 [n, dimensions], as it has them, whether or not
    somebody speaks.
    attention_times_s, attention: float64/float32 [m], where the networks looked, as a density over time with its
    mean at 1; empty where a model does not tell.
    """

    path: Path
    duration_s: float
    starts_s: np.ndarray
    ends_s: np.ndarray
    speech: np.ndarray
    probabilities: np.ndarray
    mean_probabilities: np.ndarray
    mean_alone: np.ndarray
    labels: tuple[str, ...]
    unsure_below: float
    snr_db: float
    attention_times_s: np.ndarray
    attention: np.ndarray
    functionals: np.ndarray | None = None
    new_s: np.ndarray | None = None
    voice: np.ndarray | None = None
    sentences: tuple[tuple[float, float], ...] = ()
    dimension_names: tuple[str, ...] = ()
    dimensions: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    @property
    def mean_dimensions(self) -> np.ndarray:
        """float32 [dimensions], over the windows with speech (of all, where there is none)."""
        return spoken_mean(self.dimensions, self.speech) if self.dimension_names else np.zeros(0, np.float32)

    def dimension_curves(self) -> tuple[np.ndarray, np.ndarray]:
        """Times in seconds, the middle of each window's own stretch, float64 [n]; and float32 [n, dimensions], NaN where nobody
        speaks."""
        starts, ends = self.edges()
        values = self.dimensions if self.dimension_names else np.zeros((len(starts), 0), np.float32)
        return (starts + ends) / 2, np.where(self.speech[:, None], values, np.nan).astype(np.float32)

    @property
    def spoken(self) -> bool:
        """Whether anybody speaks in it."""
        return bool(self.speech.any())

    @property
    def label(self) -> str:
        """The most probable emotion, UNSURE where that is too uncertain, NO_SPEECH where nobody speaks."""
        return word(self.mean_probabilities, self.labels, self.unsure_below) if self.spoken else NO_SPEECH

    @property
    def label_alone(self) -> str:
        """The label without what was known of the person."""
        return word(self.mean_alone, self.labels, self.unsure_below) if self.spoken else NO_SPEECH

    def window_labels(self) -> list[str | None]:
        """The emotion of every window, or UNSURE; None where nobody speaks."""
        return [
            word(values, self.labels, self.unsure_below) if speech else None
            for values, speech in zip(self.probabilities, self.speech, strict=True)
        ]

    @property
    def likeliest(self) -> str:
        """The most probable emotion, however unsure."""
        return word(self.mean_probabilities, self.labels, 0.0)

    @property
    def noisy(self) -> bool:
        """Whether so much noise is in it that no word of it should be trusted."""
        return self.snr_db < TRUSTED_SNR_DB

    def edges(self) -> tuple[np.ndarray, np.ndarray]:
        """Starts and ends of the windows in seconds that do not overlap: a window speaks for its middle."""
        if len(self.starts_s) == 1:
            return self.starts_s, self.ends_s
        middles = (self.starts_s + self.ends_s) / 2
        edges = np.concatenate([[0.0], (middles[1:] + middles[:-1]) / 2, [self.duration_s]])
        return edges[:-1], edges[1:]

    def by_sentence(self) -> list[tuple[float, float, str, np.ndarray, np.ndarray]]:
        """(start_s, end_s, word, probabilities, dimensions) of every sentence: the windows with speech count as far as they
        overlap it."""
        values = self.dimensions if self.dimension_names else np.zeros((len(self.speech), 0), np.float32)
        result = []
        for start, end in self.sentences:
            shared = np.minimum(self.ends_s, end) - np.maximum(self.starts_s, start)
            weights = np.clip(shared, 0, None) * self.speech
            if weights.sum() > 0:
                weights = weights / weights.sum()
                mean = weights @ self.probabilities
                told = word(mean, self.labels, self.unsure_below)
                result.append((start, end, told, mean, weights @ values))
        return result

    def sentence_rows(self) -> list[list[object]]:
        """`rows` by sentence; one that says so for a file in which nobody speaks."""
        rows = [
            [
                str(self.path),
                round(start, 3),
                round(end, 3),
                label,
                *_rounded(probabilities),
                *_rounded(degrees),
            ]
            for start, end, label, probabilities, degrees in self.by_sentence()
        ]
        empty: list[object] = [
            str(self.path),
            0.0,
            round(self.duration_s, 3),
            NO_SPEECH,
            *[""] * (len(self.labels) + len(self.dimension_names)),
        ]
        return rows or [empty]

    def tell(self, person: Person) -> None:
        """Let the person be known by what is said here."""
        if self.functionals is not None and self.new_s is not None:
            for functionals, seconds in zip(self.functionals, self.new_s, strict=True):
                if seconds > 0:
                    person.hear(functionals, float(seconds))

    def spoken_attention(self) -> np.ndarray:
        """`attention` where a window with speech covers it, 0 elsewhere: float32 [m]."""
        covered = np.zeros(len(self.attention), bool)
        for start, end in zip(self.starts_s[self.speech], self.ends_s[self.speech], strict=True):
            first, last = np.searchsorted(self.attention_times_s, (start, end))
            covered[first:last] = True
        return np.where(covered, self.attention, 0).astype(np.float32)

    def rows(self) -> list[list[object]]:
        """For a table: path, start_s, end_s, label, a probability a class, a value a dimension; without speech these stay empty."""
        _times, curves = self.dimension_curves()
        table: list[list[object]] = []
        windows = zip(
            self.starts_s, self.ends_s, self.window_labels(), self.probabilities, curves, strict=True
        )
        for start, end, label, p, degrees in windows:
            values = [value if label is not None else "" for value in (*_rounded(p), *_rounded(degrees))]
            times = [round(float(start), 3), round(float(end), 3)]
            table.append([str(self.path), *times, label or NO_SPEECH, *values])
        return table


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(value), 6) for value in values]
