"""What was measured of the bundled model is what its card says; README and docs are held to it with all the others."""

import pytest

from models.separation.separator import Separator
from tools.figures import kept
from tools.figures_separation import in_use, table, with_use


@pytest.fixture(scope="module")
def measured():
    return kept("separation")


def test_the_card_says_what_was_measured(measured):
    bundled = Separator.load("bundled", "cpu")
    readers = measured["sets"]["LibriSpeech"]
    assert (measured["title"], measured["parameters"]) == (bundled.info.title, bundled.parameters)
    assert readers["mixtures"] == 200
    assert measured["alone"]["LibriSpeech"]["speakers"] == 25
    names = {"mean": "si_sdri", "same sex": "si_sdri same sex", "mixed sex": "si_sdri mixed sex"}
    for part, name in names.items():  # number formats of processors differ a little
        assert readers[part] == pytest.approx(bundled.card[f"test/{name}"], abs=0.05)
    assert f"once it is {readers['heard once']:.1f} dB" in bundled.info.card


def test_the_card_says_what_comes_of_its_use(measured):
    card = Separator.load("bundled", "cpu").info.card
    assert in_use(measured) in card
    assert with_use(card, measured) == card
    assert with_use(card.replace(in_use(measured), "**In use**: nothing."), measured) == card


def test_every_recording_is_counted_and_every_choice_is_in_the_tables(measured):
    for rows in measured["counted"].values():
        assert [row["voices"] for row in rows] == [1, 2, 3]
        assert all(sum(row["said"].values()) == row["recordings"] for row in rows)
    for name, doubts in measured["doubted"].items():
        assert doubts["pairs"] == measured["counted"][name][1]["said"]["2"]
        assert doubts["doubted_low"] <= min(doubts["doubted"], doubts["low"])
    for row in measured["this voice"].values():
        assert row["trusted_right"] <= min(row["trusted"], row["right"]) <= row["mixtures"]
    page = table(measured)
    for words in ("| Common Voice, 3 |", "| together |", "| woman and man |", "| LibriSpeech, two men |"):
        assert words in page
