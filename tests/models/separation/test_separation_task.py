"""A run from its preset to a checkpoint that separates, by the commands that people use."""

import json

import numpy as np
import pytest
import torch

from models import checkpoint, cli
from models.progress import Progress
from models.separation.config import SeparationConfig
from models.separation.corpora import open_corpus
from models.separation.separator import Separator
from models.separation.task import SeparationTask
from models.training import config as configs
from models.training.learner import take_over
from models.training.run_folder import RunFolder
from models.training.task import Clock, Draw, History
from models.training.trainer import Trainer

TINY = [
    "epochs=2", "data.epoch_mixtures=8", "data.fixed_mixtures=4", "data.fixed_s=1.0", "data.segment_s=0.5",
    "network.filters=64", "network.filter_length=32", "network.bottleneck=8", "network.skip=8", "network.hidden=8", "network.blocks=2",
]  # fmt: skip


def tiny(*more):
    values = configs.override(configs.preset("separation", "demo"), [*TINY, *more])
    return configs.validated(SeparationConfig, values)


def prepared(*more):
    task = SeparationTask(tiny(*more))
    task.prepare(Progress())
    return task


def test_speakers_of_a_run_are_parted():
    task = prepared("data.test_count=1")
    names = [set(task.speakers[part]) for part in ("train", "validation", "test")]
    assert [len(item) for item in names] == [33, 4, 1]
    assert not names[0] & names[1] | names[1] & names[2] | names[0] & names[2]
    task.network()
    recorded = task.recorded_config()["data"]
    assert set(recorded["test_speakers"]) == names[2]
    assert set(recorded["validation_speakers"]) == names[1]


def test_batches_are_those_of_their_draws():
    task = prepared()
    first, again = (task.batch("train", [Draw(0, 5), Draw(1, 6)]) for _ in range(2))
    assert torch.equal(first.mixtures, again.mixtures)
    assert first.sources.shape == (2, 2, 4000)
    torch.testing.assert_close(first.sources.sum(1), first.mixtures, rtol=0, atol=1e-6)
    np.testing.assert_allclose(first.mixtures.square().mean(1).sqrt(), 0.0562, atol=1e-4)
    assert task.batch("validation", [Draw(0, 0)]).mixtures.shape == (1, 8000)


def test_a_few_steps_make_it_better():
    task = prepared("network.hidden=32", "network.bottleneck=32", "network.skip=32")
    torch.manual_seed(0)
    network, clock = task.network(), Clock(0, 1, 0, 1)
    optimizer = task.optimizer(network)
    batch = task.batch("train", [Draw(0, 5), Draw(1, 6)])
    losses = []
    for _ in range(25):
        loss = task.loss(network, batch, clock)
        loss.value.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.value))
    assert losses[-1] < losses[0] - 3  # dB
    assert loss.metrics["largest_mask"] > 0


@pytest.mark.parametrize(
    ("multiplies", "kind"), [(torch.bfloat16, torch.bfloat16), (torch.float32, torch.float32)]
)
def test_bfloat16_is_used_where_the_processor_multiplies_it(monkeypatch, multiplies, kind):
    from models.separation import task as tasks

    monkeypatch.setattr(tasks, "inference_dtype", lambda device: multiplies)
    task = prepared("precision=bf16")
    network, seen = task.network(), []
    output = network.mask_generator.output_conv
    monkeypatch.setattr(
        torch.nn.functional, "linear", _noting(torch.nn.functional.linear, output.weight, seen)
    )
    task.loss(network, task.batch("train", [Draw(0, 5)]), Clock(0, 1, 0, 1))
    assert seen == [kind]


def _noting(linear, weight, seen):
    def noted(values, matrix, bias=None):
        result = linear(values, matrix, bias)
        if matrix.data_ptr() == weight.data_ptr():
            seen.append(result.dtype)
        return result

    return noted


def test_the_rate_follows_validation():
    task = prepared("schedule=halving", "patience=2", "warmup_steps=0", "learning_rate=0.001")
    history = History([{"validation/loss": value} for value in (-1.0, -2.0, -1.5, -1.8)])
    task.look_back(history)
    assert task.learning_rate(Clock(50, 100, 4, 10)) == 0.0005
    task.look_back(History())
    assert task.learning_rate(Clock(0, 100, 0, 10)) == 0.001


def test_voices_join_with_the_epochs():
    task = prepared("data.first_speakers=2", "data.grow_epochs=2", "data.validation_count=2")
    counts = []
    for epochs in range(4):
        task.look_back(History([{"validation/loss": 0.0}] * epochs))
        counts.append(task.mixer._count)
    assert counts == [2, 8, 36, 36]  # by the same factor each time


@pytest.mark.slow
def test_a_run_and_what_comes_of_it(tmp_path, capsys):
    run = tmp_path / "run"
    arguments = [
        "train",
        "separation",
        "--preset",
        "demo",
        "--run",
        str(run),
        "--device",
        "cpu",
        "--quiet",
        "--json",
    ]
    assert cli.main([*arguments, "--set", *TINY]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["reason"] == "completed"
    info = checkpoint.read_info(run / "best", "separation")
    assert "validation/si_sdri" in info.metrics
    clip = open_corpus("sample").clips[0].path
    assert cli.main(["use", "separation", str(clip), "--checkpoint", str(run), "--out", str(tmp_path / "out"), "--quiet"]) == 0  # fmt: skip
    assert len(list((tmp_path / "out" / clip.stem).glob("*.wav"))) == 2
    assert (tmp_path / "out" / "tracks.csv").read_text().count("\n") == 3
    assert cli.main(["describe", "separation", "--checkpoint", str(run / "best")]) == 0
    assert "together" in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_that_was_stopped_ends_as_an_unbroken_one(tmp_path):
    config = tiny()
    unbroken = RunFolder.create(tmp_path / "one", "separation", config.model_dump(mode="json"))
    Trainer(SeparationTask(config), unbroken).train()
    broken = RunFolder.create(tmp_path / "two", "separation", config.model_dump(mode="json"))
    stopped = Trainer(SeparationTask(config), broken)
    stopped.progress = Progress(lambda step: stopped.progress.cancel() if step.done >= 1 else None)
    Trainer.train(stopped)
    assert stopped.step < 4
    Trainer(SeparationTask(config), broken).train()
    whole, _ = checkpoint.load(unbroken.last, "separation")
    resumed, _ = checkpoint.load(broken.last, "separation")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


@pytest.mark.parametrize("deeper", [2, 3])
def test_a_deeper_network_begins_as_the_one_whose_weights_it_takes(tmp_path, deeper):
    config = tiny("epochs=1", "average_weights=0")
    run = RunFolder.create(tmp_path / "run", "separation", config.model_dump(mode="json"))
    Trainer(SeparationTask(config), run).train()
    shallow = Separator.load(run.path).network
    config = tiny(f"network.repeats={deeper}", f"start_from={run.last}", "epochs=1")
    grown = SeparationTask(config).network().train()
    take_over(grown, run.last, "separation")
    mixture = torch.randn(1, 4000)
    blocks = len(grown.mask_generator.conv_layers)
    assert blocks == 2 * deeper > len(shallow.mask_generator.conv_layers)
    torch.testing.assert_close(grown(mixture), shallow.float()(mixture), rtol=1e-4, atol=1e-5)
    grown(mixture).square().mean().backward()
    last = grown.mask_generator.conv_layers[-1]
    assert last.skip_out.weight.grad.abs().sum() > 0  # it is silent, and learns to speak


@pytest.mark.parametrize("half", ["float32", "bf16"])
def test_the_causal_preset_trains(tmp_path, half):
    config = tiny("epochs=1", "network.causal=true", "network.norm=cLN", f"precision={half}")
    run = RunFolder.create(tmp_path / "run", "separation", config.model_dump(mode="json"))
    assert Trainer(SeparationTask(config), run).train().reason == "completed"
    assert Separator.load(run.path).network.config.causal


@pytest.mark.slow
def test_a_checkpoint_is_judged_on_those_it_never_heard(tmp_path, monkeypatch, capsys):
    from models.separation import commands, evaluation

    config = tiny("epochs=1", "data.test_count=2", "data.validation_count=2")
    run = RunFolder.create(tmp_path / "run", "separation", config.model_dump(mode="json"))
    task = SeparationTask(config)
    Trainer(task, run).train()
    info = checkpoint.read_info(run.best, "separation")
    fixed = evaluation.judged_set(info, "sample", count=4)
    assert {name for item in fixed.mixtures for name in item.speakers} == set(task.speakers["test"])
    figures, rows = evaluation.evaluate_with(Separator.load(run.best), "sample", Progress(), count=4)
    commands.write_evaluation(tmp_path / "out", figures, rows)
    commands.say(figures)
    assert "SI-SDRi" in capsys.readouterr().out
    assert figures["si_sdri"] == pytest.approx(np.mean([row["si_sdri"] for row in rows]))
    assert len((tmp_path / "out" / "items.csv").read_text().splitlines()) == 5


def test_check_tells_what_the_data_comes_to(capsys):
    assert cli.main(["check", "separation", "--preset", "demo", "--quiet"]) == 0
    said = capsys.readouterr().out
    assert "4 speakers" in said
    assert "2 women" in said
