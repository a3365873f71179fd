"""Queries and keys rotated in one are those rotated by their formula."""

import torch

from models.eeg.network import rotary_angles, rotated
from models.kernels.rotation import rotated_in_one


def test_rotated_in_one_is_rotated_gradient_included():
    torch.manual_seed(0)
    qkv = torch.randn(2, 5, 3, 4, 6, dtype=torch.float64, requires_grad=True)
    rotation = rotary_angles(5, 6, qkv)
    q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
    expected = torch.stack([rotated(q, rotation), rotated(k, rotation), v])
    result = rotated_in_one(qkv, *rotation).permute(2, 0, 3, 1, 4)
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-12)
    wanted = torch.randn_like(expected)
    ours, theirs = (torch.autograd.grad(item, qkv, wanted)[0] for item in (result, expected))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
