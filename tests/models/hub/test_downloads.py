"""Models fetched from a hub of our own, over real connections: quick, slow, stalled, cut off, damaged, missing, no room."""

import hashlib
import json
import os
import subprocess
import sys

import pytest

import models.torchaudio_cpu  # noqa: F401  before torchaudio
from models.errors import UserError
from models.hub import fetching, shelf, sources
from models.hub.transfer import RemoteFile, transfer
from models.progress import Cancelled, Progress
from tests.fake_hub import COMMIT, FakeHub, weights

NAME = "people/model"
BIG = 300_000


@pytest.fixture
def hub():
    files = {
        "config.json": b'{"model_type": "hubert"}',
        "model.safetensors": weights(BIG),
        "pytorch_model.bin": weights(BIG, 1),
        "tf_model.h5": b"no",
        "README.md": b"# Card",
        "onnx/model.onnx": b"no",
    }
    with FakeHub({NAME: files}) as made:
        yield made


@pytest.fixture
def online(monkeypatch, hub):
    """Downloads are allowed, in child processes, from our own hub."""
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr("models.hub.transfer.STALL_S", 0.4)
    monkeypatch.setattr("models.hub.transfer.WAIT_S", 0.01)
    sources.change(endpoint=hub.address)


def contents(folder):
    return {path.name: path.read_bytes() for path in shelf.files_in(folder)}


def test_a_model_arrives_whole_and_pinned_to_its_commit(hub, online):
    steps = []
    model = fetching.download(NAME, Progress(steps.append))
    assert set(contents(model.folder)) == {"config.json", "model.safetensors", "README.md"}
    assert contents(model.folder)["model.safetensors"] == hub.repositories[NAME]["model.safetensors"]
    assert model.revision == COMMIT
    assert set(hub.revisions) == {COMMIT}  # not `main`, which may move between two files
    assert {file.sha256 for file in model.files} == {
        hashlib.sha256(data).hexdigest() for data in contents(model.folder).values()
    }
    assert shelf.problems(model) == []
    assert shelf.usable(NAME) == model.folder
    assert steps[-1].total == 0 or steps[-1].total > BIG


def remote(hub, path="model.safetensors", **more):
    data = hub.repositories[NAME][path]
    known = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest(), **more}
    return RemoteFile(path, f"{hub.address}/{NAME}/resolve/{COMMIT}/{path}", **known)


def test_what_is_cut_off_goes_on_where_it_stopped(tmp_path, hub, online):
    hub.cut_after = [100_000, 50_000]
    kept = transfer(remote(hub), tmp_path, lambda here: None)
    assert kept.size == BIG
    assert [asked for _, asked in hub.asked] == ["", "bytes=100000-", "bytes=150000-"]
    assert (tmp_path / "model.safetensors").read_bytes() == hub.repositories[NAME]["model.safetensors"]


def test_a_connection_that_is_cut_at_every_byte_is_given_up(tmp_path, hub, online):
    hub.cut_after = [0] * 99
    with pytest.raises(UserError, match="goes on where it stopped"):
        transfer(remote(hub), tmp_path, lambda here: None)
    assert len(hub.asked) == 5


@pytest.mark.slow
def test_a_stalled_connection_is_taken_up_again_until_nothing_more_comes(tmp_path, hub, online):
    hub.stall_after = 32_768
    seen = []
    with pytest.raises(UserError, match="did not answer in time"):
        transfer(remote(hub), tmp_path, lambda here: _stop_all(hub, seen, here))
    assert seen[-1] == 65_536  # it went on once, and got as much again
    assert not (tmp_path / "model.safetensors").exists()
    hub.stall_after = None
    assert transfer(remote(hub), tmp_path, seen.append).size == BIG
    assert hub.asked[-1] == ("model.safetensors", "bytes=65536-")


def _stop_all(hub, seen, here):
    seen.append(here)
    if here > 32_768:
        hub.stall_after = 0 if here == 65_536 else hub.stall_after


def test_contents_that_are_not_as_announced_are_not_kept(tmp_path, hub, online):
    hub.lie = {"model.safetensors"}
    with pytest.raises(UserError, match="arrived damaged"):
        transfer(remote(hub), tmp_path, lambda here: None)
    assert list(tmp_path.glob("model*")) == []
    hub.lie = {"config.json"}
    small = remote(hub, "config.json", sha256="", git_sha1=_git(hub.repositories[NAME]["config.json"]))
    with pytest.raises(UserError, match="git SHA-1"):
        transfer(small, tmp_path, lambda here: None)


def _git(data):
    return hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()


def test_a_part_of_another_version_costs_a_second_download_and_no_more(tmp_path, hub, online):
    (tmp_path / "model.safetensors.part").write_bytes(b"of another version" * 1000)
    transfer(remote(hub), tmp_path, lambda here: None)
    assert (tmp_path / "model.safetensors").read_bytes() == hub.repositories[NAME]["model.safetensors"]
    assert [asked for _, asked in hub.asked] == ["bytes=18000-", ""]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full here")
def test_a_full_disk_is_said(tmp_path, hub, online):
    (tmp_path / "model.safetensors.part").symlink_to("/dev/full")
    with pytest.raises(UserError, match="cannot be kept on this disk") as caught:
        transfer(remote(hub), tmp_path, lambda here: None)
    assert "No space left" in str(caught.value)


def test_what_does_not_fit_is_not_begun(hub, online, monkeypatch):
    import shutil
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage(10**9, 10**9, 65 * 2**20))
    hub.repositories[NAME]["model.safetensors"] = weights(2_000_000)
    monkeypatch.setattr("models.hub.listing._of_hugging_face", lambda *_: _listed(hub))
    with pytest.raises(UserError, match="does not fit on this disk"):
        fetching.fetch(NAME)
    assert hub.asked == []


def _listed(hub):
    from models.hub.listing import Listing

    return Listing(COMMIT, tuple(remote(hub, path) for path in ("config.json", "model.safetensors")))


def in_child(*words, **environment):
    """The command as a person types it: (exit code, what was printed)."""
    done = subprocess.run(
        [sys.executable, "-m", "models", "models", *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, **environment},
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "words"),
    [("people/nobody", "no public model"), (f"{NAME} --revision other", "has no version other")],
)
def test_what_the_hub_does_not_have_is_said(hub, online, name, words):
    code, printed = in_child("fetch", *name.split())
    assert code == 2
    assert words in printed
    assert "Traceback" not in printed
    assert shelf.find(name.split()[0]) is None


def test_a_file_that_is_announced_and_not_there(tmp_path, hub, online):
    hub.missing = {"model.safetensors"}
    with pytest.raises(UserError, match="is not at the place where it should be"):
        transfer(remote(hub), tmp_path, lambda here: None)


def test_no_hub_at_all_is_said_with_what_can_be_done(online):
    sources.change(endpoint="http://127.0.0.1:9")
    code, printed = in_child("fetch", NAME)
    assert code == 2
    assert "choose a mirror or a proxy" in printed
    assert "Traceback" not in printed


@pytest.mark.slow
def test_cancelling_kills_the_child_and_the_next_try_goes_on(hub, online):
    hub.pause_s = 0.05

    class Impatient(Progress):
        def update(self, done, total, message="", /, **values):
            if done >= 60_000:
                raise Cancelled

    with pytest.raises(Cancelled):
        fetching.download(NAME, Impatient())
    folder = shelf.folder_of(NAME)
    assert shelf.find(NAME) is None
    part = folder / "model.safetensors.part"
    came = part.stat().st_size
    assert came >= 50_000
    hub.pause_s = 0
    hub.asked.clear()
    model = fetching.download(NAME)
    assert ("model.safetensors", f"bytes={came}-") in hub.asked
    assert shelf.problems(model) == []
    assert not part.exists()


def test_two_downloads_of_one_model_do_not_mix(hub, online):
    from models import locks

    folder = shelf.folder_of(NAME)
    folder.mkdir(parents=True)
    with locks.taken(folder / ".lock"):
        code, printed = in_child("fetch", NAME)
    assert code == 2
    assert "is being downloaded already" in printed


def test_a_licence_against_trade_has_to_be_agreed_to_before(hub, online):
    hub.licences[NAME] = "cc-by-nc-4.0"
    code, printed = in_child("fetch", NAME)
    assert code == 2
    assert "not free for commercial use" in printed
    assert hub.asked == []
    code, _ = in_child("fetch", NAME, "--agree")
    assert code == 0
    assert shelf.find(NAME).licence == "cc-by-nc-4.0"


def test_the_same_from_modelscope(hub, online):
    sources.change(provider="modelscope")
    model = fetching.download(NAME)
    assert set(contents(model.folder)) == {"config.json", "model.safetensors", "README.md"}
    assert shelf.problems(model) == []


def test_a_repository_without_a_config_is_fetched_and_its_file_opened(hub, online, tmp_path):
    hub.repositories["JorisCos/ConvTasNet_Libri2Mix_sepclean_16k"] = {
        "README.md": b"# Conv-TasNet",
        "pytorch_model.bin": weights(20_000),
    }
    code, printed = in_child("fetch", "JorisCos/ConvTasNet_Libri2Mix_sepclean_16k")
    assert code == 2
    assert "CC BY-NC 4.0" in printed
    assert "--agree" in printed
    code, printed = in_child("fetch", "JorisCos/ConvTasNet_Libri2Mix_sepclean_16k", "--agree", "--json")
    assert code == 0
    opened = shelf.usable("JorisCos/ConvTasNet_Libri2Mix_sepclean_16k")
    assert opened.name == "pytorch_model.bin"
    told = json.loads(next(line for line in printed.splitlines() if line.startswith("{")))
    assert told["opened"] == str(opened)


def test_a_fetched_separator_separates_by_its_name(own_home, tmp_path):
    """From a file of torchaudio's with random weights: what the manager keeps is what `use` opens."""
    import numpy as np
    import soundfile
    import torch
    from torchaudio.models import ConvTasNet

    from models.cli import main

    torch.manual_seed(0)
    small = ConvTasNet(
        msk_num_feats=16, msk_num_hidden_feats=16, msk_num_layers=2, msk_num_stacks=1, enc_num_feats=16
    )
    torch.save(small.state_dict(), tmp_path / "conv_tasnet.pt")
    shelf.bring_in(tmp_path / "conv_tasnet.pt", "people/separator")
    soundfile.write(tmp_path / "talk.wav", np.random.default_rng(0).normal(0, 0.1, 16_000), 8000)
    words = ["use", "separation", "--checkpoint", "people/separator", str(tmp_path / "talk.wav")]
    assert main([*words, "--out", str(tmp_path / "tracks"), "--quiet"]) == 0
    assert len(list((tmp_path / "tracks").rglob("*.wav"))) == 2


def test_offline_is_a_choice_that_terminal_and_window_share(hub, online):
    assert in_child("where", "--offline")[0] == 0
    assert sources.offline()
    code, printed = in_child("fetch", NAME)
    assert code == 2
    assert "downloads are switched off" in printed
    assert hub.asked == []


def test_a_proxy_is_used(hub, online):
    """Our hub plays the proxy: it is asked for the whole address of a host that there is not."""
    sources.change(endpoint="http://hub.invalid", proxy=hub.address)
    code, printed = in_child("fetch", NAME, NO_PROXY="", no_proxy="")
    assert code == 0, printed
    assert shelf.find(NAME).source == "http://hub.invalid"
