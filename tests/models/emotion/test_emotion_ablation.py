"""One command cross-validates the ablation of emotion and writes its page; what is told of it follows from the folds."""

import json
from pathlib import Path

import pytest

from models.training.run_folder import RunFolder
from tools import ablate_emotion as tool

SMALL = ["epochs=1", "network.hidden=8", "network.heads=2", "data.folds=2"]


@pytest.mark.slow
def test_one_command_trains_all_and_writes_the_page(tmp_path, capsys, monkeypatch):
    few = {name: tool.VARIANTS[name] for name in (tool.BASE, tool.NONE)}
    monkeypatch.setattr(tool, "VARIANTS", few)

    def run(*seeds):
        asked = ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path), "--seeds", *seeds]
        tool.main([*asked, "--set", *SMALL])
        return json.loads((tmp_path / "emotion-ablation.json").read_text("utf-8"))

    first = run("1")
    assert [row["variant"] for row in first["runs"]] == list(tool.VARIANTS)
    groups = {tuple(row["folds"]) for row in first["runs"]}
    assert len(groups) == 1
    assert len(groups.pop()) == 2
    fold = RunFolder(tmp_path / "runs" / "none-of-the-three-seed-1" / "fold-group1").config()
    assert fold["network"]["attention"] is fold["network"]["speaker_norm"] is False
    assert fold["adversary"]["weight"] == 0
    accuracies = {row["variant"]: row["speaker_accuracy"] for row in first["runs"]}
    assert 0 <= accuracies[tool.BASE] <= 1
    assert accuracies[tool.NONE] is None
    trained = (tmp_path / "runs" / "all-three-seed-1" / "events.jsonl").read_text()
    assert run("1") == first
    told = (tmp_path / "runs" / "all-three-seed-1" / "fold-group1" / "events.jsonl").read_text()
    assert told.count('"kind":"started"') == 1  # kept, and not trained again
    assert trained.count('"fold":"group') == 2
    page = (tmp_path / "emotion-ablation.md").read_text("utf-8")
    assert tool.table(first["runs"]) in page
    assert str(tmp_path) not in page + json.dumps(first)
    assert "none of the three, seed 1" in capsys.readouterr().out


def test_every_seed_of_the_weights_meets_the_same_groups():
    configs = [tool.config_of(variant, seed, "sample", []) for variant in tool.VARIANTS for seed in (1, 2)]
    assert {config.data.seed_of(config.seed) for config in configs} == {1}
    assert {config.seed for config in configs} == {1, 2}


def test_what_is_told_of_the_seeds():
    def row(variant, seed, recall):
        right = None if variant in ("without adversary", tool.NONE) else 0.25
        folds = {"group1": recall - 0.1, "group2": recall + 0.1}
        return {"variant": variant, "seed": seed, "folds": folds, "speaker_accuracy": right}

    lost = dict(zip(tool.VARIANTS, (0.0, 0.05, 0.0, -0.02, 0.1), strict=True))
    rows = [
        row(variant, seed, 0.6 + 0.02 * seed - lost[variant]) for seed in (1, 2) for variant in tool.VARIANTS
    ]
    rows[2] = row("without adversary", 1, 0.65)
    rows[7] = row("without adversary", 2, 0.61)
    normalisation, adversary, attention, none = list(tool.VARIANTS)[1:]
    assert (
        tool.verdict(rows, normalisation)
        == "- all three over without speaker normalisation: +0.050 (the seeds agree)."
    )
    assert tool.verdict(rows, adversary).endswith("+0.000 (the seeds do not agree).")
    assert tool.verdict(rows, attention).endswith("−0.020 (the seeds agree).")
    assert tool.verdict(rows[:5], none).endswith("(one seed).")
    lines = tool.table(rows).splitlines()
    assert lines[2] == "| all three | 0.630 ± 0.014 | 0.520 | 0.25 |  |"
    assert lines[4] == "| without adversary | 0.630 ± 0.028 | 0.510 |  | +0.030, −0.030 |"


def test_page_and_text_say_what_was_measured():
    docs = Path(tool.__file__).parents[1] / "docs"
    figures = json.loads((docs / "emotion-ablation.json").read_text("utf-8"))
    assert (docs / "emotion-ablation.md").read_text("utf-8") == tool.written(figures)
    means = [
        f"{sum(tool.recalls(figures['runs'], name).values()) / 3:.3f}" for name in list(tool.VARIANTS)[:3]
    ]
    text = (docs / "emotion.md").read_text("utf-8")
    assert "to {}; without speaker normalisation it is {} and without the adversary {}".format(*means) in text
