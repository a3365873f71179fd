"""The bidirectional GRU whose directions take their steps together is PyTorch's."""

from __future__ import annotations

import pytest
import torch

from models.kernels import products, recurrent


def both_ways(layer, x):
    """(ours, PyTorch's own)"""
    assert recurrent._takes_steps_together(layer, x)
    return recurrent.run_recurrent(layer, x, None), layer(x)[0]


@pytest.mark.parametrize(("batch", "time"), [(5, 7), (1, 1), (3, 1), (1, 40)])
def test_states_and_gradients_are_pytorchs(batch, time):
    torch.manual_seed(0)
    layer = torch.nn.GRU(6, 4, batch_first=True, bidirectional=True, dtype=torch.float64)
    x = torch.randn(batch, time, 6, dtype=torch.float64, requires_grad=True)
    result, expected = both_ways(layer, x)
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-12)
    wanted, asked = torch.randn_like(result), [x, *layer.parameters()]
    for ours, theirs in zip(
        torch.autograd.grad(result, asked, wanted), torch.autograd.grad(expected, asked, wanted), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


def test_in_single_precision_at_the_size_of_the_mesh():
    torch.manual_seed(0)
    layer = torch.nn.GRU(64, 64, batch_first=True, bidirectional=True)
    x = torch.randn(32, 10, 64, requires_grad=True)
    result, expected = both_ways(layer, x)
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-6)
    assert products.pays(x, layer.weight_ih_l0)
    wanted, asked = torch.randn_like(result), [x, *layer.parameters()]
    with torch.autocast("cpu", torch.bfloat16):  # of what comes, not of what was
        ours = torch.autograd.grad(result, asked, wanted)
    for item, other in zip(ours, torch.autograd.grad(expected, asked, wanted), strict=True):
        torch.testing.assert_close(item, other, rtol=1e-4, atol=1e-4)


def test_who_listens_at_the_layer_hears_it():
    layer, heard = torch.nn.GRU(6, 4, batch_first=True, bidirectional=True), []
    layer.register_forward_hook(lambda *_: heard.append(True))
    recurrent.run_recurrent(layer, torch.randn(2, 3, 6), None)
    assert heard


def test_other_layers_are_pytorchs_to_run():
    x = torch.randn(2, 3, 6)
    for layer in (
        torch.nn.LSTM(6, 4, batch_first=True, bidirectional=True),
        torch.nn.GRU(6, 4, batch_first=True),
        torch.nn.GRU(6, 4, batch_first=True, bidirectional=True, num_layers=2),
        torch.nn.GRU(6, 4, batch_first=True, bidirectional=True, bias=False),
    ):
        assert not recurrent._takes_steps_together(layer, x)
        torch.testing.assert_close(recurrent.run_recurrent(layer, x, None), layer(x)[0])


def test_ragged_sequences_end_where_they_end():
    torch.manual_seed(0)
    layer, x = torch.nn.GRU(6, 4, batch_first=True, bidirectional=True), torch.randn(2, 5, 6)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    ragged = recurrent.run_recurrent(layer, x, mask)
    torch.testing.assert_close(ragged[1, :3], recurrent.run_recurrent(layer, x[1:, :3], None)[0])
    torch.testing.assert_close(ragged[:1], recurrent.run_recurrent(layer, x[:1], None))


@pytest.mark.parametrize("kind", [torch.nn.GRU, torch.nn.LSTM])
@pytest.mark.parametrize("layers", [1, 2])
def test_states_held_through_padding_are_those_of_packed_sequences(kind, layers):
    torch.manual_seed(0)
    layer = kind(6, 4, layers, batch_first=True, bidirectional=True, dtype=torch.float64)
    x = torch.randn(3, 7, 6, dtype=torch.float64, requires_grad=True)
    mask = torch.arange(7) < torch.tensor([[7], [3], [1]])
    expected = recurrent.run_recurrent(layer, x, mask)
    result = recurrent.held_through_padding(layer, x, mask)
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-12)
    asked, wanted = [x, *layer.parameters()], torch.randn_like(expected)
    ours, theirs = (torch.autograd.grad(item, asked, wanted) for item in (result, expected))
    for item, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(item, other, rtol=1e-9, atol=1e-12)
