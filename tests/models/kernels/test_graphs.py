"""A step taken as a whole is the step taken operation by operation. On a card: tests/cuda."""

import torch

from models.kernels.graphs import GraphedStep


def material():
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    optimizer = torch.optim.AdamW(network.parameters(), 0.1)
    return network, optimizer, torch.randn(6, 4), torch.randn(6)


def test_a_step_without_a_card_is_pytorchs():
    network, optimizer, x, y = material()

    def loss(x, y):
        return {"loss": (network(x)[:, 0] - y).square().mean()}

    step = GraphedStep(network, optimizer, loss, (x, y), clip_norm=0.5)
    step.set_rate(0.05)
    result = [step(x, y) for _ in range(3)]
    other, plain, *_ = material()
    for number in range(3):
        plain.param_groups[0]["lr"] = 0.05
        plain.zero_grad()
        value = (other(x)[:, 0] - y).square().mean()
        value.backward()
        norm = torch.nn.utils.clip_grad_norm_(other.parameters(), 0.5)
        plain.step()
        assert torch.equal(result[number]["loss"], value.detach())
        assert torch.equal(result[number]["gradient_norm"], norm)
    for item, same in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(item, same)
