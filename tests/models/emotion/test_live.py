"""Live recognition: the voice detector, what is classified of a window, smoothing, and a log that stays small."""

from __future__ import annotations

import csv
import subprocess
from itertools import pairwise

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from models import audio, voice_profiles
from models.emotion.classifiers import Prediction
from models.emotion.live import MARGIN_CHUNKS, LiveRecognizer
from models.emotion.live_settings import LiveSettings
from models.emotion.session import SessionLog, Stretch
from models.emotion.voice import CHUNK, CHUNK_S, RATE, VoiceDetector
from models.errors import UserError
from models.resources import resource
from models.voice_embedding import likeness
from models.voices import speaker_embedding

LABELS = ("angry", "happy", "neutral", "sad")


@pytest.fixture(scope="module")
def detector():
    return VoiceDetector()


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """Synthesised speech without silence around it, 16 kHz, at −20 dB of full scale."""
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    words = "The quick brown fox jumps over the lazy dog, and then it goes home to sleep in its den."
    subprocess.run(["espeak-ng", "-w", str(path), words], check=True)
    samples, rate = soundfile.read(path, dtype="float32")
    samples = audio.resample(samples, rate, RATE)
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    samples = samples[loud[0] : loud[-1]]
    return (samples * (0.1 / np.sqrt(np.mean(np.square(samples))))).astype(np.float32)


class Recorded:
    """A recogniser that keeps what it was given and answers what it is told."""

    labels, window_s, sample_rate, knows_people, unsure_below, features_identity = (
        LABELS,
        3.0,
        RATE,
        False,
        0.0,
        "",
    )

    def __init__(self, *answers):
        self.answers = list(answers) or [[0.1, 0.6, 0.2, 0.1]]
        self.given: list[np.ndarray] = []

    def classify(self, waveform: np.ndarray) -> Prediction:
        self.given.append(waveform)
        answer = self.answers[min(len(self.given), len(self.answers)) - 1]
        return Prediction(np.array(answer, np.float32), np.ones(1, np.float32), 0.01)


def quiet(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


# The voice detector ---------------------------------------------------------------------------------------


def test_a_stream_is_judged_as_the_whole_of_it(detector, speech):
    sound = np.concatenate([quiet(0.5), speech])[: 60 * CHUNK]
    whole = detector.probabilities(sound)
    detector.reset()
    stream = [detector.speech_probability(chunk) for chunk in sound.reshape(-1, CHUNK)]
    np.testing.assert_allclose(stream, whole, atol=1e-6)
    np.testing.assert_allclose(
        detector.probabilities(sound), whole, atol=1e-6
    )  # no memory of the call before


def test_silence_and_noise_are_no_speech(detector):
    noise = np.random.default_rng(0).normal(0, 0.01, 5 * RATE).astype(np.float32)  # −40 dB of full scale
    hum = (0.1 * np.sin(2 * np.pi * 50 * np.arange(3 * RATE) / RATE)).astype(np.float32)
    for sound in (quiet(3), noise, hum):
        assert detector.probabilities(sound).max() < 0.5
        assert detector.segments(sound) == []


def test_speech_is_found_where_it_is(detector, speech):
    before, after = 1.3, 0.9
    sound = np.concatenate([quiet(before), speech, quiet(after)])
    segments = detector.segments(sound)
    end = before + len(speech) / RATE
    assert segments[0][0] == pytest.approx(before, abs=0.15)
    assert segments[-1][1] == pytest.approx(end, abs=0.3)
    assert sum(b - a for a, b in segments) > 0.8 * len(speech) / RATE


def test_every_recorded_clip_is_speech(detector):
    clips = sorted(resource("samples", "emotion", "audio").glob("*.flac"))
    shares = [float((detector.probabilities(audio.read(clip)) > 0.5).mean()) for clip in clips[:12]]
    assert len(shares) == 12
    assert min(shares) > 0.5


def test_speech_is_found_at_any_usual_level(detector, speech):
    for gain_db in (-20, 0, 15):
        sound = np.clip(speech * 10 ** (gain_db / 20), -1, 1)
        assert (detector.probabilities(sound) > 0.5).mean() > 0.6, gain_db


def test_a_chunk_of_another_length_is_refused(detector):
    with pytest.raises(ValueError, match="512"):
        detector.speech_probability(np.zeros(500, np.float32))


def test_a_last_piece_that_is_no_whole_chunk_counts(detector, speech):
    assert len(detector.probabilities(speech[: 3 * CHUNK + 1])) == 4
    assert len(detector.probabilities(np.zeros(0, np.float32))) == 0


# A window -------------------------------------------------------------------------------------------------


def test_in_silence_there_is_no_emotion(speech):
    recogniser = Recorded()
    live = LiveRecognizer(recogniser)
    result = live.step(quiet(3), 12.5)
    assert not result.speech
    assert (result.label, result.probabilities, result.raw_probabilities) == (None, None, None)
    assert result.end_time == 12.5
    assert result.speech_probability < 0.1
    assert recogniser.given == []
    assert live.step(np.zeros(0, np.float32), 13.0).speech is False


def test_speech_gets_the_label_of_the_highest_probability(speech):
    result = LiveRecognizer(Recorded([0.1, 0.2, 0.1, 0.6])).step(speech[: 3 * RATE], 7.0)
    assert result.speech
    assert result.label == "sad"
    assert result.speech_probability > 0.9
    assert result.speech_s > 2.0
    assert result.inference_s > 0
    np.testing.assert_allclose(result.probabilities, [0.1, 0.2, 0.1, 0.6], atol=1e-6)


def test_only_the_speech_of_a_window_is_classified(speech):
    recogniser = Recorded()
    window = np.concatenate([quiet(2.0), speech[: RATE * 3 // 4], quiet(0.25)])
    LiveRecognizer(recogniser).step(window, 3.0)
    given = recogniser.given[0]
    assert len(given) < 1.6 * RATE  # not the two seconds of silence before it
    margin = (MARGIN_CHUNKS + 2) * CHUNK
    assert np.abs(given[: margin + CHUNK]).max() > 0.01  # it begins about where the speech does …
    assert np.abs(given).sum() == pytest.approx(np.abs(window).sum(), rel=0.02)  # … and nothing of it is lost


def test_a_click_is_not_speech(speech):
    window = quiet(3)
    window[40_000:40_400] = speech[5_000:5_400]
    assert not LiveRecognizer(Recorded()).step(window, 3.0).speech


def test_speech_that_ended_a_while_ago_is_over(speech):
    window = np.concatenate([speech[: RATE * 3 // 2], quiet(1.5)])
    assert not LiveRecognizer(Recorded()).step(window, 3.0).speech


def test_predictions_are_averaged_and_begin_anew_after_silence(speech):
    answers = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
    live = LiveRecognizer(Recorded(*answers), LiveSettings(smoothing=2))
    window = speech[: 3 * RATE]
    np.testing.assert_allclose(live.step(window, 1.0).probabilities, [1, 0, 0, 0])
    second = live.step(window, 1.5)
    np.testing.assert_allclose(second.probabilities, [0.5, 0.5, 0, 0])
    np.testing.assert_allclose(second.raw_probabilities, [0, 1, 0, 0])
    np.testing.assert_allclose(live.step(window, 2.0).probabilities, [0, 1, 0, 0])
    assert not live.step(quiet(3), 2.5).speech
    np.testing.assert_allclose(live.step(window, 3.0).probabilities, [0, 0, 0, 1])


def test_the_threshold_is_a_setting(speech):
    faint = np.random.default_rng(1).normal(0, 0.05, 3 * RATE).astype(np.float32) + 0.3 * speech[: 3 * RATE]
    voice = VoiceDetector().probabilities(faint)
    strict = LiveRecognizer(Recorded(), LiveSettings(speech_threshold=0.95, min_speech_s=2.9)).step(faint, 0)
    easy = LiveRecognizer(Recorded(), LiveSettings(speech_threshold=0.05, min_speech_s=0.05)).step(faint, 0)
    assert strict.speech_s == pytest.approx((voice >= 0.95).sum() * CHUNK_S)
    assert easy.speech_s == pytest.approx((voice >= 0.05).sum() * CHUNK_S)
    assert easy.speech_s > strict.speech_s
    assert easy.speech


# The session ----------------------------------------------------------------------------------------------


def test_equal_neighbours_are_one_stretch():
    log = SessionLog()
    for i, label in enumerate(["sad", "sad", None, None, "happy"]):
        log.add(0.5 * i, 0.5 * (i + 1), label)
    assert log.stretches == [
        Stretch(0, 1, "sad"), Stretch(1, 2, None), Stretch(2, 2.5, "happy"),
    ]  # fmt: skip
    log.add(4.0, 4.5, "happy")  # a hole is a hole
    assert len(log.stretches) == 4
    assert log.at(1.5).label is None
    assert log.at(3.0) is None


def test_a_day_of_running_stays_small():
    log = SessionLog(most=1_000)
    rng = np.random.default_rng(0)
    choices = [*LABELS, None]
    for i in range(2 * 24 * 3600):
        log.add(0.5 * i, 0.5 * (i + 1), choices[int(rng.integers(5))])
    assert len(log.stretches) <= 1_000
    assert log.stretches[0].start_s == 0
    assert log.stretches[-1].end_s == 24 * 3600
    assert max(stretch.length_s for stretch in log.stretches[-100:]) < 10  # the newest are exact


@given(st.lists(st.tuples(st.floats(0.1, 5), st.sampled_from(["a", "b", None])), max_size=60))
@settings(deadline=None, max_examples=60)
def test_joining_leaves_no_hole_and_no_overlap(pieces):
    log, at = SessionLog(most=8), 0.0
    for length, label in pieces:
        log.add(at, at + length, label)
        at += length
    edges = [(stretch.start_s, stretch.end_s) for stretch in log.stretches]
    assert len(log.stretches) <= 8
    assert sum(end - start for start, end in edges) == pytest.approx(at)
    assert all(a[1] == pytest.approx(b[0]) for a, b in pairwise(edges))
    assert all(a.label != b.label for a, b in pairwise(log.stretches))


def test_the_log_is_a_table(tmp_path):
    log = SessionLog()
    log.add(0, 1.25, "angry")
    log.add(1.25, 2, None)
    log.save(tmp_path / "new folder" / "log.csv")
    rows = list(csv.reader((tmp_path / "new folder" / "log.csv").read_text("utf-8").splitlines()))
    assert rows == [["start_s", "end_s", "label"], ["0.000", "1.250", "angry"], ["1.250", "2.000", ""]]
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError):
        log.save(tmp_path / "file" / "log.csv")


class Acquainted(Recorded):
    """A recogniser that gets to know people, and keeps how much new speech it was told of."""

    knows_people = True
    features_identity = "two numbers"

    def __init__(self):
        super().__init__()
        self.new_s: list[float] = []

    def classify(self, waveform, person=None, new_s=None):
        self.new_s.append(new_s)
        person.hear(np.ones(2), new_s)
        return super().classify(waveform)


def test_speech_counts_once_however_often_windows_overlap(speech):
    recogniser = Acquainted()
    live = LiveRecognizer(recogniser)
    results = [live.step(speech[: 3 * RATE], 10 + 0.5 * number) for number in range(4)]
    assert recogniser.new_s[0] > 2.0  # all of the first window
    assert all(new <= 0.5 + CHUNK_S for new in recogniser.new_s[1:])
    assert [result.known_s for result in results] == pytest.approx(np.cumsum(recogniser.new_s))
    live.forget()
    assert live.person.speech_s == 0
    assert live.step(speech[: 3 * RATE], 20.0).known_s > 0


def test_who_speaks_is_kept_for_every_system_and_known_again(speech):
    live = LiveRecognizer(Acquainted())
    with pytest.raises(UserError, match="Nobody has spoken"):
        live.keep("Ada")
    for number in range(4):  # every second, a second of new speech
        live.step(speech[number * RATE : (number + 3) * RATE], 10.0 + number)
    profile = live.keep("Ada")
    assert profile.features["two numbers"].speech_s == live.person.speech_s
    np.testing.assert_allclose(profile.features["two numbers"].values, np.ones(2))
    whole = speaker_embedding(speech[: 6 * RATE], RATE)
    assert likeness(profile.embedding.values, whole) > 0.95
    assert profile.embedding.speech_s == pytest.approx(
        live.person.speech_s, abs=0.7
    )  # quiet moments are left out
    again = LiveRecognizer(Acquainted())
    again.know(voice_profiles.reread(profile))
    assert again.person.speech_s == live.person.speech_s
    again.step(speech[: 3 * RATE], 20.0)
    longer = again.keep("Ada")
    assert longer.embedding.speech_s > profile.embedding.speech_s
    again.forget()
    assert (again.person.speech_s, again.voice.embedding()) == (0, None)


def test_somebody_kept_elsewhere_is_got_to_know_and_stays_the_same_person(speech):
    """Kept in Separation: an embedding alone, of which no emotion model knows anything."""
    embedding = voice_profiles.VoiceMean(speaker_embedding(speech, RATE), 5.0)
    live = LiveRecognizer(Acquainted())
    live.know(voice_profiles.keep("Ada", embedding))
    assert live.person.speech_s == 0
    live.step(speech[: 3 * RATE], 1.0)
    live.keep("Ada")
    (profile,) = voice_profiles.profiles()
    assert set(profile.features) == {"two numbers"}
    assert likeness(profile.embedding.values, embedding.values) > 0.95
    assert profile.embedding.speech_s > 5.0
