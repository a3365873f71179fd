"""How the people of a training lie as a whole: what an utterance of theirs is heard against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.emotion.feature_cache import KeptFeatures
from models.emotion.network import LinearClassifier


@dataclass(frozen=True)
class People:
    """usual: [functionals], the mean over speakers and variants; spread: [functionals], of an utterance around either mean.

    means: of every speaker, in every variant (speed or scene), [functionals]. A speaker is another person in another scene:
    room and microphone go with the voice.
    """

    usual: Tensor
    spread: Tensor
    means: dict[tuple[str, int], Tensor]

    @classmethod
    def of(
        cls, network: LinearClassifier, features: Sequence[Sequence[KeptFeatures]], speakers: Sequence[str]
    ) -> People:
        """features: of every utterance its variants, [frames, dim]; speakers: who says it."""
        functionals = torch.stack(
            [torch.stack([_functionals(network, entry[:]) for entry in item]) for item in features]
        )
        names = np.array(speakers)
        means = {
            (str(name), variant): functionals[names == name, variant].mean(0)
            for name in dict.fromkeys(speakers)
            for variant in range(functionals.shape[1])
        }
        usual = torch.stack(list(means.values())).mean(0)
        own = torch.stack(
            [torch.stack([means[name, v] for v in range(functionals.shape[1])]) for name in speakers]
        )
        around = torch.cat([(functionals - own).flatten(0, 1), (functionals - usual).flatten(0, 1)])
        return cls(usual, around.square().mean(0).sqrt(), means)

    def reference(self, speaker: str, variant: int, own: bool) -> Tensor:
        """The person's own mean in that variant, or everybody's."""
        return self.means[speaker, variant] if own else self.usual


@torch.inference_mode()
def _functionals(network: LinearClassifier, frames: np.ndarray) -> Tensor:
    return network.functionals(torch.from_numpy(frames)[None], torch.tensor([len(frames)]))[0].clone()
