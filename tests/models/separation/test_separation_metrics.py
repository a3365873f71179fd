"""Figures of merit against second libraries, and where there is nothing to measure."""

import numpy as np
import pytest

from models.errors import UserError
from models.separation import metrics


@pytest.fixture(scope="module")
def sounds():
    """Two references with the colour of speech, tracks near them, and the mixture; float64 at 8 kHz."""
    random = np.random.default_rng(0)
    white = random.normal(0, 1, (2, 12_000))
    references = np.stack([np.convolve(item, [1, 0.9, 0.5, 0.2])[:12_000] for item in white])
    references *= 0.05 * (1 + np.sin(np.arange(12_000) / np.array([[900], [1300]])))
    mixture = references.sum(0)
    tracks = references + 0.2 * references[::-1] + 0.002 * random.normal(0, 1, references.shape)
    return mixture, references, tracks


def test_si_sdr_and_sdr_equal_fast_bss_eval(sounds):
    import fast_bss_eval
    import torch

    _, references, tracks = sounds
    centred = [torch.from_numpy(item - item.mean(-1, keepdims=True)) for item in (references, tracks)]
    si = -fast_bss_eval.si_sdr_loss(centred[1], centred[0])
    distortion = -fast_bss_eval.sdr_loss(centred[1], centred[0], filter_length=512)
    for reference, track, wanted_si, wanted in zip(references, tracks, si, distortion, strict=True):
        assert metrics.si_sdr(track, reference) == pytest.approx(float(wanted_si), abs=1e-6)
        assert metrics.sdr(track, reference) == pytest.approx(float(wanted), abs=1e-3)


def test_scores_find_whose_track_is_whose(sounds):
    mixture, references, tracks = sounds
    straight = metrics.score_tracks(mixture, references, tracks, 8000)
    turned = metrics.score_tracks(mixture, references, tracks[::-1], 8000)
    assert [row.track for row in straight] == [0, 1]
    assert [row.track for row in turned] == [1, 0]
    assert [row.si_sdr for row in straight] == [row.si_sdr for row in turned]
    for row, reference in zip(straight, references, strict=True):
        assert row.si_sdri == pytest.approx(row.si_sdr - metrics.si_sdr(mixture, reference))
        assert row.sdri == pytest.approx(row.sdr - metrics.sdr(mixture, reference))
        assert 0 < row.stoi < 1


def test_stoi_is_pystois(sounds):
    from pystoi import stoi

    _, references, tracks = sounds
    assert metrics.stoi(tracks[0], references[0], 8000) == pytest.approx(stoi(references[0], tracks[0], 8000))
    assert metrics.stoi(tracks[0][:2000], references[0][:2000], 8000) is None


def test_perfect_and_silent_tracks_have_plain_figures(sounds):
    mixture, references, _ = sounds
    for row in metrics.score_tracks(mixture, references, references, 8000):
        assert row.si_sdr == metrics.LIMIT_DB
        assert 60 < row.sdr <= metrics.LIMIT_DB
    silent = metrics.score_tracks(mixture, references, np.zeros_like(references), 8000)
    assert [row.si_sdr for row in silent] == [-metrics.LIMIT_DB] * 2
    assert [row.sdr for row in silent] == [None] * 2
    nobody = metrics.score_tracks(mixture, [references[0], np.zeros(12_000)], references, 8000)
    assert nobody[1].si_sdr is None
    assert nobody[1].si_sdri is None
    assert nobody[0].track == 0


def test_many_channels_are_judged_by_their_mean(sounds):
    mixture, references, tracks = sounds
    wide = [np.stack([2 * item, np.zeros_like(item)], axis=1) for item in tracks]
    result = metrics.score_tracks(mixture, references, wide, 8000)
    assert result[0].si_sdr == pytest.approx(metrics.si_sdr(tracks[0], references[0]))


def test_a_second_in_float32_is_judged_in_float64(sounds):
    mixture, references, tracks = sounds
    result = metrics.score_tracks(mixture.astype(np.float32), references, tracks.astype(np.float32), 8000)
    assert result[0].si_sdr == pytest.approx(metrics.si_sdr(tracks[0], references[0]), abs=1e-3)


def test_what_does_not_fit_is_told(sounds):
    mixture, references, tracks = sounds
    with pytest.raises(UserError, match="not as long"):
        metrics.score_tracks(mixture, [references[0], references[1][:8000]], tracks, 8000)
    with pytest.raises(UserError, match="3 references"):
        metrics.score_tracks(mixture, [*references, mixture], tracks, 8000)
