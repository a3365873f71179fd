"""EEG as amplifiers and other programs leave it: read as it is meant, with what was made of it said, or refused."""

import json
import struct

import mne
import numpy as np
import pytest
import scipy.io
import scipy.sparse

from models.eeg.channels import BIOSEMI64, canonical
from models.eeg.cleaning import Cleaning
from models.eeg.commands import use as decode
from models.eeg.preprocessing import History, preprocess, replay
from models.eeg.recordings import open_recording
from models.errors import UserError
from tests.cases.edf import write_edf

NAMES = ("Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2", "T7", "T8")


def brain(seconds=10, channels=12, rate=64):
    return np.random.default_rng(0).normal(0, 10, (seconds * rate, channels))


def remarks(recording):
    return " ".join(map(str, recording.remarks))


@pytest.mark.parametrize(
    ("kind", "name"), [("bdf", "a.edf"), ("edf", "a.bdf"), ("edf", "a.dat"), ("bdf", "a")]
)
def test_what_a_file_is_goes_by_its_first_bytes(tmp_path, kind, name):
    path = write_edf(tmp_path / name, brain(), NAMES, kind=kind)
    result = open_recording(path)
    assert result.duration_s == 10
    np.testing.assert_allclose(result.read(), brain(), atol=0.11)


def test_records_that_are_not_there_are_said(tmp_path):
    path = write_edf(tmp_path / "a.edf", brain(), NAMES, claimed=25)
    assert open_recording(path).duration_s == 10
    assert "10.0 s of 25.0 s" in remarks(open_recording(path))
    path = write_edf(tmp_path / "b.edf", brain(), NAMES, claimed=4)
    assert "names 4 records, and 10 are there" in remarks(open_recording(path))
    path = write_edf(tmp_path / "c.edf", brain(), NAMES, claimed=-1)  # its length was never written
    assert open_recording(path).duration_s == 10
    assert not open_recording(path).remarks


@pytest.mark.parametrize("kind", ["edf", "bdf"])
def test_a_pause_is_said(tmp_path, kind):
    onsets = [0, 1, 2, 3, 4, 105, 106, 107, 108, 109]
    path = write_edf(tmp_path / "a.edf", brain(), NAMES, kind=kind, onsets=onsets, plus="EDF+D")
    assert "at 5.0 s" in remarks(open_recording(path))
    assert "100.0 s are missing" in remarks(open_recording(path))
    path = write_edf(tmp_path / "b.edf", brain(), NAMES, kind=kind, onsets=range(10), plus="EDF+C")
    assert "missing" not in remarks(open_recording(path))


def test_an_annotation_in_latin_1(tmp_path):
    path = write_edf(tmp_path / "a.edf", brain(), NAMES, onsets=range(10), note=b"caf\xe9", plus="EDF+C")
    result = open_recording(path)
    np.testing.assert_allclose(result.read(), brain(), atol=0.11)
    assert "Latin-1" in remarks(result)


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        (b"uV", 1),
        ("µV".encode(), 1),
        (b"\xb5V", 1),
        ("μV".encode(), 1),
        (b"mV", 1000),
        (b"nV", 1e-3),
        (b"UV", 1),
        (b"microV", 1),
        (b"", 1),
        (b"x", 1),
    ],
)
def test_units_as_they_are_written(tmp_path, unit, factor):
    result = open_recording(write_edf(tmp_path / "a.edf", brain(), NAMES, unit=unit))
    assert float(np.median(result.read().std(0))) == pytest.approx(10 * factor, rel=0.1)
    assert ("µV were assumed" in remarks(result)) == (unit in (b"", b"x"))


def test_old_names_are_those_of_today(tmp_path):
    old = (*NAMES[:-2], "T3", "T4", "T5", "T6")
    path = write_edf(tmp_path / "a.edf", brain(channels=14), [f"EEG {name}-LE" for name in old])
    result = open_recording(path)
    assert result.channel_names == (*NAMES, "P7", "P8")
    assert "T3 = T7" in remarks(result)
    done = preprocess(result, channels=[*NAMES, "P7", "P8"], cleaning=Cleaning(find_bad=False))
    assert not [step for step in done.history.steps if step["step"] == "interpolate"]
    assert canonical("EEG T5.") == "P7"


def test_two_channels_at_one_place(tmp_path):
    names = ["C3-A1", "C3-A2", "C4-A1", "F3-A2", "F4-A1", "O1-A2"]
    result = open_recording(write_edf(tmp_path / "a.edf", brain(channels=6), names))
    assert result.channel_names == ("C3", "C4", "F3", "F4", "O1")
    np.testing.assert_allclose(result.read()[:, 0], brain(channels=6)[:, 0], atol=0.11)
    assert "C3-A2 (C3-A1)" in remarks(result)


def test_one_common_ending_is_the_reference(tmp_path):
    names = [f"{name}-Cz" for name in NAMES]
    result = open_recording(write_edf(tmp_path / "a.edf", brain(), names))
    assert result.channel_names == NAMES
    assert "-Cz" in remarks(result)


def test_a_lying_header_is_refused(tmp_path):
    whole = write_edf(tmp_path / "a.edf", brain(), NAMES).read_bytes()
    for place, text in (
        (252, b"9999"),
        (252, b"-1  "),
        (184, b"512     "),
        (244, b"nan     "),
        (244, b"-1      "),
    ):
        (tmp_path / "b.edf").write_bytes(whole[:place] + text + whole[place + len(text) :])
        with pytest.raises(UserError, match="header is damaged"):
            open_recording(tmp_path / "b.edf")


def test_an_empty_file_is_said_to_be_empty(tmp_path):
    for name in ("a_raw.fif", "a.edf", "a.vhdr", "a.set", "a.npz", "a.mat"):
        (tmp_path / name).touch()
        with pytest.raises(UserError, match="is empty"):
            open_recording(tmp_path / name)


def test_a_renamed_brainvision_recording(tmp_path):
    import pybv

    pybv.write_brainvision(
        data=brain().T * 1e-6, sfreq=64, ch_names=list(NAMES), fname_base="original", folder_out=str(tmp_path)
    )
    for ending in ("vhdr", "eeg"):
        (tmp_path / f"original.{ending}").rename(tmp_path / f"talk.{ending}")
    (tmp_path / "original.vmrk").unlink()
    result = open_recording(tmp_path / "talk.vhdr")
    np.testing.assert_allclose(result.read(), brain(), atol=0.2)
    assert "talk.eeg beside it was read" in remarks(result)
    (tmp_path / "talk.eeg").unlink()
    with pytest.raises(UserError, match=r"original\.eeg"):
        open_recording(tmp_path / "talk.vhdr")


def test_a_header_names_no_file_elsewhere(tmp_path):
    import pybv

    (tmp_path / "in").mkdir()
    pybv.write_brainvision(
        data=brain().T * 1e-6,
        sfreq=64,
        ch_names=list(NAMES),
        fname_base="own",
        folder_out=str(tmp_path / "in"),
    )
    (tmp_path / "in" / "own.eeg").rename(tmp_path / "secret.eeg")
    header = tmp_path / "in" / "own.vhdr"
    header.write_bytes(header.read_bytes().replace(b"DataFile=own.eeg", b"DataFile=../secret.eeg"))
    with pytest.raises(UserError, match="not complete"):
        open_recording(header)


# Named arrays


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


# Histories


@pytest.mark.parametrize(
    "step",
    [
        {"step": "resample", "from_hz": 64, "to_hz": 1e30},
        {"step": "resample", "from_hz": 64, "to_hz": 0},
        {"step": "resample", "from_hz": "64 Hz", "to_hz": 64},
        {"step": "band-pass", "low_hz": float("nan"), "high_hz": 32},
        {"step": "band-pass", "low_hz": 0.5, "high_hz": -1},
        {"step": "interpolate", "channels": [[[]]]},
        {"step": "pick", "channels": []},
        {"step": "os.system"},
        {"step": ["pick"]},
        {},
    ],
)
def test_every_number_of_a_history_is_bounded(tmp_path, step):
    np.savez(tmp_path / "a.npz", eeg=brain(), fs=64, channels=np.array(NAMES))
    steps = [
        {"step": "pick", "channels": list(NAMES)},
        {"step": "resample", "from_hz": 64, "to_hz": 64},
        step,
    ]
    (tmp_path / "h.json").write_text(json.dumps({"format": 1, "steps": steps}))
    with pytest.raises(UserError, match="no history"):
        replay(open_recording(tmp_path / "a.npz"), History.load(tmp_path / "h.json"))


def test_a_mat_whose_types_cannot_be(tmp_path):
    """SciPy looks types up by number, and ends the process where there is none of it."""
    scipy.io.savemat(tmp_path / "a.mat", {"eeg": brain(), "fs": 64.0})
    whole = (tmp_path / "a.mat").read_bytes()
    assert open_recording(tmp_path / "a.mat").duration_s == 10
    place = whole.index(b"eeg\0") + 4  # behind its name: the type of its numbers
    for kind in (0, 8, 10, 11, 200, 0x7FFF_FFFF, 0xFFFF_FFFF):
        (tmp_path / "b.mat").write_bytes(whole[:place] + kind.to_bytes(4, "little") + whole[place + 4 :])
        with pytest.raises(UserError, match="damaged"):
            open_recording(tmp_path / "b.mat")
    (tmp_path / "c.mat").write_bytes(whole[:-100])
    with pytest.raises(UserError, match="not copied to its end"):
        open_recording(tmp_path / "c.mat")


def test_what_matlab_keeps_besides_numbers(tmp_path):
    cell = np.empty((1, 2), object)
    cell[0, 0], cell[0, 1] = "text", np.array([[True, False]])
    sparse = scipy.sparse.csc_matrix(np.eye(3))
    values = {
        "eeg": brain(),
        "fs": 64,
        "z": 1j * np.ones(3),
        "s": {"a": 1, "b": "x"},
        "c": cell,
        "m": sparse,
        "e": [],
    }
    for packed in (False, True):
        scipy.io.savemat(tmp_path / "a.mat", values, do_compression=packed)
        assert open_recording(tmp_path / "a.mat").duration_s == 10


def test_a_fif_whose_parts_form_a_ring(tmp_path):
    import mne

    raw = mne.io.RawArray(brain().T * 1e-6, mne.create_info(list(NAMES), 64, "eeg"), verbose="error")
    raw.save(tmp_path / "a_raw.fif", verbose="error")
    assert open_recording(tmp_path / "a_raw.fif").duration_s == 10
    data = bytearray((tmp_path / "a_raw.fif").read_bytes())
    second = 16 + int.from_bytes(data[8:12], "big")
    data[second + 12 : second + 16] = (0).to_bytes(4, "big", signed=True)
    third = second + 16 + int.from_bytes(data[second + 8 : second + 12], "big")
    data[third + 12 : third + 16] = (16).to_bytes(4, "big")
    (tmp_path / "b_raw.fif").write_bytes(data)
    with pytest.raises(UserError, match="ring"):
        open_recording(tmp_path / "b_raw.fif")
    data[third + 8 : third + 16] = struct.pack(">ii", 16 - third, 0)  # a length that leads back
    (tmp_path / "c_raw.fif").write_bytes(data)
    with pytest.raises(UserError, match="ring"):
        open_recording(tmp_path / "c_raw.fif")


def test_fif_files_that_are_no_whole_recording(tmp_path):
    about = mne.create_info(list(NAMES), 64, "eeg")
    mne.EpochsArray(brain().T[None] / 1e6, about, verbose="error").save(
        tmp_path / "a_epo.fif", verbose="error"
    )
    with pytest.raises(UserError, match="no continuous recording"):
        open_recording(tmp_path / "a_epo.fif")
    raw = mne.io.RawArray(np.zeros((12, 64 * 3000)), about, verbose="error")
    raw.save(tmp_path / "b_raw.fif", split_size="3MB", verbose="error")
    assert len(list(tmp_path.glob("b_raw*.fif"))) > 1
    (tmp_path / "b_raw-1.fif").unlink()
    with pytest.raises(UserError, match=r"goes on in b_raw-1\.fif"):
        open_recording(tmp_path / "b_raw.fif")
