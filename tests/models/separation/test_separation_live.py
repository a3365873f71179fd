"""Live separation of any model: what comes out is as long as what went in, and never further behind than is said."""

import numpy as np
import pytest

from models.separation.live import WINDOW_S, live_separator
from models.separation.separator import Separator
from tests.models.separation.test_separation_separator import made, noise
from tests.models.separation.test_separation_streaming import causal


@pytest.mark.parametrize("rate", [8000, 16_000])
@pytest.mark.parametrize("seconds", [0.001, 2.0, 3.0, 7.3])
@pytest.mark.parametrize("kind", ["causal", "looks ahead"])
def test_tracks_are_as_long_as_the_sound(rate, seconds, kind):
    separator = Separator.of(causal(), 8000) if kind == "causal" else made()
    live = live_separator(separator, rate)
    sound = noise(round(seconds * rate))[0]
    pushed = given = 0
    result = []
    for start in range(0, len(sound), 1600):
        piece = sound[start : start + 1600]
        result.append(live.push(piece))
        pushed, given = pushed + len(piece), given + result[-1].shape[1]
        assert pushed - given <= live.latency_s * rate + 1600
    result = np.concatenate([*result, live.finish()], axis=1)
    assert result.shape == (2, len(sound))
    assert (live.latency_s < 0.02) == (kind == "causal")
    assert live.latency_s < WINDOW_S + 0.02


def test_windows_give_what_the_separator_gives():
    separator = made()
    sound = noise(8000 * 8)[0]
    live = live_separator(separator, 8000)
    result = np.concatenate([*(live.push(part) for part in np.split(sound, 80)), live.finish()], axis=1)
    wanted = separator.separate(sound, 8000, one_pass=True)
    apart = np.square(result - wanted).sum() / np.square(wanted).sum()
    assert apart < 0.003  # each window has its own loudness
