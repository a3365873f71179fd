"""Training by a recorded loss is training operation by operation."""

import torch

from models.kernels.graphed_loss import GraphedLoss
from models.separation import network
from models.separation.losses import permutation_free


def test_a_recorded_loss_has_the_gradients_of_its_operations(card):
    """Also after the weights have moved, and of another batch."""
    torch.manual_seed(0)
    config = network.NetworkConfig(
        filters=32, filter_length=16, bottleneck=16, skip=16, hidden=32, blocks=3, repeats=2
    )
    separator = network.build(config).to(card)

    def losses(mixtures, sources):
        scores, _ = permutation_free(separator(mixtures).float(), sources)
        return {"loss": -scores.mean(), "largest_mask": separator.largest_mask}

    def drawn():
        sources = torch.randn(3, 2, 4000, device=card)
        return sources.sum(1), sources

    recorded = GraphedLoss(separator, losses, drawn(), None)
    for _ in range(3):
        batch = drawn()
        results = []
        for compute in (recorded, losses):
            separator.zero_grad(set_to_none=True)
            result = compute(*batch)
            result["loss"].backward()
            results.append([result["loss"].detach(), *(item.grad for item in separator.parameters())])
        for item, other in zip(*results, strict=True):
            assert float((item - other).norm()) <= 1e-4 * float(other.norm()) + 1e-6
        with torch.no_grad():
            for item in separator.parameters():
                item.add_(0.01 * torch.randn_like(item))
