"""Fine-tuning to a subject: its recipe, the data set of a recording of one's own; and EEG as sequences."""

import numpy as np
import pytest

from models.eeg import alignment, preprocessing, tuning
from models.eeg.config import DataConfig
from models.eeg.data import open_dataset
from models.eeg.recordings import BIOSEMI64
from models.eeg.sequences import windows_of
from models.eeg.signal_config import PreprocessingConfig
from models.eeg.splits import part
from models.errors import UserError
from tests.models.eeg.test_eeg_recordings import brain, in_memory


def test_a_recording_becomes_a_data_set_of_one(tmp_path):
    random = np.random.default_rng(0)
    eeg, envelope = random.normal(size=(700, 64)).astype(np.float32), random.random(640)
    tuning.write_data(tmp_path / "sets" / "own.npz", eeg, envelope, 64, BIOSEMI64)
    result = open_dataset(tmp_path / "sets" / "own.npz")
    assert result.subjects == [tuning.SUBJECT]
    np.testing.assert_allclose(result.items[0].eeg, eeg[:640], atol=1e-6)
    config = tuning.config_for(str(tmp_path), str(tmp_path / "own.npz"), tuning.SUBJECT)
    assert config["start_from"] == str(tmp_path)
    assert config["data"]["subjects"] == [tuning.SUBJECT]
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError):
        tuning.write_data(tmp_path / "file" / "own.npz", eeg, envelope, 64, BIOSEMI64)


def test_what_was_filtered_before_keeps_a_guard_as_long_as_the_filter(tmp_path):
    """A recording that went through MNE's filter of 6.6 s is not split with a guard of one."""
    random = np.random.default_rng(0)
    prepared = preprocessing.preprocess(in_memory(brain(60)))
    assert preprocessing.reach_of(prepared.history) == pytest.approx(3.3, abs=0.1)
    envelope = random.random(len(prepared.eeg))
    tuning.write_data(
        tmp_path / "a.npz", prepared.eeg, envelope, 64, prepared.channel_names, prepared.history
    )
    parts = part(open_dataset(tmp_path / "a.npz"), DataConfig(window_s=5), PreprocessingConfig())
    ends = {
        name: [(s.start, s.start + len(s)) for s in getattr(parts, name)] for name in ("train", "validation")
    }
    assert ends["validation"][0][0] - ends["train"][-1][1] >= 3.2 * 64


def test_windows_lie_side_by_side_in_standard_deviations():
    eeg = np.arange(200.0)[:, None] * np.ones(3) * np.array([1.0, 10.0, 0.0])
    result = windows_of(eeg, 64, 1.0)
    assert result.shape == (3, 64, 3)
    np.testing.assert_allclose(result.reshape(-1, 3)[:, 0], ((eeg - eeg.mean(0)) / eeg.std(0).clip(1e-6))[:192, 0], rtol=1e-5)  # fmt: skip
    assert windows_of(eeg, 64, 1.0, most=2).shape[0] == 2
    with pytest.raises(UserError):
        windows_of(eeg, 64, 4.0)


@pytest.mark.parametrize("start_s", [-1.0, 0.0, 1.5])
def test_what_a_recording_and_a_stimulus_have_in_common(start_s):
    whole = np.random.default_rng(0).normal(size=640)
    first = round(start_s * 64)
    stimulus = whole[max(0, first) :] if first >= 0 else np.concatenate([np.zeros(-first), whole])
    decoded, envelope, _ = alignment.overlap(whole, stimulus, 64, start_s)
    np.testing.assert_array_equal(decoded, envelope)
    assert len(decoded) == 640 - max(0, first)
