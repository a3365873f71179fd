"""Speech encoders of transformers under the head that published emotion models share, and for which transformers has no class.

The hidden states of the last layer are averaged over time and go through dense, tanh and projection. In checkpoints the encoder
goes by its own name (``wav2vec2``, ``hubert``, ``wavlm``) and the head by ``classifier.dense`` and ``classifier.out_proj``: so does
the dimensional model of Wagner et al. ("Dawn of the transformer era in speech emotion recognition", 2023).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import PretrainedConfig
    from transformers.modeling_outputs import SequenceClassifierOutput

ENCODERS = {"wav2vec2": "Wav2Vec2", "hubert": "Hubert", "wavlm": "WavLM"}  # by ``model_type``
USUAL_HEAD = "ForSequenceClassification"  # of architectures whose head transformers has


class Head(nn.Module):
    """Dense, tanh, projection: [batch, hidden] → [batch, labels]."""

    def __init__(self, hidden: int, labels: int) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden, hidden)
        self.out_proj = nn.Linear(hidden, labels)

    def forward(self, pooled: Tensor) -> Tensor:
        """One row a sound. Dropout is left out: nothing is trained here."""
        return self.out_proj(self.dense(pooled).tanh())


def is_headed(config: Mapping[str, object]) -> bool:
    """Whether a checkpoint's config is of this layout. It pools by the mean; others would need another class."""
    architectures = config.get("architectures")
    named = architectures if isinstance(architectures, list) else []
    return (
        config.get("model_type") in ENCODERS
        and bool(named)
        and not any(str(name).endswith(USUAL_HEAD) for name in named)
        and config.get("pooling_mode", "mean") == "mean"
    )


def headed(model_type: str) -> type[nn.Module]:
    """The class to load such a checkpoint with, by transformers' own ``from_pretrained``."""
    import transformers
    from transformers.modeling_outputs import SequenceClassifierOutput

    name = ENCODERS[model_type]
    base = getattr(transformers, f"{name}PreTrainedModel")
    encoder = getattr(transformers, f"{name}Model")

    class Headed(base):  # type: ignore[misc,valid-type]
        def __init__(self, config: PretrainedConfig) -> None:
            super().__init__(config)
            setattr(self, self.base_model_prefix, encoder(config))
            self.classifier = Head(config.hidden_size, len(config.id2label or {}))
            self.post_init()

        def forward(
            self, input_values: Tensor, attention_mask: Tensor | None = None
        ) -> SequenceClassifierOutput:
            """input_values [1, samples] → what has ``logits`` [1, labels]."""
            states = getattr(self, self.base_model_prefix)(input_values, attention_mask=attention_mask)
            # In bfloat16 a degree of 0.6 would be told in steps of 0.004.
            logits = self.classifier.float()(states.last_hidden_state.float().mean(dim=1))
            return SequenceClassifierOutput(logits=logits)

    return Headed
