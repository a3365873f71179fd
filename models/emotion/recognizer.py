"""How emotion models are used: one window at a time, or a whole file with its time line.

recognizer = Recognizer.load("bundled")
recognizer.classify(waveform).probabilities
recognizer.recognize("interview.wav").label
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from models import audio, devices
from models.checkpoint import CheckpointInfo
from models.devices import AUTO, Device
from models.emotion.classifiers import Classifier, OurClassifier, Prediction
from models.emotion.dimensions import spoken_mean
from models.emotion.doubt import BY_MODEL, threshold
from models.emotion.file_prediction import FilePrediction
from models.emotion.person import Person
from models.emotion.published import imported
from models.emotion.transformers_classifier import TransformersClassifier
from models.emotion.voice import SpeechGate, VoiceActivity, sentences
from models.errors import UserError
from models.loading import BUNDLED, Choice, hub_model, is_hub_name, open_model
from models.pretrained import locate
from models.progress import Progress
from models.remarks import Remark

Item = TypeVar("Item")
SAMPLE_RATE = 16_000
BATCH = 8  # windows of a long file that are computed at once …
MARGIN_CHUNKS = 10  # 0.3 s kept before and after the speech of a window
GATED = 4 * BATCH  # … and that the speech gate judges at once


class Recognizer:
    """An emotion model ready for use, ours or one of transformers' audio classifiers.

    labels: its classes; empty where it gives dimensions alone. dimensions: those that it gives, of `DIMENSIONS`.
    """

    sample_rate = SAMPLE_RATE

    def __init__(
        self, classifier: Classifier, info: CheckpointInfo, device: Device, remarks: tuple[Remark, ...] = ()
    ) -> None:
        self._classifier = classifier
        self.info, self.device, self.remarks = info, device, remarks
        self.labels, self.dimensions = classifier.labels, classifier.dimensions
        self.window_s = classifier.window_s
        self.unsure_below = classifier.unsure_below
        self._gate: SpeechGate | None = None  # made with the first file

    @classmethod
    def load(
        cls,
        choice: Choice = BUNDLED,
        device: str = AUTO,
        progress: Progress | None = None,
    ) -> Recognizer:
        """`choice`: whatever `loading` opens, a file of the published networks, or an audio classifier of transformers.

        Raises UserError for whatever is wrong with it, Cancelled.
        """
        resolved = devices.resolve(device)
        name = hub_model(choice)
        if name is not None:
            classifier = TransformersClassifier(locate(name, progress), resolved.torch)
            title = name if is_hub_name(name) else Path(name).name
            info = CheckpointInfo(system="emotion", title=title, labels=list(classifier.labels))
            return cls(classifier, info, resolved)
        opened = open_model(choice, "emotion", imported, progress)
        ours = OurClassifier(opened.weights, opened.info, resolved.torch, progress)
        return cls(ours, opened.info, resolved, opened.remarks)

    @property
    def features_identity(self) -> str:
        """Names the kind of features that a `Person` is known by; those of another kind mean something else."""
        return self._classifier.features_identity

    @property
    def knows_people(self) -> bool:
        """Whether the model hears a person against how they sound as a whole: then a `Person` helps."""
        return self._classifier.knows_people

    def classify(
        self, waveform: np.ndarray, person: Person | None = None, new_s: float | None = None
    ) -> Prediction:
        """One stretch of sound, float32 [samples] at 16 kHz; what is longer than the window is cut to its end.

        person: who speaks; they are known better afterwards, by `new_s` seconds of speech (all of it unless told).
        """
        waveform = np.asarray(waveform, dtype=np.float32)
        if waveform.ndim != 1 or not len(waveform):
            raise ValueError("a window is a one-dimensional array with at least one sample")
        most = round(self.window_s * SAMPLE_RATE)
        window = waveform[-most:]
        result = self._classifier.classify([window])
        if person is None:
            return result[0]
        return self._against(result, person, [len(window) / SAMPLE_RATE if new_s is None else new_s])[0]

    def against(self, prediction: FilePrediction, person: Person | None) -> FilePrediction:
        """What was recognised, told anew against a person; alone where there is none. Nothing is heard again."""
        if prediction.functionals is None:
            return prediction
        known_by = (prediction.functionals, person or Person())
        probabilities, degrees = self._classifier.of_functionals(*known_by)
        return replace(
            prediction,
            probabilities=probabilities,
            dimensions=degrees,
            mean_probabilities=spoken_mean(probabilities, prediction.speech),
        )

    def learn_voice(
        self,
        paths: Iterable[str | os.PathLike[str]],
        progress: Progress | None = None,
        person: Person | None = None,
    ) -> Person:
        """The person whose clips these are, as far as known before; what they feel in them need not be known."""
        person = person or Person()
        for path in paths:
            self.recognize(path, progress, person=person)
        return person

    def _against(
        self, predictions: list[Prediction], person: Person, new_s: Iterable[float]
    ) -> list[Prediction]:
        """The predictions anew, after the person was heard for so many seconds in each (0: nothing was said)."""
        for prediction, seconds in zip(predictions, new_s, strict=True):
            if prediction.functionals is not None and seconds > 0:
                person.hear(prediction.functionals, seconds)
        return self._classifier.again(predictions, person)

    def recognize(
        self,
        path: str | os.PathLike[str],
        progress: Progress | None = None,
        hop_s: float = 1.0,
        person: Person | None = None,
        unsure_below: float = BY_MODEL,
    ) -> FilePrediction:
        """A sound file of any length, in bounded memory: windows every `hop_s`, the last one ending with the file.

        person: who speaks in it. They are known better afterwards, and what is said is heard against them, as they are
        known after the windows that are computed together. unsure_below: the certainty under which the word is
        `UNSURE`; the model's own unless told.

        Raises UserError for a file that cannot be read, Cancelled if asked to stop.
        """
        path = Path(path)
        progress = progress or Progress()
        duration_s = audio.info(path).duration_s
        window, hop = round(self.window_s * SAMPLE_RATE), max(1, round(hop_s * SAMPLE_RATE))
        starts: list[int] = []
        lengths: list[int] = []
        activities: list[VoiceActivity] = []
        predictions: list[Prediction] = []
        alone: list[np.ndarray] = []
        new: list[float] = []
        for batch in _grouped(_windows(audio.blocks(path, SAMPLE_RATE), window, hop), GATED):
            starts += [start for start, _samples in batch]
            lengths += [len(samples) for _start, samples in batch]
            judged = self._judge([samples for _start, samples in batch])
            activities += judged
            for first, part in enumerate(_grouped(batch, BATCH)):
                of_part = judged[first * BATCH :][: len(part)]
                result = self._spoken_part([samples for _start, samples in part], of_part)
                alone += [item.probabilities for item in result]
                new_s = _new_seconds(part, [activity.speech for activity in of_part], hop)
                new += new_s
                if person is not None:
                    result = self._against(result, person, new_s)
                predictions += result
                progress.update(part[-1][0] / SAMPLE_RATE, duration_s, "Listening to {name}", name=path.name)
        if not predictions:
            raise _no_sound(path)
        progress.update(1, 1, "Listening to {name}", name=path.name)
        begins = np.array(starts) / SAMPLE_RATE
        times = (duration_s, begins, begins + np.array(lengths) / SAMPLE_RATE)
        doubt = threshold(unsure_below, self.unsure_below)
        whole = self._summed_up(path, times, activities, predictions, doubt)
        functionals, voice = _known_by(activities, predictions)
        without = spoken_mean(np.stack(alone), whole.speech)
        return replace(
            whole,
            mean_alone=without,
            new_s=np.array(new),
            functionals=functionals,
            voice=voice,
            sentences=sentences([start / SAMPLE_RATE for start in starts], activities, duration_s),
        )

    def _spoken_part(self, windows: list[np.ndarray], activities: list[VoiceActivity]) -> list[Prediction]:
        """The windows, each cut to the speech in it; attention is that of the whole window, 0 where it was not heard."""
        parts = [activity.part(MARGIN_CHUNKS) for activity in activities]
        result = self._classifier.classify([item[part] for item, part in zip(windows, parts, strict=True)])
        return [
            _placed(item, part.start / SAMPLE_RATE, len(window) / SAMPLE_RATE)
            for item, part, window in zip(result, parts, windows, strict=True)
        ]

    def _judge(self, windows: list[np.ndarray]) -> list[VoiceActivity]:
        self._gate = self._gate or SpeechGate()
        return self._gate.judge_all(windows)

    def _summed_up(
        self,
        path: Path,
        times: tuple[float, np.ndarray, np.ndarray],
        activities: list[VoiceActivity],
        predictions: list[Prediction],
        unsure_below: float,
    ) -> FilePrediction:
        duration_s, begins, ends = times
        speech = np.array([activity.speech for activity in activities])
        probabilities = np.stack([prediction.probabilities for prediction in predictions])
        mean = spoken_mean(probabilities, speech)
        attention_times, attention = _joined_attention(begins, predictions)
        return FilePrediction(
            path=path,
            duration_s=duration_s,
            starts_s=begins,
            ends_s=ends,
            speech=speech,
            probabilities=probabilities,
            mean_probabilities=mean,
            mean_alone=mean,
            labels=self.labels,
            dimension_names=self.dimensions,
            dimensions=np.stack([prediction.dimensions for prediction in predictions]),
            unsure_below=unsure_below,
            snr_db=_middle([activity.snr_db for activity in activities if activity.speech]),
            attention_times_s=attention_times,
            attention=attention,
        )


def _no_sound(path: Path) -> UserError:
    return UserError(
        "{name} holds no sound.", "Its length is 0 samples.", "Record or export it again.", name=path.name
    )


def _known_by(
    activities: list[VoiceActivity], predictions: list[Prediction]
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """What a person is known by of every window, and whose voice it is on the whole, where the model tells."""
    functionals = [prediction.functionals for prediction in predictions if prediction.functionals is not None]
    voices = [
        prediction.voice
        for prediction, activity in zip(predictions, activities, strict=True)
        if activity.speech and prediction.voice is not None
    ]
    mean = np.mean(voices, axis=0) if voices else None
    voice = mean / max(float(np.linalg.norm(mean)), 1e-9) if mean is not None else None
    return (np.stack(functionals) if functionals else None), voice


def _middle(values: list[float]) -> float:
    """The median; NaN of none."""
    return float(np.median(values)) if values else float("nan")


def _placed(prediction: Prediction, start_s: float, whole_s: float) -> Prediction:
    """The prediction of a part that begins at `start_s`, with its attention over the whole."""
    if not len(prediction.attention):
        return prediction
    first = round(start_s / prediction.frame_s)
    size = max(first + len(prediction.attention), round(whole_s / prediction.frame_s))
    attention = np.zeros(size, np.float32)
    attention[first : first + len(prediction.attention)] = prediction.attention
    return replace(prediction, attention=attention)


def _new_seconds(windows: list[tuple[int, np.ndarray]], speech: list[bool], hop: int) -> list[float]:
    """Seconds of each window that those before it did not have; 0 where nobody speaks. The first brings all of it."""
    return [
        (len(samples) if start == 0 else min(hop, len(samples))) / SAMPLE_RATE if spoken else 0.0
        for (start, samples), spoken in zip(windows, speech, strict=True)
    ]


def _grouped(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size`, the last one shorter."""
    rest = iter(items)
    while group := list(islice(rest, size)):
        yield group


def _windows(blocks: Iterator[np.ndarray], window: int, hop: int) -> Iterator[tuple[int, np.ndarray]]:
    """(first sample, samples) of every window; a last one ends with the sound, a short sound is one window."""
    held, first, done_to, start = np.zeros(0, np.float32), 0, 0, 0
    for block in blocks:
        held = np.concatenate([held, block])
        while start + window <= first + len(held):
            yield start, held[start - first : start - first + window].copy()
            done_to = start + window
            start += hop
        keep = max(0, min(start, first + len(held) - window) - first)
        held, first = held[keep:], first + keep
    end = first + len(held)
    if end > done_to:
        begin = max(0, end - window)
        yield begin, held[begin - first :].copy()


def _joined_attention(begins: np.ndarray, predictions: list[Prediction]) -> tuple[np.ndarray, np.ndarray]:
    """The windows' attention on one time axis, averaged where they overlap, its mean at 1."""
    if not len(predictions[0].attention):
        return np.zeros(0), np.zeros(0, np.float32)
    frame_s = predictions[0].frame_s
    firsts = np.round(begins / frame_s).astype(int)
    size = max(first + len(p.attention) for first, p in zip(firsts, predictions, strict=True))
    total, count = np.zeros(size), np.zeros(size)
    for first, prediction in zip(firsts, predictions, strict=True):
        frames = len(prediction.attention)
        total[first : first + frames] += prediction.attention * frames
        count[first : first + frames] += 1
    density = total / np.maximum(count, 1)
    return np.arange(size) * frame_s, density.astype(np.float32)
