"""What a model has learned from is found by content, under any name, in all five systems; and is said where it is judged."""

from __future__ import annotations

import csv
import shutil

import numpy as np
import pytest

from models import systems
from models.cli import main
from models.fingerprint import Used
from models.overlap import TrainingOverlap
from models.progress import Progress
from models.resources import resource
from models.systems import SYSTEMS


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_model_that_ships_says_what_it_was_trained_on(name):
    from models.loading import bundled_names, read_info

    for choice in bundled_names(name):
        overlap = TrainingOverlap.of(read_info(choice, name), Used(["0" * 12], ["nobody"]))
        assert overlap.known, choice
        assert not overlap.met
        assert not overlap.remarks


def test_a_checkpoint_that_does_not_say_is_said():
    from models.checkpoint import CheckpointInfo

    overlap = TrainingOverlap.of(CheckpointInfo(system="emotion"), Used(["0" * 12]))
    assert "is not known" in str(overlap.remarks[0])
    assert overlap.as_dict()["known"] is False


@pytest.mark.slow
def test_sequences_under_another_name_are_held_out_all_the_same(tmp_path):
    from models.reverberation.evaluation import evaluate_with
    from models.reverberation.observer import Observer

    observer = Observer.load("bundled", "cpu")
    shutil.copy(resource("samples", "reverberation", "speech.npz"), tmp_path / "mine.npz")
    first, by_sample = evaluate_with(observer, "sample", Progress())
    second, by_name = evaluate_with(observer, tmp_path / "mine.npz", Progress())
    assert by_sample == by_name
    assert len(first.items) == len(second.items) == 321
    assert first.left_out == second.left_out == 1157
    assert "1157 items took part in its training and were left out" in str(second.remarks[0])


def test_speakers_it_has_heard_are_said_whatever_the_files_are_called(tmp_path, capsys):
    from models.emotion.evaluation import evaluate_with
    from models.emotion.recognizer import Recognizer
    from models.emotion.samples import held_out_clips, sample_list

    recognizer = Recognizer.load("bundled", "cpu")
    unheard = {path.name for path in held_out_clips(recognizer.info)}
    with open(sample_list(), encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    heard = [row for row in rows if row["path"].split("/")[-1] not in unheard][:6]
    new = [row for row in rows if row["path"].split("/")[-1] in unheard][:6]
    for name, chosen in (("heard", heard), ("new", new)):
        lines = ["path,emotion,speaker"]
        for number, row in enumerate(chosen):
            shutil.copy(sample_list().parent / row["path"], tmp_path / f"{name}{number}.flac")
            lines.append(f"{name}{number}.flac,{row['emotion']},{row['speaker']}")
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
    evaluation, items = evaluate_with(recognizer, tmp_path / "heard.csv", Progress())
    assert evaluation.overlap.met == 6
    assert all(row["learned"] for row in items)
    assert set(evaluation.overlap.groups) == {row["speaker"] for row in heard}
    assert "6 of 6 items took part in its training" in str(evaluation.remarks[0])
    evaluation, items = evaluate_with(recognizer, tmp_path / "new.csv", Progress())
    assert not evaluation.remarks
    assert not any(row["learned"] for row in items)
    code = main(
        ["evaluate", "emotion", "--data", str(tmp_path / "heard.csv"), "--out", str(tmp_path / "out")]
    )
    assert code == 0
    assert "took part in its training" in capsys.readouterr().out
    assert '"met": 6' in (tmp_path / "out" / "figures.json").read_text("utf-8")


def test_another_person_of_the_same_name_is_no_acquaintance():
    info = systems.system("emotion").capabilities.load("bundled", "cpu").info
    met = sorted(info.training["groups"]["train"])[0]
    assert not TrainingOverlap.of(info, Used(["0" * 12], [met])).groups


def test_pictures_that_were_learned_from_are_left_out(tmp_path):
    from models.search.judging import judge
    from models.search.samples import emoji_folder

    with open(emoji_folder() / "captions.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    chosen = rows[:40]
    with open(tmp_path / "captions.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "caption", "labels"])
        for number, row in enumerate(chosen):
            shutil.copy(emoji_folder() / row["file"], tmp_path / f"{number}.png")
            writer.writerow([f"{number}.png", row["caption"], row["labels"]])
    judgement = judge(["bundled"], tmp_path, "cpu")[0]
    learned = sum(row.get("part", "") in ("train", "validation") for row in chosen)
    assert judgement.overlap.left_out > 20
    assert judgement.queries == 40 - judgement.overlap.left_out
    assert learned in (0, judgement.overlap.left_out)  # where the table names its parts, they agree


@pytest.mark.slow
def test_time_that_a_decoder_learned_from_is_not_judged():
    from models.eeg.decoder import Decoder
    from models.eeg.evaluation import evaluate_with

    evaluation = evaluate_with(Decoder.load("bundled", "cpu"), "sample", Progress())
    assert evaluation.overlap.known
    assert not evaluation.overlap.met
    assert np.isfinite(evaluation.r)
    assert evaluation.as_dict()["learned"]["of"] > 100


def test_mixtures_are_made_of_voices_it_never_met(tmp_path):
    from models.separation.corpora import open_corpus
    from models.separation.evaluation import judged_set
    from models.separation.separator import Separator

    info = Separator.load("bundled", "cpu").info
    fixed = judged_set(info, "sample", 6)
    known = set(info.training["groups"]["train"]) | set(info.training["groups"]["validation"])
    assert not {name for item in fixed.mixtures for name in item.speakers} & known
    assert len(open_corpus("sample").speakers) >= 2
