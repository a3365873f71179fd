"""The one contract of the systems, held by running it: every verb works or is refused in words, before anything is loaded."""

from __future__ import annotations

import csv
import inspect
import json
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from models import checkpoint, systems
from models.cli import main
from models.contract import Capabilities, Refusal, System
from models.errors import UserError
from models.loading import bundled_names, checkpoint_folder
from models.model_folder import FOLDING
from models.resources import resource
from models.settings import Options
from models.systems import SYSTEMS
from models.training.config import TrainingConfig

ROOT = Path(__file__).parents[2]
OPTIONAL = ("crossval", "importer", "export", "learning_curve", "ensemble")


def run(capsys, *arguments):
    """(exit code, the JSON of the last line, everything printed)."""
    code = main([*map(str, arguments), "--json"])
    out, err = capsys.readouterr()
    lines = out.strip().splitlines()
    return code, json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}, out + err


@pytest.fixture(params=list(SYSTEMS))
def system(request) -> System:
    return systems.system(request.param)


@pytest.fixture
def given(system, tmp_path):
    """A small real input of the system, and the flags its `use` takes for it."""
    if system.name in ("emotion", "separation"):
        talk = resource("samples", "separation", "two-women-1926.flac")
        sound, rate = soundfile.read(talk, dtype="float32")
        soundfile.write(tmp_path / "talk.wav", sound[: 2 * rate], rate)
        return tmp_path / "talk.wav"
    if system.name == "reverberation":
        sequences = np.random.default_rng(0).normal(size=(4, 12, 64)).astype(np.float32)
        np.savez(tmp_path / "sequences.npz", x=sequences, y=sequences[:, :, 0].mean(1))
        return tmp_path / "sequences.npz"
    if system.name == "eeg":
        eeg = np.random.default_rng(0).normal(size=(64 * 20, 64)).astype(np.float32)
        np.savez(tmp_path / "eeg.npz", eeg=eeg * 10, fs=64)
        return tmp_path / "eeg.npz"
    Image.new("RGB", (64, 64), "red").save(tmp_path / "red.png")
    return tmp_path / "red.png"


# --- the value -----------------------------------------------------------------------------------------------


def test_a_system_is_known_without_torch(tmp_path):
    import subprocess
    import sys

    script = (
        "import sys\nfrom models import systems\n"
        "for name in systems.SYSTEMS: systems.system(name)\n"
        "print([name for name in ('torch', 'transformers', 'mne', 'faiss', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_capability_has_the_contracts_signature(system):
    can = system.capabilities
    assert isinstance(can, Capabilities)
    load = inspect.signature(can.load).parameters
    assert [(capability.name, capability.default) for capability in load.values()] == [
        ("choice", "bundled"),
        ("device", "auto"),
        ("progress", None),
    ]
    assert list(inspect.signature(can.use).parameters) == [
        "choice", "inputs", "out", "options", "device", "progress",
    ]  # fmt: skip
    assert list(inspect.signature(can.evaluate).parameters) == [
        "choice", "data", "out", "options", "device", "progress",
    ]  # fmt: skip
    assert list(inspect.signature(can.describe).parameters) == ["choice", "out"]
    assert issubclass(system.config, TrainingConfig)
    assert issubclass(system.use_options, Options)
    for name in OPTIONAL:
        capability = getattr(can, name)
        assert callable(capability) or (
            isinstance(capability, Refusal) and capability.why.endswith(".") and capability.remedy
        )
    assert bool(system.crossval_by) == callable(can.crossval)


def test_the_tables_of_systems_agree():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(item["layers"] for item in contracts if item["type"] == "layers")
    side_by_side = next(layer for layer in layers if "models.emotion" in layer)
    assert {part.strip() for part in side_by_side.split("|")} == set(SYSTEMS.values())
    for name in SYSTEMS:
        assert systems.system(name).name == name
        assert resource("presets", name).is_dir()
        assert bundled_names(name)[0] == "bundled"


# --- loading -------------------------------------------------------------------------------------------------


def as_run(system: System, place: Path) -> Path:
    """The bundled model as the best of a run."""
    shutil.copytree(checkpoint_folder("bundled", system.name), place / "best")
    (place / "config.yaml").write_text(f"system: {system.name}\n")
    return place


@pytest.mark.slow
def test_bundled_checkpoint_and_run_folder_are_opened_alike(system, tmp_path):
    run_folder = as_run(system, tmp_path / "run")
    choices = ("bundled", run_folder / "best", run_folder, run_folder / "best" / checkpoint.WEIGHTS)
    opened = [system.capabilities.load(choice, "cpu") for choice in choices]
    assert len({item.info.model_dump_json() for item in opened}) == 1
    assert all(item.device.name == "cpu" for item in opened)
    assert all(isinstance(item.remarks, tuple) for item in opened)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda place, name: place / "nothing", "was not found"),
        (lambda place, name: "", "No model was chosen"),
        (lambda place, name: "bundled-nothing", "No model called bundled-nothing ships"),
        (lambda place, name: _empty_run(place), "has saved no model yet"),
        (lambda place, name: _cross_validation(place), "is a cross-validation"),
        (lambda place, name: _other(place, name), "is for"),
        (lambda place, name: _newer(place, name), "not known here|does not say"),
    ],
    ids=["missing", "empty", "not shipped", "nothing saved", "cross-validation", "another system", "newer"],
)
def test_what_cannot_be_opened_is_refused_in_words(system, tmp_path, make, why):
    with pytest.raises(UserError, match=why):
        system.capabilities.load(make(tmp_path, system.name), "cpu")


def _empty_run(place: Path) -> Path:
    (place / "config.yaml").write_text("epochs: 2\n")
    return place


def _cross_validation(place: Path) -> Path:
    (place / FOLDING).write_text('{"by": "k"}')
    return _empty_run(place)


def _other(place: Path, name: str) -> Path:
    other = "eeg" if name != "eeg" else "emotion"
    return Path(shutil.copytree(checkpoint_folder("bundled", other), place / "other"))


def _newer(place: Path, name: str) -> Path:
    folder = Path(shutil.copytree(checkpoint_folder("bundled", name), place / "newer"))
    values = json.loads((folder / checkpoint.DESCRIPTION).read_text("utf-8"))
    values["network"]["setting_of_tomorrow"] = 1
    (folder / checkpoint.DESCRIPTION).write_text(json.dumps(values), "utf-8")
    return folder


def test_a_foreign_file_is_opened_or_refused_in_words(system, tmp_path):
    torch.save({"layer.weight": torch.zeros(2)}, tmp_path / "model.pth")
    with pytest.raises(UserError):
        system.capabilities.load(tmp_path / "model.pth", "cpu")


def test_what_needs_no_import_is_not_brought_in(system, tmp_path, capsys):
    """A folder, a run and the weights of a model of ours: said to be what they are, and nothing is written."""
    run_folder = as_run(system, tmp_path / "run")
    (tmp_path / "nothing").mkdir()
    for place in (tmp_path / "nothing", run_folder, run_folder / "best" / checkpoint.WEIGHTS):
        code, result, text = run(capsys, "import", system.name, place, "--out", tmp_path / "out")
        assert code == 2, text
        assert "not found" not in text
        assert result["error"]["remedy"]
        assert not (tmp_path / "out").exists()


# --- verbs ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_use_works_with_every_flag_at_its_default(system, given, tmp_path, capsys):
    out = tmp_path / (
        "out.csv" if system.name == "emotion" else "out.npz"
    )  # its tables and labels go by the ending
    code, result, text = run(capsys, "use", system.name, given, "--out", out, "--quiet")
    assert code == 0, text
    assert result["out"] == str(out)
    flags = []
    for name, field in system.use_options.model_fields.items():
        if isinstance(field.default, (int, float)) and not isinstance(field.default, bool):
            flags += [f"--{name.replace('_', '-')}", field.default]
    code, again, text = run(capsys, "use", system.name, given, "--out", out, "--quiet", *flags)
    assert code == 0, text
    assert json.dumps(again) == json.dumps(result)


def test_use_of_a_flag_there_is_not_is_a_persons_error(system, given, tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        main(["use", system.name, str(given), "--out", str(tmp_path / "out"), "--flag-of-tomorrow", "1"])
    assert end.value.code == 2


def test_a_place_that_cannot_take_the_result_is_refused_before_anything_is_opened(
    system, given, tmp_path, capsys
):
    (tmp_path / "file").write_text("kept")
    for out in (tmp_path / "file" / "out", tmp_path if system.name != "separation" else tmp_path / "file"):
        code, _, text = run(capsys, "use", system.name, given, "--out", out)
        assert code == 2, text
        assert "Opening" not in text
        assert "is a file" in text or "is a folder" in text
    assert (tmp_path / "file").read_text() == "kept"


def test_of_one_input_that_cannot_be_used_its_own_error_is_told(system, tmp_path, capsys):
    code, result, text = run(capsys, "use", system.name, tmp_path / "missing.wav", "--out", tmp_path / "out")
    assert code == 2
    assert result["error"]["what"] == "missing.wav was not found."
    assert "None of" not in text
    assert "Skipped" not in text


@pytest.mark.parametrize("empty", ["INPUT", "--out", "--checkpoint"])
def test_an_empty_path_is_refused(system, given, tmp_path, capsys, empty):
    arguments = {"INPUT": str(given), "--out": str(tmp_path / "out"), "--checkpoint": "bundled"} | {empty: ""}
    code, result, _ = run(
        capsys, "use", system.name, arguments["INPUT"], "--out", arguments["--out"],
        "--checkpoint", arguments["--checkpoint"],
    )  # fmt: skip
    assert code == 2
    assert result["error"]["remedy"]


def test_evaluate_of_nothing_is_refused(system, tmp_path, capsys):
    for place in ("", tmp_path / "missing"):
        code, result, text = run(capsys, "evaluate", system.name, "--data", place)
        assert code == 2, text
        assert result["error"]["what"]


@pytest.mark.slow
@pytest.mark.parametrize("choice", [[], ["--checkpoint", "bundled"]])
def test_describe_prints_and_writes(system, tmp_path, capsys, choice):
    code, result, text = run(capsys, "describe", system.name, *choice, "--out", tmp_path / "out")
    assert code == 0, text
    assert result["parameters"] > 0
    assert sum(result["layers"].values()) == result["parameters"]
    assert result["files"]
    for name in result["files"]:
        assert Path(name).is_file()
    tables = [Path(name) for name in result["files"] if name.endswith(".csv")]
    with open(tables[-1], encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row[next(iter(row))] != "together"]
    assert sum(int(row["parameters"]) for row in rows) == result["parameters"]


def test_crossval_is_offered_or_refused(system, capsys):
    can = system.capabilities
    code, result, _ = run(capsys, "crossval", system.name, "--by", "the moon", "--quiet")
    assert code == 2
    if isinstance(can.crossval, Refusal):
        assert can.crossval.why in result["error"]["why"]
    else:
        assert all(item in result["error"]["why"] for item in system.crossval_by)


@pytest.mark.parametrize("verb", ["learning-curve", "import", "export", "ensemble"])
def test_what_a_system_does_not_offer_is_refused_before_anything_is_opened(system, tmp_path, capsys, verb):
    can = system.capabilities
    names = {"learning-curve": "learning_curve", "import": "importer"}
    offered = getattr(can, names.get(verb, verb))
    arguments = {
        "learning-curve": ["--set", "data.path=/nowhere"],
        "import": [tmp_path / "nothing.pth", "--out", tmp_path / "out"],
        "export": ["--checkpoint", tmp_path / "nothing", "--out", tmp_path / "out"],
        "ensemble": [tmp_path / "nothing", "bundled", "--out", tmp_path / "out"],
    }[verb]
    code, result, text = run(capsys, verb, system.name, *arguments)
    assert code == 2, text
    if isinstance(offered, Refusal) and not (verb == "import" and can.import_data):
        assert offered.why in result["error"]["why"]
    assert not (tmp_path / "out").exists()


def test_a_system_there_is_not(capsys):
    for verb in ("describe", "check", "crossval"):
        code, result, _ = run(capsys, verb, "astrology")
        assert code == 2
        assert "emotion" in result["error"]["remedy"]


# --- a sixth -------------------------------------------------------------------------------------------------

TOY_SYSTEM = '''
from models.contract import Capabilities, Refusal, System
from models.settings import Options
from models.training.config import TrainingConfig


class ToyConfig(TrainingConfig):
    """No settings of its own."""


class Toy:
    def __init__(self, info, device):
        self.info, self.device, self.remarks = info, device, ()

    @classmethod
    def load(cls, choice="bundled", device="auto", progress=None):
        from models import devices
        from models.loading import open_model

        return cls(open_model(choice, "toy", progress=progress).info, devices.resolve(device))


def use(choice, inputs, out, options, device="auto", progress=None):
    return {"out": str(out), "title": Toy.load(choice, device, progress).info.title}


def evaluate(choice, data, out, options, device="auto", progress=None):
    return {}


def describe(choice, out):
    return {"parameters": 0, "layers": {}, "files": []}


def _capabilities():
    no = Refusal("A toy does not.", "Play with it.")
    return Capabilities(task=None, load=Toy.load, use=use, evaluate=evaluate, describe=describe, crossval=no,
                        importer=no, export=no)


SYSTEM = System("toy", "Toy", ToyConfig, _capabilities)
'''


def test_a_sixth_system_is_one_row_and_its_files(tmp_path, monkeypatch, capsys):
    package = tmp_path / "toys"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "system.py").write_text(TOY_SYSTEM)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(SYSTEMS, "toy", "toys")
    info = checkpoint.CheckpointInfo(system="toy", title="A toy")
    checkpoint.save(tmp_path / "model", {"weight": torch.zeros(1)}, info)
    code, result, _ = run(
        capsys, "use", "toy", tmp_path / "x", "--checkpoint", tmp_path / "model", "--out", tmp_path / "o"
    )
    assert (code, result["title"]) == (0, "A toy")
    code, result, _ = run(capsys, "crossval", "toy")
    assert (code, result["error"]["why"]) == (2, "A toy does not.")
    code, result, _ = run(capsys, "list")
    assert "toy" in result
