"""The command line as a person types it: training, resuming, using, judging, and every mistake said in words."""

import csv
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from models import checkpoint
from models.cli import main
from models.resources import resource
from models.systems import SYSTEMS

SMALL = [
    "network.hidden=8",
    "network.heads=2",
    "network.stack=4",
    "network.layers=1",
    "data.path=sample",
    "batch_size=16",
]
CLIPS = resource("samples", "emotion", "audio")


def run(capsys, *arguments):
    """(exit code, last line as JSON, everything printed)."""
    code = main([*map(str, arguments), "--json"] if arguments[0] != "list" else list(arguments))
    out, err = capsys.readouterr()
    last = out.strip().splitlines()[-1] if out.strip() else "{}"
    return code, json.loads(last) if last.startswith("{") else {}, out + err


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of two epochs on the clips that ship."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert main(["train", "emotion", "--set", *SMALL, "epochs=2", "--run", str(folder), "--quiet"]) == 0
    return folder


@pytest.mark.slow
def test_train_leaves_a_complete_run(trained):
    for name in (
        "config.yaml",
        "events.jsonl",
        "environment.json",
        "best/weights.safetensors",
        "last/training.pt",
        "summary.png",
    ):
        assert (trained / name).is_file(), name
    assert list((trained / "tensorboard").iterdir())
    info = checkpoint.read_info(trained / "best", "emotion")
    assert info.labels == ["angry", "happy", "neutral", "sad"]
    assert "/" not in info.training["config"]["data"]["path"]  # paths of a machine do not travel


@pytest.mark.slow
def test_speakers_are_on_one_side_only(trained):
    from models.emotion.config import EmotionConfig
    from models.emotion.task import EmotionTask
    from models.progress import Progress
    from models.training.config import read_yaml, validated

    task = EmotionTask(validated(EmotionConfig, read_yaml(trained / "config.yaml")))
    task.prepare(Progress())
    train, validation = ({u.speaker for u in task.parts[name]} for name in ("train", "validation"))
    assert train
    assert validation
    assert not train & validation


@pytest.mark.slow
def test_stopped_and_resumed_equals_unbroken(tmp_path, capsys, trained):
    from models.training.run_folder import RunFolder

    broken = tmp_path / "broken"
    shutil.copytree(trained, broken)
    config = (broken / "config.yaml").read_text().replace("epochs: 2", "epochs: 4")
    (broken / "config.yaml").write_text(config)
    code, result, _ = run(capsys, "resume", broken, "--quiet")
    assert (code, result["reason"]) == (0, "completed")
    other = RunFolder(tmp_path / "other")
    code, result, _ = run(
        capsys, "train", "emotion", "--set", *SMALL, "epochs=2", "--run", other.path, "--quiet"
    )
    assert code == 0
    first, second = (checkpoint.load(place / "last", "emotion")[0] for place in (trained, other.path))
    assert all((first[name] == second[name]).all() for name in first)  # same seed, same weights


@pytest.mark.slow
def test_use_writes_the_table(tmp_path, capsys, trained):
    code, result, _ = run(
        capsys, "use", "emotion", "--checkpoint", trained / "best", CLIPS, "--out", tmp_path / "o.csv"
    )
    assert code == 0
    assert result["files"] == 64
    with open(tmp_path / "o.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 64
    assert list(rows[0]) == ["path", "start_s", "end_s", "label", "p_angry", "p_happy", "p_neutral", "p_sad"]
    for row in rows:
        values = {name: float(row[f"p_{name}"]) for name in ("angry", "happy", "neutral", "sad")}
        assert sum(values.values()) == pytest.approx(1, abs=1e-4)
        assert values[row["label"]] == max(values.values())


@pytest.mark.slow
def test_the_bundled_model_knows_voices_it_never_heard(tmp_path, capsys):
    from models.emotion.samples import held_out_clips, sample_list

    info = checkpoint.read_info(resource("checkpoints", "emotion"), "emotion")
    clips = held_out_clips(info)
    assert 4 <= len(clips) < 64
    code, _, _ = run(capsys, "use", "emotion", *clips, "--out", tmp_path / "o.csv")
    assert code == 0
    with open(sample_list(), encoding="utf-8") as file:
        truth = {row["path"].split("/")[-1]: row["emotion"] for row in csv.DictReader(file)}
    with open(tmp_path / "o.csv", encoding="utf-8") as file:
        right = [truth[row["path"].split("/")[-1]] == row["label"] for row in csv.DictReader(file)]
    assert np.mean(right) >= 0.7  # chance is 0.25


@pytest.mark.slow
def test_evaluate(tmp_path, capsys, trained):
    code, result, printed = run(
        capsys,
        "evaluate",
        "emotion",
        "--checkpoint",
        trained / "best",
        "--data",
        "sample",
        "--out",
        tmp_path / "figures",
    )
    assert code == 0
    assert "unweighted average recall" in printed
    assert len(result["by_speaker"]) == 8
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == [
        "figures.json",
        "items.csv",
        "speakers.csv",
    ]


@pytest.mark.slow
def test_crossval_never_shows_the_test_speaker(tmp_path, capsys):
    folder = tmp_path / "cv"
    code, result, _ = run(
        capsys,
        "crossval",
        "emotion",
        "--set",
        *SMALL,
        "epochs=1",
        "--data",
        "sample",
        "--by",
        "speaker",
        "--run",
        folder,
        "--quiet",
    )
    assert code == 0
    assert len(result["folds"]) == 8
    for fold in folder.glob("fold-*"):
        items = json.loads((fold / "test-items.json").read_text())
        test = {row["speaker"] for row in items}
        assert len(test) == 1
        info = checkpoint.read_info(fold / "best", "emotion")
        held = set(info.training["config"]["data"]["test_speakers"])
        validation = set(info.training["config"]["data"]["validation_speakers"])
        assert held == test
        assert not validation & test
    before = {path: path.stat().st_mtime_ns for path in folder.glob("fold-*/best/weights.safetensors")}
    code, again, _ = run(
        capsys,
        "crossval",
        "emotion",
        "--set",
        *SMALL,
        "epochs=1",
        "--data",
        "sample",
        "--by",
        "speaker",
        "--run",
        folder,
        "--quiet",
    )
    assert again["folds"] == result["folds"]
    assert before == {path: path.stat().st_mtime_ns for path in before}  # what was done is not done again
    other = [
        "--set",
        *SMALL,
        "epochs=1",
        "network.dropout=0.25",
        "--data",
        "sample",
        "--run",
        folder,
        "--quiet",
    ]
    code, refused, _ = run(capsys, "crossval", "emotion", *other)
    assert code == 2  # nothing of an old recipe is reported under a new one
    assert "network.dropout" in refused["error"]["why"]
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_list_and_describe(capsys):
    code, _, printed = run(capsys, "list")
    assert code == 0
    assert "bundled" in printed
    for system in SYSTEMS:
        assert f"{system} " in printed
    code, result, printed = run(capsys, "describe", "emotion", "--checkpoint", "bundled")
    assert code == 0
    weights, _ = checkpoint.load(resource("checkpoints", "emotion"), "emotion")
    learned = [value for name, value in weights.items() if name.endswith(("weight", "bias"))]
    assert result["parameters"] == sum(value.numel() for value in learned)


def bad_audio(folder):
    soundfile.write(folder / "good.wav", np.random.default_rng(0).normal(0, 0.1, (192_000, 8)), 192_000)
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.wav").write_text("hello\n" * 99)
    soundfile.write(folder / "nothing.wav", np.zeros(0), 16_000)
    (folder / "cut.wav").write_bytes((folder / "good.wav").read_bytes()[:20])
    return folder


def test_broken_files_are_skipped_and_told(tmp_path, capsys, trained):
    (tmp_path / "in").mkdir()
    code, result, printed = run(
        capsys,
        "use",
        "emotion",
        "--checkpoint",
        trained / "best",
        bad_audio(tmp_path / "in"),
        "--out",
        tmp_path / "o.csv",
    )
    assert code == 0
    assert result["files"] == 1  # 192 kHz with eight channels is fine
    assert len(result["skipped"]) == 4
    assert "Traceback" not in printed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "emotion", "--preset", "nonsense"], "no preset"),
        (["train", "emotion", "--set", "epochs=0"], "epochs: should be greater"),
        (["train", "emotion", "--set", "epochs=1"], "No data set was chosen"),
        (["train", "nonsense"], "no system called"),
        (["export", "search", "--out", "x.pt"], "has no export"),
        (["resume", "/no/such/run"], "was not found"),
        (
            ["use", "emotion", "--checkpoint", "/no/such/checkpoint", "--out", "o.csv", "x.wav"],
            "was not found",
        ),
        (["use", "emotion", "--out", "o.csv", "/no/such/file.wav"], "was not found"),
        (["use", "emotion", "--threads", "-3", "--out", "o.csv", "x.wav"], "-3 cores cannot be used"),
        (["evaluate", "emotion", "--data", "/no/such/folder"], "/no/such/folder"),
        (["import", "emotion", "/no/such/file.pth", "--out", "x"], "was not found"),
        (
            ["train", "emotion", "--set", "data.path=sample", "epochs=1", "--run", "/dev/null/run"],
            "cannot be written",
        ),
        (
            ["train", "emotion", "--set", "data.path=sample", "data.test_speakers=[99]", "epochs=1"],
            "list|no speaker|string",
        ),
    ],
)
def test_mistakes_are_said_and_exit_with_2(capsys, arguments, words):
    import re

    code = main(arguments)
    out, err = capsys.readouterr()
    assert code == 2
    assert re.search(words, out + err)
    assert "Traceback" not in out + err


def test_a_checkpoint_of_another_system(tmp_path, capsys):
    import torch

    checkpoint.save(tmp_path / "c", {"a": torch.zeros(1)}, checkpoint.CheckpointInfo(system="eeg"))
    code, result, printed = run(
        capsys, "use", "emotion", "--checkpoint", tmp_path / "c", CLIPS, "--out", tmp_path / "o.csv"
    )
    assert code == 2
    assert "for eeg, not for emotion" in printed
    assert result["error"]["remedy"]


def test_a_table_without_a_column(tmp_path, capsys):
    (tmp_path / "d.csv").write_text("path,emotion\na.wav,angry\n")
    code, _, printed = run(capsys, "evaluate", "emotion", "--data", tmp_path / "d.csv")
    assert code == 2
    assert "speaker" in printed


@pytest.mark.slow
def test_as_a_program(tmp_path):
    """The real process: exit code, and JSON on the last line."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "models",
            "use",
            "emotion",
            str(next(CLIPS.glob("*.flac"))),
            "--out",
            str(tmp_path / "o.csv"),
            "--json",
            "--quiet",
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["files"] == 1
