"""Networks that grow from a smaller one begin as that one was."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import soundfile
import torch

from models import audio
from models.separation import beginning, network
from models.separation.metrics import score_tracks
from models.separation.network import NetworkConfig
from models.separation.samples import sample_mixtures
from models.separation.separator import Separator

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
    beginning.begin_at_twice_the_rate(wide, narrow)
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


def test_another_shape_is_no_network_of_half_the_rate():
    assert not beginning.is_twice(NARROW, NARROW)
    with pytest.raises(ValueError, match="twice the rate"):
        beginning.begin_at_twice_the_rate(network.build(NARROW), network.build(NARROW))


@pytest.mark.slow
def test_at_twice_the_rate_it_separates_as_before(tmp_path):
    """The model that ships, before a step of training at 16 kHz, on the samples brought below 4 kHz."""
    given = Separator.load("bundled").network
    config = given.config
    wide = network.build(replace(config, filters=512, filter_length=128, stride=64))
    wide.load_state_dict(
        {name: weight for name, weight in given.state_dict().items() if "conv_layers" in name}, strict=False
    )
    beginning.begin_at_twice_the_rate(wide, given)
    wide.mask_generator.output_prelu.load_state_dict(given.mask_generator.output_prelu.state_dict())
    wide.mask_generator.input_conv.bias.data.copy_(given.mask_generator.input_conv.bias)
    separator = Separator.of(wide, 16_000)
    for sample in sample_mixtures():
        paths = (sample.mixture, *sample.references)
        mixture, *voices = (
            audio.resample(
                audio.resample(soundfile.read(path)[0].astype(np.float32), 16_000, 8_000), 8_000, 16_000
            )
            for path in paths
        )
        scores = score_tracks(
            mixture, voices, list(separator.separate(mixture, 16_000)), 16_000, perceptual=False
        )
        print(sample.words, [score.si_sdri for score in scores])
        assert np.mean([score.si_sdri for score in scores]) > 4
    assert asdict(wide.config)["filters"] == 512
