"""EEG as amplifiers and other programs leave it: read as it is meant, with what was made of it said, or refused."""

import json
import struct

import mne
import numpy as np
import pytest
import scipy.io
import scipy.sparse

from models.eeg.channels import canonical
from models.eeg.cleaning import Cleaning
from models.eeg.preprocessing import History, preprocess, replay
from models.eeg.recordings import open_recording
from models.errors import UserError
from tests.cases.edf import write_edf
from tests.cases.noise import NAMES, brain, remarks


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
