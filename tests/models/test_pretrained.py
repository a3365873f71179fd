"""Models of others: found in folders, refused offline in words, fetched by a child that can be killed."""

import sys

import pytest

from models import pretrained
from models.errors import UserError
from models.progress import Cancelled, Progress

CHILD = """
import json, sys, time, pathlib
folder = pathlib.Path(sys.argv[1]); folder.mkdir(parents=True, exist_ok=True)
(folder / "config.json").write_text("{}")
for part in range(5):
    with open(folder / "model.safetensors", "ab") as file: file.write(b"x" * 1000)
    print(json.dumps({"done": 1000 * (part + 1), "total": 5000}), flush=True)
    time.sleep(float(sys.argv[2]))
(folder / ".complete").write_text("ok")
"""


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
    (folder / pretrained.MARKER).write_text("some/model")
    assert pretrained.find("some/model") == folder


def test_download_reports_and_finishes(tmp_path):
    steps = []
    folder = pretrained.download(
        "a/b",
        tmp_path / "m",
        Progress(steps.append),
        [sys.executable, "-c", CHILD, str(tmp_path / "m"), "0.15"],
    )
    assert pretrained.is_model_folder(folder)
    assert max(step.fraction for step in steps) > 0.3


def test_cancelling_kills_the_child_and_keeps_what_came(tmp_path):
    class CancelAtTwo(Progress):
        def update(self, done, total, message="", /, **values):
            if done >= 2000:
                raise Cancelled

    with pytest.raises(Cancelled):
        pretrained.download(
            "a/b", tmp_path / "m", CancelAtTwo(), [sys.executable, "-c", CHILD, str(tmp_path / "m"), "0.5"]
        )
    assert (tmp_path / "m" / "model.safetensors").stat().st_size >= 2000
    assert not (tmp_path / "m" / ".complete").exists()


def test_a_failed_download_says_why(tmp_path):
    code = """import json; print(json.dumps({"error": "the hub did not answer (timed out)"})); raise SystemExit(2)"""
    with pytest.raises(UserError, match="did not answer"):
        pretrained.download("a/b", tmp_path / "m", Progress(), [sys.executable, "-c", code])


def test_the_real_child_without_network_says_so(tmp_path):
    """No hub answers here (the tests forbid it): the true command ends with words, not with a traceback."""
    with pytest.raises(UserError, match="could not be downloaded") as caught:
        pretrained.download("facebook/hubert-base-ls960", tmp_path / "m", Progress())
    assert "Traceback" not in str(caught.value)
