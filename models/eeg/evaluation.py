"""A decoder judged on the held-back part of a data set, subject by subject."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from models.eeg import data, scores
from models.eeg.config import EEGConfig
from models.eeg.contents import contents
from models.eeg.correlation import Decoded
from models.eeg.dataset import Dataset, with_channels
from models.eeg.decoder import Decoder
from models.eeg.matching import match
from models.eeg.samples import located, met_subjects
from models.eeg.scores import Evaluation
from models.eeg.splits import Parts, part
from models.errors import UserError
from models.overlap import TrainingOverlap
from models.progress import Progress
from models.training import config as configs


def evaluate_with(decoder: Decoder, path: str | Path, progress: Progress) -> Evaluation:
    """r by subject on the test part of a data set, split as it was for the decoder's training.

    path: a data set, or ``sample``. Subjects of another data set are unknown, whatever they are called.
    Raises UserError where the data set does not fit the decoder or has no test part, Cancelled.
    """
    place = located(path)
    config = recipe(decoder)
    dataset = data.open_dataset(place, decoder.signal, progress=progress.part(0, 0.2))
    dataset = with_channels(dataset, decoder.channel_names)
    parts = test_part(dataset, config)
    # By content: a subject of other data is someone else, whatever the name; and judged is only what was not learned.
    anyone = TrainingOverlap.of(decoder.info, contents(dataset))
    met = met_subjects(decoder.info) if anyone.met else []
    judged = TrainingOverlap.of(decoder.info, contents(dataset, parts.test, "test"))
    result = []
    for number, item in enumerate(parts.test):
        progress.part(0.2, 1).update(number, len(parts.test), "Subject {name}", name=item.subject)
        whose = item.subject if item.subject in met else None
        result.append(
            Decoded(item.subject, item.stimulus, decoder.decode_standardised(item.eeg, whose), item.envelope)
        )
    evaluation = scores.evaluate(result, dataset.sample_rate, met, kinds=parts.kinds(met))
    elsewhere: dict[str, list[np.ndarray]] = {}
    for item in (*parts.train, *parts.validation):
        elsewhere.setdefault(item.subject, []).append(item.envelope)
    matching = match(result, dataset.sample_rate, elsewhere)
    of_data = (*dataset.remarks, *parts.remarks, *(matching.remarks if matching is not None else ()))
    return replace(evaluation, overlap=replace(judged, groups=()), of_data=of_data, matching=matching)


def test_part(dataset: Dataset, config: EEGConfig) -> Parts:
    """Parted with nobody held out: whom the decoder met is its own affair, and all are tested on held-back time."""
    settings = config.data.model_copy(update={"test_subjects": [], "minutes": 0.0})
    if settings.test_block < 0:
        settings = settings.model_copy(update={"test_block": settings.blocks - 1})
    parts = part(dataset, settings, config.preprocessing, config.seed)
    if not parts.test:
        raise UserError(
            "The data set has no test part.",
            "Its files are all of the training or the validation part.",
            "Choose a data set with test files.",
        )
    return parts


def recipe(decoder: Decoder) -> EEGConfig:
    """The training config that a checkpoint remembers; the defaults where it does not."""
    values = decoder.info.training.get("config", {})
    config = configs.validated(EEGConfig, values) if values else EEGConfig()
    config.preprocessing = decoder.signal
    return config
