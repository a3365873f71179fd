"""Any dual encoder of transformers, from a folder."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from models.errors import UserError
from models.search import encoder as encoder_module
from models.search.building import index_folder, open_index
from models.search.encoder import DualEncoder, spelled_symbols
from models.search.index import Index
from models.search.queries import Query
from models.search.searcher import Searcher
from tests.models.search.conftest import (
    save_chinese_clip,
    save_clip,
    save_hash_model,
    save_siglip,
    write_pictures,
)

KINDS = {"clip": (save_clip, 24), "siglip": (save_siglip, 40), "chinese": (save_chinese_clip, 20)}


@pytest.fixture(scope="module", params=list(KINDS))
def kind(request, tmp_path_factory):
    save, dim = KINDS[request.param]
    return save(tmp_path_factory.mktemp("encoder") / request.param), dim


def test_dimension_is_read_and_texts_are_their_own(kind):
    folder, dim = kind
    encoder = DualEncoder.load(folder)
    assert encoder.dim == dim
    words = ["cat", "a red square", "猫 红色", ""]
    together = encoder.texts(words)
    assert together.shape == (4, dim)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, rtol=1e-5)
    for i, item in enumerate(words):
        np.testing.assert_allclose(encoder.texts([item])[0], together[i], atol=1e-5)
    assert encoder.texts(["cat " * 500]).shape == (1, dim)
    assert encoder.texts([]).shape == (0, dim)


def test_pictures_as_transformers_embeds_them(kind):
    from transformers import AutoImageProcessor, AutoModel

    folder, dim = kind
    encoder = DualEncoder.load(folder)
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8))
    ours = encoder.pixels(encoder.view.pixels(picture)[None])[0]
    model = AutoModel.from_pretrained(folder).eval()
    inputs = AutoImageProcessor.from_pretrained(folder, backend="pil")(picture, return_tensors="pt")
    with torch.inference_mode():
        theirs = model.get_image_features(**inputs).pooler_output[0]
    theirs = theirs / theirs.norm()
    assert ours.shape == (dim,)
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5)


def test_a_large_encoder_sees_pictures_in_half_precision_where_that_is_quicker(kind, monkeypatch):
    """Nearly the same, whatever this processor multiplies bfloat16 with; a small encoder, and all texts, stay whole."""
    folder, _ = kind
    whole = DualEncoder.load(folder)
    assert whole.precision == torch.float32
    monkeypatch.setattr(encoder_module, "LARGE", 0)
    monkeypatch.setattr(encoder_module, "inference_dtype", lambda _device: torch.bfloat16)
    half = DualEncoder.load(folder)
    side = half.view.crop or (half.view.height, half.view.width)
    pixels = np.random.default_rng(0).integers(0, 256, (3, *side, 3), dtype=np.uint8)
    ours, theirs = half.pixels(pixels), whole.pixels(pixels)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, rtol=1e-5)
    assert not np.array_equal(ours, theirs)
    assert (ours * theirs).sum(1).min() > 0.99
    np.testing.assert_array_equal(half.texts(["a cat"]), whole.texts(["a cat"]))
    assert half.identity == whole.identity


def test_search_with_an_encoder_alone(kind, tmp_path):
    """Without a hash model, codes are random projections: a picture finds itself."""
    folder, _ = kind
    paths = write_pictures(tmp_path / "pictures", 12)
    searcher = Searcher.load(folder)
    searcher.index_folder(tmp_path / "pictures", tmp_path / "index")
    index = searcher.open_index(tmp_path / "index")
    result = searcher.search(index, Query(picture=paths[5]))
    assert result.hits[0].path == paths[5].resolve()
    assert result.hits[0].distance == 0
    index.close()


def test_a_tokenizer_with_more_pieces_than_the_network_is_refused_when_one_is_asked_for(tiny_clip, tmp_path):
    folder = shutil.copytree(tiny_clip, tmp_path / "clip")
    encoder = DualEncoder.load(folder)
    assert len(encoder.texts(["a", "cat"])) == 2
    file = folder / "tokenizer.json"
    told = json.loads(file.read_text("utf-8"))
    pieces = told["model"]["vocab"]
    pieces["cat</w>"] = 10_000
    file.write_text(json.dumps(told), "utf-8")
    other = DualEncoder.load(folder)
    with pytest.raises(UserError, match="names pieces of words that the network does not know"):
        other.texts(["cat"])


def test_an_index_of_another_encoder_is_refused_in_words(tmp_path, tiny_clip):
    write_pictures(tmp_path / "pictures", 3)
    Searcher.load(tiny_clip).index_folder(tmp_path / "pictures", tmp_path / "index")
    other = Searcher.load(save_clip(tmp_path / "other", dim=12, seed=1))
    with pytest.raises(UserError, match="another encoder") as caught:
        other.open_index(tmp_path / "index")
    assert "clip" in str(caught.value)
    assert "other" in str(caught.value)
    with pytest.raises(UserError, match="another encoder"):
        open_index(tmp_path / "index", other.identity)
    index = Index.open(tmp_path / "index")
    with pytest.raises(UserError, match="another encoder"):
        other.search(index, Query(text="cat"))
    with pytest.raises(UserError, match="another encoder"):
        index_folder(other, index, tmp_path / "pictures")
    index.close()


def test_an_index_of_another_hash_model_is_refused(tmp_path, tiny_clip, hash_model):
    write_pictures(tmp_path / "pictures", 3)
    Searcher.load(hash_model).index_folder(tmp_path / "pictures", tmp_path / "index")
    other = Searcher.load(save_hash_model(tmp_path / "other", tiny_clip, seed=9))
    with pytest.raises(UserError, match="another hash model"):
        other.open_index(tmp_path / "index")


def test_a_hash_model_of_another_encoder_is_refused(tmp_path):
    encoder = save_clip(tmp_path / "encoder")
    model = save_hash_model(tmp_path / "model", encoder)
    shutil.rmtree(encoder)
    save_clip(encoder, seed=4)
    with pytest.raises(UserError, match="trained on another encoder"):
        Searcher.load(model)
    shutil.rmtree(encoder)
    with pytest.raises(UserError, match="not a model folder"):
        Searcher.load(model)


@pytest.mark.parametrize(
    "spoil", ["preprocessor_config.json", "tokenizer.json", "config.json", "model.safetensors"]
)
def test_incomplete_folders(tmp_path, spoil):
    folder = save_clip(tmp_path / "encoder")
    (folder / spoil).write_text("{")
    with pytest.raises(UserError):
        DualEncoder.load(folder)


def test_a_model_that_embeds_no_pictures(tmp_path):
    from transformers import BertConfig, BertModel

    BertModel(
        BertConfig(
            hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=10
        )
    ).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="does not embed both"):
        DualEncoder.load(tmp_path)


def test_no_foreign_code(tmp_path):
    """A folder that brings its own code is not asked to run it."""
    folder = save_clip(tmp_path / "encoder")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "strange", "auto_map": {"AutoConfig": "evil.C", "AutoModel": "evil.M"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'trap')!r}, 'w')\n")
    with pytest.raises(UserError, match="cannot be used"):
        DualEncoder.load(folder)
    assert not (tmp_path / "trap").exists()


def test_symbols_are_written_out():
    assert spelled_symbols("I 😀❤️ you") == "I grinning face heavy black heart you"
    assert spelled_symbols("猫") == "猫"


def test_a_hash_model_that_describes_no_encoder_is_refused(hash_model, tmp_path):
    folder = shutil.copytree(hash_model, tmp_path / "model")
    description = folder / "checkpoint.json"
    told = json.loads(description.read_text("utf-8"))
    told["preprocessing"]["encoder"] = 16
    description.write_text(json.dumps(told), "utf-8")
    with pytest.raises(UserError, match="on which encoder it was trained"):
        Searcher.load(folder)
