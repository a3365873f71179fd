"""Networks that grow from a smaller one begin as that one was."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from models import audio
from models.separation import beginning, network
from models.separation.config import SeparationConfig
from models.separation.metrics import score_tracks
from models.separation.network import NetworkConfig
from models.separation.samples import sample_mixtures
from models.separation.separator import Separator
from models.separation.task import SeparationTask
from models.training import config as configs
from models.training.learner import take_over

NARROW = NetworkConfig(
    filters=64, filter_length=64, stride=32, bottleneck=12, skip=12, hidden=20, blocks=3, repeats=2
)


@pytest.mark.parametrize("relu", [False, True])
def test_at_twice_the_rate_the_filters_hear_and_give_what_they_did(relu):
    """A sound below 4 kHz, coded and decoded by the first half of the filters, and one above it by the second half."""
    count = 128 if relu else 64  # filters, with a ReLU each with both signs
    narrow = network.build(replace(NARROW, filters=count, encoder_relu=relu))
    beginning.begin_with_sines(narrow)
    wide = network.build(replace(NARROW, filters=2 * count, filter_length=128, stride=64, encoder_relu=relu))
    beginning.begin_at_twice_the_rate(wide, narrow, torch.randn(1, 4000))
    times = torch.arange(16_000) / 16_000
    low, high = (torch.sin(2 * torch.pi * hertz * times)[None] for hertz in (700.0, 6100.0))
    with torch.no_grad():
        for sound, own in ((low, slice(0, count)), (high, slice(count, None))):
            coded = wide.encode(sound)
            assert (
                coded[:, 10:-10, own].norm() > 50 * (coded.norm() ** 2 - coded[..., own].norm() ** 2).sqrt()
            )
            back = wide.decode(coded, torch.ones(1, 1, 1, 2 * count), 16_000)[:, 0]
            assert (back - sound)[:, 200:-200].norm() < 0.02 * sound.norm()
        known = narrow.encode(low[:, ::2])
        torch.testing.assert_close(wide.encode(low)[:, 2:-2, :count], known[:, 2:-2], atol=0.02, rtol=0.02)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"filters": 128},
        {"filters": 128, "filter_length": 128, "stride": 64, "encoder_relu": True},
        {"filters": 128, "filter_length": 128, "stride": 64, "mask_activation": "sigmoid"},
        {"filters": 128, "filter_length": 128, "stride": 64, "speakers": 3},
    ],
)
def test_another_shape_is_no_network_of_half_the_rate(changes):
    assert not beginning.is_twice(NARROW, replace(NARROW, **changes))


@pytest.mark.parametrize(("filters", "length", "relu"), [(32, 32, True), (9, 8, False), (10, 4, True)])
def test_where_there_are_no_sines_it_is_left_alone(filters, length, relu):
    given = replace(NARROW, filters=filters, filter_length=length, stride=length // 2, encoder_relu=relu)
    own = replace(given, filters=2 * filters, filter_length=2 * length, stride=length)
    assert not beginning.is_twice(given, own)
    with pytest.raises(ValueError, match="twice the rate"):
        beginning.begin_at_twice_the_rate(network.build(own), network.build(given), torch.randn(1, 4000))


@pytest.mark.slow
def test_a_run_of_twice_the_rate_begins_as_the_model_that_ships():
    """What `train` begins with, before a step, on the samples brought below 4 kHz, against the model of 8 kHz."""
    config = configs.validated(SeparationConfig, configs.preset("separation", "bundled-wide"))
    task = SeparationTask(config)
    built = task.network()
    take_over(built, task.begins_with(), "separation")
    wide, narrow = Separator.of(built, 16_000), Separator.load("bundled")
    for sample in sample_mixtures():
        mixture, *voices = (
            audio.resample(audio.resample(sound, 16_000, 8_000), 8_000, 16_000)
            for sound in (audio.read(path) for path in (sample.mixture, *sample.references))
        )
        gained = [
            np.mean(
                [
                    score.si_sdri
                    for score in score_tracks(mixture, voices, list(tracks), 16_000, perceptual=False)
                ]
            )
            for tracks in (separator.separate(mixture, 16_000) for separator in (wide, narrow))
        ]
        assert gained[0] == pytest.approx(gained[1], abs=0.2), sample.words
