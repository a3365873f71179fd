"""The linear decoder on a data set: fitted to stretches, its penalty chosen on time that it was not fitted to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from models.eeg import ridge
from models.eeg.config import EEGConfig, RidgeSettings
from models.eeg.correlation import Decoded
from models.eeg.dataset import Dataset
from models.eeg.ridge import Covariance, Ridge
from models.eeg.splits import Parts, Stretch, part
from models.progress import Progress

FOLDS = 4  # of the inner cross-validation


def fit(stretches: Sequence[Stretch], settings: RidgeSettings, rate: int) -> tuple[Ridge, np.ndarray]:
    """(decoder, r [penalties] of the inner cross-validation). Its folds are stimuli, or stretches of time if there are few."""
    first, last = ridge.lags_of(settings.first_lag_s, settings.last_lag_s, rate)
    channels = stretches[0].eeg.shape[1]
    folds: list[Covariance | None] = [None] * FOLDS
    for fold, eeg, envelope in _pieces(stretches):
        result = ridge.covariance(eeg, envelope, first, last)
        before = folds[fold]
        folds[fold] = result if before is None else before + result
    return ridge.fit([item for item in folds if item is not None], settings.penalties, channels, first)


def _pieces(stretches: Sequence[Stretch]) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """(fold, eeg, envelope); what lies at one time of one stimulus is in one fold, whoever listened."""
    stimuli = list(dict.fromkeys(stretch.stimulus for stretch in stretches))
    if len(stimuli) >= FOLDS:
        for stretch in stretches:
            yield stimuli.index(stretch.stimulus) % FOLDS, stretch.eeg, stretch.envelope
        return
    spans = {
        name: (
            min(stretch.start for stretch in stretches if stretch.stimulus == name),
            max(stretch.start + len(stretch) for stretch in stretches if stretch.stimulus == name),
        )
        for name in stimuli
    }
    for stretch in stretches:
        edges = np.linspace(*spans[stretch.stimulus], FOLDS + 1).astype(int) - stretch.start
        for fold in range(FOLDS):
            a, b = max(0, edges[fold]), min(len(stretch), edges[fold + 1])
            if b > a:
                yield fold, stretch.eeg[a:b], stretch.envelope[a:b]


def decode(decoder: Ridge, stretches: Sequence[Stretch]) -> list[Decoded]:
    """The envelope of each stretch as a solved decoder gives it, beside the true one."""
    return [
        Decoded(stretch.subject, stretch.stimulus, decoder.decode(stretch.eeg), stretch.envelope)
        for stretch in stretches
    ]


def within_subjects(dataset: Dataset, config: EEGConfig, progress: Progress | None = None) -> list[Decoded]:
    """Each subject by itself: every time block is decoded once by what was learned from the others, guards kept."""
    progress = progress or Progress()
    result = []
    for number, subject in enumerate(dataset.subjects):
        progress.update(number, len(dataset.subjects), "Subject {name}", name=subject)
        own = Dataset(
            dataset.name,
            dataset.sample_rate,
            dataset.channel_names,
            tuple(item for item in dataset.items if item.subject == subject),
        )
        for parts in blocks_in_turn(own, config):
            decoder, _ = fit(parts.train, config.ridge, dataset.sample_rate)
            result += decode(decoder, parts.test)
    return result


def unseen_subjects(dataset: Dataset, config: EEGConfig, progress: Progress | None = None) -> list[Decoded]:
    """Each subject by what was learned from all others, and of them from the other time blocks only.

    The covariances of subjects are computed once a block and taken out again, so a fold costs no more than its solutions.
    """
    progress = progress or Progress()
    rate = dataset.sample_rate
    first, last = ridge.lags_of(config.ridge.first_lag_s, config.ridge.last_lag_s, rate)
    channels = dataset.items[0].eeg.shape[1]
    result = []
    rounds = list(blocks_in_turn(dataset, config))
    for number, parts in enumerate(rounds):
        covariances: dict[str, dict[int, Covariance]] = {}
        stretches = {name: [item for item in parts.train if item.subject == name] for name in parts.met}
        together: dict[int, Covariance] = {}
        for name, own in stretches.items():
            covariances[name] = {}
            for fold, eeg, envelope in _pieces(own):
                covariance = ridge.covariance(eeg, envelope, first, last)
                for place in (covariances[name], together):
                    place[fold] = place[fold] + covariance if fold in place else covariance
        for index, name in enumerate(parts.met):
            done = number + index / len(parts.met)
            progress.update(done, len(rounds), "Subject {name}", name=name)
            own_parts = covariances[name]
            folds = [together[k] - own_parts[k] if k in own_parts else together[k] for k in sorted(together)]
            decoder, _ = ridge.fit(folds, config.ridge.penalties, channels, first)
            result += decode(decoder, [item for item in parts.test if item.subject == name])
    return result


def blocks_in_turn(dataset: Dataset, config: EEGConfig) -> Iterator[Parts]:
    """The data set split anew for each time block as the test block; published splits, and stimuli, split it once."""
    for block in range(config.data.blocks):
        settings = config.data.model_copy(
            update={"test_block": block, "validation_block": -1, "test_subjects": []}
        )
        parts = part(dataset, settings, config.preprocessing, config.seed)
        yield parts
        if parts.by != "time":
            return
