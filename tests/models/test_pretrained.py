"""Models of others, found in folders and on the shelf, and refused offline in words."""

import pytest
import torch

from models import pretrained
from models.errors import UserError
from models.hub import shelf


def model_folder(path):
    path.mkdir(parents=True)
    (path / "config.json").write_text("{}")
    (path / "model.safetensors").write_bytes(b"")
    return path


def test_a_local_folder(tmp_path):
    folder = model_folder(tmp_path / "hubert")
    assert pretrained.locate(str(folder)) == folder


def test_a_folder_without_weights_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="not a model folder"):
        pretrained.locate(str(tmp_path / "empty"))
    with pytest.raises(UserError, match="not a model folder"):
        pretrained.locate("no-such-name")


def test_offline_is_said_plainly():
    with pytest.raises(UserError, match="downloads are switched off"):
        pretrained.locate("facebook/hubert-base-ls960")


def test_only_complete_downloads_count(own_home):
    folder = model_folder(own_home / "models" / "some--model")
    assert pretrained.find("some/model") is None
    (folder / shelf.MARKER).write_text("some/model")
    assert pretrained.find("some/model") == folder


def test_a_kept_file_of_weights_is_no_folder_of_transformers(own_home, monkeypatch, tmp_path):
    torch.save({"weight": torch.zeros(3)}, tmp_path / "net.pth")
    shelf.bring_in(tmp_path / "net.pth", "some/net")
    assert pretrained.find("some/net") is None
    monkeypatch.setattr("models.hub.fetching.download", lambda *_: shelf.find("some/net"))
    with pytest.raises(UserError, match=r"without a config\.json"):
        pretrained.locate("some/net")
