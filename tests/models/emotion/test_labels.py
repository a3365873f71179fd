"""Recordings by sentence, and as labels of other programs."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import soundfile

from models import audio
from models.emotion import labels
from models.emotion.commands import use
from models.emotion.options import EmotionOptions
from models.emotion.recognizer import Recognizer
from models.emotion.samples import held_out_clips
from models.errors import UserError

CLIPS = held_out_clips()[:3]


@pytest.fixture(scope="module")
def recognizer():
    return Recognizer.load("bundled", "cpu")


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    """Three clips with two seconds of silence between; where each begins and ends."""
    place, pieces, times, at = tmp_path_factory.mktemp("talk") / "a talk.wav", [], [], 0.0
    for clip in CLIPS:
        sound = audio.read(clip)
        pieces += [sound, np.zeros(32_000, np.float32)]
        times.append((at, at + len(sound) / 16_000))
        at += len(sound) / 16_000 + 2.0
    soundfile.write(place, np.concatenate(pieces), 16_000)
    return place, times


def test_a_sentence_is_what_is_spoken_without_a_pause(recognizer, talk):
    place, times = talk
    prediction = recognizer.recognize(place)
    assert len(prediction.by_sentence()) == 3
    for (start, end, label, values, _), (first, last) in zip(prediction.by_sentence(), times, strict=True):
        assert start == pytest.approx(first, abs=0.5)
        assert end == pytest.approx(last, abs=0.6)
        assert label in (*recognizer.labels, "unsure")
        assert values.sum() == pytest.approx(1, abs=1e-4)


@pytest.mark.slow
def test_the_ending_says_which_labels(tmp_path, talk):
    place, _ = talk
    options = EmotionOptions(by="sentence")
    told = use("bundled", [place], tmp_path / "o.csv", options, "cpu")
    rows = list(csv.DictReader((tmp_path / "o.csv").read_text().splitlines()))
    assert len(rows) == 3
    words = [row["label"] for row in rows]
    use("bundled", [place], tmp_path / "o.txt", options, "cpu")
    audacity = [line.split("\t") for line in (tmp_path / "o.txt").read_text().splitlines()]
    assert [line[2] for line in audacity] == words
    assert [float(line[0]) for line in audacity] == pytest.approx(
        [float(r["start_s"]) for r in rows], abs=2e-3
    )
    use("bundled", [place], tmp_path / "o.rttm", options, "cpu")
    rttm = [line.split() for line in (tmp_path / "o.rttm").read_text().splitlines()]
    assert all(len(line) == 10 for line in rttm)
    assert [(line[0], line[1], line[6]) for line in rttm] == [("EMOTION", "a_talk", word) for word in words]
    use("bundled", [place], tmp_path / "o.eaf", options, "cpu")
    document = ET.parse(tmp_path / "o.eaf").getroot()
    slots = {slot.get("TIME_SLOT_ID"): int(slot.get("TIME_VALUE")) for slot in document.iter("TIME_SLOT")}
    notes = list(document.iter("ALIGNABLE_ANNOTATION"))
    assert [note.findtext("ANNOTATION_VALUE") for note in notes] == words
    assert all(slots[note.get("TIME_SLOT_REF1")] < slots[note.get("TIME_SLOT_REF2")] for note in notes)
    assert document.find("HEADER/MEDIA_DESCRIPTOR").get("MEDIA_URL") == place.as_uri()
    assert told["files"] == 1
    with pytest.raises(UserError, match="ending"):
        use("bundled", [place], tmp_path / "o.docx", options, "cpu")


def test_several_speakers_are_tiers_and_several_recordings_are_told(tmp_path, recognizer):
    predictions = [recognizer.recognize(clip) for clip in CLIPS[:2]]
    voices = [
        labels.voice_of(prediction, "sentence", name)
        for prediction, name in zip(predictions, ("Ada", "Bo"), strict=True)
    ]
    labels.write_voices(tmp_path / "o.eaf", voices)
    assert [tier.get("TIER_ID") for tier in ET.parse(tmp_path / "o.eaf").getroot().iter("TIER")] == [
        "Ada",
        "Bo",
    ]
    labels.write_voices(tmp_path / "o.txt", voices)
    assert "Ada: " in (tmp_path / "o.txt").read_text()
    with pytest.raises(UserError, match="one recording"):
        labels.write(tmp_path / "p.eaf", predictions, recognizer.labels)
    labels.write(tmp_path / "p.rttm", predictions, recognizer.labels)
    assert len({line.split()[1] for line in (tmp_path / "p.rttm").read_text().splitlines()}) == 2
