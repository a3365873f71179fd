"""Decoding recordings: any rate, length and gain, known and unknown people, stimuli, imports, what is refused."""

import numpy as np
import pytest
import soundfile

from models import checkpoint
from models.eeg import splits
from models.eeg.correlation import pearson
from models.eeg.decoder import Decoder
from models.eeg.samples import sample_file
from models.eeg.stimulus import read_stimulus
from models.errors import UserError
from tests.models.eeg.helpers import run


@pytest.mark.slow
def test_use_writes_envelopes(tmp_path, capsys, conformer_run, sample):
    code, result, told = run(
        capsys,
        "use",
        "eeg",
        "--checkpoint",
        conformer_run / "best",
        sample_file(),
        "--out",
        tmp_path / "o.npz",
        "--device",
        "cpu",
    )
    assert code == 0
    with np.load(tmp_path / "o.npz", allow_pickle=False) as arrays:
        assert arrays["envelope"].shape == (30, 3200)
        assert float(arrays["fs"]) == 64
    assert "r" in result["files"][0]
    assert "BioSemi" in told
    np.savez(tmp_path / "one.npz", eeg=sample.items[0].eeg * 0.125, fs=64)
    run(capsys, "use", "eeg", tmp_path / "one.npz", "--out", tmp_path / "p.npz", "--device", "cpu")
    with np.load(tmp_path / "p.npz", allow_pickle=False) as arrays:
        assert arrays["envelope"].shape == (3200,)


def test_raw_recordings_decode(tmp_path, ridge_run):
    from tests.models.eeg.test_eeg_recordings import brain, raw_of

    raw_of(brain(40)).save(tmp_path / "talk_raw.fif", verbose="error")
    decoder = Decoder.load(ridge_run / "best", "cpu")
    result = decoder.decode_recording(tmp_path / "talk_raw.fif")
    assert result.envelope.shape == (40 * 64,)
    again = decoder.decode_recording(tmp_path / "talk_raw.fif", history=result.history)
    np.testing.assert_array_equal(result.envelope, again.envelope)


def test_a_stranger_and_a_known_subject(conformer_run, sample):
    decoder = Decoder.load(conformer_run / "best", "cpu")
    eeg = sample.items[0].eeg * 0.125
    stranger, known = decoder.decode(eeg, "someone else"), decoder.decode(eeg, "2")
    assert np.isfinite(stranger).all()
    assert not np.allclose(stranger, known)
    np.testing.assert_array_equal(stranger, decoder.decode(eeg))


def test_a_recording_at_another_rate_is_resampled(tmp_path, ridge_run, sample):
    """The sample at 128 Hz, by interpolation in the spectrum, decodes to nearly the same."""
    import scipy.signal

    decoder = Decoder.load(ridge_run / "best", "cpu")
    eeg = sample.items[-1].eeg * 0.125
    np.savez(tmp_path / "fast.npz", eeg=scipy.signal.resample(eeg, 6400, axis=0), fs=128)
    result = decoder.decode_recording(tmp_path / "fast.npz")
    assert result.envelope.shape == (3200,)
    middle = slice(640, 2560)
    assert pearson(result.envelope[middle], decoder.decode(eeg)[middle]) > 0.95


def test_windows_of_a_long_recording_join(conformer_run, sample):
    decoder = Decoder.load(conformer_run / "best", "cpu")
    eeg = splits.standardised(sample.items[0].eeg * 0.125, 20)
    for time in (100, 320, 321, 777, 3200):
        assert decoder.decode_standardised(eeg[:time]).shape == (time,)


def test_gain_and_offset_change_nothing(ridge_run, sample):
    decoder = Decoder.load(ridge_run / "best", "cpu")
    eeg = sample.items[0].eeg * 0.125
    np.testing.assert_allclose(decoder.decode(3 * eeg + 7), decoder.decode(eeg), atol=1e-3)


def test_bad_eeg_is_refused(ridge_run):
    decoder = Decoder.load(ridge_run / "best", "cpu")
    with pytest.raises(UserError, match="does not fit"):
        decoder.decode(np.zeros((100, 32)))
    with pytest.raises(UserError, match="no numbers"):
        decoder.decode(np.full((100, 64), np.nan))


def test_a_checkpoint_that_describes_no_decoder(tmp_path, ridge_run):
    weights, info = checkpoint.load(ridge_run / "best", "eeg")
    for number, changes in enumerate(
        [{"network": {"kind": "oracle"}}, {"network": {"nonsense": 1}}, {"preprocessing": {}}]
    ):
        checkpoint.save(tmp_path / str(number), weights, info.model_copy(update=changes))
        with pytest.raises(UserError, match=r"does not say what it needs|not known here"):
            Decoder.load(tmp_path / str(number), "cpu")


def test_reliance(ridge_run, conformer_run, sample):
    eeg = sample.items[0].eeg * 0.125
    linear_one = Decoder.load(ridge_run / "best", "cpu").reliance(eeg)
    assert linear_one.saliency.shape == (64,)
    assert linear_one.saliency.max() == 1
    deep = Decoder.load(conformer_run / "best", "cpu").reliance(eeg)
    assert deep.excitation.shape == (64,)
    assert 0 < deep.gate < 1
    assert (deep.saliency > 0).all()


def test_compare(ridge_run, sample):
    decoder = Decoder.load(ridge_run / "best", "cpu")
    item = next(item for item in sample.items if item.subject == "8")
    result = decoder.compare(decoder.decode(item.eeg * item.step), item.envelope)
    assert result.r > 0.1
    assert result.p < 0.05
    assert len(result.times_s) == len(result.r_over_time) == 81
    assert result.true.std() == pytest.approx(1, abs=0.01)
    assert result.interval[0] < result.r < result.interval[1]
    assert 0 < result.window_chance < 1
    assert result.chance_band[0] < 0 < result.null_95 < result.chance_band[1] + 0.01


def test_who_was_listened_to(ridge_run, sample):
    """A track like what was decoded is chosen over another; levels do not matter."""
    decoder = Decoder.load(ridge_run / "best", "cpu")
    item = sample.items[-1]
    decoded = decoder.decode(item.eeg * item.step)
    other = np.random.default_rng(0).gamma(1, size=len(item.envelope))
    result = decoder.attended(decoded, [5 * other, 0.01 * item.envelope + 3], truth=1)
    assert result.chosen == 1
    assert result.whole_r[1] == pytest.approx(decoder.compare(decoded, item.envelope).r, abs=1e-3)


def test_describe_and_import(tmp_path, capsys):
    code, result, told = run(capsys, "describe", "eeg")
    assert (code, result["v1"]) == (0, 12_833_281)
    assert "Published are 46.8 M" in told
    assert run(capsys, "describe", "eeg", "--checkpoint", "bundled")[0] == 0
    (tmp_path / "x.pt").write_bytes(b"x")
    code, _, told = run(capsys, "import", "eeg", tmp_path / "x.pt", "--out", tmp_path / "y")
    assert code == 2
    assert "has no import" in told


def test_a_sound_is_a_stimulus(tmp_path):
    soundfile.write(tmp_path / "talk.flac", np.random.default_rng(0).normal(0, 0.1, 16_000 * 5), 16_000)
    assert read_stimulus(tmp_path / "talk.flac").shape == (320,)
