"""Every network computes the same by both of its forms: that for a CPU's caches, and that for a graphics card."""

import pytest
import torch

from models.eeg import network as eeg
from models.emotion import network as emotion
from models.kernels import choice
from models.reverberation import network as mesh
from models.search import network as search
from models.separation import network as separation


@pytest.fixture
def on_a_card(monkeypatch):
    """From when it is called, forms are chosen as on a graphics card."""
    return lambda: monkeypatch.setattr(choice, "for_caches", lambda x: False)


def assert_alike(network, run, on_a_card, tolerance):
    """Outputs and the gradients of all weights, by both forms; tolerance: of the largest value of each."""
    results = []
    for _ in range(2):
        network.zero_grad(set_to_none=True)
        output = run(network)
        (output * torch.linspace(-1, 1, output.numel()).view_as(output)).sum().backward()
        results.append(
            [
                output.detach(),
                *(torch.zeros_like(p) if p.grad is None else p.grad for p in network.parameters()),
            ]
        )
        on_a_card()
    for item, other in zip(*results, strict=True):
        torch.testing.assert_close(item, other, rtol=0, atol=tolerance * float(item.abs().max()) + 1e-12)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("lengths", [None, torch.tensor([9, 4, 6])])
@pytest.mark.parametrize("gating", ["routing", "observed"])
def test_the_mesh(on_a_card, training, lengths, gating):
    torch.manual_seed(0)
    network = mesh.ReverberationNet(mesh.NetworkConfig(d=16, width=16, gating=gating)).double()
    network.train(training)
    for module in network.modules():  # what is drawn is drawn differently
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    x = torch.randn(3, 9, 16, dtype=torch.float64)

    def run(network):
        torch.manual_seed(1)
        output = network(x, lengths)
        return torch.cat([output.value, 1e-3 * output.kl_roles.flatten(), output.gates.flatten()])

    assert_alike(network, run, on_a_card, 1e-9)


def test_batch_statistics_of_ragged_sequences(on_a_card):
    learned = []
    for _ in range(2):
        torch.manual_seed(0)
        network = mesh.ReverberationNet(mesh.NetworkConfig(d=16, width=16)).train()
        network(torch.randn(3, 9, 16), torch.tensor([9, 4, 6]))
        norm = network.roles.bodies["cello"].norm
        learned.append((norm.running_mean, norm.running_var, norm.num_batches_tracked))
        on_a_card()
    for item, other in zip(*learned, strict=True):
        torch.testing.assert_close(item, other)


def test_the_separator(on_a_card):
    torch.manual_seed(0)
    config = separation.NetworkConfig(filters=24, bottleneck=12, skip=12, hidden=20, blocks=3, repeats=2)
    assert_alike(
        separation.build(config), lambda net: net(torch.ones(2, 900).cumsum(1).sin()), on_a_card, 2e-4
    )


def test_the_eeg_decoder(on_a_card):
    torch.manual_seed(0)
    config = eeg.NetworkConfig(width=32, blocks=2, feed_forward=64, subjects=3, dropout=0, front_dropout=0)
    network, x = eeg.build(config).double(), torch.randn(2, 90, 64, dtype=torch.float64)
    assert_alike(network, lambda net: net(x, torch.tensor([1, 0])), on_a_card, 1e-5)


@pytest.mark.parametrize("kind", ["enhanced", "gru"])
def test_the_emotion_networks(on_a_card, kind):
    torch.manual_seed(0)
    config = emotion.NetworkConfig(
        kind=kind, hidden=8, feature_dim=20, speakers=3, dropout=0, attention_dropout=0
    )
    network, x = emotion.build(config).double(), torch.randn(3, 30, 20, dtype=torch.float64)
    network.eval().get_submodule("gru" if kind == "gru" else "gru_layers").train()
    assert_alike(network, lambda net: net(x, torch.tensor([30, 1, 17])).logits, on_a_card, 1e-9)


def test_fusion_hashing(on_a_card):
    torch.manual_seed(0)
    network = search.FusionHashing(search.NetworkConfig(dim=16)).double().eval()
    pictures, texts = torch.randn(2, 3, 16, dtype=torch.float64)
    sees = torch.ones(3, 2, dtype=torch.bool)
    assert_alike(network, lambda net: net(pictures, texts, sees)[-1].image, on_a_card, 1e-9)
