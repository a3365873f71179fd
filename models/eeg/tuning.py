"""Fine-tuning to one subject: the recipe, the data of a recording of one's own, and what it brought. Torch only inside."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.checkpoint import cannot_write
from models.eeg import preprocessing, scores
from models.eeg.config import EEGConfig
from models.eeg.correlation import by_window, pearson
from models.overlap import TrainingOverlap
from models.progress import Progress
from models.training.config import preset, validated

if TYPE_CHECKING:
    from models.eeg.decoder import Decoder
    from models.eeg.history import History

LEAST_S = 50.0  # of recording; less leaves nothing to judge by
WINDOW_S = 5.0  # r of such windows tells how sure a mean is
SUBJECT = "this"  # what the one of a recording is called in the data set that is made of it


@dataclass(frozen=True)
class Gain:
    """r before and after on the time that was held back from both, each with its standard error over windows.

    null_95: what chance passes there once in twenty. seconds: how much time was held back.
    """

    before: float
    after: float
    before_error: float
    after_error: float
    null_95: float
    seconds: float


def config_for(start_from: str, data: str, subject: str) -> dict[str, Any]:
    """The training config as plain values: the preset for fine-tuning, begun with a decoder, on one subject of a data set.

    start_from: a checkpoint folder. Raises UserError.
    """
    values = preset("eeg", "fine-tune") | {"start_from": start_from}
    values["data"] = values["data"] | {"path": data, "subjects": [subject]}
    config: dict[str, Any] = validated(EEGConfig, values).model_dump(mode="json")
    return config


def write_data(
    path: Path,
    eeg: np.ndarray,
    envelope: np.ndarray,
    sample_rate: int,
    channels: tuple[str, ...],
    history: History | None = None,
) -> None:
    """Write a data set of one person, called `SUBJECT`, as NPZ: what was preprocessed and what was heard, equally long.

    eeg: [time, channels] in µV; envelope: [time]; both from the beginning of the stimulus on. history: how the EEG was
    preprocessed; as far as its filters look to either side, nothing is learned from beside what judges. Raises UserError.
    """
    time = min(len(eeg), len(envelope))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(
            path,
            eeg=eeg[None, :time].astype(np.float32),
            envelope=envelope[:time].astype(np.float32),
            fs=np.array(sample_rate),
            channels=np.array(channels),
            subject=np.array([SUBJECT]),
            filter_reach_s=np.array(0.0 if history is None else preprocessing.reach_of(history)),
        )
    except OSError as error:
        raise cannot_write(path, error) from error


def gain(before: Decoder, after: Decoder, data: str, subject: str, progress: Progress) -> Gain:
    """Both decoders on the block that the tuning held back. data: as in its config. Raises UserError, Cancelled."""
    from models.eeg.contents import contents
    from models.eeg.data import open_dataset, with_channels
    from models.eeg.evaluation import recipe, test_part
    from models.eeg.samples import located

    dataset = open_dataset(located(data), after.signal, [subject], progress.part(0, 0.5))
    held_back = test_part(with_channels(dataset, after.channel_names), recipe(after)).test
    if not TrainingOverlap.of(before.info, contents(dataset)).met:  # someone else, though of the same name
        held_back = tuple(replace(item, subject="") for item in held_back)
    window = round(WINDOW_S * after.sample_rate)
    means, errors, null_95 = [], [], float("nan")
    for decoder in (before, after):
        decoded = decoder.decode_stretches(held_back)
        null_95 = scores.evaluate(decoded, decoder.sample_rate).subjects[0].null_95
        means.append(float(np.mean([pearson(item.decoded, item.envelope) for item in decoded])))
        windows = [
            by_window(item.decoded, item.envelope, min(window, len(item.envelope))) for item in decoded
        ]
        errors.append(scores.standard_error(np.concatenate(windows)))
    seconds = sum(map(len, held_back)) / after.sample_rate
    return Gain(means[0], means[1], errors[0], errors[1], null_95, seconds)
