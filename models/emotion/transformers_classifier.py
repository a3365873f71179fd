"""Models of transformers as classifiers of windows: emotions as classes, as degrees (arousal, valence, dominance), or both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

import models.torchaudio_cpu  # noqa: F401 - before transformers
from models.devices import inference_dtype
from models.emotion.classifiers import Classifier, Prediction, checked
from models.emotion.data import canonical_emotion
from models.emotion.dimensions import DIMENSIONS, canonical_dimension
from models.emotion.headed import headed, is_headed
from models.emotion.person import Person
from models.errors import UserError, shortened
from models.transformer_models import IMPORTING, Unfit, check_folder, guarded, load_whole


class TransformersClassifier(Classifier):
    """Any ``AutoModelForAudioClassification`` checkpoint, such as superb/hubert-base-superb-er, and those of `headed.py`.

    What its labels name as a dimension is given as it comes; over the other labels there is a softmax.
    """

    window_s = 3.0
    knows_people = False
    unsure_below = 0.0
    features_identity = ""

    def __init__(self, folder: Path, device: torch.device) -> None:
        with IMPORTING:
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
        kind = headed(config["model_type"]) if is_headed(config) else AutoModelForAudioClassification
        # wav2vec 2.0 draws the embedding of what is hidden in pretraining, which nothing here uses.
        self.model = load_whole(kind, folder, unfit, ("masked_spec_embed",))
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
        self.name = folder.name
        labels = self.model.config.id2label
        names = [str(labels[index]) for index in sorted(labels, key=int)]
        self._tell_outputs(names, self.model.config.problem_type == "regression", unfit)
        # A description can be impossible in ways that only computing shows.
        guarded(lambda: self.classify([np.full(16_000, 0.01, np.float32)]), unfit)

    def _tell_outputs(self, names: list[str], regression: bool, unfit: Unfit) -> None:
        """Which of the outputs are classes, and which are dimensions. Raises `unfit` for degrees of other things."""
        meant = [canonical_dimension(name) for name in names]
        self.dimensions = tuple(name for name in DIMENSIONS if name in meant)
        self._degrees = [meant.index(name) for name in self.dimensions]
        self._classes = [number for number, name in enumerate(meant) if not name]
        raw = [names[number] for number in self._classes]
        twice = len(self._degrees) + len(self._classes) < len(names)
        if twice or (regression and raw) or (self.dimensions and len(raw) == 1):
            listed = shortened(", ".join(names), 80)
            raise unfit(f"it gives degrees, but not simply of arousal, valence and dominance: {listed}")
        ours = [canonical_emotion(label) for label in raw]
        self.labels = tuple(ours if len(set(ours)) == len(ours) else raw)

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
            outputs = checked(self.model(**placed).logits[0].float(), self.name).cpu()
            probabilities, degrees = outputs[self._classes].softmax(-1), outputs[self._degrees]
            nowhere = np.zeros(0, np.float32)
            predictions.append(Prediction(probabilities.numpy(), nowhere, 0.0, dimensions=degrees.numpy()))
        return predictions

    def again(self, predictions: Sequence[Prediction], person: Person) -> list[Prediction]:
        return list(predictions)

    def of_functionals(self, functionals: np.ndarray, person: Person) -> tuple[np.ndarray, np.ndarray]:
        raise TypeError("a classifier of transformers knows nobody by functionals")
