"""Augmentation: seeded, of the size that was asked for, and never longer than it should be."""

import numpy as np
import pytest
import torch

from models.emotion import augment
from models.emotion.augment_config import AugmentConfig

OFF = {"noise": 0, "stretch": 0, "mask": 0}


def frames(count=100, bands=30):
    return torch.from_numpy(np.random.default_rng(0).normal(size=(count, bands)).astype(np.float32))


def random(seed=0):
    return np.random.default_rng(seed)


def test_off_is_off():
    torch.testing.assert_close(
        augment.augmented(frames(), AugmentConfig(**OFF), random()), frames(), rtol=0, atol=0
    )


def test_same_seed_same_frames():
    settings = AugmentConfig(noise=1, stretch=1, mask=1, warp=1, band_masks=2, time_masks=2)
    a, b, c = (augment.augmented(frames(), settings, random(seed)) for seed in (3, 3, 4))
    torch.testing.assert_close(a, b, rtol=0, atol=0)
    assert a.shape != c.shape or not torch.equal(a, c)


def test_how_often():
    n = 600
    settings = AugmentConfig(**{**OFF, "noise": 0.3})
    changed = sum(
        not torch.equal(augment.augmented(frames(10), settings, random(seed)), frames(10))
        for seed in range(n)
    )
    assert changed / n == pytest.approx(0.3, abs=0.06)


def test_noise_is_relative_to_the_features():
    loud = 20 * frames(2000)
    noise = augment.noisy(loud, 0.05, random()) - loud
    assert float(noise.std() / loud.std()) == pytest.approx(0.05, rel=0.05)


@pytest.mark.parametrize("factor", [0.9, 1.0, 1.1])
def test_stretching_keeps_the_course(factor):
    ramp = torch.linspace(0, 1, 200)[:, None].repeat(1, 3)
    long = augment.stretched(ramp, factor)
    assert len(long) == round(200 * factor)
    torch.testing.assert_close(long[:, 0], torch.linspace(0, 1, len(long)), rtol=0, atol=0.01)
    assert augment.stretched(torch.randn(50, 4, 6), factor).shape[1:] == (4, 6)


def test_a_tenth_of_the_frames_becomes_faint():
    changed = augment.faint(frames(), 0.1, 0.1, random())
    touched = (changed != frames()).any(dim=1)
    assert int(touched.sum()) == 10
    torch.testing.assert_close(changed[touched], frames()[touched] * 0.1)


def test_warping_moves_a_peak():
    peak = torch.zeros(1, 40)
    peak[0, 20] = 1.0
    assert int(augment.warped(peak, 1.25).argmax()) == 16
    assert int(augment.warped(peak, 0.8).argmax()) == 25
    torch.testing.assert_close(augment.warped(frames(), 1.0), frames(), rtol=0, atol=1e-6)


def test_masks_are_no_wider_than_asked():
    for seed in range(50):
        bands = (augment.without_bands(frames(), 7, random(seed)) != frames()).any(dim=0)
        time = (augment.without_time(frames(), 0.2, random(seed)) != frames()).any(dim=1)
        assert int(bands.sum()) <= 7
        assert int(time.sum()) <= 20


def test_one_frame_survives_everything():
    settings = AugmentConfig(noise=1, stretch=1, mask=1, warp=1, band_masks=3, time_masks=3)
    for seed in range(20):
        assert torch.isfinite(augment.augmented(frames(1), settings, random(seed))).all()
