"""The preview over the grid: why a picture matched, beside searches that go on, and what a film shows after its first frame."""

import threading

import pytest
from PySide6.QtCore import Qt

from app.tabs.search.engine import FILMS, WORKER
from models.progress import Cancelled
from models.search.queries import Query, SearchOptions
from tests.gui.search.helpers import idle, indexed
from tests.models.search.made import save_film


@pytest.fixture
def held_up(sample):
    """A worker does nothing more until the event that this returns is set."""
    gates = []

    def hold(name):
        gate = threading.Event()
        gates.append(gate)
        sample.services.worker(name).submit(gate.wait)
        return gate

    yield hold
    for gate in gates:
        gate.set()


def started(tab, question, *arguments):
    """The outcome of a question that is on its way: what came of it, or its error."""
    outcome = []

    async def ask():
        try:
            outcome.append(await question(*arguments))
        except Cancelled as error:
            outcome.append(error)

    tab.start(ask())
    return outcome


def test_why_it_matched_is_shown_on_the_preview(sample, qtbot):
    results = sample.search.results
    results.gallery.setCurrentIndex(results.pictures.index(0))
    sample.search.details.buttons["why"].click()
    preview = results.preview
    assert preview.isVisible()
    qtbot.waitUntil(lambda: preview._explained, timeout=20_000)
    qtbot.waitUntil(lambda: preview.pictures.find(preview.shown.path) is not None)
    veiled = preview.grab().toImage()
    qtbot.keyClick(preview, Qt.Key.Key_W)
    assert preview.grab().toImage() != veiled
    qtbot.keyClick(preview, Qt.Key.Key_W)
    assert preview.grab().toImage() == veiled
    qtbot.keyClick(preview, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: preview.shown.id == results.pictures.hits[1].id and preview._explained)
    qtbot.keyClick(preview, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: idle(sample))


def test_a_heat_map_drops_no_search(sample, qtbot, held_up):
    engine, place = sample.search.session.engine, sample.search.session.place
    path = sample.search.results.pictures.hits[0].path
    gate = held_up(WORKER)
    answers = started(sample, engine.search, place, Query(text="red heart"), SearchOptions())
    heat = started(sample, engine.heat_map, place, Query(text="red heart"), path)
    qtbot.waitUntil(lambda: len(engine.services.worker(WORKER)._waiting) == 2)
    gate.set()
    qtbot.waitUntil(lambda: bool(answers and heat), timeout=20_000)
    assert answers[0].hits
    assert heat[0].drop > 0
    qtbot.waitUntil(lambda: idle(sample))


def test_a_search_does_not_wait_for_a_heat_map(sample, qtbot, held_up):
    engine, place = sample.search.session.engine, sample.search.session.place
    path = sample.search.results.pictures.hits[0].path
    gate = held_up(WORKER)
    heat = started(sample, engine.heat_map, place, Query(text="red heart"), path)
    qtbot.waitUntil(lambda: len(engine.services.worker(WORKER)._waiting) == 1)
    answers = started(sample, engine.search, place, Query(text="red heart"), SearchOptions())
    qtbot.waitUntil(lambda: len(engine.services.worker(WORKER)._waiting) == 2)
    gate.set()
    qtbot.waitUntil(lambda: bool(answers and heat), timeout=20_000)
    assert answers[0].hits
    assert isinstance(heat[0], Cancelled), "nothing of it was computed"
    qtbot.waitUntil(lambda: idle(sample))


def test_a_heat_map_that_gave_way_is_asked_for_again(sample, qtbot):
    """The same question again, as when an index grows: the preview goes on explaining."""
    results = sample.search.results
    results.gallery.setCurrentIndex(results.pictures.index(0))
    results.show_why()
    before = sample.search.session.answers
    sample.search.refresh()
    qtbot.waitUntil(lambda: sample.search.session.answers is not before and idle(sample), timeout=20_000)
    qtbot.waitUntil(lambda: results.preview._explained, timeout=20_000)
    results.preview.close_preview()


@pytest.mark.parametrize("leave", [Qt.Key.Key_Escape, Qt.Key.Key_W])
def test_who_looks_away_ends_the_heat_map(sample, qtbot, held_up, leave):
    results, engine = sample.search.results, sample.search.session.engine
    results.gallery.setCurrentIndex(results.pictures.index(0))
    gate = held_up(WORKER)
    results.show_why()
    qtbot.waitUntil(lambda: len(engine.services.worker(WORKER)._waiting) == 1)
    qtbot.keyClick(results.preview, leave)
    gate.set()
    qtbot.waitUntil(lambda: idle(sample), timeout=20_000)
    assert results.preview._heat is None


@pytest.fixture
def films(sample, qtbot, folder):
    """An index with a film of twenty frames, one of a single frame, and a picture."""
    for path in folder.iterdir():
        path.unlink()
    save_film(folder / "a film.mp4", [(12 * n, 240 - 12 * n, 60) for n in range(20)])
    save_film(folder / "b single.mp4", [(200, 20, 20)])
    sample.search.query.clear()
    indexed(sample, qtbot, folder)
    pictures = sample.search.results.pictures
    qtbot.waitUntil(lambda: pictures.rowCount() == 2 and pictures.at(0) is not None)
    yield {pictures.at(row).path.stem[2:]: row for row in range(2)}
    sample.search.results.preview.close_preview()
    qtbot.waitUntil(lambda: idle(sample))


def test_a_film_shows_frames_over_its_length(sample, films, qtbot):
    results, preview = sample.search.results, sample.search.results.preview
    results.gallery.setCurrentIndex(results.pictures.index(films["film"]))
    results.show_preview()
    qtbot.waitUntil(lambda: preview._strip is not None, timeout=20_000)
    frames = preview._strip[1].frames
    assert len(frames) == 8
    greens = [picture.pixelColor(5, 5).green() for _, picture in frames]
    assert greens == sorted(greens, reverse=True)
    qtbot.waitUntil(lambda: preview.pictures.find(preview.shown.path) is not None)
    shown = preview.grab().toImage()
    found = {
        shown.pixelColor(x, y).name() for x in range(0, shown.width(), 4) for y in range(0, shown.height(), 4)
    }
    assert {picture.pixelColor(5, 5).name() for _, picture in frames} <= found
    results.gallery.setCurrentIndex(results.pictures.index(films["single"]))
    qtbot.waitUntil(lambda: preview._strip is not None and idle(sample), timeout=20_000)
    assert len(preview._strip[1].frames) == 1
    preview.grab()


def test_the_frames_of_a_film_are_not_read_where_one_went_on(sample, films, qtbot, held_up):
    results, preview = sample.search.results, sample.search.results.preview
    results.gallery.setCurrentIndex(results.pictures.index(films["film"]))
    gate = held_up(FILMS)
    results.show_preview()
    first = sample.search.session.engine._stripping
    qtbot.waitUntil(lambda: sample.search.session.engine._stripping is not first)
    going = sample.search.session.engine._stripping
    results.gallery.setCurrentIndex(results.pictures.index(films["single"]))
    qtbot.waitUntil(lambda: going.cancelled)
    last = sample.search.session.engine._stripping
    preview.close_preview()
    qtbot.waitUntil(lambda: last.cancelled)
    gate.set()
    qtbot.waitUntil(lambda: idle(sample), timeout=20_000)
    assert preview._strip is None
