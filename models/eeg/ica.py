"""Eyes and heart in EEG, found by MNE's ICA and its own finders of components.

What comes of it is two small matrices, so that it can be done again to the last digit without fitting anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING

import numpy as np

from models.eeg.recording import Annotation
from models.eeg.steps import Signal, Step, raw_of
from models.progress import Progress
from models.remarks import Remark

if TYPE_CHECKING:
    from mne.io import BaseRaw
    from mne.preprocessing import ICA

MOST_COMPONENTS, LEAST_COMPONENTS = 20, 4
SAMPLES_A_WEIGHT = 20  # of recording, for each number of the square matrix that is learned
MOST_SAMPLES = 50_000  # that are learned from; every nth of a longer recording
HIGH_PASS_HZ = 1.0  # of the copy that is learned from: slow drifts would take components for themselves
SEED = 97
MOST_PASSES = 300  # over the samples; most recordings need some dozens
LIKE_EYES, LIKE_HEART = 0.7, 0.5  # |r| of a component with the channel, in the band of MNE's finders
FRONT = ("Fp1", "Fp2", "Fpz", "AF7", "AF8")  # blinks are largest here
DIGITS = 8  # of the matrices that are kept


@dataclass(frozen=True)
class Found:
    """step: to be put into a history; None where there is nothing to take away. remarks: what was found, or why nothing."""

    step: Step | None
    remarks: tuple[Remark, ...]


def find(
    signal: Signal,
    good: Sequence[str],
    eyes: Sequence[str],
    heart: Sequence[str],
    annotations: Sequence[Annotation] = (),
    progress: Progress | None = None,
) -> Found:
    """Components of the good channels that go with the eyes or the heart.

    eyes, heart: channels aside that recorded them; without any of the eyes the front of the head stands in, without one of
    the heart it is not looked for. annotations: what begins with ``bad`` is not learned from. Raises
    Cancelled within one pass over the samples.
    """
    import mne

    count = min(MOST_COMPONENTS, len(good) - 1, isqrt(len(signal.eeg) // SAMPLES_A_WEIGHT))
    if count < LEAST_COMPONENTS:
        return Found(None, (Remark("The recording is too short, or has too few channels, for an ICA."),))
    columns = [signal.names.index(name) for name in good]
    raw = raw_of(signal.eeg[:, columns], tuple(good), signal.rate)
    bad = [mark for mark in annotations if mark.text.lower().startswith("bad") and mark.onset_s >= 0]
    raw.set_annotations(
        mne.Annotations([m.onset_s for m in bad], [m.duration_s for m in bad], ["bad" for _ in bad])
    )
    passes = _Passes(progress or Progress())
    passes.tell()
    raw.filter(HIGH_PASS_HZ, None, verbose="error")
    ica = mne.preprocessing.ICA(
        count,
        method="infomax",
        fit_params={"extended": True},
        random_state=passes,
        max_iter=MOST_PASSES,
        verbose="error",
    )
    ica.fit(raw, decim=max(1, len(signal.eeg) // MOST_SAMPLES), verbose="error")
    passes.tell()
    front = [name for name in good if name in FRONT]
    watched = [*eyes] or front[:2]
    numbers = _like(ica, raw, signal, watched, "eye")
    beating = _like(ica, raw, signal, heart[:1], "heart")
    kinds = dict.fromkeys(numbers, "eye") | {n: "heart" for n in beating if n not in numbers}
    remarks = [_told(kinds, count)]
    if not eyes:
        remarks.append(
            Remark("No channel recorded the eyes; {names} stood in for them.", names=", ".join(watched))
            if watched
            else Remark("No channel recorded the eyes, and none lies at the front: they were not looked for.")
        )
    if not heart:
        remarks.append(Remark("No channel recorded the heart: it was not looked for."))
    return Found(_step(ica, good, kinds) if kinds else None, tuple(remarks))


class _Passes(np.random.RandomState):
    """The random numbers of an ICA, of which MNE draws an order of the samples for each pass over them: each time it is
    said how far it is, and heard whether to stop. MNE itself offers neither."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(SEED)
        self._progress, self._done, self._samples = progress, 0, 0

    def tell(self) -> None:
        """Raises Cancelled."""
        self._progress.update(min(self._done, MOST_PASSES), MOST_PASSES, "Looking for eyes and heart")

    def uniform(self, low: float = 0.0, high: float = 1.0, size: int = 1) -> np.ndarray:  # type: ignore[override]
        """As its parent's. The first that is drawn is an order of all samples; what is drawn of fewer is none."""
        self._samples = max(self._samples, size)
        if size == self._samples:
            self.tell()
            self._done += 1
        return super().uniform(low, high, size)


def _like(ica: ICA, raw: BaseRaw, signal: Signal, watched: Sequence[str], kind: str) -> list[int]:
    """Numbers of the components that go with the channels, as MNE's own finder says."""
    import mne

    if not watched:
        return []
    names = [f"{kind} {number}" for number in range(len(watched))]
    info = mne.create_info(names, signal.rate, "eog" if kind == "eye" else "ecg")
    values = np.array([signal.column(name) for name in watched], np.float64) * 1e-6
    both = raw.copy().add_channels([mne.io.RawArray(values, info, verbose="error")], force_update_info=True)
    if kind == "eye":
        components, _ = ica.find_bads_eog(both, names, LIKE_EYES, measure="correlation", verbose="error")
    else:
        components, _ = ica.find_bads_ecg(
            both, names[0], LIKE_HEART, method="correlation", measure="correlation", verbose="error"
        )
    return sorted(map(int, components))


def _step(ica: ICA, good: Sequence[str], kinds: dict[int, str]) -> Step:
    """patterns [k, channels]: what each component puts into each channel; filters [k, channels]: how it is computed of them."""
    chosen = sorted(kinds)
    filters = (ica.unmixing_matrix_ @ ica.pca_components_[: ica.n_components_])[chosen]
    filters = filters / ica.pre_whitener_.ravel()
    patterns = ica.get_components()[:, chosen].T * ica.pre_whitener_.ravel()
    return {
        "step": "ica",
        "channels": list(good),
        "found": [kinds[number] for number in chosen],
        "patterns": _rounded(patterns),
        "filters": _rounded(filters),
    }


def _rounded(matrix: np.ndarray) -> list[list[float]]:
    return [[float(f"{value:.{DIGITS}g}") for value in row] for row in matrix]


def _told(kinds: dict[int, str], count: int) -> Remark:
    values = list(kinds.values())
    return Remark(
        "Of {count} components of an ICA, {eyes} of the eyes and {heart} of the heart were taken out.",
        count=count,
        eyes=values.count("eye"),
        heart=values.count("heart"),
    )
