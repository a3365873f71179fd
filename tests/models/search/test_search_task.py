"""The three stages by the one training loop."""

import numpy as np
import pytest
import torch
from PIL import Image

from models import checkpoint
from models.errors import UserError
from models.progress import Progress
from models.search import commands, hash_task
from models.search.config import SearchConfig
from models.search.encoder import DualEncoder
from models.search.network import FusionHashing
from models.search.queries import Query
from models.search.searcher import Searcher
from models.search.task import TASK
from models.systems import training_config
from models.training import config as configs
from models.training import events
from models.training.run_folder import RunFolder
from models.training.task import Clock
from models.training.trainer import Trainer

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 220), "yellow": (230, 220, 20)}


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    """Pairs of four classes whose halves are two turnings of one point, in the published format."""
    random = np.random.default_rng(0)
    centres, turns = random.normal(size=(4, 16)), random.normal(size=(2, 16, 16))
    place = tmp_path_factory.mktemp("features")
    for part, count in (("train", 160), ("query", 40), ("retrieval", 160)):
        kind = random.integers(0, 4, count)
        points = centres[kind] + 0.4 * random.normal(size=(count, 16))
        image, text = (np.tanh(points @ turn / 4).astype(np.float32) for turn in turns)
        np.savez(place / f"{part}.npz", image=image, text=text, label=np.eye(4, dtype=bool)[kind])
    return place


def config(features, **changes) -> SearchConfig:
    values = {
        "epochs": 6, "batch_size": 32, "map_every": 3, "learning_rate": 1e-3, "data": {"path": str(features)},
        "network": {"bits": 16, "feedforward": 32, "hidden": 32, **changes.pop("network", {})}, **changes,
    }  # fmt: skip
    return configs.validated(SearchConfig, values)


def train(settings, folder):
    run = RunFolder.create(folder, "search", settings.model_dump(mode="json"))
    return Trainer(TASK(settings), run).train(), run


def epochs_of(run):
    told = events.EventReader(run.events_file).read_new()
    return [event for event in told if isinstance(event, events.Epoch)]


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["contrastive", "balanced"])
@pytest.mark.parametrize("fusion", ["tokens", "joint", "cross"])
def test_stage_two_learns(features, tmp_path, loss, fusion):
    settings = config(features, epochs=30, map_every=10, network={"fusion": fusion}, objective={"kind": loss})
    end, run = train(settings, tmp_path / "run")
    assert isinstance(end, events.Finished), end
    told = epochs_of(run)
    assert [epoch.epoch for epoch in told if "validation/map" in epoch.values] == [10, 20, 30]
    assert told[-1].values["train/loss"] < told[0].values["train/loss"]
    result = commands.evaluate(run.best, features, tmp_path / "out")
    assert (result["queries"], result["items"]) == (40, 160)
    answer = {(item["method"], item["way"]): item["map"] for item in result["judged"]}
    for figures in answer.values():
        assert figures["worst_map"] <= figures["mean_average_precision"] + 1e-9
        assert figures["mean_average_precision"] <= figures["best_map"] + 1e-9
    assert answer["single", "text → image"]["mean_average_precision"] > 0.45, "chance is about a quarter"
    assert (tmp_path / "out" / "figures.json").is_file()


@pytest.mark.slow
def test_stage_one_and_stage_two_from_it(features, tmp_path):
    end, first = train(config(features, stage="fusion"), tmp_path / "one")
    assert isinstance(end, events.Finished)
    weights, info = checkpoint.load(first.best, "search")
    assert info.network["bits"] == 0
    assert not any("_hash." in name for name in weights)
    settings = config(features, start=str(first.best), epochs=1)
    task = TASK(settings)
    task.prepare(Progress())
    assert task.made_of() == [first.best]
    torch.manual_seed(1)
    built = task.network()
    for name, tensor in built.state_dict().items():
        if "_hash." not in name:
            torch.testing.assert_close(tensor, weights[name])
    other = TASK(config(features, start=str(first.best), network={"fusion": "joint"}))
    other.prepare(Progress())
    with pytest.raises(UserError, match="another fusion"):
        other.network()


@pytest.mark.slow
def test_a_resumed_run_equals_an_unbroken_one(features, tmp_path):
    settings = config(features, epochs=4)
    _, whole = train(settings, tmp_path / "whole")
    run = RunFolder.create(tmp_path / "broken", "search", settings.model_dump(mode="json"))
    progress = Progress(lambda step: run.request_stop() if step.done == 7 else None)
    assert Trainer(TASK(settings), run, progress=progress).train().reason == "stopped"
    assert Trainer(TASK(settings), run).train().reason == "completed"
    ours, theirs = (checkpoint.load(place.last, "search")[0] for place in (run, whole))
    for name in theirs:
        torch.testing.assert_close(ours[name], theirs[name], rtol=0, atol=0)


def test_rates_follow_their_milestones(features):
    settings = config(features, milestones=[30, 80], milestone_factor=1.2, hash_rate=1e-3, learning_rate=1e-4)
    task = TASK(settings)
    task.prepare(Progress())
    optimizer = task.optimizer(task.network())
    assert optimizer.defaults["betas"] == (0.5, 0.999)
    for epoch, expected in ((0, 1e-3), (29.9, 1e-3), (30, 1.2e-3), (80, 1.44e-3)):
        clock = Clock(0, 1, epoch, 300)
        rates = task.learning_rates(clock)
        assert rates[""] == 1e-4, "the fusion's is constant"
        assert rates[optimizer.param_groups[1]["name"]] == pytest.approx(expected)
    named = {id(p) for p in optimizer.param_groups[1]["params"]}
    assert len(named) == 8


def test_training_drops_a_half_at_random(features):
    task = TASK(config(features, network={"absent": 0.25}))
    task.prepare(Progress())
    draws = [hash_task.Draw(i % 100, seed) for i, seed in enumerate(range(1, 2001))]
    sees = task.batch("train", draws).sees
    assert float((~sees).float().mean()) == pytest.approx(0.25, abs=0.03)
    again = task.batch("train", draws).sees
    assert torch.equal(sees, again)


@pytest.mark.slow
def test_labels_take_no_part_in_training(features, tmp_path):
    """Shuffled labels give the same weights."""
    settings = config(features, epochs=2)
    _, run = train(settings, tmp_path / "run")
    shuffled = tmp_path / "shuffled"
    shuffled.mkdir()
    for path in features.iterdir():
        with np.load(path) as held:
            values = {name: held[name] for name in held.files}
        values["label"] = np.random.default_rng(0).permutation(values["label"])
        np.savez(shuffled / path.name, **values)
    _, other = train(config(shuffled, epochs=2), tmp_path / "other")
    ours, theirs = (checkpoint.load(place.last, "search")[0] for place in (run, other))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.fixture(scope="module")
def colour_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("colours")
    rows, random = ["file,caption,keywords,labels,part"], np.random.default_rng(0)
    for number in range(48):
        name, colour = list(COLOURS.items())[number % 4]
        shade = np.clip(np.array(colour) + random.integers(-20, 20, 3), 0, 255).astype(np.uint8)
        Image.fromarray(np.broadcast_to(shade, (16, 16, 3)).copy()).save(folder / f"{number}.png")
        part = "test" if number >= 40 else "validation" if number >= 32 else "train"
        rows.append(f"{number}.png,{name} square,{name},{name},{part}")
    (folder / "captions.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.mark.slow
def test_from_nothing_to_a_search(colour_folder, tmp_path):
    """An encoder, a hash model on it, and a search that tells colours apart, by our own commands alone."""
    small = {
        "image_size": 16, "patch_size": 8, "dim": 16, "image_width": 32, "image_layers": 1, "text_width": 32,
        "text_layers": 1, "heads": 2, "vocabulary": 300, "augment": 0.1,
    }  # fmt: skip
    settings = configs.validated(
        SearchConfig,
        {"stage": "encoder", "epochs": 40, "batch_size": 16, "learning_rate": 3e-3, "warmup_steps": 5, "keep": "last",
         "clip_norm": 1.0, "data": {"path": str(colour_folder)}, "encoder": small},
    )  # fmt: skip
    end, run = train(settings, tmp_path / "encoder")
    assert isinstance(end, events.Finished), end
    assert (run.path / "summary.png").is_file()
    encoder = run.path / "encoder"
    assert DualEncoder.load(encoder).dim == 16
    with pytest.raises(UserError, match="without a hash model"):
        Searcher.load(run.best)
    settings = config(
        colour_folder, encoder={"name": str(encoder)}, epochs=20, objective={"temperature": 0.2}
    )
    end, run = train(settings, tmp_path / "hash")
    assert isinstance(end, events.Finished), end
    searcher = Searcher.load(run.best, "cpu")
    searcher.index_folder(colour_folder, tmp_path / "index")
    index = searcher.open_index(tmp_path / "index")
    for name in COLOURS:
        hits = searcher.search(index, Query(text=name)).hits[:10]
        assert sum(hit.caption.startswith(name) for hit in hits) >= 8
    index.close()
    result = commands.evaluate(run.best, colour_folder)
    assert result["queries"] == 8


def test_presets_are_valid():
    for name in configs.presets("search"):
        values = configs.preset("search", name)
        config = configs.validated(training_config("search"), values)
        assert config.stage == values.get("stage", SearchConfig().stage)
        assert (
            configs.validated(SearchConfig, config.model_dump(mode="json")) == config
        )  # as a run folder keeps it


def test_a_config_that_contradicts_itself():
    with pytest.raises(UserError, match="starts from"):
        configs.validated(SearchConfig, {"stage": "fusion", "start": "x"})


def test_too_little_data(tmp_path):
    np.savez(tmp_path / "x.npz", image=np.ones((1, 8)), text=np.ones((1, 8)))
    with pytest.raises(UserError, match="fewer than two"):
        TASK(config(tmp_path / "x.npz")).prepare(Progress())


def test_heads_that_do_not_fit(features):
    task = TASK(config(features, network={"heads": 3}))
    task.prepare(Progress())
    with pytest.raises(UserError, match="heads do not fit"):
        task.network()


@pytest.mark.slow
def test_without_labels_the_own_half_counts(tmp_path):
    random = np.random.default_rng(0)
    np.savez(tmp_path / "x.npz", image=random.normal(size=(40, 16)), text=random.normal(size=(40, 16)))
    end, run = train(config(tmp_path / "x.npz", epochs=3), tmp_path / "run")
    assert isinstance(end, events.Finished)
    assert 0 <= epochs_of(run)[-1].values["validation/map"] <= 1
    result = commands.evaluate(run.best, tmp_path / "x.npz")
    assert all(item["map"] is None and item["own"] for item in result["judged"])


def test_describe(capsys):
    assert commands.describe(None)["parameters"] == sum(
        p.numel() for p in FusionHashing(hash_task.network_config(SearchConfig(), 512)).parameters()
    )
    assert "image_hash" in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_stopped_on_an_epochs_last_step_is_judged_as_the_unbroken_one(features, tmp_path):
    """Mean average precision is computed every third epoch: whoever goes on must know which one just ended."""
    settings = config(features, epochs=4, map_every=3)
    _, whole = train(settings, tmp_path / "whole")
    steps = epochs_of(whole)[0].step
    for epoch in (2, 3):
        run = RunFolder.create(tmp_path / f"broken{epoch}", "search", settings.model_dump(mode="json"))
        stopping = Trainer(TASK(settings), run)
        stopping.progress = Progress(
            lambda step, last=epoch * steps, own=stopping: step.done == last - 1 and own.progress.cancel()
        )
        assert stopping.train().reason == "stopped"
        assert stopping.loop.at.step_in_epoch == steps, "stopped between the last step and the validation"
        assert Trainer(TASK(settings), run).train().reason == "completed"
        assert [item.values for item in epochs_of(run)] == [item.values for item in epochs_of(whole)]
