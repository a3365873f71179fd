"""Layer norms whose numbers stay in the format in which a graphics card multiplies."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from models.kernels.choice import autocast_format, without_autocast


class LayerNorm(nn.LayerNorm):
    """nn.LayerNorm; under autocast on a graphics card it takes and gives autocast's format.

    PyTorch's gives float32 there, which is four bytes a number through everything that is added to it, and a copy
    before each product. Mean and variance are computed in float32 within the kernel either way.
    """

    def forward(self, input: Tensor) -> Tensor:
        kind = autocast_format(input)
        if kind is None or input.device.type == "cpu":
            return super().forward(input)
        with without_autocast(input):
            gain, shift = (None if one is None else one.to(kind) for one in (self.weight, self.bias))
            return F.layer_norm(input.to(kind), self.normalized_shape, gain, shift, self.eps)
