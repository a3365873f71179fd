"""EEG as named arrays of NumPy and MATLAB: read as it is meant, with what was made of it said, or refused."""

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from models.eeg.channels import BIOSEMI64
from models.eeg.commands import use as decode
from models.eeg.preprocessing import preprocess
from models.eeg.recordings import open_recording
from models.errors import UserError
from tests.cases.edf import write_edf
from tests.cases.noise import NAMES, brain, remarks


def test_volts_are_known_by_their_size(tmp_path):
    np.savez(tmp_path / "a.npz", eeg=(brain() * 1e-6).astype(np.float32), fs=64, channels=np.array(NAMES))
    result = open_recording(tmp_path / "a.npz")
    np.testing.assert_allclose(result.read(), brain(), rtol=1e-4, atol=1e-4)
    assert "in volts" in remarks(result)
    np.savez(tmp_path / "b.npz", eeg=brain() / 10, fs=64, channels=np.array(NAMES))  # standard deviations
    assert "volts" not in remarks(open_recording(tmp_path / "b.npz"))
    np.savez(tmp_path / "c.npz", eeg=brain() * 1e-3, fs=64, channels=np.array(NAMES))
    np.testing.assert_allclose(open_recording(tmp_path / "c.npz").read(), brain(), rtol=1e-4, atol=1e-4)
    assert "millivolts" in remarks(open_recording(tmp_path / "c.npz"))


def test_too_few_names_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", eeg=brain(channels=64), fs=64, channels=np.array(BIOSEMI64[:60]))
    with pytest.raises(UserError, match="64 channels and 60"):
        open_recording(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", eeg=brain(channels=64), fs=64, channels=np.array(["Cz"] * 64))
    with pytest.raises(UserError, match="64 channels and 1"):
        open_recording(tmp_path / "b.npz")


@pytest.mark.parametrize(
    "rate", ["64 Hz", "64", "64,0 Hz", b"64 Hz", "0.064 kHz", "6.4e1", 64, [[64]], [64, 64]]
)
def test_a_rate_in_any_spelling(tmp_path, rate):
    np.savez(tmp_path / "a.npz", eeg=brain(), fs=np.array(rate), channels=np.array(NAMES))
    assert open_recording(tmp_path / "a.npz").sample_rate == 64


@pytest.mark.parametrize("name", ["Fs", "sr", "rate", "fsample", "SamplingRate"])
def test_a_rate_by_any_of_its_names(tmp_path, name):
    np.savez(tmp_path / "a.npz", eeg=brain(), channels=np.array(NAMES), **{name: 128})
    result = open_recording(tmp_path / "a.npz")
    assert (result.sample_rate, remarks(result)) == (128, "")


@pytest.mark.parametrize("names", [np.array([name.encode() for name in NAMES]), np.array(", ".join(NAMES))])
def test_names_as_bytes_or_in_one_text(tmp_path, names):
    np.savez(tmp_path / "a.npz", eeg=brain(), fs=64, channels=names)
    assert open_recording(tmp_path / "a.npz").channel_names == NAMES


def test_names_say_which_way_an_array_lies(tmp_path):
    np.savez(tmp_path / "a.npz", eeg=brain(1)[:20].T, fs=64, channels=np.array(NAMES))
    result = open_recording(tmp_path / "a.npz")
    assert (result.time, len(result.channel_names)) == (20, 12)
    assert "turned" in remarks(result)


def test_what_is_made_up_or_too_large_for_a_brain_is_said(tmp_path):
    eeg = brain(20, 64)
    eeg[:, 5] = 0
    np.savez(tmp_path / "a.npz", eeg=eeg, fs=64, channels=np.array(BIOSEMI64))
    done = preprocess(open_recording(tmp_path / "a.npz"))
    assert f"{BIOSEMI64[5]} (flat)" in " ".join(map(str, done.history.remarks))
    np.savez(tmp_path / "b.npz", eeg=brain(20, 64) * 1000, fs=64, channels=np.array(BIOSEMI64))  # nV
    assert "no EEG does" in " ".join(map(str, preprocess(open_recording(tmp_path / "b.npz")).history.remarks))


def test_an_envelope_that_is_flat_is_none(tmp_path):
    np.savez(tmp_path / "a.npz", eeg=brain(), fs=64, channels=np.array(NAMES), envelope=np.ones(640))
    result = open_recording(tmp_path / "a.npz")
    assert result.envelope is None
    assert "flat" in remarks(result)
    broken = np.where(np.arange(640) == 9, np.nan, np.arange(640.0))
    np.savez(tmp_path / "b.npz", eeg=brain(), fs=64, channels=np.array(NAMES), envelope=broken)
    result = open_recording(tmp_path / "b.npz")
    assert result.envelope is None
    assert "no numbers" in remarks(result)


def test_the_cut_to_an_envelope_of_another_length_is_said(tmp_path, capsys):
    envelope = np.random.default_rng(0).random(30 * 64)
    np.savez(tmp_path / "a.npz", eeg=brain(20, 64), fs=64, channels=np.array(BIOSEMI64), envelope=envelope)
    [row] = decode("bundled", [tmp_path / "a.npz"], tmp_path / "out.npz", device="cpu")["files"]
    assert "The stimulus was cut by 10.00 s to the length of the EEG." in row["remarks"]


def test_two_channels_of_one_name(tmp_path):
    names = [*NAMES[:-1], "Fp1"]
    result = open_recording(write_edf(tmp_path / "a.edf", brain(), names))
    assert result.channel_names == NAMES[:-1]
    np.testing.assert_allclose(result.read()[:, 0], brain()[:, 0], atol=0.11)
    assert "same place: Fp1 (Fp1)" in remarks(result)


def test_a_clock_that_runs_back_and_records_of_no_length_are_said(tmp_path):
    path = write_edf(tmp_path / "a.edf", brain(), NAMES, onsets=[*range(5), *range(2, 7)], plus="EDF+D")
    assert "run back" in remarks(open_recording(path))
    data = write_edf(tmp_path / "b.edf", brain(), NAMES).read_bytes()
    (tmp_path / "b.edf").write_bytes(data[:244] + b"0".ljust(8) + data[252:])
    assert "one second was assumed" in remarks(open_recording(tmp_path / "b.edf"))
    (tmp_path / "b.edf").write_bytes(data[:168] + b"32.13.9925.61.61" + data[184:])
    with pytest.raises(UserError, match="time in its header"):
        open_recording(tmp_path / "b.edf")


def test_arrays_under_the_ending_of_another_kind(tmp_path):
    np.savez(tmp_path / "a.npz", eeg=brain(), fs=64, channels=np.array(NAMES))
    (tmp_path / "a.npz").rename(tmp_path / "a.edf")
    assert open_recording(tmp_path / "a.edf").channel_names == NAMES


def test_a_pointer_of_git_lfs_is_called_so(tmp_path):
    for name in ("a.edf", "a.npz", "a.mat"):
        (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
        with pytest.raises(UserError, match="pointer"):
            open_recording(tmp_path / name)


@pytest.mark.parametrize("rate", ["quick", "", [64, 65], np.nan, 0, 1e30])
def test_a_rate_that_is_none(tmp_path, rate):
    np.savez(tmp_path / "a.npz", eeg=brain(), fs=np.array(rate), channels=np.array(NAMES))
    with pytest.raises(UserError):
        open_recording(tmp_path / "a.npz")


def test_cells_of_matlab_are_trials(tmp_path):
    cell = np.empty((1, 2), object)
    cell[0, 0], cell[0, 1] = brain(8), brain(5)
    scipy.io.savemat(tmp_path / "a.mat", {"eeg": cell, "fs": 64.0})
    result = open_recording(tmp_path / "a.mat")
    assert [trial.duration_s for trial in result.trials] == [8, 5]
    cell[0, 1] = "text"
    scipy.io.savemat(tmp_path / "b.mat", {"eeg": cell, "fs": 64.0})
    with pytest.raises(UserError, match="is not EEG"):
        open_recording(tmp_path / "b.mat")


@pytest.mark.parametrize("seconds", [10, 0.5])
def test_eeglabs_structure_in_a_plain_mat(tmp_path, seconds):
    eeg = brain()[: int(seconds * 64)]
    labels = np.array([(name,) for name in NAMES], dtype=[("labels", "O")])
    scipy.io.savemat(tmp_path / "a.mat", {"EEG": {"data": eeg.T, "srate": 64.0, "chanlocs": labels}})
    result = open_recording(tmp_path / "a.mat")
    assert result.channel_names == NAMES
    np.testing.assert_allclose(result.read(), eeg, rtol=1e-5)


def test_what_unpacks_to_more_than_memory_is_refused_before(tmp_path, monkeypatch):
    from models import files

    monkeypatch.setattr(files, "LARGEST_UNPACKED", 2**20)
    scipy.io.savemat(tmp_path / "a.mat", {"eeg": np.zeros((2**19, 2)), "fs": 64.0}, do_compression=True)
    np.savez_compressed(tmp_path / "a.npz", eeg=np.zeros((2**19, 2)))
    for name in ("a.mat", "a.npz"):
        with pytest.raises(UserError, match="too large when it is unpacked"):
            open_recording(tmp_path / name)


def test_arrays_that_are_not_whole(tmp_path):
    np.savez(tmp_path / "a.npz", eeg=brain(), fs=64)
    data = (tmp_path / "a.npz").read_bytes()
    np.save(tmp_path / "a.npy", brain())
    array = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "cut.npz").write_bytes(data[: len(data) // 2])
    (tmp_path / "cut.npy").write_bytes(array[: len(array) // 2])
    (tmp_path / "lies.npy").write_bytes(array.replace(b"(640, 12)", b"(1<<40,)") + bytes(64))
    (tmp_path / "huge.npy").write_bytes(array.replace(b"(640, 12), }   ", b"(9999999999,12)}"))
    for name in ("cut.npz", "cut.npy", "lies.npy", "huge.npy"):
        with pytest.raises(UserError, match=name):
            open_recording(tmp_path / name)
