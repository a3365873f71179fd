"""The emotion networks: a bidirectional GRU with attention, and its enhanced form that forgets who speaks.

Both take padded features with their lengths. What lies beyond a length is never seen: not by the recurrent layers,
not by attention, normalisation or pooling. An utterance's result does not depend on who shares its batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from models.kernels import choice
from models.kernels.recurrent import held_through_padding


class EmotionOutput(NamedTuple):
    """What a network says of a batch.

    logits: [batch, classes]. speaker_logits: [batch, speakers], or None where there is no adversary.
    attention: [batch, steps], how much each step is looked at; sums to 1 over an utterance's own steps.
    pooled: [batch, features], what the emotion head sees.
    heads: the logits of each head by itself, where several are averaged: each is trained by its own loss.
    """

    logits: Tensor
    speaker_logits: Tensor | None
    attention: Tensor
    pooled: Tensor
    heads: tuple[Tensor, ...]


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
    attention_over: str = "utterance"  # of the baseline; or "published": over the batch, of which one utterance sees itself alone
    stack: int = 1  # frames laid side by side into one step
    input_norm: str = (
        "none"  # or "data": by the training data's mean and sd; "level": and without loudness; "utterance"
    )
    statistics: bool = False  # a second head, which sees how the features lie and move as a whole
    encoder_layers: int = 0  # of a speech encoder, mixed by learned weights; 0: the features are one layer


def build(config: NetworkConfig) -> GRUClassifier | EnhancedGRUClassifier | LinearClassifier:
    """The network that a config describes."""
    kinds: dict[str, type[GRUClassifier] | type[EnhancedGRUClassifier] | type[LinearClassifier]] = {
        "enhanced": EnhancedGRUClassifier,
        "gru": GRUClassifier,
        "linear": LinearClassifier,
    }
    if config.kind not in kinds:
        raise ValueError(f"network kind {config.kind!r} is not one of {', '.join(kinds)}")
    return kinds[config.kind](config)


class Prepared(nn.Module):
    """Before the first layer: mix the layers of a speech encoder by learned weights, normalise."""

    mean: Tensor
    sd: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.norm = config.input_norm
        if self.norm in ("data", "level"):
            self.register_buffer("mean", torch.zeros(config.feature_dim))
            self.register_buffer("sd", torch.ones(config.feature_dim))
        self.layer_weights = (
            nn.Parameter(torch.zeros(config.encoder_layers)) if config.encoder_layers else None
        )

    def learn(self, frames: Tensor) -> None:
        """Take mean and spread of every feature from the training data's frames [frames, dim]."""
        self.mean.copy_(frames.mean(0))
        self.sd.copy_(frames.std(0).clamp(min=1e-3))

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """features [batch, frames, (layers,) dim] → ([batch, frames, dim], zero beyond the lengths; mask bool)."""
        if self.layer_weights is not None:
            features = torch.einsum("btld,l->btd", features, self.layer_weights.softmax(0))
        mask = valid(lengths, features.shape[1])
        if self.norm == "utterance":
            features = normalise(features, mask[..., None])
        elif self.norm in ("data", "level"):
            features = (features - self.mean) / self.sd
            if self.norm == "level":
                level = masked_mean(features, mask).mean(-1)
                features = features - level[:, None, None]
        return features * mask[..., None], mask


class Statistics(nn.Module):
    """How an utterance's features lie and move as a whole: spectrum, level, spread, extremes, and how fast they change.

    Mean and standard deviation of every band over the louder 60 % of the frames, where there is voice. Then, of the
    cepstra (an orthonormal DCT along the bands, its first coefficients): mean, standard deviation, 10 % and 90 %
    quantiles, and the root mean square change over 1, 2, 4, 8, 16 and 32 frames. Where few speakers were heard, a
    recurrent network learns such figures slowly; given outright, they carry it. They are what sets of functionals such
    as eGeMAPS are made of.
    """

    basis: Tensor
    COEFFICIENTS = 20
    LAGS = (1, 2, 4, 8, 16, 32)
    QUIET = 0.4

    def __init__(self, dim: int, outputs: int, dropout: float) -> None:
        super().__init__()
        count = min(dim, self.COEFFICIENTS)
        self.register_buffer("basis", cosines(dim, count), persistent=False)
        figures = 2 * dim + count * (4 + len(self.LAGS))
        self.scale = nn.BatchNorm1d(figures, affine=False)  # in use: by the training data's mean and spread
        self.projection = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(figures, outputs), nn.ReLU(), nn.Dropout(dropout)
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x [batch, frames, dim], mask bool [batch, frames] → [batch, outputs]."""
        figures = self.figures(x, mask)
        spans = getattr(self.scale, "spans", False)  # over several processes: then it judges that itself
        if self.training and len(figures) == 1 and not spans:  # a batch of one has no spread to be scaled by
            scaled = nn.functional.batch_norm(figures, self.scale.running_mean, self.scale.running_var)
        else:
            scaled = self.scale(figures)
        return self.projection(scaled)

    def figures(self, x: Tensor, mask: Tensor) -> Tensor:
        """The figures themselves, [batch, 2 · dim + 10 · coefficients]."""
        loudness = x.mean(-1).masked_fill(~mask, float("nan"))
        voiced = mask & (loudness >= torch.nanquantile(loudness, self.QUIET, dim=1, keepdim=True))
        c = x @ self.basis
        low_high = torch.linspace(0.1, 0.9, 2, device=c.device, dtype=c.dtype)
        low, high = torch.nanquantile(c.masked_fill(~mask[..., None], float("nan")), low_high, dim=1)
        result = [*moments(x, voiced), *moments(c, mask), low, high]
        for lag in self.LAGS:
            both = mask[:, lag:, None]
            change = (c[:, lag:] - c[:, :-lag]).square() * both
            result.append(torch.sqrt(change.sum(1) / both.sum(1).clamp(min=1) + 1e-5))
        return torch.cat(result, dim=-1)


class LinearClassifier(nn.Module):
    """Linear classes of how an utterance lies against how its speaker lies as a whole.

    The figures are mean and standard deviation of every feature over time. From them goes the `reference`, the mean
    figures of the person, as far as they are known; of a stranger it is `usual`, the mean of the training's speakers.
    What is left is divided by `spread`. So what is constant in a voice, a room or a microphone is gone.
    """

    usual: Tensor
    spread: Tensor
    frames_a_step = 1

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.prepared = Prepared(config)
        self.register_buffer("usual", torch.zeros(2 * config.feature_dim))
        self.register_buffer("spread", torch.ones(2 * config.feature_dim))
        self.dropout = nn.Dropout(config.dropout)
        self.emotion_classifier = nn.Linear(2 * config.feature_dim, config.classes)

    def learn(self, usual: Tensor, spread: Tensor) -> None:
        """Take the figures' mean and spread [2 · dim] from the training data."""
        self.usual.copy_(usual)
        self.spread.copy_(spread.clamp(min=1e-3))

    def figures(self, features: Tensor, lengths: Tensor) -> Tensor:
        """features [batch, frames, dim], lengths int64 [batch] → [batch, 2 · dim]."""
        return torch.cat(moments(*self.prepared(features, lengths)), dim=-1)

    def judged(self, figures: Tensor, references: Tensor) -> Tensor:
        """Logits [batch, classes] of figures [batch, 2 · dim] against references [batch or 1, 2 · dim]."""
        return self.emotion_classifier(self.dropout((figures - references) / self.spread))

    def forward(self, features: Tensor, lengths: Tensor, references: Tensor | None = None) -> EmotionOutput:
        """features [batch, frames, dim], lengths int64 [batch] in frames; references [batch, 2 · dim]."""
        frames, mask = self.prepared(features, lengths)
        figures = torch.cat(moments(frames, mask), dim=-1)
        logits = self.judged(figures, self.usual if references is None else references)
        return EmotionOutput(logits, None, mask / mask.sum(1, keepdim=True), figures, (logits,))


class GRUClassifier(nn.Module):
    """The baseline: bidirectional GRU, general attention over time, maximum over time, linear classes."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.frames_a_step = config.stack
        self.prepared = Prepared(config)
        self.dropout = nn.Dropout(config.dropout)
        self.gru = nn.GRU(
            config.feature_dim * config.stack, config.hidden, config.layers, batch_first=True, bidirectional=True,
            dropout=config.dropout if config.layers > 1 else 0.0,
        )  # fmt: skip
        over_itself = config.attention_over == "published"
        self.attention = GeneralAttention(2 * config.hidden, over_itself) if config.attention else None
        self.head_dropout = nn.Dropout(0.2)
        self.head = nn.Linear(2 * config.hidden, config.classes)

    def forward(self, features: Tensor, lengths: Tensor) -> EmotionOutput:
        """features [batch, frames, dim], lengths int64 [batch] in frames, at least 1."""
        frames, _ = self.prepared(features, lengths)
        x, lengths = stacked(frames, lengths, self.frames_a_step)
        states = recurrent(self.gru, self.dropout(x), lengths)
        mask = valid(lengths, states.shape[1])
        if self.attention is not None:
            states, scores = self.attention(states, mask)
            looked_at = mean_over_queries(scores[:, None], mask)
        else:
            looked_at = mask / mask.sum(1, keepdim=True)
        pooled = nn.functional.leaky_relu(masked_max(states, mask))
        logits = self.head(self.head_dropout(pooled))
        return EmotionOutput(logits, None, looked_at, pooled, (logits,))


class GeneralAttention(nn.Module):
    """Every step looks at every step of its own utterance: score = x_tᵀ W m_s, softmax over s, then tanh.

    over_itself: as first published, where a step looked at the same step of the other utterances in the batch. Of a single
    utterance that is itself alone, whatever W; so it computes here for every batch, and no result depends on others.
    """

    def __init__(self, dim: int, over_itself: bool = False) -> None:
        super().__init__()
        self.over_itself = over_itself
        self.transform = nn.Linear(dim, dim, bias=False)

    def forward(self, states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """states [batch, steps, dim] → (attended [batch, steps, dim], weights [batch, queries, keys])."""
        if self.over_itself:
            itself = torch.eye(states.shape[1], device=states.device, dtype=states.dtype)
            return torch.tanh(states), itself.expand(len(states), -1, -1)
        scores = self.transform(states) @ states.transpose(1, 2)
        weights = scores.masked_fill(~mask[:, None, :], float("-inf")).softmax(-1)
        return torch.tanh(weights @ states), weights


class EnhancedGRUClassifier(nn.Module):
    """The enhanced network: speaker-normalising, deeper, self-attending, with an adversary that hides the speaker."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        h = config.hidden
        self.frames_a_step = config.stack
        self.fusion = config.fusion
        self.prepared = Prepared(config)
        self.input_projection = nn.Linear(config.feature_dim * config.stack, 2 * h)
        self.speaker_norm = AdaptiveInstanceNorm(2 * h) if config.speaker_norm else None
        self.dropout = nn.Dropout(config.dropout)
        self.gru_layers = nn.ModuleList(
            nn.GRU(2 * h if number == 0 else 4 * h, 2 * h, batch_first=True, bidirectional=True)
            for number in range(config.layers)
        )
        self.layer_norms = nn.ModuleList(nn.LayerNorm(4 * h) for _ in range(config.layers))
        self.self_attention = (
            SelfAttention(4 * h, config.heads, config.attention_dropout) if config.attention else None
        )
        self.feature_enhancement = nn.Sequential(
            nn.Linear(4 * h, 2 * h),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(2 * h, 2 * h),
            nn.ReLU(),
            nn.Dropout(config.dropout),
        )
        self.statistics = Statistics(config.feature_dim, 2 * h, config.dropout) if config.statistics else None
        self.statistics_classifier = nn.Linear(2 * h, config.classes) if config.statistics else None
        pooled = 4 * h if config.fusion == "published" else 10 * h
        self.emotion_classifier = head(pooled, h, config.classes, config.dropout)
        self.reversal = GradientReversal()
        self.speaker_classifier = (
            head(pooled, h, config.speakers, config.dropout) if config.speakers else None
        )

    def forward(self, features: Tensor, lengths: Tensor) -> EmotionOutput:
        """features [batch, frames, dim], lengths int64 [batch] in frames, at least 1."""
        frames, frame_mask = self.prepared(features, lengths)
        x, lengths = stacked(frames, lengths, self.frames_a_step)
        x = self.input_projection(x)
        x = x + positions(x.shape[1], x.shape[2], x.device, x.dtype)
        mask = valid(lengths, x.shape[1])
        if self.speaker_norm is not None:
            x = self.speaker_norm(x, mask[..., None])
        x = self.dropout(x)
        for number, (gru, norm) in enumerate(zip(self.gru_layers, self.layer_norms, strict=True)):
            y = norm(recurrent(gru, x, lengths))  # type: ignore[arg-type]
            x = self.dropout(x + y if number else y)
        looked_at = mask / mask.sum(1, keepdim=True)
        if self.self_attention is not None:
            x, weights = self.self_attention(x, mask)
            looked_at = mean_over_queries(weights, mask)
        mean = masked_mean(x, mask)
        if self.fusion == "published":  # as first published: what follows was computed and sliced away again
            pooled = mean
        else:
            enhanced = masked_mean(self.feature_enhancement(x), mask)
            pooled = torch.cat([mean, enhanced, masked_max(x, mask)], dim=-1)
        speakers = None
        if self.speaker_classifier is not None:
            speakers = self.speaker_classifier(self.reversal(pooled))
        heads: tuple[Tensor, ...] = (self.emotion_classifier(pooled),)
        if self.statistics is not None and self.statistics_classifier is not None:
            heads += (self.statistics_classifier(self.statistics(frames, frame_mask)),)
        return EmotionOutput(averaged(heads), speakers, looked_at, pooled, heads)


class AdaptiveInstanceNorm(nn.Module):
    """Removes an utterance's mean and scale of every feature over its own time, then scales and shifts as learned.

    What is constant over an utterance, such as the length of a vocal tract, is gone after it. Biased variance, eps 1e-5.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(dim))
        self.shift = nn.Parameter(torch.zeros(dim))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x [batch, steps, dim], mask bool [batch, steps, 1]; zero beyond the mask."""
        return (normalise(x, mask) * self.scale + self.shift) * mask


class SelfAttention(nn.Module):
    """Multi-head scaled dot-product attention (Vaswani et al., 2017) with residual and LayerNorm, masked."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"{dim} features cannot be shared by {heads} heads")
        self.heads = heads
        self.w_q, self.w_k, self.w_v, self.w_o = (nn.Linear(dim, dim) for _ in range(4))
        self.dropout = nn.Dropout(dropout)
        self.layer_norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """x [batch, steps, dim] → (the same shape, weights [batch, heads, queries, keys] before dropout)."""
        batch, steps, dim = x.shape

        def split(y: Tensor) -> Tensor:
            return y.view(batch, steps, self.heads, dim // self.heads).transpose(1, 2)

        q, k, v = split(self.w_q(x)), split(self.w_k(x)), split(self.w_v(x))
        scores = q @ k.transpose(2, 3) / math.sqrt(dim // self.heads)
        weights = scores.masked_fill(~mask[:, None, None, :], float("-inf")).softmax(-1)
        y = (self.dropout(weights) @ v).transpose(1, 2).reshape(batch, steps, dim)
        return self.layer_norm(x + self.w_o(y)), weights


class GradientReversal(nn.Module):
    """Identity forward, −alpha times the gradient backward (Ganin & Lempitsky, 2015). The trainer sets `alpha`."""

    def __init__(self) -> None:
        super().__init__()
        self.alpha = 0.0

    def forward(self, x: Tensor) -> Tensor:
        return _Reverse.apply(x, self.alpha)


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, alpha: float) -> Tensor:
        context.alpha = alpha
        return x.view_as(x)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return -context.alpha * gradient, None


def averaged(heads: tuple[Tensor, ...]) -> Tensor:
    """Logits whose softmax is the mean of the heads' probabilities."""
    if len(heads) == 1:
        return heads[0]
    return torch.stack([logits.log_softmax(-1) for logits in heads]).logsumexp(0) - math.log(len(heads))


def head(dim: int, hidden: int, outputs: int, dropout: float) -> nn.Sequential:
    """dim → hidden → hidden / 2 → outputs."""
    half = max(1, hidden // 2)
    return nn.Sequential(
        nn.Linear(dim, hidden), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(hidden, half), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(half, outputs),
    )  # fmt: skip


def stacked(frames: Tensor, lengths: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """`count` frames side by side as one step: ([batch, steps, count · dim], lengths in steps)."""
    if count == 1:
        return frames, lengths
    frames = nn.functional.pad(frames, (0, 0, 0, -frames.shape[1] % count))
    return frames.reshape(frames.shape[0], -1, count * frames.shape[2]), (lengths + count - 1) // count


def cosines(dim: int, count: int) -> Tensor:
    """The first `count` columns of the orthonormal DCT-II of `dim` values, [dim, count]."""
    n = torch.arange(dim, dtype=torch.float64)[:, None] + 0.5
    k = torch.arange(count, dtype=torch.float64)[None, :]
    basis = torch.cos(math.pi / dim * n * k) * math.sqrt(2 / dim)
    basis[:, 0] /= math.sqrt(2)
    return basis.float()


def valid(lengths: Tensor, steps: int) -> Tensor:
    """Bool [batch, steps]: True within an utterance."""
    return torch.arange(steps, device=lengths.device)[None, :] < lengths[:, None]


def recurrent(gru: nn.GRU, x: Tensor, lengths: Tensor) -> Tensor:
    """The GRU's states [batch, steps, 2 · hidden], zero beyond the lengths; the backward direction starts at the end
    of each utterance, not at its padding."""
    if x.shape[0] == 1:
        return gru(x)[0]
    if not choice.for_caches(x):
        return held_through_padding(gru, x, valid(lengths, x.shape[1]))
    if bool((lengths == x.shape[1]).all()):
        return gru(x)[0]
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(gru(packed)[0], batch_first=True, total_length=x.shape[1])[0]


def normalise(x: Tensor, mask: Tensor) -> Tensor:
    """x [batch, steps, dim] with zero mean and unit biased variance over time, counting what the mask [.., 1] lets."""
    count = mask.sum(1, keepdim=True)
    mean = (x * mask).sum(1, keepdim=True) / count
    centred = (x - mean) * mask
    variance = centred.square().sum(1, keepdim=True) / count
    return centred * torch.rsqrt(variance + 1e-5)


def moments(x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """(mean, standard deviation) over the masked steps, [batch, dim] each."""
    mean = masked_mean(x, mask)
    return mean, torch.sqrt(masked_mean((x - mean[:, None]).square(), mask) + 1e-5)


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    return (x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


def masked_max(x: Tensor, mask: Tensor) -> Tensor:
    return x.masked_fill(~mask[..., None], float("-inf")).amax(1)


def mean_over_queries(weights: Tensor, mask: Tensor) -> Tensor:
    """[batch, heads, queries, keys] → [batch, keys]: what each step gets, averaged over heads and valid queries."""
    by_query = weights.mean(1) * mask[..., None]
    return by_query.sum(1) / mask.sum(1, keepdim=True)


def positions(steps: int, dim: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Sinusoidal positions [steps, dim] (Vaswani et al., 2017, section 3.5), for any length."""
    time = torch.arange(steps, device=device, dtype=torch.float32)[:, None]
    rates = torch.exp(
        torch.arange(0, dim, 2, device=device, dtype=torch.float32) * (-math.log(10_000.0) / dim)
    )
    table = torch.zeros(steps, dim, device=device)
    table[:, 0::2] = torch.sin(time * rates)
    table[:, 1::2] = torch.cos(time * rates)[:, : dim // 2]
    return table.to(dtype)
