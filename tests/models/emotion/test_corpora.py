"""Corpora as they are distributed, made small: what is recognised, and what is skipped and why."""

import errno
import json
import os

import numpy as np
import pytest
import soundfile

from models.emotion import corpora
from models.emotion.corpora import canonical_sex
from models.emotion.data import canonical_emotion, describe, open_dataset
from models.errors import UserError
from models.progress import Cancelled, Progress


def sound(path, seconds=0.1):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full(int(16_000 * seconds), 0.1, np.float32), 16_000)
    return path


def by_name(dataset):
    return {utterance.path.name: utterance for utterance in dataset.utterances}


def reasons(dataset):
    return describe(dataset)["skipped"]


TURNS = [
    ("Ses01F_impro01", "Ses01F_impro01_F000", "neu"),
    ("Ses01F_impro01", "Ses01F_impro01_M000", "ang"),
    ("Ses01F_impro01", "Ses01F_impro01_F001", "xxx"),
    ("Ses01M_script01_1b", "Ses01M_script01_1b_F003", "exc"),
    ("Ses01M_script01_1b", "Ses01M_script01_1b_M004", "fru"),
    ("Ses02F_impro02", "Ses02F_impro02_M010", "sad"),
    ("Ses02F_impro02", "Ses02F_impro02_F011", "hap"),
    ("Ses02F_impro02", "Ses02F_impro02_F012", "hap"),
]


@pytest.fixture
def iemocap(tmp_path):
    root = tmp_path / "IEMOCAP_full_release"
    for dialog in dict.fromkeys(dialog for dialog, _, _ in TURNS):
        session = root / f"Session{int(dialog[3:5])}"
        tables = session / "dialog" / "EmoEvaluation"
        tables.mkdir(parents=True, exist_ok=True)
        lines = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""]
        for number, (of, turn, label) in enumerate(TURNS):
            if of == dialog:
                lines.append(
                    f"[{number}.2901 - {number + 1}.2357]\t{turn}\t{label}\t[2.5000, 2.5000, 2.5000]"
                )
                lines += ["C-E2:\tNeutral;\t()", "A-E3:\tval 3; act 2; dom  2;\t()", ""]
                if turn != "Ses02F_impro02_F012":
                    sound(session / "sentences" / "wav" / dialog / f"{turn}.wav")
        (tables / f"{dialog}.txt").write_text("\n".join(lines))
        (tables / f"._{dialog}.txt").write_bytes(b"\0\5\x16\7 left by a Macintosh")
        (tables / "Categorical").mkdir(exist_ok=True)
    return root


@pytest.mark.parametrize("place", [".", ".."])
def test_iemocap_as_distributed(iemocap, place):
    dataset = open_dataset((iemocap / place).resolve())
    utterances = {name: (u.emotion, u.speaker, u.sex, u.session) for name, u in by_name(dataset).items()}
    assert utterances == {
        "Ses01F_impro01_F000.wav": ("neutral", "Ses01_F", "F", "Session1"),
        "Ses01F_impro01_M000.wav": ("angry", "Ses01_M", "M", "Session1"),
        "Ses01M_script01_1b_F003.wav": ("happy", "Ses01_F", "F", "Session1"),
        "Ses02F_impro02_M010.wav": ("sad", "Ses02_M", "M", "Session2"),
        "Ses02F_impro02_F011.wav": ("happy", "Ses02_F", "F", "Session2"),
    }
    assert dataset.labels == ("angry", "happy", "neutral", "sad")
    assert reasons(dataset) == {
        "The listeners did not agree on an emotion.": 1,
        "The sound file is missing.": 1,
        "Its emotion, frustrated, is not among those chosen.": 1,
    }


def test_iemocaps_degrees_are_on_its_own_scale(iemocap):
    """In its tables valence stands first, then activation."""
    table = iemocap / "Session1" / "dialog" / "EmoEvaluation" / "Ses01F_impro01.txt"
    table.write_text(table.read_text().replace("neu\t[2.5000, 2.5000, 2.5000]", "neu\t[1.5000, 4.0000, x]"))
    dataset = open_dataset(iemocap)
    assert dataset.degree_scale == (1.0, 5.0)
    first = by_name(dataset)["Ses01F_impro01_F000.wav"]
    assert first.degrees == (("arousal", 4.0), ("valence", 1.5))
    second = by_name(dataset)["Ses01F_impro01_M000.wav"]
    assert dict(second.degrees) == {"arousal": 2.5, "valence": 2.5, "dominance": 2.5}


def test_excited_counts_as_happy_only_if_asked(iemocap):
    apart = open_dataset(iemocap, merge={})
    assert by_name(apart).keys() == by_name(open_dataset(iemocap)).keys() - {"Ses01M_script01_1b_F003.wav"}
    named = open_dataset(iemocap, labels=["excited", "happy"])
    assert by_name(named)["Ses01M_script01_1b_F003.wav"].emotion == "excited"


def test_emodb_by_file_name(tmp_path):
    names = {"03a01Fa": "happy", "08b09Wc": "angry", "16a02Nb": "neutral", "10a04Ta": "sad", "12a05Aa": "fearful",
             "09a07Ea": "disgusted", "15b10Lb": "bored"}  # fmt: skip
    for name in names:
        sound(tmp_path / "wav" / f"{name}.wav")
    sound(tmp_path / "wav" / "readme.wav")
    dataset = open_dataset(tmp_path, labels=sorted(set(names.values())))
    assert {name[:-4]: u.emotion for name, u in by_name(dataset).items()} == names
    sexes = {u.speaker: u.sex for u in dataset.utterances}
    assert sexes == {"03": "M", "08": "F", "16": "F", "10": "M", "12": "M", "09": "F", "15": "M"}
    assert reasons(dataset) == {"Its name is not one of EMO-DB.": 1}
    assert open_dataset(tmp_path).labels == ("angry", "happy", "neutral", "sad")


def test_ravdess_by_file_name(tmp_path):
    words = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgusted", "surprised"]
    for number in range(1, 9):
        sound(tmp_path / "Actor_12" / f"03-01-{number:02}-01-02-01-12.wav")
    sound(tmp_path / "Actor_07" / "03-02-05-01-02-01-07.wav")
    sound(tmp_path / "Actor_07" / "03-01-05-01-02-01-07.wav")
    sound(tmp_path / "Actor_07" / "03-01-09-01-02-01-07.wav")
    dataset = open_dataset(tmp_path, labels=words)
    assert {name[6:8]: u.emotion for name, u in by_name(dataset).items()} == {
        f"{number:02}": word for number, word in enumerate(words, 1)
    }
    assert {u.speaker: u.sex for u in dataset.utterances} == {"07": "M", "12": "F"}
    assert reasons(dataset) == {
        "It is sung, not spoken.": 1,
        "Its name has the emotion number 09, which RAVDESS does not define.": 1,
    }


def test_cremad_by_file_name_with_sexes_from_its_table(tmp_path):
    for name in ("1001_DFA_ANG_XX", "1002_IEO_HAP_HI", "1002_IWW_SAD_X", "1001_TAI_DIS_XX"):
        sound(tmp_path / "AudioWAV" / f"{name}.wav")
    dataset = open_dataset(tmp_path / "AudioWAV")
    assert dataset.labels == ("angry", "disgusted", "happy", "sad")
    assert [(u.speaker, u.emotion, u.sex) for u in dataset.utterances] == [
        ("1001", "angry", ""),
        ("1001", "disgusted", ""),
        ("1002", "happy", ""),
        ("1002", "sad", ""),
    ]
    (tmp_path / "VideoDemographics.csv").write_text("ActorID,Age,Sex\n1001,51,Male\n1002,21,Female\n")
    for place in (tmp_path, tmp_path / "AudioWAV"):
        assert {u.speaker: u.sex for u in open_dataset(place).utterances} == {"1001": "M", "1002": "F"}


def test_csv_relative_to_its_folder_with_its_reasons(tmp_path):
    sound(tmp_path / "clips" / "a.wav")
    sound(tmp_path / "clips" / "b.flac", 2.0)
    (tmp_path / "clips" / "text.wav").write_text("This is not sound.")
    (tmp_path / "t.csv").write_text(
        "path,emotion,speaker,gender,Session,notes,start_s,end_s\n"
        "clips/a.wav,Anger,x,female,one,good,,\n"
        "clips\\b.flac,sadness,y,M,two,,0.5,1.5\n"
        f"{tmp_path}/clips/b.flac,sadness,y,M,two,,1.5,9\n"
        "clips/a.wav,Anger,x,female,one,twice,,\n"
        "clips/gone.wav,Anger,x\n"
        "clips/text.wav,Anger,x\n"
        "clips/b.flac,,x\n"
        "clips/b.flac,happy,\n"
        "clips/b.flac,happy,y,,,,2.5,3.5\n"
        "clips/b.flac,happy,y,,,,soon,\n"
        "clips/b.flac,happy,y,,,,2,1\n"
        ",happy,y\n",
        "utf-8-sig",
    )
    dataset = open_dataset(tmp_path / "t.csv")
    assert [(u.path.name, u.emotion, u.speaker, u.sex, u.session, u.start_s, u.end_s, u.duration_s) for u in dataset.utterances] == [
        ("a.wav", "angry", "x", "F", "one", 0.0, None, 0.1),
        ("b.flac", "sad", "y", "M", "two", 0.5, 1.5, 1.0),
        ("b.flac", "sad", "y", "M", "two", 1.5, 9.0, 0.5),
    ]  # fmt: skip
    assert sum(reasons(dataset).values()) == 9
    assert set(reasons(dataset)) == {
        "It is listed twice.",
        "The sound file is missing.",
        "The sound file cannot be read. Its contents are not WAV, FLAC, OGG, MP3, M4A, WebM, AIFF or another known format, or "
        "its header is damaged.",
        "No emotion is given.",
        "No speaker is given.",
        "There is no sound in the stretch it names.",
        "Line 11 has a start or an end that is not a number of seconds.",
        "Line 12 ends before it starts.",
        "Line 13 names no file.",
    }
    assert [str(warning) for warning in dataset.warnings] == [
        "1 stretches end after their sound and were cut there: are start_s and end_s seconds?",
        "The data has no utterance that is happy.",
    ]


def test_a_folder_with_a_fitting_csv_is_read_by_it(tmp_path):
    sound(tmp_path / "a.wav")
    (tmp_path / "other.csv").write_text("x,y\n1,2\n")
    (tmp_path / "labels.csv").write_text("path,emotion,speaker\na.wav,calm,1\n")
    dataset = open_dataset(tmp_path)
    assert [u.emotion for u in dataset.utterances] == ["calm"]
    assert dataset.name == f"CSV: {tmp_path.name}"


@pytest.mark.parametrize("name", ["metadata.csv", "samples.csv"])
def test_a_table_of_the_usual_name_goes_before_file_names_and_other_tables(tmp_path, name):
    for stem in ("03a01Fa", "08b09Wc"):
        sound(tmp_path / "audio" / f"{stem}.wav")
    (tmp_path / "all.csv").write_text("path,emotion,speaker\naudio/03a01Fa.wav,sad,9\n")
    (tmp_path / name).write_text("path,speaker,age,emotion\naudio/03a01Fa.wav,anna,31,calm\n")
    (u,) = open_dataset(tmp_path).utterances
    assert (u.emotion, u.speaker) == ("calm", "anna")
    (tmp_path / name).write_text("file,label\nx,y\n")
    assert open_dataset(tmp_path).name == f"EMO-DB: {tmp_path.name}"


def test_cells_that_are_no_paths_and_decimal_commas(tmp_path):
    sound(tmp_path / "a.wav", 2.0)
    (tmp_path / "t.csv").write_text(
        "path;emotion;speaker;start_s;end_s\n"
        "a.wav;sad;1;0,5;1,25\n"
        f"{'a' * 5000}.wav;sad;1;;\n"
        "~nobody-of-that-name/a.wav;sad;1;;\n"
    )
    dataset = open_dataset(tmp_path / "t.csv")
    assert [(u.start_s, u.end_s, u.duration_s) for u in dataset.utterances] == [(0.5, 1.25, 0.75)]
    assert reasons(dataset) == {"The sound file is missing.": 2}


def test_class_folders_with_a_folder_a_speaker(tmp_path):
    for name in ("Anger/anna/1.wav", "Anger/ben/1.ogg", "sadness/anna/2.wav", "stray.wav"):
        sound(tmp_path / name)
    dataset = open_dataset(tmp_path)
    assert [(u.emotion, u.speaker) for u in dataset.utterances] == [
        ("angry", "anna"),
        ("angry", "ben"),
        ("sad", "anna"),
    ]
    assert dataset.warnings == ()
    assert reasons(dataset) == {"It lies in no folder of an emotion.": 1}


@pytest.mark.parametrize("between", ["", "train/", "evaluation/"])
def test_speaker_folders_with_a_folder_a_class(tmp_path, between):
    for name in ("0001", "0002"):
        for emotion in ("Angry", "Happy"):
            sound(tmp_path / name / emotion / f"{between}{name}_000351.wav")
    dataset = open_dataset(tmp_path)
    assert {(u.speaker, u.emotion) for u in dataset.utterances} == {
        (speaker, emotion) for speaker in ("0001", "0002") for emotion in ("angry", "happy")
    }
    assert dataset.warnings == ()


def test_speakers_guessed_from_file_names_are_said(tmp_path):
    for name in (
        "angry/anna_1.wav",
        "angry/ben-2.wav",
        "angry/_3.wav",
        "sarcastic/anna_4.wav",
        "开心/cai_1.wav",
    ):
        sound(tmp_path / name)
    dataset = open_dataset(tmp_path)
    assert {u.path.name: u.speaker for u in dataset.utterances} == {
        "anna_1.wav": "anna", "ben-2.wav": "ben", "_3.wav": "_3", "anna_4.wav": "anna", "cai_1.wav": "cai",
    }  # fmt: skip
    assert dataset.labels == ("angry", "happy", "sarcastic")
    assert "guessed" in str(dataset.warnings[0])


def test_folders_of_words_unknown_here_count_if_they_are_asked_for(tmp_path):
    for name in ("tender/a_1.wav", "furious/a_1.wav"):
        sound(tmp_path / name)
    with pytest.raises(UserError, match="No utterance was recognised"):
        open_dataset(tmp_path)
    assert open_dataset(tmp_path, labels=["tender", "furious"]).labels == ("tender", "furious")


@pytest.mark.parametrize(
    ("given_word", "canonical"),
    [("ang", "angry"), ("Anger", "angry"), (" HAPPINESS ", "happy"), ("neu", "neutral"), ("sadness", "sad"),
     ("pleasant surprise", "surprised"), ("Fear", "fearful"), ("boredom", "bored"), ("愤怒", "angry"), ("Wistful", "wistful")],
)  # fmt: skip
def test_words_for_emotions(given_word, canonical):
    assert canonical_emotion(given_word) == canonical
    assert canonical_emotion(canonical) == canonical


def test_words_for_sexes():
    assert [canonical_sex(word) for word in ("f", "Female", "M", " male", "女", "?", "")] == [
        "F",
        "F",
        "M",
        "M",
        "F",
        "",
        "",
    ]


def test_places_that_are_no_data_set(tmp_path):
    (tmp_path / "empty").mkdir()
    sound(tmp_path / "music" / "artist" / "song.wav")
    sound(tmp_path / "a.wav")
    (tmp_path / "short.csv").write_text("path,label\na.wav,sad\n")
    (tmp_path / "heading.csv").write_text("path,emotion,speaker\n")
    (tmp_path / "gone.csv").write_text("path,emotion,speaker\nx.wav,sad,1\ny.wav,sad,1\n")
    (tmp_path / "broken" / "sad").mkdir(parents=True)
    (tmp_path / "broken" / "sad" / "a.wav").write_text("no sound")
    cases = {
        "nowhere": "was not found",
        "empty": "holds no data set",
        "music": "IEMOCAP, EMO-DB, RAVDESS and CREMA-D",
        "a.wav": "is not a data set",
        "short.csv": "lacks the column emotion, speaker. Its columns are path, label",
        "heading.csv": "No utterance was recognised",
        "gone.csv": r"All 2 were left out, mostly for this reason: The sound file is missing. \(2\)",
        "broken": "sound file cannot be read",
    }
    for name, words in cases.items():
        with pytest.raises(UserError, match=words) as caught:
            open_dataset(tmp_path / name)
        assert all(caught.value.sentences()), name


def test_a_folder_that_may_not_be_listed_is_said(tmp_path, monkeypatch):
    def refuse(place):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), place)

    monkeypatch.setattr(corpora.os, "scandir", refuse)
    with pytest.raises(UserError, match=r"cannot be read\. Permission denied") as caught:
        open_dataset(tmp_path)
    assert all(caught.value.sentences())


def test_none_of_the_emotions_chosen(tmp_path):
    sound(tmp_path / "sad" / "a_1.wav")
    with pytest.raises(UserError, match="Chosen are happy; it has sad"):
        open_dataset(tmp_path, labels=["Happiness"])


def test_opening_can_be_cancelled_and_tells_how_far_it_is(tmp_path):
    sound(tmp_path / "sad" / "a_1.wav")
    steps = []
    open_dataset(tmp_path, progress=Progress(steps.append))
    assert steps
    assert all(step.message for step in steps)
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        open_dataset(tmp_path, progress=progress)


def test_description_is_plain(tmp_path):
    for name in ("sad/a/1.wav", "sad/b/1.wav", "angry/a/1.wav", "x.wav"):
        sound(tmp_path / name, 0.5)
    described = json.loads(json.dumps(describe(open_dataset(tmp_path))))
    assert described["utterances"] == 3
    assert described["duration_s"] == 1.5
    assert described["classes"] == {"angry": 1, "sad": 2}
    assert described["speakers"] == {"a": 2, "b": 1}
    assert described["skipped"] == {"It lies in no folder of an emotion.": 1}
