"""The loss and the recipe against figures worked by hand, brute force and a second library."""

from itertools import permutations

import numpy as np
import pytest
import torch

from models.separation import mixing
from models.separation.config import MixingConfig, SeparationConfig
from models.separation.losses import best_order, pairwise_si_sdr, permutation_free, si_sdr
from models.training import config as configs
from models.training.schedules import halved


@pytest.mark.parametrize("speakers", [2, 3, 4, 6])
def test_the_best_order_is_that_of_brute_force(speakers):
    torch.manual_seed(speakers)
    scores = torch.randn(7, speakers, speakers)
    result = best_order(scores)
    for item, order in zip(scores, result, strict=True):
        totals = {p: sum(item[r, e] for r, e in enumerate(p)) for p in permutations(range(speakers))}
        assert tuple(order.tolist()) == max(totals, key=totals.get)


@pytest.mark.parametrize("speakers", [2, 3])
def test_exchanged_tracks_cost_nothing(speakers):
    torch.manual_seed(0)
    references = torch.randn(4, speakers, 500)
    estimates = references + 0.3 * torch.randn_like(references)
    straight, _ = permutation_free(estimates, references)
    turned, order = permutation_free(estimates.roll(1, dims=1), references)
    torch.testing.assert_close(straight, turned)
    assert order[0].tolist() == [(i + 1) % speakers for i in range(speakers)]


def test_si_sdr_equals_torchmetrics_in_float64():
    from torchmetrics.functional.audio import scale_invariant_signal_noise_ratio

    torch.manual_seed(1)
    reference = torch.randn(3, 900, dtype=torch.float64)
    estimate = 0.2 * reference + 0.1 * torch.randn_like(reference) + 0.05
    torch.testing.assert_close(
        si_sdr(estimate, reference), scale_invariant_signal_noise_ratio(estimate, reference)
    )


def test_si_sdr_by_hand():
    reference = torch.tensor([1.0, -1.0, 1.0, -1.0])
    noise = torch.tensor([1.0, 1.0, -1.0, -1.0])  # as strong, and at right angles
    assert float(si_sdr(5 * (reference + 0.1 * noise), reference)) == pytest.approx(20.0, abs=1e-3)


def test_silence_has_a_finite_loss_and_gradient():
    estimate = torch.zeros(1, 2, 50, requires_grad=True)
    scores, _ = permutation_free(estimate, torch.zeros(1, 2, 50))
    scores.sum().backward()
    assert torch.isfinite(scores).all()
    assert torch.isfinite(estimate.grad).all()
    assert pairwise_si_sdr(torch.randn(1, 2, 50), torch.zeros(1, 2, 50)).isfinite().all()


def test_a_track_that_should_be_silent_is_judged_by_how_faint_it_is():
    torch.manual_seed(2)
    voice = torch.randn(1, 400)
    references = torch.stack([voice, torch.zeros_like(voice)], dim=1)
    scores, order = permutation_free(torch.stack([0.1 * voice, voice], dim=1), references)
    assert order.tolist() == [[1, 0]]
    assert scores[0, 1] == pytest.approx(-10 * np.log10(0.01 + 1e-3), abs=1e-3)
    quieter, _ = permutation_free(torch.stack([0.01 * voice, voice], dim=1), references)
    assert scores[0, 1] < quieter[0, 1] < 30
    assert scores[0, 0] > 60  # whichever is louder is the voice


def test_levelled_is_si_sdr_where_the_levels_are_those_of_the_voices():
    torch.manual_seed(5)
    references = torch.randn(3, 2, 900, dtype=torch.float64)
    estimates = references + 0.2 * torch.randn_like(references)
    wanted, _ = permutation_free(estimates, references)
    for louder in (1.0, 7.0, -0.01):  # how loud all of them are is open
        scores, order = permutation_free(louder * estimates, references, "levelled")
        torch.testing.assert_close(scores, wanted, rtol=1e-5, atol=1e-5)
        assert order.tolist() == [[0, 1]] * 3


def test_levelled_tells_a_track_that_is_always_faint_and_si_sdr_does_not():
    torch.manual_seed(6)
    references = torch.randn(1, 3, 6000)
    right = references + 0.1 * torch.randn_like(references)
    faint = right * torch.tensor([1.0, 1.0, 1e-2])[:, None]
    lost = {
        measure: float(
            (
                permutation_free(right, references, measure)[0]
                - permutation_free(faint, references, measure)[0]
            )[0, 2]
        )
        for measure in ("si_sdr", "levelled")
    }
    assert abs(lost["si_sdr"]) < 0.01
    assert lost["levelled"] == pytest.approx(40 - 6, abs=0.5)


def test_levelled_silence_is_finite_and_so_is_its_gradient():
    for references in (
        torch.zeros(1, 3, 50),
        torch.cat([torch.randn(1, 1, 50), torch.zeros(1, 2, 50)], dim=1),
    ):
        for estimate in (torch.zeros(1, 3, 50), torch.randn(1, 3, 50)):
            estimate.requires_grad_()
            scores, _ = permutation_free(estimate, references, "levelled")
            scores.sum().backward()
            assert torch.isfinite(scores).all()
            assert torch.isfinite(estimate.grad).all()


def test_halving_against_a_table_worked_by_hand():
    losses = [-5.0, -6.0, -5.9, -6.0, -5.5, -7.0, -6.0, -6.5, -6.9, -6.0, -6.0, -6.0]
    # after the 2nd: least -6; 3rd to 5th wait, so half; 6th is less; 7th to 9th wait, half; 10th to 12th, half
    wanted = [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125]
    result = [halved(losses[: n + 1], 1e-3) for n in range(len(losses))]
    np.testing.assert_allclose(result, 1e-3 * np.array(wanted))
    assert halved([], 1e-3) == 1e-3
    assert halved([0.0] * 200, 1e-3) == 1e-8


def test_the_published_recipe():
    config = SeparationConfig()
    assert (config.learning_rate, config.clip_norm, config.weight_decay) == (1e-3, 5.0, 0.0)
    assert (config.batch_size, config.accumulation, config.early_stop, config.patience) == (2, 4, 50, 3)
    assert config.data.segment_s * config.data.sample_rate == 32_000
    assert (config.mixing.loudness_db, config.mixing.level_db, config.mixing.relevel) == (-25.0, 3.0, 0.5)
    paper = configs.validated(SeparationConfig, configs.preset("separation", "paper"))
    assert (paper.network.hidden, paper.batch_size, paper.accumulation) == (512, 4, 2)
    assert paper.data.segment_s * paper.data.sample_rate == 64_000


def test_every_preset_can_be_used():
    for name in configs.presets("separation"):
        configs.validated(SeparationConfig, configs.preset("separation", name))
    assert set(configs.presets("separation")) >= {
        "default",
        "paper",
        "low-memory",
        "causal",
        "demo",
        "bundled",
    }


def test_an_ablation_changes_one_choice():
    base = configs.preset("separation", "ablation")
    changed = {
        "ablation-sigmoid": {"network.mask_activation": "sigmoid"},
        "ablation-raw": {"mixing.normalise": False},
        "ablation-halving": {"schedule": "halving", "warmup_steps": 0},
    }
    for name, choices in changed.items():
        settings = configs.preset("separation", name)
        assert settings != base
        asked = [f"{key}={value}" for key, value in choices.items()]
        assert validated(settings) == validated(configs.override(base, asked))
    assert {name for name in configs.presets("separation") if name.startswith("ablation-")} == set(changed)


def validated(values):
    return configs.validated(SeparationConfig, values)


def test_contradictions_are_told():
    for wrong in (
        "network.causal=true",
        "network.filter_length=15",
        "network.kernel=4",
        "data.first_speakers=1",
    ):
        with pytest.raises(Exception, match=wrong.split("=")[0]):
            configs.validated(SeparationConfig, configs.override({}, [wrong]))


# Mixing


def voices(count, samples=4000):
    random = np.random.default_rng(0)
    return [random.normal(0, 0.01 * (n + 1), samples).astype(np.float32) for n in range(count)]


def test_a_mixture_is_at_minus_25_db_and_the_sum_of_its_sources():
    mixed = mixing.mix(voices(2), [0.0, 2.5], -25.0)
    assert mixing.rms(mixed.mixture) == pytest.approx(0.0562, abs=5e-5)
    np.testing.assert_allclose(mixed.sources.sum(0), mixed.mixture, atol=1e-6)
    assert 20 * np.log10(mixing.rms(mixed.sources[1]) / mixing.rms(mixed.sources[0])) == pytest.approx(
        2.5, abs=1e-3
    )


def test_raw_input_stays_as_loud_as_it_was_recorded():
    settings = MixingConfig(normalise=False)
    assert mixing.heard_db(settings) is None
    spoken = voices(2)
    mixed = mixing.mix(spoken, [0.0, -3.0], mixing.heard_db(settings))
    assert mixing.rms(mixed.sources[0]) == pytest.approx(mixing.rms(spoken[1]))
    again = mixing.mix([0.1 * voice for voice in spoken], [0.0, -3.0], mixing.heard_db(settings))
    np.testing.assert_allclose(again.mixture, 0.1 * mixed.mixture, atol=1e-6)
    assert mixing.loudness_gain(mixed.mixture, None) == 1


def test_nothing_is_clipped():
    loud = mixing.mix(voices(2), [0.0, 0.0], -1.0).mixture
    assert np.abs(loud).max() > 1.5


def test_levels_lie_evenly_within_3_db():
    random = np.random.default_rng(1)
    drawn = np.array([mixing.draw_levels(2, MixingConfig(), random)[1] for _ in range(4000)])
    assert -3 <= drawn.min() < -2.9
    assert 2.9 < drawn.max() <= 3
    assert abs(drawn.mean()) < 0.1


def test_noise_is_laid_under_at_its_level():
    noise = np.random.default_rng(2).normal(0, 1, 4000).astype(np.float32)
    mixed = mixing.mix(voices(2), [0.0, 0.0], -25.0, noise, snr_db=10.0)
    speech = mixed.sources.sum(0)
    assert 20 * np.log10(mixing.rms(speech) / mixing.rms(mixed.mixture - speech)) == pytest.approx(
        10.0, abs=0.01
    )


def test_a_faster_voice_is_higher():
    times = np.arange(16_000) / 8000
    tone = np.sin(2 * np.pi * 400 * times).astype(np.float32)
    faster = mixing.at_speed(tone, 1.1, 8000)
    assert len(faster) == 8000
    assert np.abs(np.fft.rfft(faster)).argmax() == pytest.approx(440, abs=1)


def test_a_room_keeps_the_length_and_the_moment():
    response = np.zeros(100, dtype=np.float32)
    response[[40, 60]] = 1.0, 0.5
    sound = voices(1, 500)[0]
    heard = mixing.in_room(sound, response)
    np.testing.assert_allclose(heard[:20], sound[:20], atol=1e-6)
    np.testing.assert_allclose(heard[20:], sound[20:] + 0.5 * sound[:-20], atol=1e-6)


def test_crops():
    sound = np.concatenate([np.zeros(3000), np.ones(1000)]).astype(np.float32)
    np.testing.assert_array_equal(mixing.crop(sound, 100, None), sound[:100])
    starts = [mixing.crop(sound, 500, np.random.default_rng(n)).any() for n in range(40)]
    assert np.mean(starts) > 0.6  # the silent start would be met in three of four
    assert len(mixing.crop(sound[:50], 80, np.random.default_rng(0))) == 80
