"""What the card, the page and the README say of the emotion model is what was measured."""

import json
import sys

import pytest

from models import checkpoint
from models.emotion.person import PRIOR_S
from models.resources import resource

ROOT = resource().parent
FIGURES = json.loads((ROOT / "docs" / "figures" / "emotion.json").read_text("utf-8"))
INFO = checkpoint.read_info(resource("checkpoints", "emotion"), "emotion")


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import evaluate_emotion

    yield evaluate_emotion
    sys.modules.pop("evaluate_emotion")


def test_card_page_and_readme_say_what_was_measured(tool):
    table = tool.table(FIGURES)
    assert table in INFO.card
    assert table in (ROOT / "docs" / "emotion.md").read_text("utf-8")
    assert tool.row(FIGURES) in (ROOT / "README.md").read_text("utf-8")
    assert INFO.preprocessing["temperature"] == FIGURES["temperature"]
    assert INFO.preprocessing["unsure_below"] == FIGURES["unsure_below"]
    assert tool.doubt(FIGURES) in INFO.card
    assert tool.doubt(FIGURES) in (ROOT / "docs" / "emotion.md").read_text("utf-8")


def test_means_are_those_of_the_speakers_and_the_worst_is_no_better():
    for ways in FIGURES["conditions"].values():
        for way in ways.values():
            values = list(way["speakers"].values())
            assert len(values) == 8
            assert way["mean"] == pytest.approx(sum(values) / len(values), abs=2e-4)
            assert way["worst"] <= min(values) + 1e-4


def test_the_model_that_ships_is_of_the_recipe_that_was_measured():
    from models.emotion.config import EmotionConfig
    from models.settings import validated

    shipped = validated(EmotionConfig, INFO.training["config"]).model_dump(mode="json")
    recipe = validated(EmotionConfig, FIGURES["recipe"]).model_dump(mode="json")
    for name in ("front_end", "network", "augment", "epochs", "learning_rate", "weight_decay"):
        assert shipped[name] == recipe[name], name
    assert shipped["data"]["test_speakers"] == ["10", "13"]
    chosen = FIGURES["settings"]["shipped"]
    assert chosen["weight_decay"] == shipped["weight_decay"]
    assert chosen["centred"] == shipped["network"]["centred"]
    assert chosen["scenes"] == shipped["augment"]["scenes"]
    assert chosen["prior_s"] == PRIOR_S


def test_settings_are_chosen_within_the_other_speakers(tool, monkeypatch):
    """With a speaker's labels exchanged nothing changes in what is chosen for the fold that leaves them out."""
    import numpy as np

    from tools import emotion_recipe
    from tools.emotion_recipe import Recipe, Spoken, trained

    monkeypatch.setattr(emotion_recipe, "CANDIDATES", (Recipe(), Recipe(weight_decay=0.03)))
    monkeypatch.setattr(emotion_recipe, "STEPS", 20)
    random = np.random.default_rng(0)
    truth, speakers = np.tile(np.arange(4), 12), np.repeat(["a", "b", "c", "d"], 12)
    centres = random.normal(0, 2, (4, 8))
    voices = {name: random.normal(0, 2, 8) for name in "abcd"}
    sound = np.stack([centres[t] + voices[s] for t, s in zip(truth, speakers, strict=True)])
    figures = (sound[:, None] + random.normal(0, 0.3, (48, 4, 8))).astype(np.float32)
    outcome = []
    for changed in (False, True):
        moved = np.where((speakers == "d") & changed, (truth + 1) % 4, truth)
        spoken = Spoken(figures, moved, speakers)
        recipe, prior, scores = tool.chosen(spoken, {"clean": figures[:, 0]}, speakers != "d")
        model = trained(spoken, [(speakers != "d", recipe)], 1)[0]
        outcome.append((recipe, prior, scores, model.weight))
    assert outcome[0][:3] == outcome[1][:3]
    np.testing.assert_array_equal(outcome[0][3], outcome[1][3])
    assert Recipe() == Recipe(0.3, 0.5, 3)


def test_words_that_are_withheld_are_right_no_more_often_than_half_of_the_time():
    unsure = FIGURES["unsure"]
    assert unsure["right_of_unsure"] <= 0.5
    assert unsure["right_of_told"] > unsure["right_of_all"]
    assert 0 < unsure["share"] < 0.25


def test_the_temperature_makes_it_as_certain_as_it_is_right():
    error = FIGURES["calibration_error"]
    assert error["with"] < error["without"]
    assert error["with"] < 0.05
