"""What is kept: brought in from folders and files, held to its checksums, listed, removed; and where things come from."""

import json
import shutil

import pytest
import torch

from models.cli import main
from models.errors import UserError
from models.hub import catalogue, listing, shelf, sources, speeds
from models.progress import Cancelled, Progress
from models.resources import resource
from models.systems import SYSTEMS
from tests.fake_hub import weights


def model_folder(place, seed=0):
    place.mkdir(parents=True)
    (place / "config.json").write_text('{"model_type": "hubert"}')
    (place / "model.safetensors").write_bytes(weights(50_000, seed))
    return place


def test_the_list_says_of_each_what_a_person_must_know():
    names = [entry.name for entry in catalogue.entries()]
    assert len(names) == len(set(names)) >= 8
    for entry in catalogue.entries():
        assert entry.system in SYSTEMS
        assert entry.tried.strip()
        assert entry.size_mb > 0
        assert entry.languages
        assert not entry.revision or len(entry.revision) == 40
        assert all(len(digest) == 64 for digest in entry.sha256.values())
        assert entry.licence or entry.terms  # nobody is left without a word
        assert not entry.non_commercial or "commercial" in entry.terms


@pytest.mark.parametrize(
    ("licence", "forbids"),
    [("cc-by-nc-4.0", True), ("CC BY-NC 4.0", True), ("apache-2.0", False), ("mit", False), ("", False)],
)
def test_licences_that_forbid_trade_are_known(licence, forbids):
    assert catalogue.forbids_trade(licence) is forbids


def test_of_a_repository_the_best_weights_are_chosen_and_no_code():
    here = ["config.json", "model.safetensors", "pytorch_model.bin", "modeling_x.py", "README.md"]
    assert listing.chosen(here) == {"config.json", "model.safetensors", "README.md"}
    split = [f"pytorch_model-0000{n}-of-00002.bin" for n in (1, 2)]
    index = ["pytorch_model.bin.index.json", "model.safetensors.index.json"]
    assert listing.chosen([*split, *index]) == {*split, "pytorch_model.bin.index.json"}
    assert listing.chosen(["pytorch_model.bin", "training_args.bin"]) == {"pytorch_model.bin"}
    assert listing.chosen(["open_clip_pytorch_model.bin"]) == {"open_clip_pytorch_model.bin"}
    assert listing.chosen(["flax_model.msgpack", "onnx/model.onnx"]) == set()


def test_a_folder_is_brought_in_verified_and_removed(tmp_path, capsys):
    source = model_folder(tmp_path / "my model")
    assert main(["models", "import", str(source), "--quiet"]) == 0
    model = shelf.find("import/my-model")
    assert (model.folder / "model.safetensors").read_bytes() == weights(50_000)
    assert main(["models", "verify", "--quiet"]) == 0
    (model.folder / "model.safetensors").write_bytes(weights(50_000, 1))
    assert main(["models", "verify", "import/my-model", "--quiet"]) == 2
    assert "has other contents" in capsys.readouterr().out
    (model.folder / "model.safetensors").unlink()
    assert shelf.problems(model) == [("model.safetensors", "missing")]
    assert main(["models", "remove", "import/my-model"]) == 0
    assert not model.folder.exists()
    assert main(["models", "remove", "import/my-model"]) == 2


def test_a_single_file_and_a_checkpoint_of_ours_are_brought_in(tmp_path):
    torch.save({"weight": torch.zeros(3)}, tmp_path / "net.pt")
    assert shelf.opened_by("a/net", shelf.bring_in(tmp_path / "net.pt", "a/net").folder).name == "net.pt"
    ours = shutil.copytree(resource("checkpoints", "eeg"), tmp_path / "run")
    assert shelf.usable(shelf.bring_in(ours).name) == shelf.folder_of("import/run")


def test_a_run_is_brought_in_as_the_best_it_saved(tmp_path):
    run = tmp_path / "mine"
    shutil.copytree(resource("checkpoints", "eeg"), run / "best")
    (run / "config.yaml").write_text("system: eeg\n")
    kept = shelf.bring_in(run)
    assert kept.name == "import/mine"
    assert {path.name for path in shelf.files_in(kept.folder)} == {"checkpoint.json", "weights.safetensors"}
    assert shelf.bring_in(run / "best" / "weights.safetensors", "a/again").size == kept.size


def test_what_is_no_model_is_refused_and_nothing_stays(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    for wrong in (tmp_path / "notes.txt", tmp_path / "nowhere"):
        with pytest.raises(UserError, match="holds no model"):
            shelf.bring_in(wrong)
    with pytest.raises(UserError, match="cannot be the name"):
        shelf.bring_in(model_folder(tmp_path / "m"), "../../etc")
    assert not list(sources.stored().models.glob("*"))


class Code:
    """Opening it would run what its author wants."""

    def __reduce__(self):
        return print, ("hello",)


@pytest.mark.parametrize("name", ["junk.pth", "junk.bin", "junk.safetensors", "code.pt", "pointer.ckpt"])
def test_a_file_that_is_no_weights_is_refused_before_it_is_copied(tmp_path, name):
    path = tmp_path / name
    if name == "code.pt":
        torch.save(Code(), path)
    else:
        path.write_bytes(
            b"version https://git-lfs.github.com/spec/v1" if "pointer" in name else b"no weights"
        )
    with pytest.raises(UserError) as raised:
        shelf.bring_in(path)
    assert raised.value.what.format(**raised.value.values).count(name) == 1
    assert not list(sources.stored().models.glob("*"))


def test_a_folder_whose_weights_were_not_copied_to_their_end_is_refused(tmp_path):
    folder = model_folder(tmp_path / "m")
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:-100])
    with pytest.raises(UserError, match=r"model\.safetensors"):
        shelf.bring_in(folder)


def test_an_import_that_is_cancelled_leaves_nothing(tmp_path):
    class AtOnce(Progress):
        def update(self, done, total, message="", /, **values):
            raise Cancelled

    with pytest.raises(Cancelled):
        shelf.bring_in(model_folder(tmp_path / "m"), progress=AtOnce())
    assert shelf.find("import/m") is None
    assert not list(sources.stored().models.glob("*"))


def test_a_name_is_taken_once(tmp_path):
    shelf.bring_in(model_folder(tmp_path / "m"))
    with pytest.raises(UserError, match="already"):
        shelf.bring_in(tmp_path / "m")


def test_only_what_is_complete_counts(own_home):
    folder = model_folder(own_home / "models" / "some--model")
    assert shelf.find("some/model") is None
    assert shelf.installed() == []
    (folder / shelf.MARKER).write_text("some/model\n")  # as earlier versions wrote it
    assert shelf.find("some/model").files == ()
    assert shelf.usable("some/model") == folder
    assert [model.name for model in shelf.installed()] == ["some/model"]


def test_remove_touches_nothing_outside_the_models_folder(tmp_path, own_home):
    outside = model_folder(own_home / "runs" / "mine")
    for name in ("../runs/mine", "..", "."):
        with pytest.raises(UserError):
            shelf.remove(name)
    assert outside.exists()


def test_the_cache_of_other_programs_is_listed(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    model_folder(tmp_path / "cache" / "models--some--other" / "snapshots" / ("a" * 40))
    (result,) = shelf.installed()
    assert (result.name, result.foreign, result.revision) == ("some/other", True, "a" * 40)


def test_sources_are_kept_checked_and_mended(own_home, monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE")
    assert main(["models", "where", "--endpoint", "https://hf-mirror.com/", "--folder", "/data/models"]) == 0
    assert sources.stored().address == "https://hf-mirror.com"
    assert str(sources.stored().models) == "/data/models"
    for wrong in (["--endpoint", "hf-mirror.com"], ["--folder", "models"], ["--proxy", "localhost"]):
        assert main(["models", "where", *wrong]) == 2
    assert main(["models", "where", "--endpoint", "", "--folder", ""]) == 0
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example")
    assert sources.stored().address == "https://mirror.example"
    (own_home / "sources.json").write_text("{not json")
    assert sources.stored() == sources.Sources()
    (own_home / "sources.json").write_text(json.dumps({"provider": "elsewhere"}))
    assert sources.stored() == sources.Sources()


def test_list_tells_licence_and_size_as_json(capsys):
    assert main(["models", "list", "--json", "--system", "separation"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])["models"]
    assert {item["system"] for item in told} == {"separation"}
    asteroid = next(item for item in told if item["name"].startswith("JorisCos"))
    assert asteroid["non_commercial"]
    assert asteroid["folder"] is None


def test_a_speed_is_that_of_this_machine(capsys, monkeypatch):
    assert main(["models", "measure", "bundled", "--system", "separation"]) == 0
    assert speeds.words_of("separation/bundled").endswith("× real time on cpu")
    assert speeds.speed_of("separation/bundled").value > 0
    monkeypatch.setattr("platform.node", lambda: "elsewhere")
    assert speeds.words_of("separation/bundled") == ""
