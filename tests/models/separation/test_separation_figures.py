"""What was measured of the bundled model is what its card says; README and docs are held to it with all the others."""

import pytest

from models.separation.separator import Separator
from tools.figures import kept


@pytest.fixture(scope="module")
def found():
    return kept("separation")


def test_the_card_says_what_was_measured(found):
    bundled = Separator.load("bundled", "cpu")
    readers = found["sets"]["LibriSpeech"]
    assert (found["title"], found["parameters"]) == (bundled.info.title, bundled.parameters)
    assert readers["mixtures"] == 200
    assert found["alone"]["LibriSpeech"]["speakers"] == 25
    names = {"mean": "si_sdri", "same sex": "si_sdri same sex", "mixed sex": "si_sdri mixed sex"}
    for part, name in names.items():  # number formats of processors differ a little
        assert readers[part] == pytest.approx(bundled.card[f"test/{name}"], abs=0.05)
    assert f"once it is {readers['heard once']:.1f} dB" in bundled.info.card
