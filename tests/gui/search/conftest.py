"""The search tab with its sample, folders of pictures, and the bundled model loaded once."""

import shutil

import pytest

from app import held
from models.search.samples import emoji_folder
from tests.gui.search.helpers import idle


@pytest.fixture(scope="session")
def loaded():
    """The bundled model, loaded once for most tests: it takes seconds each time."""
    from models.search.searcher import Searcher

    return Searcher.load("bundled", "cpu")


@pytest.fixture(autouse=True)
def loads_fast(request, monkeypatch):
    """The bundled model is handed over as loaded; the test of the sample loads it as a person does."""
    if "really_loaded" in request.fixturenames:
        return
    load, searcher = held._load, request.getfixturevalue("loaded")

    def handed(system, choice, device, progress):
        bundled = (system, choice) == ("search", "bundled")
        return searcher if bundled else load(system, choice, device, progress)

    monkeypatch.setattr(held, "_load", handed)


@pytest.fixture
def really_loaded():
    """Asked for by a test that loads the model itself."""


@pytest.fixture
def tab(window, qtbot, crashes):
    """The search tab of a real window; a test that ends in the crash dialog fails."""
    yield window.show_tab("search")
    assert crashes == []


@pytest.fixture
def sample(tab, qtbot):
    tab.try_sample()
    qtbot.waitUntil(lambda: tab.search.session.answers is not None and idle(tab), timeout=60_000)
    return tab


@pytest.fixture
def folder(tmp_path):
    """Twelve small pictures; the first is a red field, the last cannot be read."""
    place = tmp_path / "holiday"
    place.mkdir()
    for number, path in enumerate(sorted(emoji_folder().glob("*.png"))[:300:25]):
        shutil.copyfile(path, place / f"{number:02d}.png")
    (place / "broken.jpg").write_bytes(b"no picture")
    return place
