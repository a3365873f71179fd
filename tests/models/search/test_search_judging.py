"""What a model is judged on: classes mean the same in every part, and what it was trained on is no test of it."""

import numpy as np
import pytest
from PIL import Image

from models.search import commands, data, evaluation
from models.search.config import SearchConfig
from models.search.features import read_features
from models.search.task import TASK
from models.training import config as configs
from models.training.run_folder import RunFolder
from models.training.trainer import Trainer


def test_a_class_that_a_part_lacks_moves_no_other(tmp_path):
    """Class numbers of which the questions lack the first: perfect embeddings find everything."""
    retrieval, query = np.repeat([0, 1, 2], 5), np.array([1, 2, 1])
    vectors = np.eye(3, dtype=np.float32)
    for part, numbers in (("train", retrieval), ("query", query), ("retrieval", retrieval)):
        np.savez(tmp_path / f"{part}.npz", image=vectors[numbers], text=vectors[numbers], label=numbers)
    parts = read_features(tmp_path).parts
    assert parts["query"].labels.tolist() == [
        [False, True, False],
        [False, False, True],
        [False, True, False],
    ]
    metrics = evaluation.metrics_of_embeddings(
        parts["query"].texts,
        parts["retrieval"].images,
        parts["query"].labels,
        parts["retrieval"].labels,
        5,
        (1,),
    )
    assert metrics.mean_average_precision == pytest.approx(1)


@pytest.mark.slow
def test_a_folder_without_parts_is_judged_on_what_was_held_out(tmp_path, tiny_clip, monkeypatch):
    monkeypatch.setenv("POLYPHONY_HOME", str(tmp_path / "home"))
    folder = tmp_path / "pictures"
    folder.mkdir()
    lines = ["file,caption,labels"]
    for number in range(60):
        Image.new("RGB", (16, 16), (4 * number, 255 - 4 * number, 90)).save(folder / f"{number}.png")
        lines.append(f"{number}.png,picture {number},kind{number % 3}")
    (folder / "captions.csv").write_text("\n".join(lines))
    values = {
        "epochs": 1,
        "batch_size": 16,
        "data": {"path": str(folder), "validation_share": 0.1, "test_share": 0.2},
        "encoder": {"name": str(tiny_clip)},
        "network": {"bits": 16, "feedforward": 32, "hidden": 32},
    }
    settings = configs.validated(SearchConfig, values)
    run = RunFolder.create(tmp_path / "run", "search", settings.model_dump(mode="json"))
    Trainer(TASK(settings), run).train()
    result = commands.evaluate(run.best, folder)
    assert (result["queries"], result["items"], result["learned"]["left_out"]) == (12, 12, 48)
    held_out = data.with_split(data.open_captions(folder), 0.1, 0.2, settings.seed).part("test")
    assert len(held_out) == 12, "the very part that was held out in training"
