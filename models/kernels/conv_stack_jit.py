"""The Triton kernels of `conv_stack_triton.py`, which says what each computes.

Of tensors [batch, frames, hidden], a program has some frames and some hidden units of one item; sums over an item are
left in parts, which PyTorch adds up, so that results do not depend on who is first.
"""
# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _moments(sums, item, count, eps: tl.constexpr):
    """Mean and rstd of an item from its sums."""
    mean = tl.load(sums + item * 2) / count
    power = tl.load(sums + item * 2 + 1) / count
    return mean, 1.0 / tl.sqrt(tl.maximum(power - mean * mean, 0.0) + eps)


@triton.jit
def _prelu(value, slope):
    return tl.where(value > 0, value, value * slope)


@triton.jit
def _tile(frames, size, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """What this program has of an item: (its frames, its hidden units, which of these there are, which values there are,
    where in memory the item begins)."""
    rows = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    columns = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    inside = columns < size
    here = (rows < frames)[:, None] & inside[None, :]
    return rows, columns, inside, here, tl.program_id(2).to(tl.int64) * frames * size


@triton.jit
def _met(values, start, rows, columns, inside, frames, size):
    """(the values at some frames of an item, float32, zeros beyond its ends; which of them there are)."""
    there = ((rows >= 0) & (rows < frames))[:, None] & inside[None, :]
    value = tl.load(values + start + rows[:, None] * size + columns[None, :], mask=there, other=0.0)
    return value.to(tl.float32), there


@triton.jit
def _store_pair(place, first, second):
    tl.store(place, first)
    tl.store(place + 1, second)


@triton.jit
def _store_of_norm(of_bias, of_gain, dots, gain, bias, gained, mean, rstd, at, inside, size):
    """The gradients of a norm's bias and gain, from the sums `bias` and `gained` of a program's hidden units; and their
    sums with the gain, which `_passed_on` reads."""
    block, item = tl.program_id(0), tl.program_id(1)
    gained = rstd * (gained - mean * bias)
    tl.store(of_bias + item * size + at, bias, mask=inside)
    tl.store(of_gain + item * size + at, gained, mask=inside)
    scale = tl.load(gain + at, mask=inside, other=0.0)
    _store_pair(dots + (item * tl.num_programs(0) + block) * 2, tl.sum(gained * scale), tl.sum(bias * scale))


@triton.jit
def _passed_on(dots, item, blocks: tl.constexpr, mean, rstd, count):
    """The factor of the value and the constant that a norm takes from the gradient that it passes on."""
    by_gain, by_bias = 0.0, 0.0
    for block in tl.static_range(blocks):
        by_gain += tl.load(dots + (item * blocks + block) * 2)
        by_bias += tl.load(dots + (item * blocks + block) * 2 + 1)
    by_value = rstd * rstd * by_gain / count
    return by_value, rstd * by_bias / count - mean * by_value


@triton.jit
def second_norm_kernel(
    crossed,
    columns,
    outer,
    gain,
    moments,
    of_bias,
    of_gain,
    dots,
    out,
    size,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    """The gradients of the second norm's gain and bias, [batch, hidden], and their sums with the gain."""
    block, item = tl.program_id(0), tl.program_id(1)
    at = block * COLUMNS + tl.arange(0, COLUMNS)
    inside = at < size
    mean, rstd = tl.load(moments + item * 2), tl.load(moments + item * 2 + 1)
    bias, gained = tl.zeros((COLUMNS,), tl.float32), tl.zeros((COLUMNS,), tl.float32)
    for start in range(0, out, ROWS):
        rows = start + tl.arange(0, ROWS)
        here = (rows < out)[:, None] & inside[None, :]
        weight = tl.load(outer + rows[:, None] * size + at[None, :], mask=here, other=0.0)
        cross = tl.load(crossed + (item * out + rows)[:, None] * size + at[None, :], mask=here, other=0.0)
        column = tl.load(columns + item * out + rows, mask=rows < out, other=0.0)
        bias += tl.sum(weight * column[:, None], 0)
        gained += tl.sum(weight * cross.to(tl.float32), 0)
    _store_of_norm(of_bias, of_gain, dots, gain, bias, gained, mean, rstd, at, inside, size)


@triton.jit
def first_norm_kernel(
    whole, taps, gain, moments, of_bias, of_gain, dots, size, kernel: tl.constexpr, COLUMNS: tl.constexpr
):
    """The same of the first norm, from the sums over time that `through_kernel` left."""
    block, item = tl.program_id(0), tl.program_id(1)
    at = block * COLUMNS + tl.arange(0, COLUMNS)
    inside = at < size
    mean, rstd = tl.load(moments + item * 2), tl.load(moments + item * 2 + 1)
    own = whole + item * (1 + 2 * kernel) * size + at
    total = tl.load(own, mask=inside, other=0.0)
    bias, gained = tl.zeros((COLUMNS,), tl.float32), tl.zeros((COLUMNS,), tl.float32)
    for tap in tl.static_range(kernel):
        weight = tl.load(taps + tap * size + at, mask=inside, other=0.0)
        gained += weight * tl.load(own + (1 + tap) * size, mask=inside, other=0.0)
        bias += weight * (total - tl.load(own + (1 + kernel + tap) * size, mask=inside, other=0.0))
    _store_of_norm(of_bias, of_gain, dots, gain, bias, gained, mean, rstd, at, inside, size)


@triton.jit
def sums_kernel(hidden, slope, sums, count, parts, FLAT: tl.constexpr):
    """Sum and sum of squares of PReLU(hidden), in parts of `FLAT` values an item: the first norm's moments."""
    part, item = tl.program_id(0), tl.program_id(1)
    at = part * FLAT + tl.arange(0, FLAT)
    value = tl.load(hidden + item.to(tl.int64) * count + at, mask=at < count, other=0.0).to(tl.float32)
    value = _prelu(value, tl.load(slope))
    _store_pair(sums + (item * parts + part) * 2, tl.sum(value), tl.sum(value * value))


@triton.jit
def filter_kernel(
    hidden,
    first,
    slope1,
    gain,
    bias,
    taps,
    taps_bias,
    slope2,
    filtered,
    active,
    second,
    moments,
    frames,
    size,
    dilation,
    kernel: tl.constexpr,
    eps: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    """PReLU, norm and dilated depthwise convolution, then PReLU; and the sums of the second norm's moments."""
    part, block, item = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    mean, rstd = _moments(first, item, frames * size, eps)
    if part + block == 0:
        _store_pair(moments + item * 2, mean, rstd)
    rows, columns, inside, here, start = _tile(frames, size, ROWS, COLUMNS)
    scale = tl.load(gain + columns, mask=inside, other=0.0) * rstd
    offset = tl.load(bias + columns, mask=inside, other=0.0) - mean * scale
    first_slope, second_slope = tl.load(slope1), tl.load(slope2)
    total = (
        tl.zeros((ROWS, COLUMNS), tl.float32) + tl.load(taps_bias + columns, mask=inside, other=0.0)[None, :]
    )
    for tap in tl.static_range(kernel):
        source = rows + (tap - kernel // 2) * dilation
        value, there = _met(hidden, start, source, columns, inside, frames, size)
        value = _prelu(value, first_slope)
        normed = tl.where(there, value * scale[None, :] + offset[None, :], 0.0)
        total += normed * tl.load(taps + tap * size + columns, mask=inside, other=0.0)[None, :]
    place = start + rows[:, None] * size + columns[None, :]
    rounded = total.to(filtered.dtype.element_ty)
    tl.store(filtered + place, rounded, mask=here)
    value = _prelu(rounded.to(tl.float32), second_slope).to(active.dtype.element_ty)
    tl.store(active + place, value, mask=here)
    value = tl.where(here, value.to(tl.float32), 0.0)
    place = second + (item * tl.num_programs(0) * tl.num_programs(1) + part * tl.num_programs(1) + block) * 2
    _store_pair(place, tl.sum(value), tl.sum(value * value))


@triton.jit
def outer_kernel(
    second,
    gained,
    base,
    sums,
    outer,
    constant,
    moments,
    count,
    size,
    size_2: tl.constexpr,
    eps: tl.constexpr,
):
    """The last product's weights with the second norm's gain and scale in them, and the constant of its mean."""
    row, item = tl.program_id(0), tl.program_id(1)
    mean, rstd = _moments(second, item, count, eps)
    if row == 0:
        _store_pair(moments + item * 2, mean, rstd)
    at = tl.arange(0, size_2)
    weights = tl.load(gained + row * size + at, mask=at < size, other=0.0)
    place = item * tl.num_programs(0) + row
    tl.store(outer + place * size + at, (weights * rstd).to(outer.dtype.element_ty), mask=at < size)
    left = tl.load(base + row) - mean * rstd * tl.load(sums + row)
    tl.store(constant + place, left.to(constant.dtype.element_ty))


@triton.jit
def through_kernel(
    back,
    filtered,
    hidden,
    moments,
    dots,
    slope2,
    slope1,
    through,
    slopes,
    met,
    frames,
    size,
    dilation,
    blocks: tl.constexpr,
    kernel: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    """Back through the second norm and PReLU to the filtered values; and the sums `first_norm_kernel` needs."""
    part, block, item = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    rows, columns, inside, here, start = _tile(frames, size, ROWS, COLUMNS)
    place = start + rows[:, None] * size + columns[None, :]
    mean, rstd = tl.load(moments + item * 2), tl.load(moments + item * 2 + 1)
    by_value, constant = _passed_on(dots, item, blocks, mean, rstd, frames * size)
    value = tl.load(filtered + place, mask=here, other=0.0).to(tl.float32)
    slope = tl.load(slope2)
    active = _prelu(value, slope)
    gradient = tl.load(back + place, mask=here, other=0.0).to(tl.float32) * rstd
    gradient -= by_value * active + constant
    gradient = tl.where(here, gradient, 0.0)
    parts = tl.num_programs(0) * tl.num_programs(1)
    tl.store(
        slopes + item * parts + part * tl.num_programs(1) + block, tl.sum(gradient * tl.minimum(value, 0.0))
    )
    gradient = tl.where(value > 0, gradient, gradient * slope)
    rounded = gradient.to(through.dtype.element_ty)
    tl.store(through + place, rounded, mask=here)
    gradient = rounded.to(tl.float32)
    slope = tl.load(slope1)
    sums = met + (item * tl.num_programs(0) + part) * (1 + 2 * kernel) * size + columns
    tl.store(sums, tl.sum(gradient, 0), mask=inside)
    for tap in tl.static_range(kernel):
        source = rows + (tap - kernel // 2) * dilation
        value, there = _met(hidden, start, source, columns, inside, frames, size)
        value = _prelu(value, slope)
        tl.store(sums + (1 + tap) * size, tl.sum(gradient * value, 0), mask=inside)
        beyond = tl.sum(tl.where(there, 0.0, gradient), 0)
        tl.store(sums + (1 + kernel + tap) * size, beyond, mask=inside)


@triton.jit
def spread_kernel(
    through,
    hidden,
    moments,
    dots,
    gain,
    taps,
    slope1,
    back,
    slopes,
    sums,
    frames,
    size,
    dilation,
    blocks: tl.constexpr,
    kernel: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    """Back through the convolution, the first norm and PReLU to the hidden values; and their sums over time."""
    part, block, item = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    rows, columns, inside, here, start = _tile(frames, size, ROWS, COLUMNS)
    place = start + rows[:, None] * size + columns[None, :]
    total = tl.zeros((ROWS, COLUMNS), tl.float32)
    for tap in tl.static_range(kernel):
        source = rows - (tap - kernel // 2) * dilation
        given, _ = _met(through, start, source, columns, inside, frames, size)
        total += given * tl.load(taps + tap * size + columns, mask=inside, other=0.0)[None, :]
    mean, rstd = tl.load(moments + item * 2), tl.load(moments + item * 2 + 1)
    by_value, constant = _passed_on(dots, item, blocks, mean, rstd, frames * size)
    total *= (tl.load(gain + columns, mask=inside, other=0.0) * rstd)[None, :]
    value = tl.load(hidden + place, mask=here, other=0.0).to(tl.float32)
    slope = tl.load(slope1)
    active = _prelu(value, slope)
    total -= by_value * active + constant
    total = tl.where(here, total, 0.0)
    parts = tl.num_programs(0) * tl.num_programs(1)
    tl.store(
        slopes + item * parts + part * tl.num_programs(1) + block, tl.sum(total * tl.minimum(value, 0.0))
    )
    total = tl.where(value > 0, total, total * slope)
    rounded = total.to(back.dtype.element_ty)
    tl.store(back + place, rounded, mask=here)
    summed = tl.sum(rounded.to(tl.float32), 0)
    tl.store(sums + (item * tl.num_programs(0) + part) * size + columns, summed, mask=inside)
