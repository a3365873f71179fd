"""Models that give arousal, valence and dominance: public layouts, held to the same networks computed another way."""

import csv
import json

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file

import models.torchaudio_cpu  # noqa: F401 - before transformers
from models import audio
from models.emotion import commands
from models.emotion.dimensions import canonical_dimension
from models.emotion.live import LiveRecognizer
from models.emotion.recognizer import Recognizer
from models.errors import UserError
from models.resources import resource
from tests.models.emotion.encoders import SIZES

CLIP = next(resource("samples", "emotion", "audio").glob("*.flac"))


@pytest.fixture(autouse=True)
def exactly(monkeypatch):
    """Half precision, where the processor is quick at it, is not what is held to anything here."""
    monkeypatch.setattr(
        "models.emotion.transformers_classifier.inference_dtype", lambda _device: torch.float32
    )


DEGREES = {0: "arousal", 1: "dominance", 2: "valence"}


def described(folder, **values):
    place = folder / "config.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), **values}))


def transformers_quietly():
    import transformers

    transformers.utils.logging.disable_progress_bar()  # its bars leave a thread behind
    return transformers


def headed_folder(folder, kind="Wav2Vec2", names=DEGREES, problem="regression"):
    """A small encoder under dense, tanh and projection, in the files of audeering's public model: its names of weights, its
    config's entries, the names that weight normalisation had then."""
    transformers = transformers_quietly()
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(
        **SIZES, feat_extract_norm="layer", do_stable_layer_norm=True
    )
    encoder = getattr(transformers, f"{kind}Model")(config)
    encoder.save_pretrained(folder)
    held = load_file(folder / "model.safetensors")
    prefix = kind.lower()
    old = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    stored = {}
    for name, value in held.items():
        for new, then in old.items():
            name = name.replace(new, then)
        stored[f"{prefix}.{name}"] = value
    hidden = SIZES["hidden_size"]
    stored |= {
        "classifier.dense.weight": torch.randn(hidden, hidden) / hidden**0.5,
        "classifier.dense.bias": torch.randn(hidden),
        "classifier.out_proj.weight": torch.randn(len(names), hidden) / (10 * hidden**0.5),
        "classifier.out_proj.bias": torch.full((len(names),), 0.5),
    }
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    described(
        folder,
        architectures=[f"{kind}ForSpeechClassification"],
        id2label={str(number): name for number, name in names.items()},
        label2id={name: number for number, name in names.items()},
        problem_type=problem,
        finetuning_task=f"{prefix}_reg",
        pooling_mode="mean",
        **({"vocab_size": None} if kind == "Wav2Vec2" else {}),
    )
    extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True)
    extractor.save_pretrained(folder)
    return folder


def computed(folder, sound, kind="Wav2Vec2"):
    """The network's outputs from the stored weights: transformers' bare encoder, the head by hand."""
    import transformers

    config = getattr(transformers, f"{kind}Config").from_pretrained(folder)
    encoder = getattr(transformers, f"{kind}Model")(config).eval()
    stored = load_file(folder / "model.safetensors")
    renamed = {
        name.removeprefix(f"{kind.lower()}.")
        .replace("weight_g", "parametrizations.weight.original0")
        .replace("weight_v", "parametrizations.weight.original1"): value
        for name, value in stored.items()
        if not name.startswith("classifier")
    }
    encoder.load_state_dict(renamed)
    normal = (sound - sound.mean()) / np.sqrt(sound.var() + 1e-7)
    with torch.inference_mode():
        states = encoder(torch.from_numpy(normal.astype(np.float32))[None]).last_hidden_state[0].numpy()
    pooled = states.mean(axis=0)
    w = {
        name.removeprefix("classifier."): value.numpy()
        for name, value in stored.items()
        if "classifier" in name
    }
    hidden = np.tanh(w["dense.weight"] @ pooled + w["dense.bias"])
    return w["out_proj.weight"] @ hidden + w["out_proj.bias"]


@pytest.mark.parametrize("kind", ["Wav2Vec2", "Hubert", "WavLM"])
def test_the_public_layout_is_the_network_that_it_describes(tmp_path, kind):
    folder = headed_folder(tmp_path / "m", kind)
    recognizer = Recognizer.load(folder, "cpu")
    assert (recognizer.labels, recognizer.dimensions) == ((), ("arousal", "valence", "dominance"))
    sound = audio.read(CLIP)[:16_000]
    arousal, dominance, valence = computed(folder, sound, kind)
    prediction = recognizer.classify(sound)
    np.testing.assert_allclose(prediction.dimensions, [arousal, valence, dominance], atol=1e-5)
    assert len(prediction.probabilities) == 0


def test_the_same_head_over_classes(tmp_path):
    names = {0: "anger", 1: "happiness", 2: "neutral"}
    recognizer = Recognizer.load(headed_folder(tmp_path / "m", "Hubert", names, None), "cpu")
    sound = audio.read(CLIP)[:16_000]
    wanted = np.exp(computed(tmp_path / "m", sound, "Hubert"))
    assert (recognizer.labels, recognizer.dimensions) == (("angry", "happy", "neutral"), ())
    np.testing.assert_allclose(recognizer.classify(sound).probabilities, wanted / wanted.sum(), atol=1e-5)


def plain_folder(folder, names, **more):
    library = transformers_quietly()
    torch.manual_seed(1)
    config = library.Wav2Vec2Config(
        **SIZES, id2label=names, label2id={name: n for n, name in names.items()}, **more
    )
    model = library.Wav2Vec2ForSequenceClassification(config).eval()
    model.save_pretrained(folder)
    library.Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return model


def test_a_sequence_classifier_of_the_kind_regression(tmp_path):
    names = {0: "Valence", 1: "activation"}
    model = plain_folder(tmp_path / "m", names, problem_type="regression")
    recognizer = Recognizer.load(tmp_path / "m", "cpu")
    sound = audio.read(CLIP)[:16_000]
    normal = torch.from_numpy((sound - sound.mean()) / np.sqrt(sound.var() + 1e-7))
    with torch.inference_mode():
        valence, arousal = model(normal[None]).logits[0].tolist()
    assert recognizer.dimensions == ("arousal", "valence")
    np.testing.assert_allclose(recognizer.classify(sound).dimensions, [arousal, valence], atol=1e-5)


def test_classes_and_degrees_of_one_network(tmp_path):
    model = plain_folder(tmp_path / "m", {0: "ang", 1: "arousal", 2: "sad", 3: "valence"})
    recognizer = Recognizer.load(tmp_path / "m", "cpu")
    sound = audio.read(CLIP)[:16_000]
    normal = torch.from_numpy((sound - sound.mean()) / np.sqrt(sound.var() + 1e-7))
    with torch.inference_mode():
        logits = model(normal[None]).logits[0]
    prediction = recognizer.classify(sound)
    assert (recognizer.labels, recognizer.dimensions) == (("angry", "sad"), ("arousal", "valence"))
    np.testing.assert_allclose(prediction.probabilities, logits[[0, 2]].softmax(-1), atol=1e-5)
    np.testing.assert_allclose(prediction.dimensions, logits[[1, 3]], atol=1e-5)


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ({0: "arousal", 1: "activation"}, "regression"),
        ({0: "age", 1: "arousal"}, "regression"),
        ({0: "arousal", 1: "x"}, None),
    ],
)
def test_degrees_of_other_things_are_refused(tmp_path, names, problem):
    plain_folder(tmp_path / "m", names, problem_type=problem)
    with pytest.raises(UserError, match="not simply of arousal, valence and dominance"):
        Recognizer.load(tmp_path / "m", "cpu")


def test_a_head_that_lacks_weights_is_not_drawn_at_random(tmp_path):
    folder = headed_folder(tmp_path / "m")
    stored = load_file(folder / "model.safetensors")
    del stored["classifier.out_proj.weight"]
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"lacks 1 weights, such as classifier\.out_proj\.weight"):
        Recognizer.load(folder, "cpu")


def speech_silence_speech(path):
    sound = audio.read(CLIP)
    hush = np.random.default_rng(0).normal(0, 2e-4, 160_000).astype(np.float32)
    soundfile.write(path, np.concatenate([sound, hush, sound]), 16_000)
    return path


def test_a_file_has_degrees_where_somebody_speaks(tmp_path):
    recognizer = Recognizer.load(headed_folder(tmp_path / "m"), "cpu")
    prediction = recognizer.recognize(speech_silence_speech(tmp_path / "pause.wav"))
    times, curves = prediction.dimension_curves()
    assert curves.shape == (len(times), 3)
    np.testing.assert_array_equal(np.isnan(curves).any(axis=1), ~prediction.speech)
    assert 0 < prediction.speech.sum() < len(times)
    np.testing.assert_allclose(prediction.mean_dimensions, np.nanmean(curves, axis=0), rtol=1e-5)
    assert (prediction.label, prediction.likeliest) == ("speech", "speech")
    assert set(prediction.window_labels()) == {"speech", None}


@pytest.mark.parametrize("by", ["window", "sentence"])
def test_the_table_of_the_terminal(tmp_path, by):
    headed_folder(tmp_path / "m")
    sound = speech_silence_speech(tmp_path / "pause.wav")
    options = commands.EmotionOptions(by=by)
    result = commands.use(str(tmp_path / "m"), [sound], tmp_path / "out.csv", options, "cpu")
    with open(tmp_path / "out.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["path", "start_s", "end_s", "label", "arousal", "valence", "dominance"]
    spoken = [row for row in rows if row["label"] == "speech"]
    assert spoken
    assert all(np.isfinite(float(row["arousal"])) for row in spoken)
    assert all(row["valence"] == "" for row in rows if row["label"] == "no speech")
    (told,) = result["dimensions"].values()
    assert set(told) == {"arousal", "valence", "dominance"}


def test_labels_of_other_programs_without_a_certainty(tmp_path):
    recognizer = Recognizer.load(headed_folder(tmp_path / "m"), "cpu")
    commands.labels.write(tmp_path / "out.rttm", [recognizer.recognize(CLIP)], ())
    assert " speech <NA> <NA> <NA>" in (tmp_path / "out.rttm").read_text()


def test_live_smooths_degrees_and_says_none_without_speech(tmp_path):
    recognizer = Recognizer.load(headed_folder(tmp_path / "m"), "cpu")
    live = LiveRecognizer(recognizer)
    sound = audio.read(CLIP)
    first, second = live.step(sound[:16_000], 1.0), live.step(sound[8_000:24_000], 1.5)
    assert (first.label, len(first.probabilities)) == ("speech", 0)
    alone = live._recent[-1].dimensions
    np.testing.assert_allclose(second.dimensions, (first.dimensions + alone) / 2, rtol=1e-5)
    assert live.step(np.zeros(48_000, np.float32), 5.0).dimensions is None


def test_it_is_not_evaluated_on_classes(tmp_path):
    with pytest.raises(UserError, match="no classes to hold against"):
        commands.evaluate(str(headed_folder(tmp_path / "m")), "bundled", device="cpu")


def test_names():
    assert [canonical_dimension(word) for word in (" Arousal", "ACTIVATION", "pleasure", "angry")] == [
        "arousal",
        "arousal",
        "valence",
        "",
    ]
