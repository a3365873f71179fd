"""Models that others have made: loaded wholly or refused in a sentence, no weight drawn at random, no memory taken for a
claim, no code run, no advice of other libraries to run it."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from models import checkpoint, files, weights
from models.checkpoint import CheckpointInfo
from models.emotion.recognizer import Recognizer
from models.errors import UserError
from models.training.config import override, read_yaml

SIZES = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "conv_dim": (8, 8),
         "conv_kernel": (10, 3), "conv_stride": (5, 2), "num_feat_extract_layers": 2, "classifier_proj_size": 4,
         "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2}  # fmt: skip
SOUND = np.sin(np.arange(16_000) / 20).astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2ForSequenceClassification

    names = {0: "ang", 1: "hap", 2: "neu", 3: "sad"}
    place = tmp_path / "model"
    Wav2Vec2ForSequenceClassification(Wav2Vec2Config(**SIZES, id2label=names)).save_pretrained(place)
    Wav2Vec2FeatureExtractor().save_pretrained(place)
    return place


def changed(folder, **values):
    place = folder / "config.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), **values}))


def test_it_is_loaded_wholly(folder):
    result = Recognizer.load(folder, "cpu")
    assert result.labels == ("angry", "happy", "neutral", "sad")
    assert result.classify(SOUND).probabilities.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("renamed", ["", "classifier.dense."])
def test_no_head_is_drawn_at_random(folder, renamed):
    """Neither for a bare encoder nor for a head that goes by other names."""
    place = folder / "model.safetensors"
    held = load_file(place)
    kept = {name: value for name, value in held.items() if not name.startswith("classifier")}
    if renamed:
        kept |= {
            name.replace("classifier.", renamed): held[name] for name in held if name.startswith("classifier")
        }
    save_file(kept, place, metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"lacks 2 weights, such as classifier\.bias"):
        Recognizer.load(folder, "cpu")


def test_a_head_of_another_size(folder):
    changed(folder, id2label={"0": "a", "1": "b"}, label2id={"a": 0, "b": 1})
    with pytest.raises(UserError, match="cannot be used as an emotion model"):
        Recognizer.load(folder, "cpu")


def test_values_that_are_no_numbers_are_said(folder):
    place = folder / "model.safetensors"
    held = load_file(place)
    held["classifier.weight"][:] = torch.nan
    save_file(held, place, metadata={"format": "pt"})
    with pytest.raises(UserError, match="are no numbers"):
        Recognizer.load(folder, "cpu").classify(SOUND)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"num_hidden_layers": 1_000_000}, "far larger"),
        ({"hidden_size": 1_000_000}, "far larger"),
        ({"hidden_size": "8; import os"}, "cannot be used"),
        ({"model_type": "of tomorrow"}, "cannot be used"),
        (
            {"auto_map": {"AutoModelForAudioClassification": "code.Mine"}, "model_type": "mine"},
            "cannot be used",
        ),
    ],
)
def test_a_config_is_held_against_the_weights(folder, config, words):
    changed(folder, **config)
    with pytest.raises(UserError, match=words) as caught:
        Recognizer.load(folder, "cpu")
    assert "trust_remote_code" not in str(caught.value)


def test_files_that_are_not_whole(folder):
    place = folder / "model.safetensors"
    data = place.read_bytes()
    for left, words in (
        (data[: len(data) // 2], "not copied to its end"),
        (data[:5], "not copied to its end"),
        (b"\xff" * 8 + data[8:], "not copied to its end"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 378300000\n", "git lfs pull"),
    ):
        place.write_bytes(left)
        with pytest.raises(UserError, match=words):
            Recognizer.load(folder, "cpu")
    (folder / "config.json").write_text("[" * 100_000)
    with pytest.raises(UserError, match="nested"):
        Recognizer.load(folder, "cpu")


def test_a_shard_elsewhere_is_not_read(folder):
    (folder / "model.safetensors").rename(folder.parent / "elsewhere.safetensors")
    index = {"metadata": {}, "weight_map": {"a": "../elsewhere.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match="is not complete"):
        Recognizer.load(folder, "cpu")


# Checkpoints and files of PyTorch


@pytest.fixture
def ours(tmp_path):
    checkpoint.save(
        tmp_path / "c", {"a": torch.zeros(4, 4)}, CheckpointInfo(system="eeg", network={"hidden": 4})
    )
    return tmp_path / "c"


@pytest.mark.parametrize(
    "values",
    [
        {"network": {"layers": 1_000_000}},
        {"network": {"hidden": 10**9, "x": {"width": 10**6}}},
        {"network": {"hidden": 1e300}},
    ],
)
def test_a_checkpoint_that_names_a_million_layers(ours, values):
    place = ours / "checkpoint.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | values))
    with pytest.raises(UserError, match="far larger"):
        checkpoint.read_info(ours)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[]",
        '{"system": 3}',
        '{"format_version": "new"}',
        '{"format_version": 1e400}',
        "",
        '{"a": 1' + "0" * 5000 + "}",
    ],
)
def test_a_description_that_is_none(ours, text):
    (ours / "checkpoint.json").write_text(text)
    with pytest.raises(UserError, match=r"cannot be read|is damaged"):
        checkpoint.read_info(ours)


def test_views_that_repeat_one_number(tmp_path, monkeypatch):
    torch.save({"a": torch.zeros(1).expand(2**20)}, tmp_path / "a.pth")
    assert checkpoint.load_foreign(tmp_path / "a.pth")["a"].shape == (2**20,)
    monkeypatch.setattr(files, "LARGEST_UNPACKED", 2**20)
    with pytest.raises(UserError, match="too large when it is unpacked"):
        checkpoint.load_foreign(tmp_path / "a.pth")


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95])
def test_a_file_of_pytorch_that_was_not_copied_to_its_end(tmp_path, share):
    torch.save({"a": torch.zeros(1000)}, tmp_path / "a.pth")
    data = (tmp_path / "a.pth").read_bytes()
    (tmp_path / "a.pth").write_bytes(data[: int(share * len(data))])
    with pytest.raises(UserError) as caught:
        checkpoint.load_foreign(tmp_path / "a.pth")
    assert "weights_only" not in str(caught.value)


def test_a_header_is_held_against_the_file(tmp_path):
    def written(about):
        text = json.dumps(about).encode()
        (tmp_path / "a.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(64))
        return tmp_path / "a.safetensors"

    good = {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]}
    assert weights.tensors(written({"a": good})) == {"a": (4, 4)}
    for change in ({"shape": [1 << 40]}, {"shape": [-4]}, {"shape": "4"}, {"data_offsets": [0, 65]}, {"data_offsets": [64, 0]},
                   {"data_offsets": None}, {"dtype": 3, "shape": [5, 4, 4]}):  # fmt: skip
        with pytest.raises(UserError):
            weights.tensors(written({"a": good | change}))


# Settings


def bomb(levels=9, each=9):
    lines = ["a0: &a0 [1,1,1,1,1,1,1,1,1]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * each)}]" for n in range(1, levels + 1)]
    return "\n".join(lines)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", [bomb(), bomb(60, 2), "a: &a [*a]", "a: &a {b: *a}", "[" * 10_000, "a: " * 3000, "? " * 5000]
)
def test_a_few_lines_that_stand_for_billions(tmp_path, text):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(UserError):
        read_yaml(tmp_path / "a.yaml")


def test_dates_and_aliases_as_people_mean_them(tmp_path):
    (tmp_path / "a.yaml").write_text(
        "a: 2024-13-45\nb: &b [1, 2]\nc: *b\nd: !!python/object/apply:os.system [ls]\n"
    )
    with pytest.raises(UserError, match="as YAML"):
        read_yaml(tmp_path / "a.yaml")
    (tmp_path / "a.yaml").write_text("a: 2024-13-45\nb: &b [1, 2]\nc: *b\n")
    assert read_yaml(tmp_path / "a.yaml") == {"a": "2024-13-45", "b": [1, 2], "c": [1, 2]}
    assert override({}, ["a=2024-13-45", "b=*x"]) == {"a": "2024-13-45", "b": "*x"}
