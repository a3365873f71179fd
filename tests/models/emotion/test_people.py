"""Files of one person heard together."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from models.datafiles import read_table
from models.emotion import groups
from models.emotion.commands import use
from models.emotion.options import EmotionOptions
from models.emotion.person import Person
from models.emotion.recognizer import Recognizer
from models.emotion.samples import held_out_clips, sample_list
from models.errors import UserError

CLIPS = held_out_clips()
TWO = [clip for name in ("10", "13") for clip in [c for c in CLIPS if c.name.startswith(name)][:3]]


@pytest.fixture(scope="module")
def recognizer():
    return Recognizer.load("bundled", "cpu")


@pytest.fixture(scope="module")
def predictions(recognizer):
    return [recognizer.recognize(clip) for clip in TWO]


def test_files_of_one_person_are_heard_against_all_they_say(recognizer, predictions):
    people = ["a", "a", "a", "b", "b", "b"]
    together = groups.together(recognizer, predictions, people)
    person = Person()
    for prediction in predictions[:3]:
        prediction.tell(person)
    assert person.speech_s > 3
    for prediction, before in zip(together[:3], predictions[:3], strict=True):
        again = recognizer.recognize(prediction.path)
        np.testing.assert_allclose(
            prediction.probabilities, recognizer.against(again, person).probabilities, atol=1e-5
        )
        assert np.abs(prediction.probabilities - before.probabilities).max() > 1e-3
        np.testing.assert_array_equal(prediction.mean_alone, before.mean_probabilities)
    alone = groups.together(recognizer, together, [""] * 6)
    for prediction, before in zip(alone, predictions, strict=True):
        np.testing.assert_allclose(prediction.probabilities, before.probabilities, atol=1e-5)


@pytest.mark.slow
def test_the_ways_of_telling_who_speaks(tmp_path, recognizer, predictions):
    for number, clip in enumerate(TWO):
        (tmp_path / f"p{number // 3}").mkdir(exist_ok=True)
        shutil.copyfile(clip, tmp_path / f"p{number // 3}" / clip.name)
    (tmp_path / "list.csv").write_text(
        "path,person\n" + "".join(f"p{n // 3}/{clip.name},{'ab'[n // 3]}\n" for n, clip in enumerate(TWO))
    )
    folder = use("bundled", [tmp_path], tmp_path / "f.csv", EmotionOptions(people="folder"), "cpu")
    column = use(
        "bundled", [tmp_path / "list.csv"], tmp_path / "c.csv", EmotionOptions(people="column"), "cpu"
    )
    assert folder["people_by"] == "folder"
    assert len(set(folder["people"].values())) == len(set(column["people"].values())) == 2
    assert column["recognised"] == folder["recognised"]
    assert folder["changed_by_voice"] == column["changed_by_voice"]
    with pytest.raises(UserError, match="two things"):
        use("bundled", [tmp_path], tmp_path / "x.csv", EmotionOptions(people="folder", running=True), "cpu")
    (tmp_path / "bad.csv").write_text("path,who\na.wav,b\n")
    with pytest.raises(UserError, match="does not say who speaks"):
        groups.listed(tmp_path / "bad.csv")


def test_voices_that_are_alike_are_one_person(recognizer, predictions):
    twice = [*predictions, *predictions]
    names = groups.by_voice(twice)
    assert names[:6] == names[6:]
    assert all(names)
    assert 1 < len(set(names)) <= 6
    people, _ = groups.grouped(recognizer, predictions[:1], "voice", {})
    assert people == [""]  # of a single file nobody is known better


@pytest.mark.slow
def test_in_a_folder_of_one_person_more_words_are_right(recognizer):
    """Two speakers who took no part in training, each as one group, with what is known and without."""
    truth = {
        row["path"].split("/")[-1]: row["emotion"]
        for row in read_table(sample_list(), ("path", "emotion")).rows
    }
    strangers = held_out_clips(recognizer.info)
    unknown = [recognizer.recognize(clip, unsure_below=0.0) for clip in strangers]
    known = groups.together(recognizer, unknown, [clip.name[:2] for clip in strangers])
    right = [
        sum(prediction.likeliest == truth[prediction.path.name] for prediction in side)
        for side in (unknown, known)
    ]
    assert right[1] >= right[0]
