"""What can classify a window: our networks behind their front end, or a classifier of transformers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

import models.torchaudio_cpu  # noqa: F401 - before transformers
from models import checkpoint
from models.checkpoint import CheckpointInfo
from models.devices import in_parts, inference_dtype
from models.emotion import network
from models.emotion.config import FrontEndConfig
from models.emotion.features import Voice, build_front_end
from models.emotion.person import Person
from models.emotion.quantised import computing
from models.errors import UserError, shortened
from models.loading import UNBUILDABLE, network_config, not_described
from models.progress import Progress
from models.transformer_models import check_folder, guarded, load_whole

DIMENSIONS = frozenset({"arousal", "valence", "dominance", "activation"})  # what regressions of emotion name


@dataclass(frozen=True)
class Prediction:
    """One window.

    probabilities: float32 [classes], in the order of the recognizer's labels; they sum to 1.
    attention: float32 [frames], where the network looked, sums to 1; empty where a model does not tell.
    frame_s: seconds from one attention frame to the next; the first begins at 0.
    functionals: float32 [functionals], what a `Person` is known by; None where a model hears everybody alike.
    voice: float32 [256], whose voice it is; None where the front end does not tell.
    """

    probabilities: np.ndarray
    attention: np.ndarray
    frame_s: float
    functionals: np.ndarray | None = None
    voice: np.ndarray | None = None


class Classifier(Protocol):
    """Classifies windows of sound, float32 [samples] at 16 kHz each. `again` tells what windows come to against a
    person who is known better by now; without `knows_people` that changes nothing. unsure_below: the certainty under which
    its words should not be told; 0 where that was not found out."""

    labels: tuple[str, ...]
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

    def of_functionals(self, functionals: np.ndarray, person: Person) -> np.ndarray:
        """Probabilities float32 [n, classes] of functionals float32 [n, functionals] against the person.

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
        attention = output.attention.float().cpu().numpy()
        functionals = output.pooled.float().cpu().numpy() if self.knows_people else [None] * len(features)
        voices = [self.front_end.voice(f) if isinstance(self.front_end, Voice) else None for f in features]
        steps = -(-lengths.numpy() // self.network.frames_a_step)
        return [
            Prediction(p, a[:length], self.front_end.frame_s * self.network.frames_a_step, known, voice)
            for p, a, length, known, voice in zip(
                probabilities, attention, steps, functionals, voices, strict=True
            )
        ]

    @torch.inference_mode()
    def again(self, predictions: Sequence[Prediction], person: Person) -> list[Prediction]:
        if not isinstance(self.network, network.LinearClassifier) or not predictions:
            return list(predictions)
        functionals = np.stack(
            [prediction.functionals for prediction in predictions if prediction.functionals is not None]
        )
        probabilities = self.of_functionals(functionals, person)
        return [
            replace(prediction, probabilities=p)
            for prediction, p in zip(predictions, probabilities, strict=True)
        ]

    @torch.inference_mode()
    def of_functionals(self, functionals: np.ndarray, person: Person) -> np.ndarray:
        assert isinstance(self.network, network.LinearClassifier)  # others have no functionals
        reference = torch.from_numpy(person.reference(self.network.usual.cpu().numpy()))
        logits = self.network.judged(torch.from_numpy(functionals).to(self.device), reference.to(self.device))
        return self._probabilities(logits)

    def _probabilities(self, logits: torch.Tensor) -> np.ndarray:
        """Of the logits, made as certain as they are right by the temperature that held-out speakers gave."""
        result = checked(logits.float(), self.title) / self.temperature
        probabilities: np.ndarray = result.softmax(-1).cpu().numpy()
        return probabilities


class TransformersClassifier(Classifier):
    """Any ``AutoModelForAudioClassification`` checkpoint, such as superb/hubert-base-superb-er."""

    window_s = 3.0
    knows_people = False
    unsure_below = 0.0
    features_identity = ""

    def __init__(self, folder: Path, device: torch.device) -> None:
        from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

        def unfit(reason: str) -> UserError:
            return UserError(
                "{name} cannot be used as an emotion model.",
                "transformers does not load it as an audio classifier: {reason}.",
                "Choose an audio-classification model; a bare speech encoder is chosen as front end in training.",
                name=folder.name,
                reason=reason.rstrip("."),
            )

        config = check_folder(folder)
        names = config.get("id2label")
        named = {str(name).strip().lower() for name in names.values()} if isinstance(names, dict) else set()
        if config.get("problem_type") == "regression" or named & DIMENSIONS:
            raise unfit("it gives degrees, such as arousal, and no classes")
        # wav2vec 2.0 draws the embedding of what is hidden in pretraining, which nothing here uses.
        self.model = load_whole(AutoModelForAudioClassification, folder, unfit, ("masked_spec_embed",))
        self.extractor = guarded(
            lambda: AutoFeatureExtractor.from_pretrained(
                folder, trust_remote_code=False, local_files_only=True
            ),
            unfit,
        )
        self.device, self.dtype = device, inference_dtype(device)
        self.model.to(device, self.dtype).eval()
        self.rate = getattr(self.extractor, "sampling_rate", 16_000)
        if not isinstance(self.rate, int) or not 1000 <= self.rate <= 384_000:
            raise unfit(f"it hears sound at {shortened(self.rate, 40)} Hz")
        labels = self.model.config.id2label
        raw = [str(labels[index]) for index in sorted(labels, key=int)]
        ours = [canonical(label) for label in raw]
        self.labels = tuple(ours if len(set(ours)) == len(ours) else raw)
        self.name = folder.name
        # A description can be impossible in ways that only computing shows.
        guarded(lambda: self.classify([np.full(16_000, 0.01, np.float32)]), unfit)

    @torch.inference_mode()
    def classify(self, windows: list[np.ndarray]) -> list[Prediction]:
        from models.audio import resample

        predictions = []
        for window in windows:  # one by one: group norm would see the padding of a batch
            shortest = max(400, self.rate // 20)
            sound = resample(window, 16_000, self.rate)
            sound = np.pad(sound, (0, max(0, shortest - len(sound))))
            inputs = self.extractor(sound, sampling_rate=self.rate, return_tensors="pt")
            placed = {  # what is a mask of whole numbers stays one
                name: value.to(self.device, self.dtype if value.is_floating_point() else None)
                for name, value in inputs.items()
            }
            logits = self.model(**placed).logits[0].float()
            probabilities = checked(logits, self.name).softmax(-1).cpu().numpy()
            predictions.append(Prediction(probabilities, np.zeros(0, np.float32), 0.0))
        return predictions

    def again(self, predictions: Sequence[Prediction], person: Person) -> list[Prediction]:
        return list(predictions)

    def of_functionals(self, functionals: np.ndarray, person: Person) -> np.ndarray:
        raise TypeError("a classifier of transformers knows nobody by functionals")


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


def canonical(label: str) -> str:
    """The label as everywhere in Polyphony: ``ang`` and ``Anger`` are angry, ``neu`` is neutral."""
    from models.emotion.data import canonical_emotion

    return canonical_emotion(label)
