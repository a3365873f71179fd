"""Words too uncertain to be told, how noisy it is, and that silence and noise are an emotion nowhere."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from models import audio
from models.emotion import degrade
from models.emotion.doubt import BY_MODEL, NO_SPEECH, UNSURE, fitted_threshold, snr_db, threshold, word
from models.emotion.live import LiveRecognizer
from models.emotion.live_settings import LiveSettings
from models.emotion.recognizer import Recognizer
from models.emotion.samples import held_out_clips
from models.resources import resource

CLIPS = held_out_clips()[:12]
RATE = 16_000
LABELS = ("angry", "happy", "neutral", "sad")


@pytest.fixture(scope="module")
def recognizer():
    return Recognizer.load("bundled", "cpu")


def test_a_word_is_told_from_the_threshold_on():
    values = np.array([0.1, 0.45, 0.25, 0.2])
    assert word(values, LABELS, 0.45) == "happy"
    assert word(values, LABELS, 0.46) == UNSURE
    assert word(values, LABELS, 0.0) == "happy"
    assert threshold(BY_MODEL, 0.55) == 0.55
    assert threshold(0.0, 0.55) == 0.0


def test_the_fitted_threshold_withholds_what_is_right_by_halves():
    random = np.random.default_rng(0)
    certainty = random.uniform(0.25, 1, 20_000)
    right = (
        random.random(20_000) < certainty
    )  # calibrated: half of those below t are right where (0.25 + t) / 2 is 0.5
    assert fitted_threshold(certainty, right) == pytest.approx(0.75, abs=0.03)
    assert fitted_threshold(certainty, np.ones(20_000, bool)) == 0.0


@pytest.mark.slow
def test_the_bundled_model_knows_its_own_threshold(recognizer):
    assert recognizer.unsure_below == recognizer.info.preprocessing["unsure_below"]
    predictions = [recognizer.recognize(clip) for clip in CLIPS]
    for prediction in predictions:
        assert (prediction.label == UNSURE) == (prediction.mean_probabilities.max() < recognizer.unsure_below)
        assert prediction.label in (UNSURE, prediction.likeliest)
    told = recognizer.recognize(CLIPS[0], unsure_below=1.0)
    assert (told.label, set(told.window_labels())) == (UNSURE, {UNSURE})
    assert told.rows()[0][3] == UNSURE
    assert recognizer.recognize(CLIPS[0], unsure_below=0.0).label != UNSURE


def test_live_and_terminal_have_the_threshold(tmp_path, capsys, recognizer):
    from models.cli import main

    window = audio.read(CLIPS[0])
    sure = LiveRecognizer(recognizer, LiveSettings(unsure_below=0.0)).step(window, 3.0)
    unsure = LiveRecognizer(recognizer, LiveSettings(unsure_below=1.0)).step(window, 3.0)
    assert (sure.label, unsure.label) == (sure.likeliest, UNSURE)
    assert unsure.likeliest == sure.likeliest
    out = tmp_path / "o.csv"
    words = ["use", "emotion", str(CLIPS[0]), "--out", str(out), "--unsure-below", "1", "--json", "--quiet"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["unsure"], told["unsure_below"]) == (1, 1)
    assert set(told["recognised"].values()) == {UNSURE}
    assert ",unsure,0." in out.read_text()


@pytest.mark.parametrize("wanted_db", [3, 20])
def test_speech_over_noise_is_told_about_right(recognizer, wanted_db):
    """White noise under a clip with pauses around it; speech's own pauses blur the figure by some dB."""
    clip = audio.read(CLIPS[1])
    sound = np.concatenate([np.zeros(8_000, np.float32), clip[:40_000], np.zeros(8_000, np.float32)])
    power = np.mean(np.square(clip[:40_000])) * 10 ** (-wanted_db / 10)
    noisy = sound + np.random.default_rng(1).normal(0, np.sqrt(power), len(sound)).astype(np.float32)
    heard = LiveRecognizer(recognizer).gate.judge(noisy)
    assert heard.snr_db == pytest.approx(wanted_db, abs=4)


def test_without_speech_there_is_no_figure_for_it():
    assert np.isnan(snr_db(np.ones(10), np.zeros(10, bool)))
    assert snr_db(np.r_[np.ones(5), np.full(5, 11.0)], np.arange(10) >= 5) == pytest.approx(10)


def nothing_said(kind: str) -> np.ndarray:
    """Six seconds in which nobody speaks: one kind of noise, or digital silence; about −30 dB of full scale."""
    if kind == "silence":
        return np.zeros(6 * RATE, np.float32)
    reference = np.full(6 * RATE, 0.03)
    return degrade.noise_for(reference, kind, 0, np.random.default_rng(3)).astype(np.float32)


QUIET = ("silence", *(kind for kind in degrade.NOISES if kind not in ("babble", "speech-shaped")))


@pytest.mark.slow
@pytest.mark.parametrize("kind", QUIET)
def test_silence_and_noise_are_an_emotion_nowhere(tmp_path, capsys, recognizer, kind):
    """In files, their tables and JSON, against a person and alone, and live; even where every word is asked for."""
    from models.cli import main

    sound = nothing_said(kind)
    soundfile.write(tmp_path / "n.wav", sound, RATE)
    prediction = recognizer.recognize(tmp_path / "n.wav", unsure_below=0.0)
    assert (prediction.label, prediction.label_alone) == (NO_SPEECH, NO_SPEECH)
    assert set(prediction.window_labels()) == {None}
    live = LiveRecognizer(recognizer, LiveSettings(unsure_below=0.0))
    for second in range(3, 7):
        result = live.step(sound[(second - 3) * RATE : second * RATE], float(second))
        assert (result.label, result.likeliest, result.probabilities) == (None, None, None)
    assert live.person.speech_s == 0
    out = tmp_path / "o.csv"
    assert (
        main(["use", "emotion", str(tmp_path / "n.wav"), "--out", str(out), "--running", "--json", "--quiet"])
        == 0
    )
    assert set(json.loads(capsys.readouterr().out.splitlines()[-1])["recognised"].values()) == {NO_SPEECH}
    assert not any(label in out.read_text().split("\n", 1)[1] for label in LABELS)


def test_a_checkpoint_with_an_impossible_threshold_is_refused(tmp_path):
    import shutil

    from models.errors import UserError

    place = tmp_path / "m"
    shutil.copytree(resource("checkpoints", "emotion"), place)
    described = json.loads((place / "checkpoint.json").read_text("utf-8"))
    described["preprocessing"]["unsure_below"] = 7
    (place / "checkpoint.json").write_text(json.dumps(described), "utf-8")
    with pytest.raises(UserError):
        Recognizer.load(place, "cpu")
