"""Data sets by their published names and layouts, and splitting them without a leak."""

import numpy as np
import pytest
import soundfile

from models.eeg import data, splits
from models.eeg.config import DataConfig
from models.eeg.samples import located
from models.eeg.signal_config import PreprocessingConfig
from models.eeg.stimulus import read_stimulus
from models.errors import UserError

generator = np.random.default_rng(0)
WIDE = PreprocessingConfig()


def challenge(folder, subjects=("sub-001", "sub-002"), scale=1.0, offset=0.0, times=(640, 320, 320)):
    """Files exactly as the challenge names them."""
    for subject in subjects:
        for stimulus in ("audiobook_1_1", "podcast_3"):
            for split, time in zip(("train", "val", "test"), times, strict=True):
                stem = f"{split}_-_{subject}_-_{stimulus}_-_"
                np.save(
                    folder / f"{stem}eeg.npy",
                    (generator.normal(size=(time, 64)) * scale + offset).astype(np.float32),
                )
                np.save(folder / f"{stem}envelope.npy", generator.gamma(1, size=(time, 1)).astype(np.float32))
                np.save(folder / f"{stem}mel.npy", generator.gamma(1, size=(time, 10)).astype(np.float32))


def test_the_challenges_files(tmp_path):
    challenge(tmp_path)
    result = data.open_dataset(tmp_path)
    assert result.subjects == ["sub-001", "sub-002"]
    assert result.stimuli == ["audiobook_1_1", "podcast_3"]
    assert len(result.items) == 12
    parts = splits.part(result, DataConfig(), WIDE)
    assert parts.by == "files"
    assert [len(parts.train), len(parts.validation), len(parts.test)] == [4, 4, 4]
    assert "other stretches of the same stimuli" in parts.generalisation


def test_files_that_are_not_normalised(tmp_path):
    challenge(tmp_path, scale=12.0, offset=5.0)
    result = data.open_dataset(tmp_path)
    assert any("not normalised" in str(remark) for remark in result.remarks)
    parts = splits.part(result, DataConfig(), WIDE)
    assert np.concatenate([item.eeg for item in parts.train]).std() == pytest.approx(1, abs=0.05)
    assert abs(np.concatenate([item.eeg for item in parts.test]).mean()) < 0.1
    train = np.concatenate([item.envelope for item in parts.train])
    assert (train.mean(), train.std()) == (pytest.approx(0, abs=0.01), pytest.approx(1, abs=0.05))


def test_statistics_are_those_of_the_training_part(tmp_path):
    challenge(tmp_path, subjects=("sub-001",))
    for path in tmp_path.glob("test_*_eeg.npy"):
        np.save(path, np.load(path) * 10)
    parts = splits.part(data.open_dataset(tmp_path), DataConfig(), WIDE.model_copy(update={"clip_sd": 0.0}))
    assert np.concatenate([item.eeg for item in parts.test]).std() == pytest.approx(10, rel=0.05)


def test_an_envelope_of_another_subject_is_not_taken(tmp_path):
    challenge(tmp_path)
    (tmp_path / "train_-_sub-001_-_podcast_3_-_envelope.npy").unlink()
    result = data.open_dataset(tmp_path)
    assert len(result.items) == 11
    assert "no envelope of its own" in str(result.skipped[0])


def test_lengths_that_differ_nan_and_broken_files(tmp_path):
    challenge(tmp_path)
    name = tmp_path / "train_-_sub-001_-_podcast_3_-_envelope.npy"
    np.save(name, np.load(name)[:600])
    bad = tmp_path / "train_-_sub-002_-_podcast_3_-_eeg.npy"
    eeg = np.load(bad)
    eeg[5, 5] = np.nan
    np.save(bad, eeg)
    (tmp_path / "val_-_sub-002_-_podcast_3_-_eeg.npy").write_bytes(b"broken")
    result = data.open_dataset(tmp_path)
    assert any("cut" in str(remark) for remark in result.remarks)
    reasons = " ".join(map(str, result.skipped))
    assert "no numbers" in reasons
    assert "cannot be read" in reasons
    assert len(result.items) == 10


def test_unsplit_derivatives_stored_channels_first(tmp_path):
    eeg = generator.normal(size=(64, 3200)).astype(np.float32)
    folder = tmp_path / "preprocessed_eeg" / "sub-003" / "ses-1"
    folder.mkdir(parents=True)
    np.save(
        folder / "sub-003_ses-1_task-listeningActive_run-01_desc-preproc-audio-audiobook_5_1_eeg.npy", eeg
    )
    np.save(folder / "sub-003_ses-1_task-listeningActive_run-02_desc-preproc-audio-podcast_2_eeg.npy", eeg)
    stimuli = tmp_path / "preprocessed_stimuli"
    stimuli.mkdir()
    np.save(stimuli / "audiobook_5_1_envelope.npy", generator.gamma(1, size=(3200, 1)))
    result = data.open_dataset(tmp_path)
    assert [(item.subject, item.stimulus) for item in result.items] == [("sub-003", "audiobook_5_1")]
    np.testing.assert_array_equal(result.items[0].eeg, eeg.T)
    assert "podcast_2" in str(result.skipped[0])


@pytest.mark.slow
def test_a_table_of_raw_recordings(tmp_path):
    from tests.models.eeg.test_eeg_recordings import brain, raw_of

    for subject in (1, 2):
        raw_of(brain(40, seed=subject)).save(tmp_path / f"s{subject}_raw.fif", verbose="error")
    soundfile.write(tmp_path / "talk.wav", generator.normal(0, 0.1, 16_000 * 40), 16_000)
    (tmp_path / "data.csv").write_text(
        "path,stimulus,subject\ns1_raw.fif,talk.wav,a\ns2_raw.fif,talk.wav,b\ns3_raw.fif,talk.wav,c\n"
    )
    result = data.open_dataset(tmp_path / "data.csv")
    assert result.subjects == ["a", "b"]
    assert len(result.items[0].envelope) == 2560
    assert "s3_raw.fif" in str(result.skipped[0])


def test_the_sample():
    result = data.open_dataset(located("sample"))
    assert (len(result.items), result.subjects, result.stimuli) == (30, ["2", "3", "8"], ["1"])
    assert result.minutes == pytest.approx(25)
    assert any("BioSemi" in str(remark) for remark in result.remarks)


def npz(path, stimuli=None, n=4, time=3200, **values):
    arrays = {"eeg": generator.normal(size=(n, time, 8)), "fs": 64, "envelope": generator.gamma(1, size=(n, time)),
              "subject": [f"s{i % 2}" for i in range(n)]}  # fmt: skip
    if stimuli is not None:
        arrays["stimulus"] = stimuli
    np.savez(path, **(arrays | values))
    return path


def test_one_stimulus_is_cut_by_time_with_a_guard(tmp_path):
    result = data.open_dataset(npz(tmp_path / "a.npz", envelope=generator.gamma(1, size=3200)))
    settings = DataConfig(blocks=5, validation_block=1, test_block=3, guard_s=1.0)
    parts = splits.part(result, settings, WIDE)
    assert parts.by == "time"
    spans = {
        name: sorted({(item.start, item.start + len(item)) for item in getattr(parts, name)})
        for name in ("train", "validation", "test")
    }
    assert spans["test"] == [(1920, 2560)]
    assert spans["validation"] == [(640, 1280)]
    assert spans["train"] == [(0, 576), (1344, 1856), (2624, 3200)]
    assert "single stimulus, split by time" in parts.generalisation


def test_neighbouring_validation_and_test_keep_the_guard_too(tmp_path):
    result = data.open_dataset(npz(tmp_path / "a.npz", envelope=generator.gamma(1, size=3200)))
    parts = splits.part(result, DataConfig(), WIDE)
    assert max(item.start + len(item) for item in parts.validation) == 2560 - 64


def test_many_stimuli_are_held_back_whole(tmp_path):
    result = data.open_dataset(
        npz(tmp_path / "a.npz", stimuli=[f"a{i // 2}" for i in range(12)], n=12, time=640)
    )
    parts = splits.part(result, DataConfig(), WIDE)
    assert parts.by == "stimulus"
    sides = [{item.stimulus for item in getattr(parts, name)} for name in ("train", "validation", "test")]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]
    assert "unseen stimuli" in parts.generalisation


def test_test_subjects_take_no_part(tmp_path):
    result = data.open_dataset(located("sample"))
    parts = splits.part(result, DataConfig(test_subjects=["3"]), WIDE)
    assert parts.met == ("2", "8")
    assert {item.subject for item in parts.validation} == {"2", "8"}
    assert {item.subject for item in parts.test} == {"2", "3", "8"}
    assert "within subject; unseen subjects; unseen time" in parts.generalisation


def test_a_leak_is_noticed():
    signal = np.zeros((100, 2), np.float32)
    stretch = splits.Stretch("a", "x", signal, signal[:, 0], 0)
    other = splits.Stretch("b", "x", signal, signal[:, 0], 90)
    with pytest.raises(UserError, match="is in train and in test"):
        splits.check(splits.Parts((stretch,), (), (other,), "time", ("a",)))
    with pytest.raises(UserError, match="is in train and in test"):
        splits.check(
            splits.Parts(
                (stretch,), (), (splits.Stretch("b", "x", signal, signal[:, 0], 110),), "time", ("a",)
            ),
            20,
        )


def test_a_guard_shorter_than_the_filter_filters_each_stretch():
    result = data.open_dataset(located("sample"), subjects=["2"])
    narrow = PreprocessingConfig(low_hz=0.5, high_hz=8)
    assert 0.5 < splits.reach_s(narrow, 64) <= 1.0
    whole = splits.part(result, DataConfig(guard_s=1.0), narrow)
    apart = splits.part(result, DataConfig(guard_s=0.25), narrow)
    assert whole.filtered_whole
    assert not apart.filtered_whole


def test_what_lies_beyond_the_guard_does_not_change_the_training_part(tmp_path):
    """The held-back block is replaced by other noise: the training stretches hardly notice."""
    narrow = PreprocessingConfig(low_hz=0.5, high_hz=8, clip_sd=0)
    path = npz(tmp_path / "a.npz", envelope=generator.gamma(1, size=3200), n=2)
    first = splits.part(data.open_dataset(path), DataConfig(validation_block=-1), narrow).train
    with np.load(path) as arrays:
        values = dict(arrays)
    values["eeg"][:, 2560:] = generator.normal(size=values["eeg"][:, 2560:].shape)
    np.savez(path, **values)
    second = splits.part(data.open_dataset(path), DataConfig(validation_block=-1), narrow).train
    for a, b in zip(first, second, strict=True):
        assert np.corrcoef(a.eeg.ravel(), b.eeg.ravel())[0, 1] > 0.999
        np.testing.assert_allclose(a.eeg, b.eeg, atol=0.15)


def test_a_slow_wave_is_filtered_out_at_full_band():
    """The low-pass of 32 Hz takes nothing away at 64 Hz; the high-pass does."""
    wave = 70 * np.sin(2 * np.pi * 0.1 * np.arange(64 * 120) / 64)
    assert np.abs(splits.in_band(wave, WIDE, 64)[1280:-1280]).max() < 0.01


@pytest.mark.parametrize("short_s", [2.5, 6.0])
def test_a_short_stretch_does_not_make_all_windows_short(tmp_path, short_s):
    """Files as published: eleven of 11 s, and one that is shorter than a window."""
    times = [704] * 11 + [round(short_s * 64)]
    for number, time in enumerate(times):
        np.save(tmp_path / f"train_-_sub-1_-_a{number}_-_eeg.npy", generator.normal(size=(time, 64)))
        np.save(tmp_path / f"train_-_sub-1_-_a{number}_-_envelope.npy", generator.random((time, 1)))
    for split in ("val", "test"):
        np.save(tmp_path / f"{split}_-_sub-1_-_b_-_eeg.npy", generator.normal(size=(704, 64)))
        np.save(tmp_path / f"{split}_-_sub-1_-_b_-_envelope.npy", generator.random((704, 1)))
    train = splits.part(data.open_dataset(tmp_path), DataConfig(window_s=10), WIDE).train
    assert [len(item) for item in train] == [704] * 11


@pytest.mark.slow
def test_fewer_minutes(tmp_path):
    result = data.open_dataset(located("sample"))
    full = splits.part(result, DataConfig(), WIDE).train
    part = splits.part(result, DataConfig(minutes=3), WIDE).train
    assert sum(map(len, full)) > 4 * sum(map(len, part))
    assert sum(map(len, part)) / 64 / 60 == pytest.approx(3, rel=0.1)
    for minutes in (0.2, 1):
        little = splits.part(result, DataConfig(minutes=minutes), WIDE).train
        assert {item.subject for item in little} == {"2", "3", "8"}
        assert sum(map(len, little)) / 64 / 60 == pytest.approx(minutes, rel=0.1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"fs": 128}, "at 128 Hz"),
        ({"subject": ["a"]}, "do not fit together"),
        ({"envelope": np.zeros((4, 50))}, "can be used"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path, values, message):
    with pytest.raises(UserError, match=message):
        data.open_dataset(npz(tmp_path / "a.npz", **values))


def test_no_stimulus_and_no_data(tmp_path):
    np.savez(tmp_path / "a.npz", eeg=np.zeros((2, 640, 8)), fs=64)
    (tmp_path / "empty").mkdir()
    for path, message in (
        ("a.npz", "names no stimulus"),
        ("empty", "holds no data set"),
        ("nowhere", "not found"),
    ):
        with pytest.raises(UserError, match=message):
            data.open_dataset(tmp_path / path)
    with pytest.raises(UserError, match="no subject 7"):
        data.open_dataset(located("sample"), subjects=["7"])
    with pytest.raises(UserError, match="No data set"):
        located("")


def test_stimuli_of_every_kind(tmp_path):
    envelope = generator.gamma(1, size=640).astype(np.float32)
    np.save(tmp_path / "a.npy", envelope[:, None])
    np.savez(tmp_path / "b.npz", envelope=np.repeat(envelope, 2), fs=128)
    np.testing.assert_array_equal(read_stimulus(tmp_path / "a.npy"), envelope)
    assert len(read_stimulus(tmp_path / "b.npz")) == 640
    np.save(tmp_path / "c.npy", np.zeros(640))
    with pytest.raises(UserError, match="cannot be used"):
        read_stimulus(tmp_path / "c.npy")
