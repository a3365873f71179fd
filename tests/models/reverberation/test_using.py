"""Training, observing, and the terminal's verbs, on small meshes."""

import json
from pathlib import Path

import numpy as np
import pytest

from models import cli
from models.errors import UserError
from models.reverberation import data
from models.reverberation.observer import Observer
from models.reverberation.sequences import Sequences
from models.reverberation.wiring import documented
from models.training import events
from models.training.run_folder import RunFolder, RunStory

GOLDEN = Path(__file__).parent / "golden"
RANDOM = np.random.default_rng(1)


@pytest.fixture(scope="module")
def sequences_file(tmp_path_factory):
    x = RANDOM.normal(size=(96, 6, 5)).astype(np.float32)
    y = x[:, :, 0].mean(1) + 0.1 * RANDOM.normal(size=96)
    path = tmp_path_factory.mktemp("data") / "own.npz"
    np.savez(path, x=x, y=y.astype(np.float32))
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory, sequences_file):
    """A mesh of a wiring of one's own, trained for a few epochs by the command line."""
    folder = tmp_path_factory.mktemp("run")
    wiring = folder / "config.yaml"
    values = {
        "epochs": 6, "learning_rate": 5e-3, "data": {"path": str(sequences_file)},
        "network": {"d": 16, "wiring": documented().toggled("harp", "stream_processor").model_dump()},
    }  # fmt: skip
    wiring.write_text(json.dumps(values))
    assert (
        cli.main(["train", "reverberation", "--config", str(wiring), "--run", str(folder / "r"), "--quiet"])
        == 0
    )
    return RunFolder(folder / "r")


@pytest.mark.slow
def test_training_learns_and_keeps_every_gate_an_epoch(run):
    epochs = [event.values for event in RunStory(run).read() if isinstance(event, events.Epoch)]
    assert len(epochs) == 6
    assert epochs[-1]["validation/mse"] < 0.7 * epochs[0]["validation/mse"]
    gates = [name for name in epochs[0] if name.startswith("validation/gate.")]
    assert len(gates) == 38
    assert len([name for name in epochs[0] if name.startswith("validation/kl.")]) == 45
    assert epochs[0]["train/kl"] > epochs[0]["train/kl_once"] > 0


def test_observing_is_the_same_alone_and_together(run, sequences_file):
    observer = Observer.load(run.best)
    sequences = data.open_sequences(sequences_file)
    ragged = Sequences(tuple(item[: 2 + i % 5] for i, item in enumerate(sequences.x)), sequences.y)
    together = observer.observe(ragged)
    assert together.gates.shape == (38, 96)
    assert together.kl.shape == (45, 96)
    for number in (0, 3, 77):
        alone = observer.observe(ragged.part([number]))
        np.testing.assert_allclose(alone.gates[:, 0], together.gates[:, number], atol=1e-5)
        np.testing.assert_allclose(alone.output[0], together.output[number], atol=1e-4)
    assert observer.activity(ragged, 3).shape == (2, 19, len(ragged.x[3]))
    assert observer.network.wiring.connections == 41


@pytest.mark.slow
def test_the_ranking_begins_with_what_adds_most_error(run, sequences_file):
    observer, sequences = Observer.load(run.best), data.open_sequences(sequences_file)
    ranking = observer.ranking(sequences)
    assert len(ranking) == 19
    assert [item.added_error for item in ranking] == sorted(
        (item.added_error for item in ranking), reverse=True
    )
    first = observer.observe(sequences, muted=[ranking[0].role])
    whole = observer.observe(sequences)
    assert first.errors.mean() - whole.errors.mean() == pytest.approx(ranking[0].added_error, rel=1e-4)


def test_other_widths_are_refused_in_words(run):
    wrong = Sequences((np.zeros((3, 7), np.float32),))
    with pytest.raises(UserError, match="7 features, the model wants 5"):
        Observer.load(run.best).observe(wrong)


def test_use_writes_outputs_gates_and_kl(run, sequences_file, tmp_path, capsys):
    out = tmp_path / "out.npz"
    arguments = [
        "use",
        "reverberation",
        "--checkpoint",
        str(run.best),
        str(sequences_file),
        "--out",
        str(out),
        "--json",
        "--quiet",
    ]
    assert cli.main(arguments) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["gating"] == "routing"
    result = np.load(out)
    assert (result["output"].shape, result["gates"].shape, result["kl"].shape) == ((96,), (38, 96), (45, 96))


def test_evaluate_judges_the_held_out_part_with_a_ridge_beside(run, sequences_file, tmp_path, capsys):
    arguments = [
        "evaluate",
        "reverberation",
        "--checkpoint",
        str(run.best),
        "--data",
        str(sequences_file),
        "--out",
        str(tmp_path),
        "--json",
        "--quiet",
    ]
    assert cli.main(arguments) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["sequences"] == 19
    assert result["ridge on time means"]["r2"] > 0.8
    assert json.loads((tmp_path / "figures.json").read_text())["mesh"]["mse"] == result["mesh"]["mse"]


@pytest.mark.slow
def test_import_describe_and_drawings(tmp_path, capsys):
    folder = tmp_path / "imported"
    assert cli.main(["import", "reverberation", str(GOLDEN / "cyclic_d64.pth"), "--out", str(folder)]) == 0
    assert (
        cli.main(
            [
                "describe",
                "reverberation",
                "--checkpoint",
                str(folder),
                "--out",
                str(tmp_path / "drawn"),
                "--json",
            ]
        )
        == 0
    )
    printed = capsys.readouterr().out
    assert "40 connections, 38 gates" in printed
    assert json.loads(printed.splitlines()[-1])["parameters"] == 1_076_789
    names = {path.name: path.stat().st_size for path in (tmp_path / "drawn").iterdir()}
    assert set(names) == {
        "architecture.svg",
        "architecture.png",
        "data_flow.svg",
        "data_flow.png",
        "parameters.csv",
        "tree.txt",
    }
    assert min(names.values()) > 1_000
    golden = np.load(GOLDEN / "cyclic_d64_io.npz")
    np.savez(tmp_path / "x.npz", x=golden["x"])
    out = tmp_path / "o.npz"
    assert (
        cli.main(
            [
                "use",
                "reverberation",
                "--checkpoint",
                str(folder),
                str(tmp_path / "x.npz"),
                "--out",
                str(out),
                "--quiet",
            ]
        )
        == 0
    )
    assert np.load(out)["gates"].shape == (38, 3)


def test_a_baseline_can_be_trained_but_not_browsed(sequences_file, tmp_path):
    arguments = [
        "train",
        "reverberation",
        "--preset",
        "baseline-gru",
        "--set",
        f"data.path={sequences_file}",
        "network.d=16",
        "epochs=1",
        "--run",
        str(tmp_path / "g"),
        "--quiet",
    ]
    assert cli.main(arguments) == 0
    with pytest.raises(UserError, match="baseline, not a mesh"):
        Observer.load(RunFolder(tmp_path / "g").best)


def test_data_without_targets_cannot_be_trained_on(tmp_path, capsys):
    np.savez(tmp_path / "n.npz", x=np.zeros((4, 3, 2)))
    arguments = [
        "train",
        "reverberation",
        "--set",
        f"data.path={tmp_path / 'n.npz'}",
        "--run",
        str(tmp_path / "r"),
        "--quiet",
    ]
    assert cli.main(arguments) == 2
    assert "has no targets" in capsys.readouterr().err
