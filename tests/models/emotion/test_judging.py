"""Two models on the same clips, what an evaluation shows of its certainty, and what a training tells of its adversary."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch

from models.cli import main
from models.emotion.losses import weighted_f1
from models.emotion.samples import held_out_clips, sample_list
from models.emotion.speakers import evaluate
from models.resources import resource


@pytest.fixture
def few(tmp_path):
    """A CSV of twelve clips of three speakers."""
    from models.datafiles import read_table

    rows = read_table(sample_list(), ("path", "emotion", "speaker")).rows
    chosen = [
        row
        for name in sorted({r["speaker"] for r in rows})[:3]
        for row in [r for r in rows if r["speaker"] == name][:4]
    ]
    lines = [f"{sample_list().parent / row['path']},{row['emotion']},{row['speaker']}" for row in chosen]
    place = tmp_path / "few.csv"
    place.write_text("path,emotion,speaker\n" + "\n".join(lines) + "\n")
    return place


@pytest.mark.slow
def test_two_models_are_compared_in_the_terminal(tmp_path, capsys, few):
    """A model whose classes are exchanged is worse, by both tests' counts; itself is no better than itself."""
    worse = tmp_path / "worse"
    shutil.copytree(resource("checkpoints", "emotion"), worse)
    described = json.loads((worse / "checkpoint.json").read_text("utf-8"))
    described["labels"] = [*described["labels"][1:], described["labels"][0]]
    (worse / "checkpoint.json").write_text(json.dumps(described), "utf-8")
    words = ["evaluate", "emotion", "--checkpoint", "bundled", "--data", str(few), "--json", "--quiet"]
    assert main([*words, "--against", str(worse), "--out", str(tmp_path / "o")]) == 0
    evaluation = json.loads(capsys.readouterr().out.splitlines()[-1])
    compared = evaluation["compared"]
    assert compared["only_first"] > compared["only_second"]
    assert compared["difference"] < 0
    assert (compared["n"], compared["speakers"]) == (
        12,
        len({row["speaker"] for row in evaluation["by_speaker"]}),
    )
    assert compared["exact"]
    assert sum(row["n"] for row in evaluation["reliability"]) == 12
    assert main([*words, "--against", str(tmp_path / "o" / "items.csv")]) == 0
    same = json.loads(capsys.readouterr().out.splitlines()[-1])["compared"]
    assert (same["difference"], same["mcnemar_p"], same["permutation_p"]) == (0, 1, 1)


def test_the_f1_of_a_batch_is_that_of_the_evaluation():
    random = np.random.default_rng(0)
    labels = ("a", "b", "c")
    truth, said = random.integers(0, 3, 40), random.integers(0, 3, 40)
    exact = evaluate([labels[n] for n in truth], np.eye(3)[said], labels, ["x"] * 40)
    assert float(weighted_f1(torch.from_numpy(truth), torch.from_numpy(said), 3)) == pytest.approx(
        exact.weighted_f1
    )


def test_held_out_clips_are_of_two_people():
    assert {clip.name[:2] for clip in held_out_clips()} >= {"10", "13"}
