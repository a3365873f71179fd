"""The emotion networks: the enhanced recurrent network that forgets who speaks, the baseline it is measured against, and a linear one.

All take a front end's features, padded, with their lengths in frames. What lies beyond a length is never seen: not by the recurrent
layers, not by attention, normalisation or pooling. An utterance's result does not depend on who shares its batch.

In shapes: B utterances, T steps, D features a frame, H the config's `hidden`, C emotions, S training speakers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from models.emotion.dimensions import MIDDLE
from models.emotion.functionals import Functionals, moments
from models.emotion.inputs import Prepared, stacked
from models.emotion.padding import masked_max, masked_mean, mean_over_queries, normalise, recurrent, valid


@dataclass(frozen=True)
class NetworkConfig:
    """All that is needed to build a network; the checkpoint keeps it."""

    kind: str = "enhanced"  # or "gru", "linear"
    feature_dim: int = 80
    classes: int = 4
    speakers: int = 0  # outputs of the speaker head; 0 leaves it out
    hidden: int = 256
    layers: int = 3
    heads: int = 8
    dropout: float = 0.3
    attention_dropout: float = 0.1
    fusion: str = "full"  # or "published"
    speaker_norm: bool = True
    attention: bool = True
    attention_over: str = "utterance"  # of the baseline; or "published": over the batch
    stack: int = 1  # frames laid side by side into one step
    input_norm: str = "none"  # or "data", "level", "utterance": see `Prepared`
    statistics: bool = False  # a second head, which sees functionals of the features
    encoder_layers: int = 0  # of a speech encoder, mixed by learned weights; 0: the features are one layer
    dimensions: int = 0  # outputs of the head of degrees; 0 leaves it out
    weights: str = "float32"  # or "int8": see `quantised.py`


class EmotionOutput(NamedTuple):
    """What a network says of a batch.

    logits: [B, C]. speaker_logits: [B, S], or None where there is no adversary.
    attention: [B, T], how much each step is attended to; sums to 1 over an utterance's own steps.
    pooled: [B, features], what the emotion head sees.
    heads: the logits of each head by itself, where several are averaged: each is trained by its own loss.
    degrees: [B, dimensions], about 0 to 1, or None where the network gives none.
    """

    logits: Tensor
    speaker_logits: Tensor | None
    attention: Tensor
    pooled: Tensor
    heads: tuple[Tensor, ...]
    degrees: Tensor | None = None


# --- the enhanced network -----------------------------------------------------------------------------------


def positions(steps: int, dim: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Sinusoidal positions [T, dim] for any length (Vaswani et al., 2017, section 3.5).

    PE[t, 2i] = sin(t / 10000^(2i / dim)), PE[t, 2i + 1] = cos(t / 10000^(2i / dim)).
    """
    time = torch.arange(steps, device=device, dtype=torch.float32)[:, None]
    rates = torch.exp(
        torch.arange(0, dim, 2, device=device, dtype=torch.float32) * (-math.log(10_000.0) / dim)
    )
    table = torch.zeros(steps, dim, device=device)
    table[:, 0::2] = torch.sin(time * rates)
    table[:, 1::2] = torch.cos(time * rates)[:, : dim // 2]
    return table.to(dtype)


class AdaptiveInstanceNorm(nn.Module):
    """Instance normalisation over time (Ulyanov et al., 2016) with a learned scale and shift: y = γ (x − μ) / √(σ² + 1e-5) + β.

    μ and σ² (biased) are each utterance's own, so what is constant over it, such as the length of a vocal tract, is gone.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(dim))  # γ
        self.shift = nn.Parameter(torch.zeros(dim))  # β

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x [B, T, dim], mask bool [B, T, 1] → the same shape; zero beyond the mask."""
        return (normalise(x, mask) * self.scale + self.shift) * mask


class SelfAttention(nn.Module):
    """Multi-head attention (Vaswani et al., 2017, section 3.2.2) with a residual and LayerNorm, masked."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"{dim} features cannot be shared by {heads} heads")
        self.heads = heads
        self.w_q, self.w_k, self.w_v, self.w_o = (nn.Linear(dim, dim) for _ in range(4))
        self.dropout = nn.Dropout(dropout)
        self.layer_norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """x [B, T, dim], mask bool [B, T] → (the same shape, weights [B, heads, queries, keys] before dropout)."""
        batch, steps, dim = x.shape

        def split(y: Tensor) -> Tensor:
            return y.view(batch, steps, self.heads, dim // self.heads).transpose(1, 2)

        q, k, v = split(self.w_q(x)), split(self.w_k(x)), split(self.w_v(x))  # [B, heads, T, dim / heads]
        scores = q @ k.transpose(2, 3) / math.sqrt(dim // self.heads)  # equation 1: softmax(Q Kᵀ / √d_k) V
        weights = scores.masked_fill(~mask[:, None, None, :], float("-inf")).softmax(-1)
        y = (self.dropout(weights) @ v).transpose(1, 2).reshape(batch, steps, dim)
        return self.layer_norm(x + self.w_o(y)), weights


class GradientReversal(nn.Module):
    """Forward R(x) = x, backward dR/dx = −alpha · I (Ganin & Lempitsky, 2015, section 3.2). The trainer sets `alpha`."""

    def __init__(self) -> None:
        super().__init__()
        self.alpha = 0.0

    def forward(self, x: Tensor) -> Tensor:
        """x of any shape, unchanged."""
        return _Reverse.apply(x, self.alpha)


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, alpha: float) -> Tensor:
        context.alpha = alpha
        return x.view_as(x)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return -context.alpha * gradient, None


def head(dim: int, hidden: int, outputs: int, dropout: float) -> nn.Sequential:
    """dim → hidden → hidden / 2 → outputs."""
    half = max(1, hidden // 2)
    first = (nn.Linear(dim, hidden), nn.ReLU(), nn.Dropout(dropout))
    second = (nn.Linear(hidden, half), nn.ReLU(), nn.Dropout(dropout))
    return nn.Sequential(*first, *second, nn.Linear(half, outputs))


def degree_head(dim: int, dimensions: int) -> nn.Linear | None:
    """dim → dimensions, linear, None where there are none. It begins in the middle for everything: weights as PyTorch draws them
    would spread degrees over twice their range."""
    if not dimensions:
        return None
    result = nn.Linear(dim, dimensions)
    nn.init.zeros_(result.weight)
    nn.init.constant_(result.bias, MIDDLE)
    return result


class EnhancedGRUClassifier(nn.Module):
    """Normalised by speaker, three recurrent layers deep, self-attending, with an adversary that hides who speaks.

    The adversary is a second head that learns to tell the training's speakers from what is pooled; the gradient that reaches the rest
    of the network from it is reversed, so that the rest learns to leave nothing there to tell them by.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        h, dropout = config.hidden, config.dropout
        self.frames_a_step = config.stack
        self.fusion = config.fusion
        self.prepared = Prepared(config.feature_dim, config.input_norm, config.encoder_layers)
        self.input_projection = nn.Linear(config.feature_dim * config.stack, 2 * h)
        self.speaker_norm = AdaptiveInstanceNorm(2 * h) if config.speaker_norm else None
        self.dropout = nn.Dropout(dropout)
        self.gru_layers = nn.ModuleList(
            nn.GRU(2 * h if number == 0 else 4 * h, 2 * h, batch_first=True, bidirectional=True)
            for number in range(config.layers)
        )
        self.layer_norms = nn.ModuleList(nn.LayerNorm(4 * h) for _ in range(config.layers))
        self.self_attention = (
            SelfAttention(4 * h, config.heads, config.attention_dropout) if config.attention else None
        )
        narrow = (nn.Linear(4 * h, 2 * h), nn.ReLU(), nn.Dropout(dropout))
        self.feature_enhancement = nn.Sequential(
            *narrow, nn.Linear(2 * h, 2 * h), nn.ReLU(), nn.Dropout(dropout)
        )
        self.statistics = Functionals(config.feature_dim, 2 * h, dropout) if config.statistics else None
        self.statistics_classifier = nn.Linear(2 * h, config.classes) if config.statistics else None
        pooled = 4 * h if config.fusion == "published" else 10 * h
        self.emotion_classifier = head(pooled, h, config.classes, dropout)
        self.reversal = GradientReversal()
        self.speaker_classifier = head(pooled, h, config.speakers, dropout) if config.speakers else None
        self.degree_regressor = degree_head(pooled, config.dimensions)

    def forward(self, features: Tensor, lengths: Tensor) -> EmotionOutput:
        """features [B, frames, (layers,) D], lengths int64 [B] in frames, at least 1."""
        frames, frame_mask = self.prepared(features, lengths)  # [B, frames, D]
        x, lengths = stacked(frames, lengths, self.frames_a_step)  # [B, T, stack · D]
        mask = valid(lengths, x.shape[1])  # [B, T]

        # input projection, positions, normalisation by speaker
        x = self.input_projection(x)  # [B, T, 2H]
        x = x + positions(x.shape[1], x.shape[2], x.device, x.dtype)
        if self.speaker_norm is not None:
            x = self.speaker_norm(x, mask[..., None])
        x = self.dropout(x)

        # bidirectional GRU layers (Cho et al., 2014), each with LayerNorm, from the second on with a residual
        for number, (gru, norm) in enumerate(zip(self.gru_layers, self.layer_norms, strict=True)):
            y = norm(recurrent(gru, x, lengths))  # type: ignore[arg-type]
            x = self.dropout(x + y if number else y)  # [B, T, 4H]

        # multi-head self-attention over the utterance's own steps
        attention = mask / mask.sum(1, keepdim=True)
        if self.self_attention is not None:
            x, weights = self.self_attention(x, mask)
            attention = mean_over_queries(weights, mask)

        # pooling over time; `published` computed the rest, too, and sliced it away again
        pooled = masked_mean(x, mask)  # [B, 4H]
        if self.fusion != "published":
            enhanced = masked_mean(self.feature_enhancement(x), mask)  # [B, 2H]
            pooled = torch.cat([pooled, enhanced, masked_max(x, mask)], dim=-1)  # [B, 10H]

        # the emotion head, and the speaker head behind the reversed gradient
        heads: tuple[Tensor, ...] = (self.emotion_classifier(pooled),)  # [B, C]
        speakers = None
        if self.speaker_classifier is not None:
            speakers = self.speaker_classifier(self.reversal(pooled))  # [B, S]

        # ours, where asked for: a second emotion head, which sees functionals of the features
        if self.statistics is not None and self.statistics_classifier is not None:
            heads += (self.statistics_classifier(self.statistics(frames, frame_mask)),)
        degrees = self.degree_regressor(pooled) if self.degree_regressor is not None else None
        return EmotionOutput(averaged(heads), speakers, attention, pooled, heads, degrees)


def averaged(heads: tuple[Tensor, ...]) -> Tensor:
    """Logits [B, C] whose softmax is the mean of the heads' probabilities."""
    if len(heads) == 1:
        return heads[0]
    return torch.stack([logits.log_softmax(-1) for logits in heads]).logsumexp(0) - math.log(len(heads))


# --- the baseline -------------------------------------------------------------------------------------------


class GeneralAttention(nn.Module):
    """Every step attends to every step of its own utterance, with the score `general` (Luong et al., 2015, section 3.1), then tanh.

    over_itself: as first published, where a step looked at the same step of the other utterances in the batch. Of a single
    utterance that is itself alone, whatever W; so it computes here for every batch, and no result depends on others.
    """

    def __init__(self, dim: int, over_itself: bool = False) -> None:
        super().__init__()
        self.over_itself = over_itself
        self.transform = nn.Linear(dim, dim, bias=False)  # W

    def forward(self, states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """states [B, T, dim], mask bool [B, T] → (attended [B, T, dim], weights [B, queries, keys])."""
        if self.over_itself:
            itself = torch.eye(states.shape[1], device=states.device, dtype=states.dtype)
            return torch.tanh(states), itself.expand(len(states), -1, -1)
        scores = self.transform(states) @ states.transpose(1, 2)  # score(t, s) = h_tᵀ W h_s
        weights = scores.masked_fill(~mask[:, None, :], float("-inf")).softmax(-1)
        return torch.tanh(weights @ states), weights


class GRUClassifier(nn.Module):
    """The baseline: bidirectional GRU, general attention over time, maximum over time, linear classes."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.frames_a_step = config.stack
        self.prepared = Prepared(config.feature_dim, config.input_norm, config.encoder_layers)
        self.dropout = nn.Dropout(config.dropout)
        self.gru = nn.GRU(
            config.feature_dim * config.stack,
            config.hidden,
            config.layers,
            batch_first=True,
            bidirectional=True,
            dropout=config.dropout if config.layers > 1 else 0.0,
        )
        over_itself = config.attention_over == "published"
        self.attention = GeneralAttention(2 * config.hidden, over_itself) if config.attention else None
        self.head_dropout = nn.Dropout(0.2)
        self.head = nn.Linear(2 * config.hidden, config.classes)
        self.degree_regressor = degree_head(2 * config.hidden, config.dimensions)

    def forward(self, features: Tensor, lengths: Tensor) -> EmotionOutput:
        """features [B, frames, (layers,) D], lengths int64 [B] in frames, at least 1."""
        frames, _ = self.prepared(features, lengths)  # [B, frames, D]
        x, lengths = stacked(frames, lengths, self.frames_a_step)  # [B, T, stack · D]
        mask = valid(lengths, x.shape[1])  # [B, T]
        states = recurrent(self.gru, self.dropout(x), lengths)  # [B, T, 2H]
        attention = mask / mask.sum(1, keepdim=True)
        if self.attention is not None:
            states, weights = self.attention(states, mask)
            attention = mean_over_queries(weights[:, None], mask)
        pooled = nn.functional.leaky_relu(masked_max(states, mask))  # [B, 2H]
        dropped = self.head_dropout(pooled)
        logits = self.head(dropped)  # [B, C]
        degrees = self.degree_regressor(dropped) if self.degree_regressor is not None else None
        return EmotionOutput(logits, None, attention, pooled, (logits,), degrees)


# --- the linear network -------------------------------------------------------------------------------------


class LinearClassifier(nn.Module):
    """Ours, for strangers: linear classes of how an utterance lies against how its speaker lies as a whole.

    Its functionals are mean and standard deviation of every feature over time. From them goes the `reference`, the mean functionals
    of the person, as far as they are known; of a stranger it is `usual`, the mean of the training's speakers. What is left is divided
    by `spread`. So what is constant in a voice, a room or a microphone is gone.
    """

    usual: Tensor
    spread: Tensor
    frames_a_step = 1

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.prepared = Prepared(config.feature_dim, config.input_norm, config.encoder_layers)
        self.register_buffer("usual", torch.zeros(2 * config.feature_dim))
        self.register_buffer("spread", torch.ones(2 * config.feature_dim))
        self.dropout = nn.Dropout(config.dropout)
        self.emotion_classifier = nn.Linear(2 * config.feature_dim, config.classes)
        self.degree_regressor = degree_head(2 * config.feature_dim, config.dimensions)

    def learn(self, usual: Tensor, spread: Tensor) -> None:
        """Take the functionals' mean and spread [2D] from the training data."""
        self.usual.copy_(usual)
        self.spread.copy_(spread.clamp(min=1e-3))

    def functionals(self, features: Tensor, lengths: Tensor) -> Tensor:
        """features [B, frames, (layers,) D], lengths int64 [B] → [B, 2D]."""
        return torch.cat(moments(*self.prepared(features, lengths)), dim=-1)

    def judged(self, functionals: Tensor, references: Tensor) -> tuple[Tensor, Tensor | None]:
        """Logits [B, C], and degrees [B, dimensions] where there are some, of functionals [B, 2D] against references [B or 1, 2D]."""
        apart = self.dropout((functionals - references) / self.spread)
        degrees = self.degree_regressor(apart) if self.degree_regressor is not None else None
        return self.emotion_classifier(apart), degrees

    def forward(self, features: Tensor, lengths: Tensor, references: Tensor | None = None) -> EmotionOutput:
        """features [B, frames, (layers,) D], lengths int64 [B] in frames; references [B, 2D], `usual` for None."""
        frames, mask = self.prepared(features, lengths)
        functionals = torch.cat(moments(frames, mask), dim=-1)  # [B, 2D]
        logits, degrees = self.judged(functionals, self.usual if references is None else references)  # [B, C]
        attention = mask / mask.sum(1, keepdim=True)
        return EmotionOutput(logits, None, attention, functionals, (logits,), degrees)


def build(config: NetworkConfig) -> GRUClassifier | EnhancedGRUClassifier | LinearClassifier:
    """The network that a config describes. Raises ValueError for a kind that there is not."""
    kinds: dict[str, type[GRUClassifier] | type[EnhancedGRUClassifier] | type[LinearClassifier]] = {
        "enhanced": EnhancedGRUClassifier,
        "gru": GRUClassifier,
        "linear": LinearClassifier,
    }
    if config.kind not in kinds:
        raise ValueError(f"network kind {config.kind!r} is not one of {', '.join(kinds)}")
    if config.weights not in ("float32", "int8"):
        raise ValueError(f"weights of the kind {config.weights!r}")
    return kinds[config.kind](config)
