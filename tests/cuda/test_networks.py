"""Networks on a card are the networks on a CPU: outputs, gradients, kernels, graphs, formats."""

import copy

import pytest
import torch

from models.eeg import network as eeg
from models.emotion import network as emotion
from models.kernels import conv_stack_cuda, norms
from models.kernels.graphs import GraphedStep
from models.reverberation import network as mesh
from models.search import network as search
from models.separation import network as separation
from models.separation.time_major import block_weights


def quiet(network):
    """The network with nothing drawn at random."""
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return network.train()


def without_noise(network):
    """The network in use, but for its recurrent layers, of which cuDNN computes no gradient then."""
    network.eval()
    for module in network.modules():
        if isinstance(module, torch.nn.RNNBase):
            module.train()
    return network


def cases():
    lengths = torch.tensor([30, 1, 17])
    yield (
        "emotion",
        lambda: emotion.build(emotion.NetworkConfig(hidden=64, speakers=3, attention_dropout=0, dropout=0)),
        lambda net, x: net(x, lengths.to(x.device)).logits,
        (3, 30, 80),
    )
    yield (
        "eeg",
        lambda: eeg.build(eeg.NetworkConfig(blocks=2, dropout=0, front_dropout=0)),
        lambda net, x: net(x),
        (2, 640, 64),
    )
    yield (
        "separation",
        lambda: separation.build(separation.NetworkConfig(filters=64, blocks=4, repeats=2)),
        lambda net, x: net(x),
        (2, 8000),
    )
    yield (
        "search",
        lambda: search.FusionHashing(search.NetworkConfig(fusion_dropout=0, dropout=0)),
        lambda net, x: net(x[:, 0], x[:, 1])[-1].image,
        (4, 2, 512),
    )
    for name, given in (("mesh", None), ("mesh, ragged", lengths)):
        yield (
            name,
            lambda: mesh.ReverberationNet(mesh.NetworkConfig()),
            lambda net, x, given=given: _gates_and_value(
                without_noise(net)(x, None if given is None else given.to(x.device))
            ),
            (3, 30, 64),
        )


def _gates_and_value(output):
    return torch.cat([output.value, output.gates.flatten()])


CASES = {name: rest for name, *rest in cases()}
SEEN = {
    "emotion": 3e-5,
    "eeg": 1e-4,
    "mesh": 2e-4,
    "mesh, ragged": 2e-4,
}  # absolute, with half as much again below


@pytest.mark.parametrize("name", CASES)
def test_a_card_computes_what_a_cpu_does(card, name):
    build, run, shape = CASES[name]
    torch.manual_seed(0)
    here = quiet(build())
    there = copy.deepcopy(here).to(card)
    x = torch.randn(shape)
    result, expected = run(there, x.to(card)), run(here, x)
    tolerance = 2 * SEEN.get(name, 5e-5) * max(1.0, float(expected.detach().abs().max()))
    torch.testing.assert_close(result.cpu(), expected, rtol=0, atol=tolerance)
    weights = torch.linspace(-1, 1, expected.numel()).view_as(expected)
    (result * weights.to(card)).sum().backward()
    (expected * weights).sum().backward()
    largest = max(float(item.grad.norm()) for item in here.parameters() if item.grad is not None)
    for (which, item), other in zip(here.named_parameters(), there.parameters(), strict=True):
        if (
            item.grad is not None
        ):  # sums of what nearly cancels, as of a PReLU's slope, are judged by the largest
            apart = float((other.grad.cpu() - item.grad).norm())
            assert apart <= 2e-3 * float(item.grad.norm()) + 1e-3 * largest, which


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_is_near_and_learns(card, name, kind):
    build, run, shape = CASES[name]
    torch.manual_seed(0)
    network = quiet(build()).to(card)
    x = torch.randn(shape, device=card)
    exact = run(network, x).detach()
    with torch.autocast("cuda", kind):
        near = run(network, x)
        near.float().square().sum().backward()
    assert float((near.float() - exact).norm() / exact.norm()) < (0.05 if kind == torch.bfloat16 else 0.01)
    assert all(item.grad.isfinite().all() for item in network.parameters() if item.grad is not None)


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("frames", [1, 333])
def test_the_separators_fused_blocks_are_its_plain_ones(card, monkeypatch, kernel, frames):
    """In float32 to its digits; in bfloat16 the fused ones are as near to float32 as the plain ones are."""
    pytest.importorskip("triton")
    torch.manual_seed(0)
    config = separation.NetworkConfig(
        filters=24, bottleneck=12, skip=8, hidden=20, kernel=kernel, blocks=4, repeats=1
    )
    blocks = separation.build(config).to(card).mask_generator.conv_layers
    features = torch.randn(3, frames, 12, device=card, requires_grad=True)
    asked = [features, *blocks.parameters()]

    def computed(kind):
        weights = [block_weights(block) for block in blocks]
        result = conv_stack_cuda.separate_features(features, weights, config.dilations, kind)
        wanted = torch.linspace(-1, 1, result.numel(), device=card).view_as(result)
        return [result.detach(), *torch.autograd.grad(result, asked, wanted)]

    fused, fused_half = computed(torch.float32), computed(torch.bfloat16)
    monkeypatch.setattr(conv_stack_cuda, "_fused", lambda: None)
    plain, plain_half = computed(torch.float32), computed(torch.bfloat16)
    for item, half, other, other_half in zip(fused, fused_half, plain, plain_half, strict=True):
        length = float(other.norm())
        assert float((item - other).norm()) <= 1e-3 * length + 1e-4
        assert float((half - other).norm()) <= 2 * float((other_half - other).norm()) + 0.02 * length + 1e-3


@pytest.mark.parametrize("shape", [(3, 7, 20), (1000, 256), (2, 2048), (0, 16)])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float16])
def test_the_fused_norm_is_pytorchs(card, shape, kind):
    pytest.importorskip("triton")
    torch.manual_seed(0)
    x, gain, shift = (
        torch.randn(size, device=card, requires_grad=True) for size in (shape, shape[-1:], shape[-1:])
    )
    result = norms._fused()(x.to(kind), gain, shift, 1e-5)
    expected = torch.nn.functional.layer_norm(x, shape[-1:], gain, shift)
    tolerance = 1e-4 if kind == torch.float32 else 0.05
    torch.testing.assert_close(result.float(), expected, rtol=tolerance, atol=tolerance)
    wanted = torch.randn_like(expected)
    ours = torch.autograd.grad(result, (x, gain, shift), wanted.to(kind))
    for item, other in zip(ours, torch.autograd.grad(expected, (x, gain, shift), wanted), strict=True):
        assert float((item - other).norm()) <= tolerance * float(other.norm()) + tolerance


def test_a_graph_takes_the_steps_that_operations_take(card):
    torch.manual_seed(0)
    first = without_noise(mesh.ReverberationNet(mesh.NetworkConfig()).to(card))
    second = copy.deepcopy(first)
    x, y = torch.randn(4, 3, 10, 64, device=card).unbind(0), torch.rand(4, 3, device=card).unbind(0)
    results = []
    for network, as_graph in ((first, True), (second, False)):
        optimizer = torch.optim.AdamW(network.parameters(), 1e-3, fused=True)

        def loss(x, y, network=network):
            output = network(x)
            return {"loss": (output.value - y).square().mean() + 1e-4 * output.kl}

        if as_graph:
            step = GraphedStep(network, optimizer, loss, (x[0], y[0]), clip_norm=1.0)
            assert step._graph is not None
            results.append(
                [{name: float(item) for name, item in step(a, b).items()} for a, b in zip(x, y, strict=True)]
            )
            continue
        results.append([])
        for a, b in zip(x, y, strict=True):
            optimizer.zero_grad()
            value = loss(a, b)["loss"]
            value.backward()
            norm = torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            results[-1].append({"loss": float(value), "gradient_norm": float(norm)})
    for item, other in zip(*results, strict=True):
        assert item == pytest.approx(other, rel=1e-3)
    for item, other in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(item, other, rtol=0, atol=2e-4)


def test_the_mesh_draws_anew_in_every_replay(card):
    network = mesh.ReverberationNet(mesh.NetworkConfig()).to(card).train()
    optimizer = torch.optim.Adam(network.parameters(), 0.0)
    x = torch.randn(2, 5, 64, device=card)
    step = GraphedStep(network, optimizer, lambda x: {"loss": network(x).value.sum()}, (x,))
    assert len({float(step(x)["loss"]) for _ in range(4)}) == 4


@pytest.mark.slow
def test_a_compiled_network_is_the_network(card):
    torch.manual_seed(0)
    network = quiet(eeg.build(eeg.NetworkConfig(blocks=1, dropout=0, front_dropout=0))).to(card)
    x = torch.randn(2, 128, 64, device=card)
    expected = network(x)
    network.compile()
    torch.testing.assert_close(network(x), expected, rtol=1e-3, atol=1e-3)
