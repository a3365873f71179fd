"""Schedules against values worked out by hand."""

import pytest

from models.training.schedules import adversary_strength, warmup_cosine, warmup_cosine_restarts, warmup_steps

# 400 steps, peak 1, floor 0, 40 steps of warm-up from 0.1; periods of 100, then 200, then 400.
TABLE = [
    (0, 0.1),  # start factor
    (20, 0.55),  # half-way up
    (40, 1.0),  # the peak, first period begins
    (90, 0.5),  # its middle
    (115, 0.1464466),  # three quarters: (1 - sqrt(1/2)) / 2
    (139, 0.0002467),  # its last step: (1 + cos(0.99 pi)) / 2
    (140, 1.0),  # restart, period of 200
    (190, 0.8535534),  # a quarter: (1 + sqrt(1/2)) / 2
    (240, 0.5),
    (340, 1.0),  # restart, period of 400
    (399, 0.9472),  # 59/400: (1 + cos(0.1475 pi)) / 2
]


@pytest.mark.parametrize(("step", "rate"), TABLE)
def test_warm_restarts(step, rate):
    got = warmup_cosine_restarts(step, 400, 1.0, warmup=40, floor=0.0)
    assert got == pytest.approx(rate, abs=2e-4)


def test_floor_and_peak_scale():
    bottom = warmup_cosine_restarts(139, 400, 5e-4, warmup=40)
    assert 1e-7 < bottom < 4e-7
    assert warmup_cosine_restarts(140, 400, 5e-4, warmup=40) == pytest.approx(5e-4)


def test_warm_up_fits_a_short_run():
    assert warmup_steps(1000, 50_000) == 1000
    assert warmup_steps(1000, 300) == 30
    assert warmup_cosine_restarts(30, 300, 1.0, warmup=1000) == pytest.approx(1.0)


def test_cosine_ends_at_the_floor():
    assert warmup_cosine(1000, 1000, 1.0, warmup=100) == pytest.approx(1e-7)
    assert warmup_cosine(550, 1000, 1.0, warmup=100) == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize(("epoch", "alpha"), [(0, 0), (4.9, 0), (5, 0), (20, 0.5), (35, 1), (49, 1)])
def test_adversary_strength_of_fifty_epochs(epoch, alpha):
    assert adversary_strength(epoch, 50) == pytest.approx(alpha)


def test_adversary_strength_settings():
    assert adversary_strength(10, 100, start=10, top=0.4) == 0
    assert adversary_strength(40, 100, start=10, top=0.4) == pytest.approx(0.2)
    assert adversary_strength(1, 4, start=5) == 0  # a run too short for its start
    assert adversary_strength(5, 4, start=5) == 1
