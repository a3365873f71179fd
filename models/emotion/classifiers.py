"""What can classify a window, and our networks behind their front end; those of transformers: `transformers_classifier.py`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

import numpy as np
import torch

import models.torchaudio_cpu  # noqa: F401 - before transformers
from models import checkpoint
from models.checkpoint import CheckpointInfo
from models.devices import in_parts
from models.emotion import network
from models.emotion.config import FrontEndConfig
from models.emotion.dimensions import DIMENSIONS
from models.emotion.features import Voice, build_front_end
from models.emotion.person import Person
from models.emotion.quantised import computing
from models.errors import UserError
from models.loading import UNBUILDABLE, network_config, not_described
from models.progress import Progress

NO_DEGREES = np.zeros(0, np.float32)


@dataclass(frozen=True)
class Prediction:
    """One window.

    probabilities: float32 [classes], in the order of the recognizer's labels; they sum to 1. Empty where a model has no classes.
    attention: float32 [frames], where the network looked, sums to 1; empty where a model does not tell.
    frame_s: seconds from one attention frame to the next; the first begins at 0.
    functionals: float32 [functionals], what a `Person` is known by; None where a model hears everybody alike.
    voice: float32 [256], whose voice it is; None where the front end does not tell.
    dimensions: float32 [dimensions], in the order of the recognizer's dimensions, about 0 to 1; empty where a model gives none.
    """

    probabilities: np.ndarray
    attention: np.ndarray
    frame_s: float
    functionals: np.ndarray | None = None
    voice: np.ndarray | None = None
    dimensions: np.ndarray = field(default_factory=lambda: NO_DEGREES)


class Classifier(Protocol):
    """Classifies windows of sound, float32 [samples] at 16 kHz each. `again` tells what windows come to against a
    person who is known better by now; without `knows_people` that changes nothing. unsure_below: the certainty under which
    its words should not be told; 0 where that was not found out. labels, dimensions: of its classes, and which of `DIMENSIONS` it
    gives; one of them may be empty."""

    labels: tuple[str, ...]
    dimensions: tuple[str, ...]
    window_s: float
    knows_people: bool
    unsure_below: float

    @property
    def features_identity(self) -> str: ...

    def classify(self, windows: list[np.ndarray]) -> list[Prediction]:
        """Each window by itself, as somebody unknown says it: float32 [samples] at 16 kHz each, of any lengths."""
        ...

    def again(self, predictions: Sequence[Prediction], person: Person) -> list[Prediction]:
        """The predictions with other probabilities: those against the person. Nothing is computed from sound again."""
        ...

    def of_functionals(self, functionals: np.ndarray, person: Person) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities float32 [n, classes] and degrees float32 [n, dimensions] of functionals float32 [n, functionals] against the
        person.

        Raises TypeError where the classifier has no functionals.
        """
        ...


class OurClassifier(Classifier):
    """Front end and network of a checkpoint of ours."""

    def __init__(
        self,
        weights: dict[str, torch.Tensor],
        info: CheckpointInfo,
        device: torch.device,
        progress: Progress | None = None,
    ) -> None:
        try:
            front_end = FrontEndConfig.model_validate(info.preprocessing["front_end"])
            config = network_config(network.NetworkConfig, info.network, info.title)
            self.network = network.build(config)
        except UNBUILDABLE as error:
            raise not_described(info.title, error) from error
        if (
            config.weights == "int8"
        ):  # the front end, which is most of the work, may still have a graphics card
            self.network, self.device = computing(self.network, weights), torch.device("cpu")
        else:
            checkpoint.fit(self.network, weights)
            self.network, self.device = self.network.to(device).eval(), device
        self.front_end = build_front_end(front_end, device, progress)
        takes, given = (
            (config.feature_dim, config.encoder_layers),
            (self.front_end.dim, self.front_end.layers),
        )
        if takes != given:
            raise not_described(
                info.title,
                ValueError(f"features of {given} (values a frame, layers) for a network of {takes}"),
            )
        self.labels, self.title = tuple(info.labels), info.title
        if not len(self.labels) == len(set(self.labels)) == config.classes:
            raise not_described(
                info.title, ValueError(f"{len(self.labels)} labels of {config.classes} classes")
            )
        self.dimensions = _dimensions(info, config.dimensions)
        self.window_s = info.preprocessing.get("window_s", 3.0)
        if not isinstance(self.window_s, int | float) or not 0.05 <= self.window_s <= 600:
            raise not_described(info.title, ValueError(f"windows of {self.window_s} s"))
        self.temperature = info.preprocessing.get("temperature", 1.0)
        if not isinstance(self.temperature, int | float) or not 0.01 <= self.temperature <= 100:
            raise not_described(info.title, ValueError(f"a temperature of {self.temperature}"))
        self.unsure_below = info.preprocessing.get("unsure_below", 0.0)
        if not isinstance(self.unsure_below, int | float) or not 0 <= self.unsure_below <= 1:
            raise not_described(info.title, ValueError(f"a threshold of {self.unsure_below}"))
        self.knows_people = isinstance(self.network, network.LinearClassifier)

    @cached_property
    def features_identity(self) -> str:
        """Names all that the features depend on which a person is known by: the front end, and how the network prepares
        its frames."""
        prepared = self.network.prepared
        if prepared.norm == "none" and prepared.layer_weights is None:
            return self.front_end.identity
        digest = hashlib.sha256()
        for name, values in prepared.state_dict().items():
            digest.update(name.encode() + values.float().cpu().numpy().tobytes())
        return f"{self.front_end.identity} {prepared.norm} {digest.hexdigest()[:16]}"

    @torch.inference_mode()
    def classify(self, windows: list[np.ndarray]) -> list[Prediction]:
        features = [torch.from_numpy(self.front_end.features(window)) for window in windows]
        parts = in_parts(lambda part: self._judged(features[part]), len(features), len(features))
        return [prediction for part in parts for prediction in part]

    def _judged(self, features: list[torch.Tensor]) -> list[Prediction]:
        lengths = torch.tensor([len(feature) for feature in features])
        padded = torch.nn.utils.rnn.pad_sequence(features, batch_first=True).to(self.device)
        output = self.network(padded, lengths.to(self.device))
        probabilities = self._probabilities(output.logits)
        degrees = self._degrees(output.degrees, len(features))
        attention = output.attention.float().cpu().numpy()
        functionals = output.pooled.float().cpu().numpy() if self.knows_people else [None] * len(features)
        voices = [self.front_end.voice(f) if isinstance(self.front_end, Voice) else None for f in features]
        steps = -(-lengths.numpy() // self.network.frames_a_step)
        return [
            Prediction(p, a[:length], self.front_end.frame_s * self.network.frames_a_step, known, voice, d)
            for p, a, length, known, voice, d in zip(
                probabilities, attention, steps, functionals, voices, degrees, strict=True
            )
        ]

    @torch.inference_mode()
    def again(self, predictions: Sequence[Prediction], person: Person) -> list[Prediction]:
        if not isinstance(self.network, network.LinearClassifier) or not predictions:
            return list(predictions)
        functionals = np.stack(
            [prediction.functionals for prediction in predictions if prediction.functionals is not None]
        )
        probabilities, degrees = self.of_functionals(functionals, person)
        return [
            replace(prediction, probabilities=p, dimensions=d)
            for prediction, p, d in zip(predictions, probabilities, degrees, strict=True)
        ]

    @torch.inference_mode()
    def of_functionals(self, functionals: np.ndarray, person: Person) -> tuple[np.ndarray, np.ndarray]:
        assert isinstance(self.network, network.LinearClassifier)  # others have no functionals
        reference = torch.from_numpy(person.reference(self.network.usual.cpu().numpy()))
        logits, degrees = self.network.judged(
            torch.from_numpy(functionals).to(self.device), reference.to(self.device)
        )
        return self._probabilities(logits), self._degrees(degrees, len(functionals))

    def _degrees(self, degrees: torch.Tensor | None, count: int) -> np.ndarray:
        """float32 [count, dimensions]."""
        if degrees is None:
            return np.zeros((count, 0), np.float32)
        result: np.ndarray = checked(degrees.float(), self.title).cpu().numpy()
        return result

    def _probabilities(self, logits: torch.Tensor) -> np.ndarray:
        """Of the logits, made as certain as they are right by the temperature that held-out speakers gave."""
        result = checked(logits.float(), self.title) / self.temperature
        probabilities: np.ndarray = result.softmax(-1).cpu().numpy()
        return probabilities


def _dimensions(info: CheckpointInfo, outputs: int) -> tuple[str, ...]:
    """What the outputs of a checkpoint's head of degrees are. Raises UserError where that, or their scale, is not described."""
    named = info.preprocessing.get("dimensions", [])
    in_order = tuple(name for name in DIMENSIONS if isinstance(named, list) and name in named)
    if list(in_order) != named or len(in_order) != outputs:
        raise not_described(info.title, ValueError(f"dimensions {named} of {outputs} outputs"))
    scale = info.preprocessing.get("degree_scale", [0.0, 1.0])
    numbers = isinstance(scale, list) and len(scale) == 2 and all(isinstance(n, int | float) for n in scale)
    if not numbers or not scale[0] < scale[1]:
        raise not_described(info.title, ValueError(f"degrees on the scale {scale}"))
    return in_order


def checked(logits: torch.Tensor, name: str) -> torch.Tensor:
    """Themselves. Raises UserError where a model gives no numbers: its first label would look like an answer."""
    if not torch.isfinite(logits).all():
        raise UserError(
            "The model {name} gives values that are no numbers.",
            "Its weights are damaged, or its half precision does not suffice for this sound.",
            "Copy the model again, or choose another one.",
            name=name,
        )
    return logits
