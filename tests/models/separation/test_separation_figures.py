"""What was measured of the bundled model is what its card, the README and docs/models.md say."""

import json
import runpy
from pathlib import Path

import pytest

from models.separation.separator import Separator

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def found():
    return json.loads((ROOT / "docs" / "figures" / "separation.json").read_text("utf-8"))


def test_the_table_in_the_docs_is_of_what_was_measured(found):
    tool = runpy.run_path(str(ROOT / "tools" / "figures_separation.py"))
    document = (ROOT / "docs" / "models.md").read_text("utf-8")
    assert tool["BEGIN"] + "\n" + tool["table"](found) + tool["END"] in document


def test_the_card_says_what_was_measured(found):
    bundled = Separator.load("bundled", "cpu")
    readers = found["sets"]["LibriSpeech"]
    assert (found["title"], found["parameters"]) == (bundled.info.title, bundled.parameters)
    assert readers["mixtures"] == 200
    assert found["alone"]["LibriSpeech"]["speakers"] == 25
    names = {"mean": "si_sdri", "same sex": "si_sdri same sex", "mixed sex": "si_sdri mixed sex"}
    for part, name in names.items():  # number formats of processors differ a little
        assert readers[part] == pytest.approx(bundled.card[f"test/{name}"], abs=0.05)


def test_the_readme_says_what_was_measured(found):
    readers = found["sets"]["LibriSpeech"]
    row = next(
        line
        for line in (ROOT / "README.md").read_text("utf-8").splitlines()
        if line.startswith("| separation |")
    )
    assert (
        f"SI-SDR improved by {readers['mean']:.1f} dB on {readers['mixtures']} mixtures"
        f" ({readers['mixed sex']:.1f} woman and man, {readers['same sex']:.1f} one sex)"
    ) in row
