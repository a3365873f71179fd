"""Recordings of every format, made here: opened, preprocessed, run again from their history, mended, refused in words."""

import numpy as np
import pytest
import scipy.io

from models.eeg import channels, recordings, resampling
from models.eeg.alignment import align
from models.eeg.cleaning import Cleaning
from models.eeg.preprocessing import History, bad_channels, preprocess, replay
from models.eeg.recordings import BIOSEMI64, Recording, open_recording
from models.eeg.signal_config import PreprocessingConfig
from models.errors import UserError
from models.progress import Cancelled, Progress

RATE = 128
SECONDS = 40


def brain(seconds=SECONDS, rate=RATE, channels=64, seed=0):
    """Slow, spatially smooth noise in µV: [time, channels]."""
    generator = np.random.default_rng(seed)
    time = np.arange(seconds * rate) / rate
    sources = np.stack(
        [np.sin(2 * np.pi * f * time + p) for f, p in zip((2, 3.1, 5, 7, 9.3, 11), range(6), strict=True)], 1
    )
    places = np.linspace(0, 3, channels)
    mixing = np.stack([np.cos(places * (k + 1)) for k in range(6)])
    return 8 * sources @ mixing + generator.normal(0, 2, (len(time), channels))


def raw_of(eeg, names=BIOSEMI64, rate=RATE):
    import mne

    return mne.io.RawArray(eeg.T * 1e-6, mne.create_info(list(names), rate, "eeg"), verbose="error")


def write(folder, kind, eeg):
    import mne

    path = (
        folder
        / f"talk{ {'fif': '_raw.fif', 'edf': '.edf', 'bdf': '.bdf', 'set': '.set', 'vhdr': '.vhdr'}[kind] }"
    )
    if kind == "fif":
        raw_of(eeg).save(path, verbose="error")
    elif kind in ("edf", "set"):
        mne.export.export_raw(path, raw_of(eeg), verbose="error")
    elif kind == "vhdr":
        import pybv

        pybv.write_brainvision(
            data=eeg.T * 1e-6,
            sfreq=RATE,
            ch_names=list(BIOSEMI64),
            fname_base="talk",
            folder_out=str(folder),
        )
    else:
        write_bdf(path, eeg, [*BIOSEMI64])
    return path


def write_bdf(path, eeg, names, rate=RATE):
    """By hand: BioSemi's 24-bit format, with an EXG channel and the status channel."""
    seconds = len(eeg) // rate
    labels = [*names, "EXG1", "Status"]
    signals = np.concatenate([eeg, np.zeros((len(eeg), 2))], axis=1)
    count = len(labels)
    head = b"\xffBIOSEMI" + b"subject".ljust(80) + b"recording".ljust(80) + b"01.01.2301.01.01"
    head += (
        str(256 * (count + 1)).encode().ljust(8)
        + b"24BIT".ljust(44)
        + str(seconds).encode().ljust(8)
        + b"1".ljust(8)
    )
    head += str(count).encode().ljust(4)
    fields = [
        [name.encode().ljust(16) for name in labels], [b"Active Electrode".ljust(80)] * count,
        [b"uV".ljust(8)] * (count - 1) + [b"Boolean".ljust(8)], [b"-262144".ljust(8)] * count, [b"262144".ljust(8)] * count,
        [b"-8388608".ljust(8)] * count, [b"8388607".ljust(8)] * count, [b"".ljust(80)] * count,
        [str(rate).encode().ljust(8)] * count, [b"".ljust(32)] * count,
    ]  # fmt: skip
    head += b"".join(b"".join(field) for field in fields)
    numbers = (
        np.round(signals / (524288 / 16777215)).astype("<i4").reshape(seconds, rate, count).transpose(0, 2, 1)
    )
    path.write_bytes(
        head + np.ascontiguousarray(numbers).view(np.uint8).reshape(*numbers.shape, 4)[..., :3].tobytes()
    )


@pytest.mark.parametrize("kind", ["fif", "edf", "bdf", "set", "vhdr"])
def test_every_format_is_read_preprocessed_and_replayed(tmp_path, kind):
    eeg = brain()
    path = write(tmp_path, kind, eeg)
    opened = open_recording(path)
    assert opened.channel_names == BIOSEMI64
    assert opened.sample_rate == RATE
    np.testing.assert_allclose(opened.read(3, 5)[:, :5], eeg[3 * RATE : 5 * RATE, :5], atol=0.1)
    done = preprocess(opened)
    assert done.eeg.shape == (SECONDS * 64, 64)
    done.history.save(tmp_path / "history.json")
    again = replay(open_recording(path), History.load(tmp_path / "history.json"))
    np.testing.assert_array_equal(again.eeg, done.eeg)
    assert again.history == done.history


def test_preprocessing_is_what_it_says(tmp_path):
    """Against the same steps by MNE alone: reference, filter, resample."""
    import mne

    eeg = brain(60)
    opened = in_memory(eeg)
    ours = preprocess(opened, cleaning=Cleaning(find_bad=False)).eeg
    raw = raw_of(eeg)
    raw.set_eeg_reference("average", verbose="error")
    raw.filter(0.5, 28.8, verbose="error")
    raw.resample(64, verbose="error")
    theirs = raw.get_data().T * 1e6
    middle = slice(10 * 64, 50 * 64)
    for channel in (0, 20, 47):
        assert np.corrcoef(ours[middle, channel], theirs[middle, channel])[0, 1] > 0.99
    assert isinstance(mne.__version__, str)
    assert np.abs(ours.mean(axis=1)).max() < 1e-3  # the average is the reference


def in_memory(eeg, names=BIOSEMI64, rate=RATE, **values):
    from pathlib import Path

    array = np.asarray(eeg, np.float32)
    return Recording(
        Path("memory.fif"), tuple(names), rate, len(array), lambda a, b: array[a:b].copy(), **values
    )


def test_blocks_are_the_whole(monkeypatch):
    eeg = brain()
    whole = preprocess(in_memory(eeg), cleaning=Cleaning(find_bad=False)).eeg
    monkeypatch.setattr(resampling, "BLOCK_S", 7.3)
    middle = slice(64, -64)  # the resampler starts from the first block's median
    np.testing.assert_allclose(
        preprocess(in_memory(eeg), cleaning=Cleaning(find_bad=False)).eeg[middle], whole[middle], atol=0.05
    )


def test_flat_noisy_and_missing_channels_are_interpolated():
    eeg = brain()
    clean = preprocess(in_memory(eeg)).eeg
    broken = eeg.copy()
    broken[:, 5] = 3.0
    broken[:, 30] += np.random.default_rng(1).normal(0, 900, len(eeg))
    names = list(BIOSEMI64)
    lacking = names.index("Cz")
    kept = [n for n in range(64) if n != lacking]
    result = preprocess(in_memory(broken[:, kept], [names[n] for n in kept]), channels=BIOSEMI64)
    step = next(step for step in result.history.steps if step["step"] == "interpolate")
    assert dict(zip(step["channels"], step["reasons"], strict=True)) == {
        names[5]: "flat", names[30]: "noisy", "Cz": "missing",
    }  # fmt: skip
    for channel in (5, 30, lacking):  # spherical splines come near what was there
        assert np.abs(result.eeg[:, channel]).max() < 10 * np.abs(clean).max()
        assert result.eeg[:, channel].std() > 0.1
    good = [n for n in range(64) if n not in (5, 30, lacking)]
    assert np.corrcoef(result.eeg[:, good].ravel(), clean[:, good].ravel())[0, 1] > 0.95


def test_too_many_missing_channels_are_refused():
    with pytest.raises(UserError, match=r"too few good channels.*20 of 64"):
        preprocess(in_memory(brain()[:, :44], BIOSEMI64[:44]), channels=BIOSEMI64)


def test_none_of_the_channels():
    with pytest.raises(UserError, match="none of the channels"):
        preprocess(in_memory(brain()[:, :4], ("a", "b", "c", "d")), channels=BIOSEMI64)


def test_gaps_are_filled_and_a_channel_of_nothing_is_bad():
    eeg = brain()
    eeg[500:510, 3] = np.nan
    eeg[:, 7] = np.nan
    result = preprocess(in_memory(eeg))
    assert np.isfinite(result.eeg).all()
    step = next(step for step in result.history.steps if step["step"] == "interpolate")
    assert step["reasons"] == ["not a number"]
    assert any("no numbers" in str(remark) for remark in result.history.remarks)


def test_marked_channels_are_believed():
    result = preprocess(in_memory(brain(), marked_bad=("Fz",)), cleaning=Cleaning(bad=("Pz",)))
    step = next(step for step in result.history.steps if step["step"] == "interpolate")
    assert step["channels"] == ["Fz", "Pz"]


def test_an_artefact_does_not_make_a_channel_bad():
    eeg = brain()
    eeg[100:160, 4] += 2000
    assert bad_channels(eeg, BIOSEMI64) == {}


def test_a_slow_recording_is_refused():
    with pytest.raises(UserError, match="too slow"):
        preprocess(in_memory(brain(rate=20), rate=20))


def test_an_electrode_offset_of_tens_of_millivolts_does_not_matter():
    eeg = brain()
    np.testing.assert_allclose(
        preprocess(in_memory(eeg + 30_000)).eeg, preprocess(in_memory(eeg)).eeg, atol=0.2
    )


def test_history_of_another_recording_and_broken_ones(tmp_path):
    history = preprocess(in_memory(brain())).history
    with pytest.raises(UserError, match="another recording"):
        replay(in_memory(brain(rate=256), rate=256), history)
    (tmp_path / "h.json").write_text("{}")
    with pytest.raises(UserError, match="no history"):
        History.load(tmp_path / "h.json")
    (tmp_path / "h.json").write_text('{"format": 1, "steps": [{"step": "os.system"}]}')
    with pytest.raises(UserError, match="no history"):
        History.load(tmp_path / "h.json")


@pytest.mark.parametrize(
    ("values", "words", "chinese"),
    [
        ({"format": 99, "steps": []}, "a newer Polyphony wrote it", "更新版本"),
        ({"format": 1, "steps": [{"step": "magic"}]}, "not known: magic", "未知的步骤：magic"),
        ({"format": 1, "steps": [{"step": "reference", "to": "channels"}]}, "names them", "写明"),
    ],
)
def test_why_a_history_is_none_is_said_in_the_language_of_the_window(tmp_path, values, words, chinese):
    import gettext
    import json

    from models.resources import resource

    (tmp_path / "h.json").write_text(json.dumps(values))
    with pytest.raises(UserError) as caught:
        History.load(tmp_path / "h.json")
    assert words in str(caught.value)
    with resource("translations/zh_CN/LC_MESSAGES/polyphony.mo").open("rb") as file:
        said = caught.value.sentences(gettext.GNUTranslations(file).gettext)
    assert chinese in said[1]


def test_cancelling():
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        preprocess(in_memory(brain()), progress=progress)


@pytest.mark.parametrize("suffix", [".npz", ".mat", ".npy"])
def test_arrays(tmp_path, suffix):
    eeg = brain(10, 64).astype(np.float32)
    path = tmp_path / f"a{suffix}"
    if suffix == ".npz":
        np.savez(path, eeg=eeg, fs=64)
    elif suffix == ".npy":
        np.save(path, eeg)
    else:
        scipy.io.savemat(path, {"eeg": eeg, "fs": 64})
    opened = open_recording(path)
    assert (opened.time, opened.sample_rate, len(opened.channel_names)) == (640, 64, 64)
    np.testing.assert_array_equal(opened.read(1, 2), eeg[64:128])


def test_channels_first_and_trials(tmp_path):
    eeg = brain(10, 64)
    np.savez(tmp_path / "a.npz", eeg=eeg.T, fs=64)
    assert open_recording(tmp_path / "a.npz").time == 640
    np.savez(tmp_path / "b.npz", eeg=np.stack([eeg, eeg]), fs=64, envelope=eeg[:, 0])
    opened = open_recording(tmp_path / "b.npz")
    assert len(opened.trials) == 2
    assert opened.trials[1].envelope.shape == (640,)


def test_broken_files_are_refused_in_words(tmp_path):
    (tmp_path / "a.edf").write_bytes(b"nonsense" * 100)
    (tmp_path / "b.npz").write_bytes(b"PK nonsense")
    (tmp_path / "c.txt").write_text("x")
    np.savez(tmp_path / "d.npz", other=np.zeros(3))
    np.savez(tmp_path / "e.npz", eeg=np.zeros((0, 64)))
    np.savez(tmp_path / "f.npz", eeg=np.zeros((100, 64)), fs=0)
    np.save(tmp_path / "g.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    for name in ("a.edf", "b.npz", "c.txt", "d.npz", "e.npz", "f.npz", "g.npy", "missing.bdf"):
        with pytest.raises(UserError):
            open_recording(tmp_path / name)


def test_names_are_recognised_however_they_are_written():
    names = recordings.standard_names()
    for written in ("EEG Fp1-Ref", "FP1", "fp1.", "EEG Fp1"):
        assert names[channels.plain(written)] == "Fp1"


def test_lengths_and_drift():
    eeg, envelope = np.zeros((6400, 4)), np.sin(np.arange(6400) / 9).astype(np.float32)
    assert align(eeg, envelope, 64).remark is None
    shorter = align(eeg, envelope[:6000], 64)
    assert len(shorter.eeg) == len(shorter.envelope) == 6000
    assert "cut" in str(shorter.remark)
    drifted = np.interp(np.linspace(0, 6399, 6394), np.arange(6400), envelope)
    stretched = align(eeg, drifted, 64, stretch=True)
    np.testing.assert_allclose(stretched.envelope, envelope, atol=0.02)
    assert "ppm" in str(stretched.remark)
    assert "drift" in str(align(eeg, drifted, 64).remark)
    with pytest.raises(UserError, match="more than a drift"):
        align(eeg, envelope[:5000], 64, stretch=True)
    with pytest.raises(UserError, match="too little in common"):
        align(eeg, envelope[:50], 64)


def test_settings_say_what_is_wrong():
    with pytest.raises(ValueError, match="below the low-pass"):
        PreprocessingConfig(low_hz=8, high_hz=4)
