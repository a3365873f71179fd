"""The mesh: its figures, its golden file, its plain twin, its gates."""

from pathlib import Path

import numpy as np
import pytest
import torch
from plain_mesh import Plain

from models import checkpoint
from models.errors import UserError
from models.reverberation import published
from models.reverberation.bodies import SelfAttention
from models.reverberation.network import NetworkConfig, ReverberationNet, parameter_counts
from models.reverberation.wiring import PROCESSOR_NAMES, ROLE_NAMES, cyclic, documented

GOLDEN = Path(__file__).parent / "golden"
ROLES_AT_64 = dict(zip(ROLE_NAMES, (
    41_665, 66_305, 41_601, 41_793, 58_433, 16_961, 16_865, 25_217, 33_473, 53_953, 29_249, 54_081, 37_377, 16_865,
    66_305, 29_377, 41_474, 33_473, 29_377), strict=True))  # fmt: skip
PROCESSORS_AT_64 = dict(
    zip(PROCESSOR_NAMES, (41_760, 70_272, 54_208, 54_016, 29_184, 41_472, 33_216), strict=True)
)


def mesh(seed=0, **values):
    torch.manual_seed(seed)
    return ReverberationNet(NetworkConfig(**values)).eval()


def with_wiring(wiring, **values):
    return mesh(wiring=wiring.model_dump(), **values)


# --- figures -----------------------------------------------------------------------------------------------


def test_parameters_are_as_described():
    network = mesh()
    counts = parameter_counts(network)
    assert {name: counts[name] for name in ROLE_NAMES} == ROLES_AT_64
    assert {name: counts[name] for name in PROCESSOR_NAMES} == PROCESSORS_AT_64
    assert counts["argallia"] == 18_817
    assert sum(ROLES_AT_64.values()) == 733_844
    assert sum(counts.values()) == sum(p.numel() for p in network.parameters()) == 1_076_789


def test_seven_alike_processors_make_the_published_total():
    network = mesh(processors="uniform")
    counts = parameter_counts(network)
    assert {counts[name] for name in PROCESSOR_NAMES} == {10 * 64**2 + 9 * 64}
    assert sum(p.numel() for p in network.parameters()) == 1_043_413


@pytest.mark.parametrize(("wiring", "sources"), [(documented(), 26), (cyclic(), 40)])
def test_connections_sources_and_gates(wiring, sources):
    assert wiring.connections == 40
    assert wiring.sources == sources
    assert with_wiring(wiring)(torch.randn(2, 5, 64)).gates.shape == (38, 2)


# --- the golden file ----------------------------------------------------------------------------------------


def test_the_published_checkpoint_gives_its_outputs_and_gates(tmp_path):
    result = published.imported(checkpoint.load_foreign(GOLDEN / "cyclic_d64.pth"))
    checkpoint.save(tmp_path / "imported", result.weights, result.info)
    read, info = checkpoint.load(tmp_path / "imported", "reverberation")
    network = ReverberationNet(NetworkConfig(**info.network)).eval()
    checkpoint.fit(network, read)
    golden = np.load(GOLDEN / "cyclic_d64_io.npz")
    with torch.inference_mode():
        output = network(torch.from_numpy(golden["x"]))
    np.testing.assert_allclose(output.value, golden["output"], atol=1e-5)
    np.testing.assert_allclose(output.gates, golden["gates"], atol=1e-5)
    assert network.config.gating == "observed"


def test_export_gives_back_every_weight_under_its_published_name():
    state = checkpoint.load_foreign(GOLDEN / "cyclic_d64.pth")
    result = published.imported(state)
    network = ReverberationNet(NetworkConfig(**result.info.network))
    checkpoint.fit(network, result.weights)
    back = published.exported(network)
    assert set(back) == set(state)
    assert all(torch.equal(back[name].float(), state[name].float()) for name in state)


def test_an_incomplete_or_foreign_checkpoint_is_refused():
    state = dict(checkpoint.load_foreign(GOLDEN / "cyclic_d64.pth"))
    with pytest.raises(UserError, match="is not a checkpoint"):
        published.imported({"layer.weight": torch.zeros(2)})
    with pytest.raises(UserError, match="no place here"):
        published.imported(state | {"roles.new.weight": torch.zeros(1)})
    del state["roles.harp.W_mu.bias"]
    with pytest.raises(UserError, match="not complete"):
        published.imported(state)


# --- the plain twin -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wiring", [documented(), cyclic().model_copy(update={"noisy": False})], ids=["documented", "cyclic"]
)
@pytest.mark.parametrize("gating", ["routing", "observed"])
def test_the_fast_form_equals_the_plain_one_gradient_included(wiring, gating):
    network = with_wiring(wiring, gating=gating).double()
    plain = Plain(wiring, routing=gating == "routing").double().eval()
    plain.load_state_dict(published.exported(network))
    x = torch.randn(3, 7, 64, dtype=torch.float64, requires_grad=True)
    output = network(x)
    value, gates, kl = plain(x)
    torch.testing.assert_close(output.value, value, rtol=0, atol=1e-9)
    torch.testing.assert_close(output.gates, gates, rtol=0, atol=1e-9)
    torch.testing.assert_close(output.kl, kl, rtol=1e-9, atol=0)
    ours = torch.autograd.grad((output.value * torch.arange(1.0, 4)).sum() + 1e-3 * output.kl, x)[0]
    theirs = torch.autograd.grad((value * torch.arange(1.0, 4)).sum() + 1e-3 * kl, x)[0]
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-9)


def test_weights_receive_the_gradient_of_the_plain_form():
    network = mesh().double()
    plain = Plain(documented()).double().eval()
    plain.load_state_dict(published.exported(network))
    x = torch.randn(4, 6, 64, dtype=torch.float64)
    network(x).value.square().sum().backward()
    plain(x)[0].square().sum().backward()
    torch.testing.assert_close(
        network.roles.gate_weight.grad[3:4],
        plain.roles["harp"].instrument_gate.weight.grad,
        rtol=0,
        atol=1e-9,
    )
    qkv = network.conductor.attention.qkv.weight.grad
    torch.testing.assert_close(qkv, plain.argallia.global_attention.in_proj_weight.grad, rtol=1e-6, atol=1e-8)


# --- gates ------------------------------------------------------------------------------------------------------


def test_every_gate_learns_in_routing_and_none_in_observed():
    for gating, learns in (("routing", True), ("observed", False)):
        network = mesh(gating=gating).train()
        network(torch.randn(8, 6, 64)).value.square().sum().backward()
        gradient = network.roles.gate_weight.grad
        moved = torch.zeros(19) if gradient is None else gradient.abs().amax(1)
        assert bool((moved > 0).all()) is learns
        assert bool((moved == 0).all()) is not learns


def test_muting_a_role_is_its_gate_at_zero_and_cutting_removes_one_edge():
    network, x = mesh(), torch.randn(3, 6, 64)
    with torch.inference_mode():
        whole, muted = network(x), network(x, muted=["harp"])
        network.roles.gate_bias[ROLE_NAMES.index("harp")] = -1e4
        closed = network(x)
    assert (whole.value - muted.value).abs().max() > 1e-6
    torch.testing.assert_close(muted.value, closed.value)
    network = mesh()
    with torch.inference_mode():
        cut = network(x, cut=[("harp", "bandwidth_manager")]).value
        deaf = network(x, cut=[("bandwidth_manager", "harp")]).value
        both = network(x, cut=[("cache_manager", "philip")]).value
    assert len({round(float(item[0]), 7) for item in (cut, deaf, both, network(x).value)}) == 4


# --- padding, length, noise ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("processors", ["described", "uniform"])
def test_padding_changes_nothing(processors):
    network = mesh(processors=processors)
    x, lengths = torch.randn(3, 12, 64), torch.tensor([12, 5, 9])
    for row, length in enumerate(lengths):
        x[row, length:] = 1e3
    with torch.inference_mode():
        together = network(x, lengths)
        for row, length in enumerate(lengths):
            alone = network(x[row : row + 1, :length])
            torch.testing.assert_close(together.value[row : row + 1], alone.value, rtol=0, atol=1e-5)
            torch.testing.assert_close(together.gates[:, row : row + 1], alone.gates, rtol=0, atol=1e-5)
            torch.testing.assert_close(
                together.kl_roles[..., row], alone.kl_roles[..., 0], rtol=1e-4, atol=1e-3
            )


def test_padding_takes_no_part_in_batch_statistics():
    first, second = mesh().train(), mesh().train()
    x = torch.randn(2, 6, 64)
    padded = torch.cat([x, torch.full((2, 4, 64), 1e3)], dim=1)
    first(x)
    second(padded, torch.tensor([6, 6]))
    norms = [network.roles.bodies["cello"].norm.running_mean for network in (first, second)]
    assert (norms[1].abs() < 5).all()
    assert not torch.equal(norms[1], torch.zeros(64))


def test_noise_is_drawn_in_training_alone_unless_the_wiring_is_noisy():
    x = torch.randn(2, 5, 64)
    with torch.inference_mode():
        assert torch.equal(mesh()(x).value, mesh()(x).value)
        noisy = with_wiring(cyclic())
        assert not torch.equal(noisy(x).value, noisy(x).value)
        training = mesh().train()
        assert not torch.equal(training(x).value, training(x).value)


@pytest.mark.parametrize("lengths", [None, torch.tensor([5, 3])])
def test_half_precision_passes_through_the_whole_mesh(lengths):
    network, x = mesh(), torch.randn(2, 5, 64)
    expected = network(x, lengths).value
    with torch.autocast("cpu", torch.bfloat16):
        output = network(x, lengths)
        (output.value.float().square().mean() + 1e-3 * output.kl).backward()
    torch.testing.assert_close(output.value.float(), expected, rtol=0, atol=0.05)
    assert all(item.grad.isfinite().all() for item in network.parameters() if item.grad is not None)


@pytest.mark.slow
@pytest.mark.parametrize("counts", [None, torch.tensor([[1.0, 3, 1, 1, 1, 0]])])
def test_a_compiler_sees_the_whole_attention_and_gives_its_mean(counts):
    torch.manual_seed(0)
    layer, x = SelfAttention(8, 2), torch.randn(3, 6, 8, requires_grad=True)
    result = torch.compile(layer.mean, backend="aot_eager", fullgraph=True)(x, counts)
    expected = layer.mean(x, counts)
    torch.testing.assert_close(result, expected)
    ours, theirs = (torch.autograd.grad(item.sum(), x)[0] for item in (result, expected))
    torch.testing.assert_close(ours, theirs)


def test_another_width_is_projected():
    network = mesh(width=10)
    assert network(torch.randn(2, 5, 10)).value.shape == (2,)
    assert parameter_counts(network)["projection"] == 10 * 64 + 64


@pytest.mark.slow
def test_a_sequence_of_a_thousand_steps_needs_less_than_a_gigabyte():
    import os
    import subprocess
    import sys

    script = (
        "import resource, torch\n"
        "from models.reverberation.network import NetworkConfig, ReverberationNet\n"
        "network = ReverberationNet(NetworkConfig()).eval()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "with torch.inference_mode(): network(torch.randn(1, 1000, 64))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert int(done.stdout) * 1024 < 1e9
