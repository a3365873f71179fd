"""Recurrent layers over sequences of a batch, each as fast as it can go."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from models.kernels import choice
from models.kernels.products import pays, product

_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
SHUT = 1e4  # beyond, a sigmoid is exactly 1 or 0, in half precision too
# cuDNN copies weights that do not lie one behind the other, and says so; these are made anew for each call.
warnings.filterwarnings("ignore", message="RNN module weights are not part of single contiguous chunk")


def run_recurrent(layer: nn.LSTM | nn.GRU, x: Tensor, mask: Tensor | None) -> Tensor:
    """The states of a recurrent layer, [batch, time, …], zero in the padding; its backward direction begins at each
    sequence's own end.

    x: [batch, time, features]; mask: bool [batch, time], false in the padding at the sequences' ends, or None.
    """
    if mask is None:
        return _both_directions(layer, x) if _takes_steps_together(layer, x) else layer(x)[0]
    if not choice.for_caches(x):
        if not layer.bidirectional:  # what comes after an end reaches nothing before it
            return layer(x)[0] * mask[..., None]
        return held_through_padding(layer, x, mask)
    lengths = mask.sum(1).cpu()
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(layer(packed)[0], batch_first=True, total_length=x.shape[1])[0]


def held_through_padding(layer: nn.LSTM | nn.GRU, x: Tensor, mask: Tensor) -> Tensor:
    """`run_recurrent` of a bidirectional layer without packing, for which a graphics card would have to be waited for.

    Each step is told whether it is padding by one more feature, whose weight is so large that it shuts the gates: a GRU
    keeps its state (z = 1), an LSTM its cell (f = 1, i = 0). So the direction that comes from the padded end reaches the
    sequence with the state it began with, zero, to the last bit.
    """
    if not (layer.bidirectional and layer.bias and layer.batch_first):
        raise ValueError("only bidirectional layers with biases, batch first, are held through padding")
    size, kept = layer.hidden_size, mask[..., None]
    gates = (-SHUT, SHUT, 0.0, 0.0) if isinstance(layer, nn.LSTM) else (0.0, SHUT, 0.0)  # i, f, g, o; r, z, n
    column = torch.cat([x.new_full((size, 1), gate) for gate in gates])
    # Eight features more, because widths that are multiples of 8 are what matrix units take.
    column = column.to(next(layer.parameters()).dtype)
    columns, padding = F.pad(column, (0, 7)), F.pad((~kept).to(x.dtype), (0, 7))
    start = x.new_zeros(2, len(x), size)
    for number in range(layer.num_layers):
        weights: list[Tensor] = []
        for end in (f"_l{number}", f"_l{number}_reverse"):
            inner, *others = (getattr(layer, kind + end) for kind in _WEIGHTS)
            weights += [torch.cat([inner, columns], 1), *others]
        inputs, common = torch.cat([x, padding], -1), (True, 1, 0.0, layer.training, True, True)
        if isinstance(layer, nn.LSTM):
            x = torch.lstm(inputs, (start, start), weights, *common)[0] * kept
        else:
            x = torch.gru(inputs, start, weights, *common)[0] * kept
        if number < layer.num_layers - 1:
            x = F.dropout(x, layer.dropout, layer.training)
    return x


def _takes_steps_together(layer: nn.LSTM | nn.GRU, x: Tensor) -> bool:
    """Whether the layer is one that PyTorch runs step by step and direction by direction, a GRU on a CPU, and nobody
    listens at it."""
    plain = layer.bidirectional and layer.num_layers == 1 and layer.bias and layer.batch_first
    hooked = layer._forward_hooks or layer._forward_pre_hooks
    here = choice.for_caches(x) and x.dim() == 3 and x.shape[1] > 0 and not torch.is_autocast_enabled("cpu")
    return isinstance(layer, nn.GRU) and plain and here and not hooked


def _both_directions(layer: nn.LSTM | nn.GRU, x: Tensor) -> Tensor:
    """The states of a bidirectional GRU, [batch, time, 2 · size]."""
    pairs = (
        torch.cat([getattr(layer, f"{name}_l0"), getattr(layer, f"{name}_l0_reverse")])
        for name in ("weight_ih", "bias_ih", "weight_hh", "bias_hh")
    )
    states: Tensor = _BidirectionalGRU.apply(x, *pairs)
    return states


class _BidirectionalGRU(torch.autograd.Function):
    """Both directions of a GRU take their steps together (Cho et al. 2014, the reset gate after the product, as in
    PyTorch): h' = n + z (h - n), n = tanh(i_n + r a_n), r and z sigmoids of i + a, where i = W x + b and a = U h + c.

    x [batch, time, features]; W, b, U, c: those of the direction forwards above those of the other, each of them r, z
    and n. Within, time comes first and the second direction's is turned round: [time, 2, batch, …].
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor, u: Tensor, c: Tensor) -> Tensor:
        batch, time, features = x.shape
        size = u.shape[1]
        flat = x.reshape(-1, features)
        ctx.fast = pays(flat, w)
        inputs = product(flat, w, b, fast=ctx.fast).view(batch, time, 2, 3 * size)
        inputs = _turned(inputs.permute(1, 2, 0, 3))
        turns, starts = u.view(2, 3 * size, size).transpose(1, 2), c.view(2, 1, 3 * size)
        states, moved = x.new_zeros(time + 1, 2, batch, size), torch.empty_like(inputs)
        gates, proposals = inputs[..., : 2 * size], moved[..., 2 * size :]
        # The inputs' memory becomes that of the gates and of the new states.
        r, z, n = inputs.split(size, dim=-1)
        steps = (states, states[1:], moved, moved[..., : 2 * size], proposals, gates, r, z, n)
        for h, after, move, turn, proposal, gate, reset, keep, new in zip(
            *(step.unbind(0) for step in steps), strict=False
        ):
            torch.baddbmm(starts, h, turns, out=move)
            gate.add_(turn).sigmoid_()
            new.addcmul_(reset, proposal).tanh_()
            torch.lerp(new, h, keep, out=after)
        ctx.save_for_backward(x, w, u, inputs, proposals, states)
        return _turned(states[1:]).permute(2, 0, 1, 3).reshape(batch, time, 2 * size)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        with torch.autocast("cpu", enabled=False):
            return _BidirectionalGRU._backward(ctx, gradients[0])

    @staticmethod
    def _backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        x, w, u, inputs, proposals, states = ctx.saved_tensors
        time, _, batch, size = proposals.shape
        r, z, n = inputs.split(size, dim=-1)
        of_state = _turned(gradient.reshape(batch, time, 2, size).permute(1, 2, 0, 3))
        # A step's gradient of a, a multiple of that of its state, for all steps at once: of r, z and n.
        of_new = (1 - z).mul_(1 - n * n)
        each = torch.empty_like(inputs)
        of_r, of_z, of_n = each.split(size, dim=-1)
        torch.mul(of_new * proposals, (1 - r).mul_(r), out=of_r)
        torch.mul(states[:-1] - n, (1 - z).mul_(z), out=of_z)
        torch.mul(of_new, r, out=of_n)
        turns, kept = u.view(2, 3 * size, size), z.contiguous()
        threes = each.view(time, 2, batch, 3, size)
        for step in reversed(range(time)):
            threes[step].mul_(of_state[step, :, :, None])
            if step:  # on to the state before, through the product and through what was kept
                of_state[step - 1].baddbmm_(each[step], turns).addcmul_(of_state[step], kept[step])
        flat = each.transpose(0, 1).reshape(2, time * batch, 3 * size)
        before = states[:-1].transpose(0, 1).reshape(2, time * batch, size)
        of_u, of_c = torch.bmm(flat.transpose(1, 2), before), flat.sum(1)
        torch.mul(of_state, of_new, out=of_n)
        of_inputs = _turned(each).permute(2, 0, 1, 3).reshape(batch * time, 6 * size)
        of_x = product(of_inputs, w.t(), fast=ctx.fast).view_as(x)
        of_w = product(of_inputs.t(), x.reshape(-1, x.shape[2]).t(), fast=ctx.fast)
        return of_x, of_w, of_inputs.sum(0), of_u.view_as(u), of_c.flatten()


def _turned(steps: Tensor) -> Tensor:
    """[time, 2, batch, …], contiguous, with the time of the second direction turned round; its own inverse."""
    return torch.stack([steps[:, 0], steps[:, 1].flip(0)], dim=1)
