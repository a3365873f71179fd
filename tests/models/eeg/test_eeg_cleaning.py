"""What people do to a recording before it is decoded: reference, notch, ICA; all of it run again from the history, and by
the script of MNE's own calls that the history becomes."""

import signal

import numpy as np
import pytest
from scipy.signal import lfilter

from models import cli
from models.eeg import ica
from models.eeg.channels import mastoids_of
from models.eeg.cleaning import Cleaning
from models.eeg.history import History
from models.eeg.mne_code import script
from models.eeg.preprocessing import preprocess, replay
from models.eeg.recordings import BIOSEMI64, open_recording
from models.eeg.signal_config import PreprocessingConfig
from models.eeg.steps import Signal
from models.errors import UserError
from models.progress import Cancelled, Progress
from tests.models.eeg.test_eeg_recordings import RATE, brain, in_memory, raw_of

AS_MNE = 0.01  # of the signal's standard deviation: how far the script may be from what it tells of
EDGES_S = 5


def blinks(seconds=60, rate=RATE, every_s=3.7):
    """[time]: one blink of 0.3 s every few seconds, in µV at the eye."""
    time = np.arange(seconds * rate) / rate
    return 200 * np.exp(-0.5 * (((time + every_s / 2) % every_s - every_s / 2) / 0.09) ** 2)


def beats(seconds=60, rate=RATE, hz=1.1):
    """[time]: an electrocardiogram's sharp waves, in µV."""
    time = np.arange(seconds * rate) / rate
    phase = (time * hz) % 1 / hz
    return 600 * (
        np.exp(-0.5 * ((phase - 0.2) / 0.02) ** 2) - 0.3 * np.exp(-0.5 * ((phase - 0.25) / 0.02) ** 2)
    )


def spread(names, place):
    """[channels]: how much of a source at an electrode reaches each, falling off with the distance on the scalp."""
    from models.eeg.scalp import positions

    where = positions(names)
    return np.exp(-np.sum((where - where[list(names).index(place)]) ** 2, axis=1) / 0.3)


def quiet_brain(seconds=60, rate=RATE):
    """Noise in µV whose power falls with frequency, as that of EEG does; neighbours are alike. [time, channels]"""
    apart = np.abs(np.subtract.outer(np.arange(64), np.arange(64)))
    mixing = np.linalg.cholesky(0.6 * np.exp(-apart / 6) + 0.4 * np.eye(64))
    noise = np.random.default_rng(3).normal(0, 2, (seconds * rate, 64)) @ mixing.T
    return lfilter([1], [1, -0.93], noise, axis=0)


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    """A FIF with eyes, heart, mastoids and annotations; two channels bad."""
    import mne

    seconds = 60
    eeg = quiet_brain(seconds)
    eye, heart = blinks(seconds), beats(seconds)
    eeg += eye[:, None] * spread(BIOSEMI64, "Fpz") + 0.05 * heart[:, None] * spread(BIOSEMI64, "P9")
    eeg[:, BIOSEMI64.index("C1")] = 4.0
    mastoid = np.random.default_rng(4).normal(0, 4, (seconds * RATE, 2))
    mains = 20 * np.sin(2 * np.pi * 50 * np.arange(seconds * RATE) / RATE)
    everything = np.concatenate([eeg + mains[:, None], mastoid, eye[:, None], heart[:, None]], axis=1)
    raw = raw_of(everything, [*BIOSEMI64, "M1", "M2", "VEOG", "ECG"])
    raw.set_channel_types({"VEOG": "eog", "ECG": "ecg"}, verbose="error")
    raw.info["bads"] = ["Oz"]
    raw.set_annotations(mne.Annotations([2.0, 30.5], [1.5, 0.0], ["bad, moved", "question"]))
    path = tmp_path_factory.mktemp("talk") / "talk_raw.fif"
    raw.save(path, verbose="error")
    return open_recording(path)


def apart(ours, theirs):
    """The largest difference of a channel, in its standard deviations, without the edges."""
    middle = slice(EDGES_S * 64, -EDGES_S * 64)
    return np.max(np.std(ours[middle] - theirs[middle], axis=0) / np.std(ours[middle], axis=0).mean())


def test_what_lies_beside_the_scalp_is_kept(talk):
    assert talk.channel_names == BIOSEMI64
    assert set(talk.aside) == {"M1", "M2", "VEOG", "ECG"}
    assert (talk.eyes, talk.heart) == (("VEOG",), ("ECG",))
    assert [(item.onset_s, item.duration_s, item.text) for item in talk.annotations] == [
        (2.0, 1.5, "bad, moved"),
        (30.5, 0.0, "question"),
    ]
    assert talk.read_aside(0, 100).shape == (100, 4)


def test_references(talk):
    plain = preprocess(talk, cleaning=Cleaning(reference="none")).eeg
    average = preprocess(talk).eeg
    np.testing.assert_allclose(average, plain - plain.mean(axis=1, keepdims=True), atol=0.02)
    by_channel = preprocess(talk, cleaning=Cleaning(reference="Cz")).eeg
    np.testing.assert_allclose(by_channel, plain - plain[:, [BIOSEMI64.index("Cz")]], atol=0.02)
    behind = preprocess(talk, cleaning=Cleaning(reference="mastoids"))
    assert behind.history.steps[-2] == {"step": "reference", "to": "channels", "channels": ["M1", "M2"]}
    common = plain - behind.eeg
    assert np.ptp(common, axis=1).max() < 0.02  # every channel lost the same
    assert common[:, 0].std() == pytest.approx(4 / np.sqrt(2) * np.sqrt(28 / 64), rel=0.15)
    again = replay(talk, behind.history)
    np.testing.assert_array_equal(again.eeg, behind.eeg)


def test_references_that_cannot_be(talk):
    with pytest.raises(UserError, match="no channel Q9"):
        preprocess(talk, cleaning=Cleaning(reference="Cz, Q9"))
    with pytest.raises(UserError, match="Oz is bad"):
        preprocess(talk, cleaning=Cleaning(reference="Oz"))
    with pytest.raises(UserError, match="no mastoids"):
        preprocess(in_memory(brain(10)), cleaning=Cleaning(reference="mastoids"))
    assert mastoids_of(["Cz", "a2", "A1", "TP9", "TP10"]) == ("A1", "a2")


def test_a_notch_takes_the_mains_and_nothing_where_none_is_left(talk):
    wide = PreprocessingConfig(sample_rate=128, high_hz=60)

    def mains(eeg):
        spectrum = np.abs(np.fft.rfft(eeg[:, 20] * np.hanning(len(eeg))))
        return spectrum[np.argmin(np.abs(np.fft.rfftfreq(len(eeg), 1 / 128) - 50))]

    raw_reference = Cleaning(reference="none")
    before = mains(preprocess(talk, wide, cleaning=raw_reference).eeg)
    result = preprocess(talk, wide, cleaning=Cleaning(reference="none", notch_hz=50))
    assert mains(result.eeg) < 0.03 * before
    assert {"step": "notch", "hz": [50.0]} in result.history.steps
    slow = preprocess(talk, cleaning=Cleaning(notch_hz=50))
    assert "No notch is needed" in " ".join(map(str, slow.history.remarks))
    assert "notch" not in [step["step"] for step in slow.history.steps]


@pytest.mark.slow
def test_eyes_and_heart_are_found_and_taken_out(talk, tmp_path):
    before = preprocess(talk).eeg
    result = preprocess(talk, cleaning=Cleaning(ica=True))
    step = next(step for step in result.history.steps if step["step"] == "ica")
    assert "eye" in step["found"]
    assert "heart" in step["found"]
    assert "C1" not in step["channels"]
    eye = np.interp(np.arange(len(before)) / 64, np.arange(60 * RATE) / RATE, blinks())
    front = BIOSEMI64.index("Fp1")
    assert np.corrcoef(before[:, front], eye)[0, 1] > 0.9
    assert abs(np.corrcoef(result.eeg[:, front], eye)[0, 1]) < 0.3
    clean = preprocess(in_memory(quiet_brain())).eeg
    far = BIOSEMI64.index("Pz")
    assert np.corrcoef(result.eeg[:, far], clean[:, far])[0, 1] > 0.95
    assert np.corrcoef(before[:, far], clean[:, far])[0, 1] < 0.9
    result.history.save(tmp_path / "history.json")
    again = replay(talk, History.load(tmp_path / "history.json"))
    np.testing.assert_array_equal(again.eeg, result.eeg)
    assert "patterns" not in " ".join(result.history.sentences())


def test_an_ica_is_cancelled_within_a_pass_and_says_how_far_it_is(talk):
    """As the window's worker cancels: from the progress that it handed down."""
    told = []

    def report(step):
        if step.message == "Looking for eyes and heart":
            told.append(step.fraction)
            if len(told) == 4:
                progress.cancel()

    progress = Progress(report)
    with pytest.raises(Cancelled):
        preprocess(talk, cleaning=Cleaning(ica=True), progress=progress)
    assert len(told) == 4
    assert told == sorted(told)
    assert told[-1] > told[0] >= 0.3


def test_an_ica_ends_in_the_terminal_with_the_key_that_interrupts(tmp_path, monkeypatch, capsys):
    passes, tell = [], ica._Passes.tell

    def interrupted(self):
        passes.append(1)
        if len(passes) == 4:
            signal.raise_signal(signal.SIGINT)
        tell(self)

    monkeypatch.setattr(ica._Passes, "tell", interrupted)
    np.save(tmp_path / "talk.npy", brain(60, 64))
    out = tmp_path / "out.npz"
    command = ["use", "eeg", str(tmp_path / "talk.npy"), "--ica", "--out", str(out), "--device", "cpu"]
    # What a shell starts behind it ignores the key.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = cli.main(command)
    finally:
        signal.signal(signal.SIGINT, before)
    assert code == 130
    assert len(passes) == 4
    assert "Cancelled" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.slow
def test_components_are_taken_out_as_mne_takes_them():
    """Against `ICA.apply` with the same components left out."""
    from unittest.mock import patch

    from mne.preprocessing import ICA

    eeg = brain(60, 64) + blinks(60, 64)[:, None] * spread(BIOSEMI64, "Fpz")
    made = Signal(eeg, BIOSEMI64, 64, blinks(60, 64)[:, None], ("VEOG",))
    kept = []
    fit = ICA.fit
    with patch.object(
        ICA, "fit", lambda self, *given, **more: kept.append(self) or fit(self, *given, **more)
    ):
        result = ica.find(made, BIOSEMI64, ["VEOG"], [])
    from models.eeg.steps import done
    from models.eeg.steps import raw_of as as_raw

    ours, _ = done(made, result.step)
    raw = as_raw(eeg, BIOSEMI64, 64)
    theirs = kept[0].apply(raw, exclude=kept[0].labels_["eog"], verbose="error").get_data().T * 1e6
    np.testing.assert_allclose(ours.eeg - ours.eeg.mean(0), theirs - theirs.mean(0), atol=1e-4)
    assert "heart" in " ".join(map(str, result.remarks))


@pytest.mark.slow
def test_without_blinks_nothing_is_taken_out():
    generator = np.random.default_rng(5)
    quiet = Signal(generator.normal(0, 8, (64 * 60, 64)), BIOSEMI64, 64, np.zeros((64 * 60, 0)))
    result = ica.find(quiet, BIOSEMI64, [], [])
    assert result.step is None
    said = " ".join(map(str, result.remarks))
    assert "Fp1" in said
    assert "0 of the eyes" in said
    short = Signal(quiet.eeg[:200], BIOSEMI64, 64, np.zeros((200, 0)))
    assert "too short" in str(ica.find(short, BIOSEMI64, [], []).remarks[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    "cleaning",
    [
        Cleaning(),
        Cleaning(reference="mastoids", bad=("Pz",)),
        Cleaning(reference="Cz", ica=True),
    ],
    ids=["usual", "mastoids", "ica"],
)
def test_the_script_does_what_was_done(talk, cleaning):
    done = preprocess(talk, channels=BIOSEMI64, cleaning=cleaning)
    text = script(talk, done.history)
    assert "models" not in text  # MNE and NumPy alone
    space = {}
    exec(text, space)
    raw = space["raw"]
    assert raw.ch_names == list(BIOSEMI64)
    assert raw.info["sfreq"] == 64
    theirs = raw.get_data().T * 1e6
    assert abs(len(theirs) - len(done.eeg)) <= 1
    assert apart(done.eeg, theirs[: len(done.eeg)]) < AS_MNE


def test_the_script_with_a_notch_and_lacking_channels(talk):
    wanted = ("Fp1", "Fp2", "AFz", "Cz", "TPP1h", "Pz", "Fz")
    settings = PreprocessingConfig(sample_rate=120, high_hz=55, notch_hz=50)
    done = preprocess(talk, settings, channels=wanted)
    assert next(s for s in done.history.steps if s["step"] == "interpolate")["reasons"] == ["missing"]
    space = {}
    exec(script(talk, done.history), space)
    ours, theirs = done.eeg, space["raw"].get_data().T * 1e6
    middle = slice(600, -600)
    assert np.std(ours[middle] - theirs[: len(ours)][middle]) < AS_MNE * np.std(ours[middle])


def test_the_script_of_an_array(tmp_path):
    eeg = np.stack([brain(30, 64), brain(30, 64, seed=2)])
    np.savez(tmp_path / "a.npz", data=np.swapaxes(eeg, 1, 2).astype(np.float32), fs=64)
    opened = open_recording(tmp_path / "a.npz")
    second = opened.trials[1]
    done = preprocess(second)
    space = {}
    exec(script(second, done.history), space)
    assert apart(done.eeg, space["raw"].get_data().T * 1e6) < 1e-3
    from models.eeg.recording import Recording

    other = Recording(tmp_path / "a.xdf", BIOSEMI64, 64, 640, second.read_samples)
    with pytest.raises(UserError, match="no script"):
        script(other, done.history)


def test_histories_that_do_not_fit(talk, tmp_path):
    kept = preprocess(talk, cleaning=Cleaning(reference="mastoids")).history
    with pytest.raises(UserError, match="another recording"):
        replay(in_memory(brain(20)), kept)
    for steps in (
        [{"step": "reference", "to": "channels"}],
        [{"step": "notch", "hz": [0.001]}],
        [{"step": "ica", "channels": ["Cz"], "found": ["eye"], "patterns": [[1.0, 2.0]], "filters": [[1.0]]}],
    ):
        import json

        (tmp_path / "h.json").write_text(json.dumps({"format": 1, "steps": steps}))
        with pytest.raises(UserError, match="no history"):
            History.load(tmp_path / "h.json")
    with pytest.raises(ValueError, match="10 Hz or more"):
        PreprocessingConfig(notch_hz=0.01)
    steps = [
        {"step": "pick", "channels": list(BIOSEMI64)},
        {"step": "resample", "from_hz": RATE, "to_hz": 64},
    ]
    with pytest.raises(UserError, match="cannot be run on"):
        replay(talk, History((*steps, {"step": "notch", "hz": [4000.0]})))
