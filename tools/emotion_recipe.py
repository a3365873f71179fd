"""The recipe of the bundled emotion model on figures that are computed once: many trainings side by side, and the choice of
its settings within the training's speakers.

A training here is what ``train emotion --preset bundled`` does with its linear network: class-balanced draws of an utterance in
one of its scenes, against its speaker's own mean or everybody's; AdamW, cosine, label smoothing, clipping, averaged weights. It
differs in the order of its draws alone. Many folds and settings are computed as one batched product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product

import numpy as np
import torch
from torch import Tensor

from models.training.schedules import warmup_cosine

STEPS, BATCH, RATE, AVERAGE, SMOOTHING, DROPOUT = 200, 64, 2e-3, 0.99, 0.1, 0.5
CLIP_S = 3.0  # what a clip counts in a session
PRIORS_S = (5.0, 10.0, 15.0, 30.0)


@dataclass(frozen=True)
class Recipe:
    """What is chosen. weight_decay: AdamW's; centred: how often against the speaker's own mean; scenes: besides the clean."""

    weight_decay: float = 0.3
    centred: float = 0.5
    scenes: int = 3

    def words(self) -> dict[str, float]:
        """Plain values."""
        return asdict(self)


CANDIDATES = tuple(Recipe(*values) for values in product((0.03, 0.1, 0.3), (0.1, 0.25, 0.5), (3,)))


@dataclass(frozen=True)
class Spoken:
    """figures: float32 [utterances, 1 + scenes, 512]; truth: int [utterances]; speakers: [utterances] words."""

    figures: np.ndarray
    truth: np.ndarray
    speakers: np.ndarray


@dataclass(frozen=True)
class Trained:
    """weight [classes, 512], bias [classes] on (figures − reference) / spread; usual: the reference of strangers."""

    weight: np.ndarray
    bias: np.ndarray
    usual: np.ndarray
    spread: np.ndarray

    def logits(self, figures: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """[clips, classes] of figures [clips, 512] against one reference or one a clip."""
        result: np.ndarray = ((figures - reference) / self.spread) @ self.weight.T + self.bias
        return result


def trained(spoken: Spoken, work: Sequence[tuple[np.ndarray, Recipe]], seed: int) -> list[Trained]:
    """A training for every (bool [utterances], recipe): on whom, and how."""
    random = torch.Generator().manual_seed(seed)
    folds = [_Fold(spoken, who, recipe) for who, recipe in work]
    classes, size = int(spoken.truth.max()) + 1, spoken.figures.shape[-1]
    bound = size**-0.5
    weight = ((torch.rand(len(folds), classes, size, generator=random) * 2 - 1) * bound).requires_grad_()
    bias = ((torch.rand(len(folds), 1, classes, generator=random) * 2 - 1) * bound).requires_grad_()
    decay = torch.tensor([recipe.weight_decay for _, recipe in work])[:, None, None]
    optimizer = torch.optim.AdamW([weight, bias], RATE, weight_decay=0.0)
    kept = [weight.detach().clone(), bias.detach().clone()]
    for step in range(STEPS):
        rate = warmup_cosine(step, STEPS, RATE)
        optimizer.param_groups[0]["lr"] = rate
        drawn = [fold.batch(random) for fold in folds]
        x = torch.stack([x for x, _ in drawn])
        truth = torch.stack([y for _, y in drawn])
        dropped = torch.empty(x.shape[1:]).bernoulli_(
            1 - DROPOUT, generator=random
        )  # one mask for all trainings
        x = x * (dropped / (1 - DROPOUT))
        logits = torch.baddbmm(bias, x, weight.transpose(1, 2))
        each = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), truth.flatten(), label_smoothing=SMOOTHING, reduction="none"
        )
        loss = each.view(len(folds), BATCH).mean(1).sum()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        _clip(weight, bias)
        with torch.no_grad():
            weight.mul_(1 - rate * decay)
        optimizer.step()
        share = min(AVERAGE, (2 + step) / (11 + step))
        for average, now in zip(kept, (weight, bias), strict=True):
            average.lerp_(now.detach(), 1 - share)
    return [
        Trained(w.numpy(), b[0].numpy(), fold.usual.numpy(), fold.spread.numpy())
        for w, b, fold in zip(*kept, folds, strict=True)
    ]


class _Fold:
    """The draws of one training."""

    def __init__(self, spoken: Spoken, who: np.ndarray, recipe: Recipe) -> None:
        figures = torch.from_numpy(spoken.figures[who][:, : 1 + recipe.scenes])
        speakers, self.truth = spoken.speakers[who], torch.from_numpy(spoken.truth[who])
        names = sorted(set(speakers))
        means = torch.stack([figures[torch.from_numpy(speakers == name)].mean(0) for name in names])
        self.usual = means.flatten(0, 1).mean(0)
        own = means[torch.tensor([names.index(name) for name in speakers])]
        around = torch.cat([(figures - own).flatten(0, 1), (figures - self.usual).flatten(0, 1)])
        self.spread = around.square().mean(0).sqrt().clamp(min=1e-3)
        self.own, self.strange = (figures - own) / self.spread, (figures - self.usual) / self.spread
        self.members = [
            torch.nonzero(self.truth == label)[:, 0] for label in range(int(self.truth.max()) + 1)
        ]
        self.centred = recipe.centred

    def batch(self, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """(x [64, 512], truth [64]): every class as often as the others, in any scene, centred as often as asked."""
        places = [
            part[torch.randint(len(part), (BATCH // len(self.members),), generator=random)]
            for part in self.members
        ]
        chosen = torch.cat(places)
        variant = torch.randint(self.own.shape[1], (len(chosen),), generator=random)
        centred = torch.rand(len(chosen), 1, generator=random) < self.centred
        x = torch.where(centred, self.own[chosen, variant], self.strange[chosen, variant])
        return x, self.truth[chosen]


def _clip(weight: Tensor, bias: Tensor) -> None:
    """Gradients of every training cut to a norm of 1."""
    assert weight.grad is not None
    assert bias.grad is not None
    norm = (
        weight.grad.square().sum((1, 2), keepdim=True) + bias.grad.square().sum((1, 2), keepdim=True)
    ).sqrt()
    factor = (1.0 / (norm + 1e-6)).clamp(max=1.0)
    weight.grad.mul_(factor)
    bias.grad.mul_(factor)


def ways(model: Trained, figures: np.ndarray, prior_s: float, seed: int) -> dict[str, np.ndarray]:
    """Logits [clips, classes] of one person's clips: alone, in a session whose order the seed draws, and known."""
    order = np.random.default_rng(seed).permutation(len(figures))
    heard = np.cumsum(figures[order].astype(np.float64), axis=0) * CLIP_S
    seconds = CLIP_S * np.arange(1, len(figures) + 1)[:, None]
    references = np.empty_like(heard)
    references[order] = (prior_s * model.usual + heard) / (prior_s + seconds)
    return {
        "alone": model.logits(figures, model.usual),
        "session": model.logits(figures, references),
        "known": model.logits(figures, figures.mean(0)),
    }


def recall(logits: np.ndarray, truth: np.ndarray) -> float:
    """Unweighted average recall over the classes that occur."""
    said = logits.argmax(1)
    return float(np.mean([(said[truth == label] == label).mean() for label in np.unique(truth)]))


def chosen(
    spoken: Spoken, conditions: dict[str, np.ndarray], among: np.ndarray, seed: int = 1
) -> tuple[Recipe, float, dict[str, float]]:
    """The recipe and the prior that are best within the speakers of `among` (bool [utterances]), each left out once; and
    what every recipe came to with its best prior. Best is the recall, mean over speakers, conditions, alone and in a session.

    conditions: by name float32 [utterances, 512], how everybody sounds there.
    """
    names = sorted(set(spoken.speakers[among]))
    work = [(among & (spoken.speakers != name), recipe) for recipe in CANDIDATES for name in names]
    models = iter(trained(spoken, work, seed))
    scores: dict[tuple[Recipe, float], float] = {}
    for recipe in CANDIDATES:
        alone: list[float] = []
        sessions: dict[float, list[float]] = {prior: [] for prior in PRIORS_S}
        for name in names:
            model, mine = next(models), spoken.speakers == name
            for figures in conditions.values():
                for prior in PRIORS_S:
                    said = ways(model, figures[mine], prior, seed)
                    sessions[prior].append(recall(said["session"], spoken.truth[mine]))
                alone.append(recall(said["alone"], spoken.truth[mine]))
        for prior, values in sessions.items():
            scores[recipe, prior] = (float(np.mean(alone)) + float(np.mean(values))) / 2
    recipe, prior = max(scores, key=lambda item: scores[item])
    table = {
        " ".join(f"{value:g}" for value in candidate.words().values()): round(
            max(scores[candidate, p] for p in PRIORS_S), 4
        )
        for candidate in CANDIDATES
    }
    return recipe, prior, table
