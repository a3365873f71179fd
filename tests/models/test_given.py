"""Inputs that a person names for `use`: what ships by the word ``sample``, and what is said where none can be used."""

from pathlib import Path

import pytest

from models import given
from models.cli import main
from models.emotion import commands as emotion
from models.emotion.options import EmotionOptions
from models.errors import UserError
from models.remarks import Skipped
from models.search import commands as search


def test_sample_is_what_ships_unless_a_file_is_called_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert given.with_sample(["a.wav", "sample"], ["x", "y"]) == ["a.wav", "x", "y"]
    Path("sample").write_text("mine")
    assert given.with_sample(["sample"], ["x"]) == ["sample"]


def test_the_clips_and_the_pictures_that_ship_are_used_by_that_word(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clips, _ = emotion._inputs(["sample"], EmotionOptions())
    listed, people = emotion._inputs(["sample"], EmotionOptions(people="column"))
    assert sorted(clips) == sorted(listed)
    assert len(set(people.values())) == 8
    assert len(search.pictures_of(["sample"])) == 1644


@pytest.mark.slow
def test_the_recordings_that_ship_are_used_by_that_word(tmp_path, capsys):
    assert main(["use", "eeg", "sample", "--out", str(tmp_path / "e.npz"), "--quiet"]) == 0
    assert main(["use", "separation", "sample", "--out", str(tmp_path / "tracks"), "--quiet"]) == 0
    assert (tmp_path / "tracks" / "two-women" / "two-women_speaker2.wav").is_file()


def test_of_several_the_first_reason_is_told_with_their_number():
    errors = [UserError("{name} is empty.", "", "Record it again.", name=name) for name in ("a", "b")]
    skipped = [Skipped.by(Path(str(error)), error) for error in errors]
    assert given.none_usable(skipped[:1]) is errors[0]
    told = given.none_usable(skipped)
    assert (
        str(told)
        == "None of the 2 files could be used. The first: a is empty. Record it again. Choose other files."
    )


@pytest.mark.parametrize(("count", "words"), [(0, "0 files"), (1, "1 file"), (2, "2 files")])
def test_a_number_with_its_noun(count, words):
    assert given.counted(count, "file") == words


def test_a_speed_is_measured_of_a_system(capsys):
    assert main(["models", "measure", "bundled"]) == 2
    assert "Add --system" in capsys.readouterr().err


def test_a_folder_without_pictures_is_said(tmp_path, capsys):
    (tmp_path / "none here").mkdir()
    assert main(["index", str(tmp_path / "none here"), "--out", str(tmp_path / "index"), "--quiet"]) == 0
    assert f"No picture was found in {tmp_path / 'none here'}." in capsys.readouterr().out


def test_a_checkpoint_replaces_no_folder_of_other_things(tmp_path, capsys):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "text").write_text("years")
    (tmp_path / "weights.pth").write_bytes(b"any")
    words = ["import", "separation", str(tmp_path / "weights.pth"), "--out", str(tmp_path / "thesis")]
    assert main(words) == 2
    assert "is not empty" in capsys.readouterr().err
    assert (tmp_path / "thesis" / "text").read_text() == "years"
    given.check_checkpoint_folder(tmp_path / "new")
    (tmp_path / "thesis" / "checkpoint.json").write_text("{}")
    given.check_checkpoint_folder(tmp_path / "thesis")
