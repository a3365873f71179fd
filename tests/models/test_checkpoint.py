"""Checkpoint folders: whole or not at all, no code in them, and every way in which one can be wrong."""

import json
import os
import pickle
import subprocess
import sys
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from models import checkpoint
from models.checkpoint import CheckpointInfo
from models.errors import UserError

WEIGHTS = {"a": torch.arange(6.0).reshape(2, 3), "b.c": torch.ones(2, dtype=torch.float16)}
INFO = CheckpointInfo(system="emotion", labels=["x", "y"], network={"hidden": 3})


def test_round_trip(tmp_path):
    checkpoint.save(tmp_path / "c", WEIGHTS, INFO)
    weights, info = checkpoint.load(tmp_path / "c", "emotion")
    assert info == INFO
    assert sorted(os.listdir(tmp_path)) == ["c"]  # nothing is left beside it
    for name, tensor in WEIGHTS.items():
        torch.testing.assert_close(weights[name], tensor, rtol=0, atol=0)


def test_shared_and_sliced_tensors_are_stored(tmp_path):
    base = torch.arange(10.0)
    checkpoint.save(tmp_path / "c", {"a": base, "b": base, "c": base[::2]}, INFO)
    weights, _ = checkpoint.load(tmp_path / "c", "emotion")
    torch.testing.assert_close(weights["c"], base[::2])


def test_replacing_leaves_the_old_one_if_writing_fails(tmp_path, monkeypatch):
    checkpoint.save(tmp_path / "c", WEIGHTS, INFO)

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(UserError, match="no room left"):
        checkpoint.save(tmp_path / "c", {"a": torch.zeros(1)}, INFO)
    assert sorted(os.listdir(tmp_path)) == ["c"]
    assert checkpoint.load(tmp_path / "c", "emotion")[0].keys() == WEIGHTS.keys()


def test_killed_between_the_two_renames(tmp_path):
    checkpoint.save(tmp_path / "c", WEIGHTS, INFO)
    (tmp_path / "c").rename(tmp_path / ".c-old")
    assert checkpoint.read_info(tmp_path / "c") == INFO


def test_missing_and_other_system(tmp_path):
    with pytest.raises(UserError, match="was not found"):
        checkpoint.load(tmp_path / "nowhere", "emotion")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"has no checkpoint\.json"):
        checkpoint.load(tmp_path / "empty", "emotion")
    checkpoint.save(tmp_path / "c", WEIGHTS, INFO)
    with pytest.raises(UserError, match="for emotion, not for eeg"):
        checkpoint.load(tmp_path / "c", "eeg")


@pytest.mark.parametrize(
    "text", ["{", "[1, 2]", '{"labels": 3}', '{"format_version": "x", "system": "emotion"}']
)
def test_damaged_description(tmp_path, text):
    checkpoint.save(tmp_path / "c", WEIGHTS, INFO)
    (tmp_path / "c" / "checkpoint.json").write_text(text)
    with pytest.raises(UserError, match=r"checkpoint\.json is damaged"):
        checkpoint.read_info(tmp_path / "c")


def test_newer_format(tmp_path):
    checkpoint.save(tmp_path / "c", WEIGHTS, INFO)
    path = tmp_path / "c" / "checkpoint.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": 99}))
    with pytest.raises(UserError, match="newer Polyphony"):
        checkpoint.read_info(tmp_path / "c")


def test_older_formats_are_migrated(tmp_path, monkeypatch):
    checkpoint.save(tmp_path / "c", WEIGHTS, INFO)
    monkeypatch.setattr(checkpoint, "FORMAT_VERSION", 2)
    monkeypatch.setitem(checkpoint.MIGRATIONS, 1, lambda values: values | {"title": "brought forward"})
    info = checkpoint.read_info(tmp_path / "c")
    assert (info.title, info.format_version) == ("brought forward", 2)


def test_truncated_weights(tmp_path):
    checkpoint.save(tmp_path / "c", WEIGHTS, INFO)
    path = tmp_path / "c" / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(UserError, match="damaged"):
        checkpoint.load(tmp_path / "c", "emotion")
    path.unlink()
    with pytest.raises(UserError, match="not complete"):
        checkpoint.load(tmp_path / "c", "emotion")


def test_weights_that_do_not_fit():
    with pytest.raises(UserError, match="do not fit"):
        checkpoint.fit(torch.nn.Linear(2, 3), {"weight": torch.zeros(4, 4), "bias": torch.zeros(3)})


def test_foreign_files(tmp_path):
    torch.save({"state_dict": WEIGHTS, "epoch": 3}, tmp_path / "a.pth")
    assert checkpoint.load_foreign(tmp_path / "a.pth")["epoch"] == 3
    save_file(WEIGHTS, tmp_path / "a.safetensors")
    assert checkpoint.load_foreign(tmp_path / "a.safetensors").keys() == WEIGHTS.keys()
    (tmp_path / "text.pth").write_text("hello")
    (tmp_path / "empty.pth").write_bytes(b"")
    for name in ("text.pth", "empty.pth"):
        with pytest.raises(UserError, match=r"no weights that can be read|is empty"):
            checkpoint.load_foreign(tmp_path / name)
    with pytest.raises(UserError, match="not found"):
        checkpoint.load_foreign(tmp_path / "missing.pth")


class Malicious:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("zipped", [False, True])
def test_a_pickle_with_code_is_refused_and_does_not_run(tmp_path, zipped):
    mark = tmp_path / "it ran"
    attack = pickle.dumps({"state_dict": Malicious(f"touch '{mark}'")})
    path = tmp_path / "evil.pth"
    if zipped:  # as torch.save writes today
        torch.save({"a": torch.zeros(1)}, path)
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in parts.items():
                archive.writestr(name, attack if name.endswith("data.pkl") else data)
    else:
        path.write_bytes(attack)
    with pytest.raises(UserError, match="would run code"):
        checkpoint.load_foreign(path)
    assert not mark.exists()
    # The attack is real: plain unpickling would have run it.
    if not zipped:
        subprocess.run(
            [sys.executable, "-c", f"import pickle; pickle.load(open({str(path)!r}, 'rb'))"], check=True
        )
        assert mark.exists()


def test_reading_the_description_needs_no_torch(tmp_path):
    checkpoint.save(tmp_path / "c", WEIGHTS, INFO)
    code = f"import sys; from models.checkpoint import read_info; assert read_info({str(tmp_path / 'c')!r}).labels == ['x', 'y']; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
