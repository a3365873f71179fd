"""Who speaks when: read off tracks, written as RTTM, and read again by the standard's own rules."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import audio
from models.resources import resource
from models.separation.activity import FRAME_S, Activity, Levels, Turn, activity, rttm, write_rttm
from tools.separation_conversations import conversation

RATE = 8000
# NIST's RT-09 evaluation plan, appendix A: the ten fields of a SPEAKER record, separated by white space.
FIELDS = (
    "type",
    "file",
    "channel",
    "onset",
    "duration",
    "ortho",
    "subtype",
    "name",
    "confidence",
    "lookahead",
)
NUMBER = re.compile(r"^\d+(\.\d+)?$")


def read_rttm(text):
    """(file, name, onset, duration) of each line, by the standard's text. Raises ValueError for what it does not allow."""
    result = []
    for line in text.split("\n")[:-1]:
        cells = line.split(" ")
        if len(cells) != len(FIELDS) or not all(cells):
            raise ValueError(f"not ten fields: {line!r}")
        row = dict(zip(FIELDS, cells, strict=True))
        if row["type"] != "SPEAKER" or row["channel"] not in ("1", "2"):
            raise ValueError(line)
        if any(row[name] != "<NA>" for name in ("ortho", "subtype", "confidence", "lookahead")):
            raise ValueError(line)
        if not (NUMBER.match(row["onset"]) and NUMBER.match(row["duration"])) or float(row["duration"]) <= 0:
            raise ValueError(line)
        result.append((row["file"], row["name"], float(row["onset"]), float(row["duration"])))
    if text and not text.endswith("\n"):
        raise ValueError("the last line does not end")
    return result


def levels_of(tracks, size=3000):
    levels = Levels(len(tracks), RATE)
    for start in range(0, tracks.shape[1], size):
        levels.hear(tracks[:, start : start + size])
    return levels.finish()


@pytest.fixture(scope="module")
def talk():
    folder = resource("samples", "separation")
    said = [np.array_split(audio.read(path, RATE), 3) for path in sorted(folder.glob("woman-and-man-*.flac"))]
    return conversation(said, 90, RATE, seed=1)


def test_turns_are_those_that_were_mixed(talk):
    """Of tracks with 16 dB of each other in them, nine tenths of all frames are told as those of the voices alone."""
    voices = talk.voices
    tracks = voices + 10 ** (-16 / 20) * voices[::-1]
    result = activity(*levels_of(tracks))
    size = round(FRAME_S * RATE)
    frames = voices[:, : result.speaks.shape[1] * size].reshape(2, -1, size)
    rms = np.sqrt(np.square(frames.astype(float)).mean(-1))
    true = rms > 0.05 * np.quantile(rms, 0.98, axis=1, keepdims=True)
    same = result.speaks[:, : true.shape[1]] == true
    assert same.mean() > 0.9
    said = true.any(0)
    assert same[:, said].mean() > 0.8
    assert result.duration_s == 90
    assert 0.1 < result.overlap < 0.8


@pytest.mark.parametrize("size", [1, 399, 400, 401, 50_000])
def test_levels_do_not_depend_on_the_blocks(talk, size):
    tracks = talk.voices[:, 20_000 : 20_000 + min(30_000, 300 * size)]
    whole, seconds = levels_of(tracks, 10**9)
    pieces, again = levels_of(tracks, size)
    np.testing.assert_allclose(pieces, whole, rtol=1e-5)
    assert seconds == again == tracks.shape[1] / RATE


@pytest.mark.parametrize("samples", [0, 1, 10_000])
def test_nobody_speaks_in_silence(samples):
    result = activity(*levels_of(np.zeros((2, samples), np.float32)))
    assert result.turns == ()
    assert result.overlap == 0


rows = st.lists(st.booleans(), min_size=1, max_size=200)


@settings(max_examples=60, deadline=None)
@given(first=rows, second=rows)
def test_turns_are_the_frames(first, second):
    length = min(len(first), len(second))
    speaks = np.array([first[:length], second[:length]])
    result = Activity(speaks, length * FRAME_S)
    again = np.zeros_like(speaks)
    for turn in result.turns:
        assert 0 <= turn.start_s < turn.end_s <= length * FRAME_S + 1e-9
        again[turn.speaker, round(turn.start_s / FRAME_S) : round(turn.end_s / FRAME_S)] = True
    np.testing.assert_array_equal(again, speaks)
    read = read_rttm(rttm(result.turns, "a b", ["Anna Maria", ""]))
    assert [(name, round(onset, 3)) for _, name, onset, _ in read] == [
        (("Anna_Maria", "speaker2")[turn.speaker], turn.start_s) for turn in result.turns
    ]


def test_a_file_of_turns(tmp_path):
    turns = [Turn(0, 0.0, 1.25), Turn(1, 1.0, 3600.5)]
    write_rttm(tmp_path / "a.rttm", turns, tmp_path / "my talk.wav", ["Änne", "Bo B"])
    assert read_rttm((tmp_path / "a.rttm").read_text("utf-8")) == [
        ("my_talk", "Änne", 0.0, 1.25),
        ("my_talk", "Bo_B", 1.0, 3599.5),
    ]
