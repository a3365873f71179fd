"""Using a model: windows that cover everything once, files of any length, foreign classifiers."""

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

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
    found = list(_windows((sound[i : i + block] for i in range(0, length, block)), window, hop))
    assert found[0][0] == 0
    assert found[-1][0] + len(found[-1][1]) == length or hop > window
    for start, samples in found:
        np.testing.assert_array_equal(samples, sound[start : start + len(samples)])
        assert len(samples) == min(window, length)
    assert [start for start, _ in found[:-1]] == [number * hop for number in range(len(found) - 1)]


def test_starts():
    assert windows.starts(50, 100) == [0]
    assert windows.starts(100, 100) == [0]
    assert windows.starts(250, 100, 100) == [0, 100, 150]


def test_one_window_and_the_file_agree(recognizer):
    from models import audio

    sound = audio.read(CLIP)
    one = recognizer.classify(sound)
    whole = recognizer.recognize(CLIP)
    if len(sound) <= 3 * 16_000:
        np.testing.assert_allclose(one.probabilities, whole.mean_probabilities, atol=1e-5)
    assert one.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert one.attention.sum() == pytest.approx(1, abs=1e-4)


def test_a_gain_changes_nothing(recognizer):
    """Microphones differ in level; the bundled model does not care."""
    from models import audio

    sound = audio.read(CLIP)
    loud, soft = (recognizer.classify(sound * gain).probabilities for gain in (1.0, 0.25))
    np.testing.assert_allclose(loud, soft, atol=0.05)


def test_a_long_file_has_a_time_line(tmp_path, recognizer):
    soundfile.write(tmp_path / "long.wav", np.random.default_rng(0).normal(0, 0.1, 44_100 * 61), 44_100)
    found = recognizer.recognize(tmp_path / "long.wav", hop_s=1.0)
    assert len(found.starts_s) == 59
    assert found.ends_s[-1] == pytest.approx(61, abs=0.01)
    assert found.attention.mean() == pytest.approx(1, abs=0.05)
    assert len(found.attention_times_s) == len(found.attention)


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
    found = recognizer.recognize(CLIP)
    assert found.probabilities.shape[1] == 4
    assert len(found.attention) == 0


def test_a_model_that_does_not_classify_is_refused(tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "config.json").write_text('{"model_type": "nonsense"}')
    (tmp_path / "m" / "model.safetensors").write_bytes(b"x")
    with pytest.raises(UserError, match="cannot be used as an emotion model"):
        Recognizer.load(tmp_path / "m", "cpu")
