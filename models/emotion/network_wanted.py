"""From the settings of a training to the network that they ask for."""

from __future__ import annotations

from models.emotion import network
from models.emotion.config import EmotionConfig


def network_config(
    config: EmotionConfig,
    feature_dim: int,
    classes: int,
    speakers: int,
    encoder_layers: int = 0,
    dimensions: int = 0,
) -> network.NetworkConfig:
    """The network that a training config asks for, on features of that size."""
    settings = config.network
    adversary = settings.kind == "enhanced" and config.adversary.weight > 0
    return network.NetworkConfig(
        kind=settings.kind,
        feature_dim=feature_dim,
        classes=classes,
        speakers=speakers if adversary else 0,
        hidden=settings.hidden,
        layers=settings.layers,
        heads=settings.heads,
        dropout=settings.dropout,
        attention_dropout=settings.attention_dropout,
        fusion=settings.fusion,
        speaker_norm=settings.speaker_norm,
        attention=settings.attention,
        attention_over=settings.attention_over,
        stack=settings.stack,
        input_norm=settings.input_norm,
        statistics=settings.statistics,
        encoder_layers=encoder_layers,
        dimensions=dimensions,
    )
