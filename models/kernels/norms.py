"""Layer norms whose numbers stay in the format in which a graphics card multiplies."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.kernels.choice import autocast_format, without_autocast


class LayerNorm(nn.LayerNorm):
    """nn.LayerNorm; under autocast on a graphics card it takes and gives autocast's format.

    PyTorch's gives float32 there, which is four bytes a number through everything that is added to it, and a copy
    before each product. Mean and variance are computed in float32 within the kernel either way.
    """

    def forward(self, input: Tensor) -> Tensor:
        """As torch's, over the last axes; under autocast in the products' format."""
        if input.device.type == "cpu" or torch.compiler.is_compiling():
            return super().forward(input)
        kind = autocast_format(input) or input.dtype
        with without_autocast(input):
            fused = _fused() if input.is_cuda and self.elementwise_affine and self.bias is not None else None
            if fused is not None and input.shape[-1:] == self.normalized_shape and input.shape[-1] <= MOST:
                return fused(input.to(kind), self.weight, self.bias, self.eps)
            gain, shift = (None if item is None else item.to(kind) for item in (self.weight, self.bias))
            return F.layer_norm(input.to(kind), self.normalized_shape, gain, shift, self.eps)


MOST = 2048  # features of a row that the fused form takes


@cache
def _fused() -> Callable[..., Tensor] | None:
    """The same by Triton, a fifth of the time with its gradient; None where torch comes without it."""
    try:
        from models.kernels import norms_triton
    except ImportError:
        return None
    return norms_triton.layer_norm
