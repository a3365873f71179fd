"""No network waits for what it computed: a graphics card could not go on meanwhile, and no graph of it be recorded.

Tensors on PyTorch's device ``meta`` have shapes and no values, and take the way that a card's tensors take. Whoever asks
one for a value (`item`, `tolist`, `bool`, a mask as an index) gets an error, forward and backward.
"""

import pytest
import torch

from models.eeg import network as eeg
from models.emotion import network as emotion
from models.reverberation import baselines
from models.reverberation import network as mesh
from models.search import network as search
from models.separation import network as separation

META = torch.device("meta")
SEPARATOR = {"filters": 24, "bottleneck": 12, "skip": 12, "hidden": 20, "blocks": 3, "repeats": 2}


def goes_through(build, run):
    """Forward and backward of a network on a device that has no values."""
    network = build().train().to(META)
    run(network).float().sum().backward()
    network.eval()
    with torch.inference_mode():
        run(network)


def random(*shape):
    return torch.randn(*shape, device=META)


@pytest.mark.parametrize("act", [torch.Tensor.item, torch.Tensor.tolist, bool, lambda item: item[item > 0]])
def test_who_asks_for_a_value_gets_an_error(act):
    with pytest.raises((RuntimeError, NotImplementedError)):
        act(random(1)[0] if act is not torch.Tensor.tolist else random(2))


@pytest.mark.slow
@pytest.mark.parametrize("ragged", [True, False])
@pytest.mark.parametrize("values", [{}, {"gating": "observed"}, {"processors": "uniform"}, {"width": 10}])
def test_the_mesh(ragged, values):
    config = mesh.NetworkConfig(**values)
    lengths = torch.full((4,), 7, device=META) if ragged else None

    def run(network):
        output = network(random(4, 9, config.width), lengths)
        return output.value.square().mean() + 1e-3 * output.kl

    goes_through(lambda: mesh.ReverberationNet(config), run)


def test_the_baseline_of_the_mesh():
    lengths = torch.full((4,), 7, device=META)
    goes_through(
        lambda: baselines.GRUBaseline(8, 2000), lambda network: network(random(4, 9, 8), lengths).value
    )


@pytest.mark.parametrize("values", [{}, {"norm": "cLN", "causal": True}, {"norm": "frame"}])
def test_the_separator(values):
    config = separation.NetworkConfig(**SEPARATOR, **values)
    goes_through(lambda: separation.build(config), lambda network: network(random(2, 900)))


@pytest.mark.parametrize("values", [{}, {"version": "v1", "conv_norm": "batch"}, {"conv_norm": "group"}])
def test_the_eeg_decoders(values):
    config = eeg.NetworkConfig(width=32, blocks=2, feed_forward=64, subjects=3, **values)
    subject = torch.ones(2, dtype=torch.int64, device=META)
    goes_through(lambda: eeg.build(config), lambda network: network(random(2, 90, 64), subject))


@pytest.mark.slow
@pytest.mark.parametrize(
    "values",
    [
        {"speakers": 3},
        {"kind": "gru"},
        {"fusion": "published"},
        {"statistics": True, "input_norm": "level", "stack": 2},
        {"encoder_layers": 3, "input_norm": "utterance"},
    ],
)
def test_the_emotion_networks(values):
    config = emotion.NetworkConfig(hidden=8, feature_dim=20, **values)
    shape = (3, 60, 3, 20) if config.encoder_layers else (3, 60, 20)
    lengths = torch.full((3,), 40, device=META)

    def run(network):
        output = network(random(*shape), lengths)
        return sum(item.sum() for item in (output.logits, output.speaker_logits) if item is not None)

    goes_through(lambda: emotion.build(config), run)


@pytest.mark.slow
@pytest.mark.parametrize("fusion", search.FUSIONS)
def test_fusion_hashing(fusion):
    sees = torch.ones(3, 2, dtype=torch.bool, device=META)

    def run(network):
        pictures, texts = random(3, 16), random(3, 16)
        network.image_alone(pictures), network.text_alone(texts)
        return sum(item.image.sum() + item.text.sum() for item in network(pictures, texts, sees))

    goes_through(lambda: search.FusionHashing(search.NetworkConfig(dim=16, fusion=fusion)), run)
