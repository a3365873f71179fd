"""What a recorded loss gives to the parameters; the recording itself needs a graphics card (tests/cuda)."""

import torch

from models.kernels.graphed_loss import _Recorded


def test_recorded_gradients_are_scaled_and_left_as_they_are():
    weight, unused = torch.ones(3, requires_grad=True), torch.ones(2, requires_grad=True)
    recorded = torch.tensor([1.0, 2.0, 3.0])
    loss = _Recorded.apply(torch.tensor(4.0), [recorded, None], weight, unused)
    (0.5 * loss).backward()
    assert float(loss.detach()) == 4.0
    assert weight.grad.tolist() == [0.5, 1.0, 1.5]
    assert unused.grad is None
    weight.grad.zero_()
    assert recorded.tolist() == [1.0, 2.0, 3.0]
