"""Using a model: windows that cover everything once, files of any length, foreign classifiers."""

import json
import shutil

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from models.emotion import windows
from models.emotion.recognizer import Recognizer, _windows
from models.errors import UserError
from models.progress import Cancelled, Progress
from models.resources import resource

CLIP = next(resource("samples", "emotion", "audio").glob("*.flac"))


@pytest.fixture(scope="module")
def recognizer():
    return Recognizer.load("bundled", "cpu")


@settings(max_examples=200, deadline=None)
@given(
    length=st.integers(1, 400), window=st.integers(1, 100), hop=st.integers(1, 120), block=st.integers(1, 150)
)
def test_windows_are_right_however_the_sound_comes(length, window, hop, block):
    sound = np.arange(length, dtype=np.float32)
    windows = list(_windows((sound[i : i + block] for i in range(0, length, block)), window, hop))
    assert windows[0][0] == 0
    assert windows[-1][0] + len(windows[-1][1]) == length or hop > window
    for start, samples in windows:
        np.testing.assert_array_equal(samples, sound[start : start + len(samples)])
        assert len(samples) == min(window, length)
    assert [start for start, _ in windows[:-1]] == [number * hop for number in range(len(windows) - 1)]


def test_starts():
    assert windows.starts(50, 100) == [0]
    assert windows.starts(100, 100) == [0]
    assert windows.starts(250, 100, 100) == [0, 100, 150]


def test_one_window_and_the_file_agree(recognizer):
    from models import audio

    sound = audio.read(CLIP)
    prediction = recognizer.classify(sound)
    whole = recognizer.recognize(CLIP)
    if len(sound) <= 3 * 16_000:
        np.testing.assert_allclose(prediction.probabilities, whole.mean_probabilities, atol=1e-5)
    assert prediction.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert prediction.attention.sum() == pytest.approx(1, abs=1e-4)


def test_a_gain_changes_nothing(recognizer):
    """Microphones differ in level; the bundled model does not care."""
    from models import audio

    sound = audio.read(CLIP)
    loud, soft = (recognizer.classify(sound * gain).probabilities for gain in (1.0, 0.25))
    np.testing.assert_allclose(loud, soft, atol=0.05)


@pytest.mark.slow
def test_a_long_file_has_a_time_line(tmp_path, recognizer):
    soundfile.write(tmp_path / "long.wav", np.random.default_rng(0).normal(0, 0.1, 44_100 * 61), 44_100)
    prediction = recognizer.recognize(tmp_path / "long.wav", hop_s=1.0)
    assert len(prediction.starts_s) == 59
    assert prediction.ends_s[-1] == pytest.approx(61, abs=0.01)
    assert prediction.attention.mean() == pytest.approx(1, abs=0.05)
    assert len(prediction.attention_times_s) == len(prediction.attention)


def test_very_short_sounds(tmp_path, recognizer):
    for frames in (1, 10, 160, 400, 1000):
        soundfile.write(tmp_path / "short.wav", np.full(frames, 0.1), 16_000)
        assert np.isfinite(recognizer.recognize(tmp_path / "short.wav").probabilities).all()


def test_cancelling(tmp_path, recognizer):
    soundfile.write(tmp_path / "long.wav", np.zeros(16_000 * 60), 16_000)
    progress = Progress(lambda step: progress.cancel())
    with pytest.raises(Cancelled):
        recognizer.recognize(tmp_path / "long.wav", progress)


def test_a_classifier_of_transformers(tmp_path):
    from transformers import HubertConfig, HubertForSequenceClassification, Wav2Vec2FeatureExtractor

    import models.torchaudio_cpu  # noqa: F401

    config = HubertConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, conv_dim=(16, 16), conv_kernel=(10, 3),
        conv_stride=(5, 4), num_feat_extract_layers=2, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2,
        id2label={0: "neu", 1: "hap", 2: "ang", 3: "sad"}, label2id={"neu": 0, "hap": 1, "ang": 2, "sad": 3},
    )  # fmt: skip
    HubertForSequenceClassification(config).save_pretrained(tmp_path / "m")
    Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=False).save_pretrained(tmp_path / "m")
    recognizer = Recognizer.load(tmp_path / "m", "cpu")
    assert recognizer.labels == ("neutral", "happy", "angry", "sad")
    prediction = recognizer.recognize(CLIP)
    assert prediction.probabilities.shape[1] == 4
    assert len(prediction.attention) == 0


def test_a_model_that_does_not_classify_is_refused(tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "config.json").write_text('{"model_type": "nonsense"}')
    (tmp_path / "m" / "model.safetensors").write_bytes(b"x")
    with pytest.raises(UserError, match="was not copied to its end"):
        Recognizer.load(tmp_path / "m", "cpu")
    save_file({"a": torch.zeros(2)}, tmp_path / "m" / "model.safetensors")
    with pytest.raises(UserError, match="cannot be used as an emotion model"):
        Recognizer.load(tmp_path / "m", "cpu")


def speech_and_silence(path, silence_s=20.0, sd=2e-4):
    """A file of one utterance, near-silence, and the utterance again; (start, end) of the silence in seconds."""
    from models import audio

    sound = audio.read(CLIP)
    hush = np.random.default_rng(0).normal(0, sd, round(silence_s * 16_000)).astype(np.float32)
    soundfile.write(path, np.concatenate([sound, hush, sound]), 16_000)
    return len(sound) / 16_000, len(sound) / 16_000 + silence_s


def test_silence_between_speech_has_no_emotion(tmp_path, recognizer):
    first, last = speech_and_silence(tmp_path / "pause.wav")
    prediction = recognizer.recognize(tmp_path / "pause.wav")
    inside = (prediction.starts_s >= first + 0.5) & (prediction.ends_s <= last - 0.5)
    assert inside.sum() > 10
    assert not prediction.speech[inside].any()
    assert prediction.spoken
    assert prediction.label == recognizer.recognize(CLIP).label
    np.testing.assert_allclose(
        prediction.mean_probabilities, prediction.probabilities[prediction.speech].mean(axis=0)
    )
    times = prediction.attention_times_s
    assert not prediction.spoken_attention()[(times > first + 3.1) & (times < last - 3.1)].any()
    assert prediction.spoken_attention()[times < first].any()


@pytest.mark.slow
@pytest.mark.parametrize("sd", [0.0, 1e-4, 0.01, 0.1], ids=["digital", "faint", "hiss", "loud"])
def test_silence_and_noise_are_no_speech_in_the_table(tmp_path, recognizer, sd):
    from models.emotion import labels

    sound = np.random.default_rng(1).normal(0, sd, 16_000 * 20)
    soundfile.write(tmp_path / "hush.wav", sound, 16_000)
    prediction = recognizer.recognize(tmp_path / "hush.wav")
    assert prediction.label == "no speech"
    assert not prediction.spoken_attention().any()
    labels.write(tmp_path / "o.csv", [prediction], recognizer.labels)
    rows = (tmp_path / "o.csv").read_text().splitlines()[1:]
    assert all(row.endswith(",no speech,,,,") for row in rows)


@pytest.mark.slow
def test_every_clip_that_ships_passes_the_gate(recognizer):
    from models import audio
    from models.emotion.voice import SpeechGate

    clips = [audio.read(clip) for clip in sorted(resource("samples", "emotion", "audio").glob("*.flac"))]
    assert all(heard.speech for heard in SpeechGate().judge_all(clips))


def test_windows_judged_together_are_judged_as_each_by_itself():
    from models import audio
    from models.emotion.voice import VoiceDetector

    sound = audio.read(CLIP)
    pieces = [sound, sound[8_000:20_001], sound[:300], np.zeros(40_000, np.float32)]
    detector = VoiceDetector()
    for together, piece in zip(detector.probabilities_of(pieces), pieces, strict=True):
        np.testing.assert_allclose(together, detector.probabilities(piece), atol=1e-4)


@pytest.mark.parametrize(
    "front_end", [{}, {"kind": "logmel", "bands": 64}], ids=["of another kind", "narrower"]
)
def test_a_front_end_that_does_not_feed_the_network_is_refused(front_end, tmp_path):
    folder = shutil.copytree(resource("checkpoints", "emotion"), tmp_path / "emotion")
    description = folder / "checkpoint.json"
    told = json.loads(description.read_text())
    del told["preprocessing"]["front_end"]["kind"]
    told["preprocessing"]["front_end"] |= front_end
    description.write_text(json.dumps(told))
    with pytest.raises(UserError, match="values a frame"):
        Recognizer.load(folder, "cpu")
