"""Figures are explained where they stand, in the glossary's words; a tab says what it is for when it is first shown."""

import re

import pytest

from app import glossary, i18n
from app.greeting import introduce
from app.settings import Key
from app.widgets.figure_card import FigureCard
from models.resources import resource

GLOSSARY = resource().parent / "docs" / "glossary.md"


def rows():
    """{a term as the glossary writes it: its meaning}, every name of a row by itself."""
    result = {}
    for line in GLOSSARY.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3:
            for name in re.split(r"[,()]", cells[0]):
                result[name.strip()] = cells[2]
    return result


def test_what_the_window_says_is_what_the_glossary_says():
    known = rows()
    for names, explain in glossary.TERMS.items():
        assert any(known.get(name) == explain() for name in names), names


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Mean gate", "0 to 1"),
        ("KL", "nats"),
        ("MAP@50", "first 50"),
        ("SI-SDR, dB", "Scale-invariant"),
        ("r", "envelope"),
    ],
)
def test_a_title_is_explained_by_the_terms_in_it(title, words):
    assert words in glossary.meaning(title)


@pytest.mark.parametrize("title", ["Investigate", "Sequences", "per", "Track", "KLM"])
def test_other_words_are_not(title):
    assert glossary.meaning(title) == ""


def test_a_card_and_its_reader_are_told(qtbot):
    card = FigureCard("Mean gate", "0.3")
    qtbot.addWidget(card)
    assert "multiplied" in card.toolTip()
    assert card.accessibleName() == "Mean gate: 0.3"
    i18n.install("zh_CN")
    chinese = FigureCard(i18n.tr("Mean gate"), "0.3")
    qtbot.addWidget(chinese)
    assert chinese.toolTip()
    assert chinese.toolTip() != card.toolTip()


def test_a_tab_says_once_what_it_is_for_and_offers_its_sample(window, services):
    page = window.show_tab("reverberation")
    introduce(services, page)
    (message,) = page.messages.messages
    assert len(message.text.splitlines()) == 4
    assert [button.text() for button in message.buttons] == ["Try the sample", "What can be fetched…"]
    page.clear_messages()
    introduce(services, page)
    assert page.messages.messages == []
    assert window.services.settings.texts(Key.INTRODUCED) == ["reverberation"]
