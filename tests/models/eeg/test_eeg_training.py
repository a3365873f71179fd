"""Training decoders: runs from the terminal, the linear one, fine-tuning, losses, mistakes said in words."""

import json

import numpy as np
import pytest
import torch

from models import checkpoint
from models.cli import main
from models.eeg import evaluation, linear, losses, splits
from models.eeg.config import EEGConfig
from models.eeg.correlation import pearson
from models.eeg.decoder import Decoder
from models.eeg.samples import sample_file
from models.eeg.task import EEGTask
from models.loading import checkpoint_folder
from models.progress import Progress
from models.training.config import preset, presets, validated
from models.training.task import Draw
from tests.models.eeg.helpers import TINY, run


@pytest.mark.parametrize("name", sorted(presets("eeg")))
def test_presets_are_valid(name):
    values = preset("eeg", name)
    config = validated(EEGConfig, values)
    assert config.epochs == values.get("epochs", EEGConfig().epochs)
    assert validated(EEGConfig, config.model_dump(mode="json")) == config  # as a run folder keeps it


@pytest.mark.slow
def test_a_run_is_complete(conformer_run):
    for name in (
        "config.yaml",
        "events.jsonl",
        "best/weights.safetensors",
        "last/training.pt",
        "summary.png",
    ):
        assert (conformer_run / name).is_file(), name
    info = checkpoint.read_info(conformer_run / "best", "eeg")
    assert info.preprocessing["subjects"] == ["2", "8"]
    assert "Single stimulus, split by time" in info.card
    assert info.metrics["validation/r"] > -1
    assert "/" not in info.training["config"]["data"]["path"]


@pytest.mark.slow
def test_the_linear_decoder_is_solved_and_not_moved(ridge_run, sample):
    """What the run saved is what the solution is, though the loop has taken a step."""
    weights, info = checkpoint.load(ridge_run / "best", "eeg")
    values = preset("eeg", "ridge")
    values["data"] = {"path": "sample", "test_subjects": ["3"]}
    values["ridge"] = {"penalties": [0.3, 1]}
    config = validated(EEGConfig, values)
    parts = splits.part(sample, config.data, config.preprocessing, config.seed)
    solved, _ = linear.fit(parts.train, config.ridge, 64)
    np.testing.assert_allclose(weights["weight"].numpy(), solved.weights, atol=1e-6)
    assert info.network["kind"] == "ridge"


def test_batches_come_from_their_draws_alone():
    values = preset("eeg", "demo") | {"drop_identity": 0.5}
    task = EEGTask(validated(EEGConfig, values))
    task.prepare(Progress())
    draws = [Draw(item, seed) for item, seed in zip(range(40), range(1, 41), strict=True)]
    first, second = task.batch("train", draws), task.batch("train", draws)
    torch.testing.assert_close(first.eeg, second.eeg, rtol=0, atol=0)
    assert first.eeg.shape == (40, 320, 64)
    assert (first.subject == 0).any()  # some do not say whose they are
    assert (first.subject > 0).any()
    assert not torch.equal(first.eeg[0], task.batch("train", [Draw(0, 99)]).eeg[0])
    steady = task.batch("validation", [Draw(0, 0), Draw(1, 0)])
    assert (steady.subject > 0).all()


def namesakes(folder):
    """A data set whose subjects are called as some of the sample's, and are others."""
    random = np.random.default_rng(0)
    path = folder / "others.npz"
    np.savez(path, eeg=random.normal(0, 8, (2, 3200, 64)).astype(np.float32), fs=64,
             envelope=random.random(3200), subject=["2", "8"])  # fmt: skip
    return path


@pytest.mark.parametrize("drop", [0.0, 1.0])
def test_a_namesake_is_nobody_that_a_decoder_knows(conformer_run, tmp_path, drop):
    """Fine-tuned as unknown, and judged as unknown: not through the embedding of someone of the same name."""
    numbers = {}
    for path in (namesakes(tmp_path), "sample"):
        values = preset("eeg", "fine-tune") | {
            "start_from": str(conformer_run / "best"),
            "drop_identity": drop,
        }
        values["data"] = values["data"] | {"path": str(path), "subjects": ["2", "8"]}
        task = EEGTask(validated(EEGConfig, values))
        task.prepare(Progress())
        task.network()
        numbers[path] = [
            set(task.batch(split, [Draw(n, n + 1) for n in range(4)]).subject.tolist()) <= {0}
            for split in ("train", "validation")
        ]
    other, same = numbers.values()
    assert other == [True, True]
    assert same == [drop == 1, drop == 1]


@pytest.mark.slow
def test_channels_are_matched_by_name(tmp_path, ridge_run, sample):
    """The sample with its channels in another, correctly named order is judged the same."""
    with np.load(sample_file()) as arrays:
        values = dict(arrays)
    order = np.random.default_rng(0).permutation(64)
    values |= {"eeg": values["eeg"][:, :, order], "channels": np.array(sample.channel_names)[order]}
    np.savez(tmp_path / "turned.npz", **values)
    decoder = Decoder.load(ridge_run / "best", "cpu")
    first = evaluation.evaluate_with(decoder, "sample", Progress())
    second = evaluation.evaluate_with(decoder, tmp_path / "turned.npz", Progress())
    assert second.r == pytest.approx(first.r, abs=1e-6)
    assert any("order" in str(remark) for remark in second.remarks)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights(conformer_run, tmp_path):
    again = tmp_path / "again"
    assert main(["train", "eeg", "--preset", "demo", "--set", *TINY, "epochs=2", "data.test_subjects=['3']",
                 "--run", str(again), "--quiet", "--device", "cpu"]) == 0  # fmt: skip
    first, second = (checkpoint.load(place / "last", "eeg")[0] for place in (conformer_run, again))
    assert all((first[name] == second[name]).all() for name in first)


@pytest.mark.slow
def test_a_stranger_is_fine_tuned(conformer_run, tmp_path, capsys):
    code, result, _ = run(
        capsys, "train", "eeg", "--preset", "demo", "--set", "data.path=sample", "data.subjects=['3']", "epochs=1",
        f"start_from={conformer_run / 'best'}", "--run", tmp_path / "tuned", "--quiet", "--device", "cpu",
    )  # fmt: skip
    assert code == 0
    before, after = (
        checkpoint.load(place, "eeg")[0] for place in (conformer_run / "best", result["checkpoint"])
    )
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    tuned = Decoder.load(result["checkpoint"], "cpu")
    assert tuned.subjects == ("2", "8")
    assert "tuned to 3" in tuned.info.title
    judged = evaluation.evaluate_with(tuned, "sample", Progress())
    assert all(item.met for item in judged.subjects)


@pytest.mark.parametrize("kind", ["pearson + l1", "pearson", "multi-scale pearson", "mse"])
def test_losses(kind):
    generator = torch.Generator().manual_seed(0)
    true = torch.randn(3, 64, generator=generator)
    noise = torch.randn(3, 64, generator=generator)
    values = [losses.each(true + amount * noise, true, kind, 0.2).mean() for amount in (0.0, 0.5, 2.0)]
    assert values[0] < values[1] < values[2]
    torch.testing.assert_close(
        losses.pearson(true, noise).numpy(),
        pearson(true, noise).astype(np.float32),
        rtol=1e-4,
        atol=1e-5,
    )
    flat = torch.zeros(3, 64, requires_grad=True)
    losses.each(flat, true, kind, 0.2).mean().backward()
    assert 0 < flat.grad.norm() < 10  # an output that does not move yet is no cliff


@pytest.mark.slow
def test_training_mistakes(capsys, tmp_path):
    for number, (setting, message) in enumerate(
        [
            ("data.test_subjects=['2','3','8']", "Nothing is left to train on"),
            ("data.test_subjects=['17']", "no subject 17"),
            ("data.validation_block=4", "cannot validate and test"),
            ("data.validation_block=-1", "there is no best epoch"),
            ("network.width=17", "multiple of twice the heads"),
        ]
    ):
        code, _, told = run(
            capsys,
            "train",
            "eeg",
            "--preset",
            "demo",
            "--set",
            setting,
            "--run",
            tmp_path / str(number),
            "--quiet",
        )
        assert code == 2, setting
        assert message in told


def test_the_gate_is_told_while_training(conformer_run):
    lines = [json.loads(line) for line in (conformer_run / "events.jsonl").read_text().splitlines()]
    gates = [line["values"]["train/gate"] for line in lines if line["kind"] == "scalars"]
    assert all(0 < gate < 1 for gate in gates)


@pytest.mark.slow
def test_the_preset_for_fine_tuning_begins_with_the_bundled_decoder(tmp_path, capsys):
    code, result, _ = run(
        capsys, "train", "eeg", "--preset", "fine-tune", "--set", "epochs=1", "data.subjects=['3']",
        "--run", tmp_path / "tuned", "--quiet", "--device", "cpu",
    )  # fmt: skip
    assert code == 0
    assert Decoder.load(result["checkpoint"], "cpu").info.preprocessing["tuned_to"] == ["3"]


@pytest.mark.slow
def test_a_linear_decoder_is_solved_anew_for_a_person(tmp_path, capsys):
    code, result, _ = run(
        capsys, "train", "eeg", "--preset", "fine-tune", "--set", "epochs=1", "data.subjects=['3']",
        "start_from=bundled-ridge", "--run", tmp_path / "solved", "--quiet", "--device", "cpu",
    )  # fmt: skip
    assert code == 0
    before, _ = checkpoint.load(checkpoint_folder("bundled-ridge", "eeg"), "eeg")
    after, info = checkpoint.load(result["checkpoint"], "eeg")
    assert not torch.allclose(before["weight"], after["weight"])
    assert info.preprocessing["tuned_to"] == ["3"]
