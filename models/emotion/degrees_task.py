"""How classes and degrees of emotion are trained together. Agreement with listeners is of a batch as a whole."""

from __future__ import annotations

import numpy as np
import torch

from models.emotion.concordance import concordances
from models.emotion.config import EmotionConfig
from models.emotion.losses import concordance_loss
from models.emotion.task import Batch, EmotionTask
from models.training.task import Clock, Loss, RowsTask


class DegreesTask(RowsTask[EmotionConfig], EmotionTask):
    """`EmotionTask` with weight · (1 − CCC) of arousal, valence and dominance in its loss, over all items of a step."""

    def rows(self, network: torch.nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
        return EmotionTask.rows(self, network, batch)

    def loss_of(self, rows: dict[str, torch.Tensor], clock: Clock) -> Loss:
        loss = EmotionTask.loss_of(self, rows, clock)
        apart = concordance_loss(rows["degrees"], rows["listeners"])
        loss.mean = loss.mean + self.config.degrees.weight * apart
        loss.metrics["degrees_loss"] = apart.detach()
        return loss

    def metrics(self, split: str, outputs: dict[str, np.ndarray], clock: Clock) -> dict[str, float]:
        result = EmotionTask.metrics(self, split, outputs, clock)
        truth, told = self.listeners(self.parts[split]), outputs["degrees"]
        apart = concordance_loss(torch.from_numpy(told), torch.from_numpy(truth))
        result["loss"] += self.config.degrees.weight * float(apart)
        voices = [utterance.speaker for utterance in self.parts[split]]
        agreed = concordances(self.dimensions, truth, told, voices)
        return result | {f"ccc_{item.name}": item.ccc for item in agreed if np.isfinite(item.ccc)}
