"""Models that give arousal, valence and dominance in the window: the plane with its trail, curves, tables; nothing of it else."""

import csv
import time
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt

from app import theme
from app.tabs.emotion.plane import Plane
from models.emotion.live import LiveResult
from models.emotion.session import SessionLog
from tests.gui.emotion.helpers import CLIPS, open_files
from tests.models.emotion.test_dimensions import headed_folder, plain_folder, speech_silence_speech

NAMES = ("arousal", "valence", "dominance")


@pytest.fixture
def folder(tmp_path):
    return headed_folder(tmp_path / "degrees")


def result(end_time, degrees, label="speech", probabilities=()):
    values = np.array(probabilities, np.float32)
    if degrees is None:
        return LiveResult(end_time, False, 0.1, 0.0, None, None, None, 0.01)
    return LiveResult(
        end_time, True, 0.9, 1.0, label, values, values, 0.01, likeliest=label, dimensions=np.array(degrees)
    )


def test_a_model_folder_and_a_file_come_to_a_plane_and_curves(tab, qtbot, tmp_path, folder):
    tab.models._try(str(folder))
    assert tab.models.choice == str(folder)
    open_files(tab, qtbot, [speech_silence_speech(tmp_path / "pause.wav")])
    sound, (row,) = tab.files.sound, tab.files.table.rows
    qtbot.waitUntil(lambda: sound.ready and sound.degrees.plane.isVisible())
    prediction, plane, curves = row.prediction, sound.degrees.plane, sound.degrees.curves
    assert curves.isVisible()
    np.testing.assert_allclose(plane.point, prediction.mean_dimensions[[1, 0]])
    assert "arousal 0." in sound.name.whole()
    # where nobody speaks there is no point, and the curves have a gap
    times, values = prediction.dimension_curves()
    silent, spoken = times[np.isnan(values[:, 0])][2], times[np.isfinite(values[:, 0])][0]
    sound.waveform.cursor_moved.emit(silent)
    assert plane.point is None
    assert curves.at(silent) is None
    assert len(curves.runs(0)) == 2
    sound.waveform.cursor_moved.emit(spoken)
    np.testing.assert_allclose(plane.point, values[0, [1, 0]], rtol=1e-5)
    assert curves.grab().toImage() != plane.grab().toImage()
    qtbot.waitUntil(lambda: "arousal 0." in plane.accessibleDescription())
    qtbot.waitUntil(lambda: "valence: " in curves.accessibleDescription())
    table = tab.files.table
    titles = [table.headerData(column, Qt.Orientation.Horizontal) for column in range(table.columnCount())]
    assert titles == ["File", "Duration", "Emotion", "Certainty", *NAMES]
    assert [table.data(table.index(0, 4 + number)) for number in range(3)] == [
        f"{value:.2f}".replace("-", "−") for value in prediction.mean_dimensions
    ]
    assert tab.files._list.isColumnHidden(3)
    tab.files.save_table(tmp_path / "out.csv")
    with open(tmp_path / "out.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[-3:] == list(NAMES)
    assert float(rows[0]["arousal"]) == pytest.approx(values[0, 0], abs=1e-5)
    # another model has no place for them
    tab.models.choose("bundled")
    open_files(tab, qtbot, [next(CLIPS.glob("*.flac"))])
    qtbot.waitUntil(lambda: not plane.isVisible() and not curves.isVisible())
    assert not tab.files._list.isColumnHidden(3)


def test_the_trail_goes_on_with_speech_breaks_and_fades(qtbot):
    plane = Plane()
    qtbot.addWidget(plane)
    for second in range(50):
        plane.add(float(second), None if second in (40, 41, 49) else np.array([second / 50, 0.5]))
    ages, points = plane.trail()
    assert ages.max() < 30.0
    assert ages.min() == 0.0
    assert np.isnan(points).any(axis=1).sum() == 3
    assert plane.point is None
    plane.add(50.0, np.array([0.9, 0.25]))
    assert plane.in_words().startswith("arousal 0.25, valence 0.90; arousal from 0.25 to 0.50")
    plane.resize(176, 176)
    assert accent_at(plane, 14 + 0.9 * 148, 20 + 0.75 * 136)
    plane.add(51.0, np.array([4.0, -3.0]))  # beyond the plane is on its edge, and told as it is
    assert accent_at(plane, 14 + 148, 20 + 136)
    assert "valence 4.00" in plane.in_words()
    plane.show_nothing()
    assert plane.in_words() == ""


def accent_at(plane, x, y):
    return plane.grab().toImage().pixelColor(round(x), round(y)).name() == theme.color("accent").name()


@pytest.mark.parametrize("labels", [(), ("angry", "sad")])
def test_live_has_the_plane_beside_what_there_is_of_classes(tab, labels):
    tab.choice.choose("live")
    sight = tab.live.sight
    assert not sight.plane.isVisible()
    sight.show_labels(labels, NAMES)
    assert (sight.bars.isVisible(), sight.degrees.isVisible(), sight.plane.isVisible()) == (
        bool(labels),
        True,
        True,
    )
    probabilities = [0.9, 0.1][: len(labels)]
    for second in range(3):
        told = result(
            float(second), [0.25 + second / 10, 0.75, 0.5], labels[0] if labels else "speech", probabilities
        )
        sight.show_result(told, SessionLog())
    assert sight.word.text() == ("angry" if labels else "arousal 0.45 · valence 0.75")
    assert sight.certainty.text() == ("90 %" if labels else "")
    assert "arousal 0.45" in sight.degrees.accessibleName()
    np.testing.assert_allclose(sight.plane.point, [0.75, 0.45])
    sight.show_result(result(3.0, None), SessionLog())
    assert sight.word.text() == "no speech"
    assert sight.plane.point is None
    assert len(sight.plane.trail()[0]) == 4
    window = tab.window()
    window.resize(1024, 700)
    window.open_dock(True)
    assert sight.plane.height() >= sight.plane.minimumSizeHint().height()
    assert sight.mapTo(window, sight.rect().bottomLeft()).y() <= window.height()
    window.open_dock(False)
    sight.show_labels(("angry", "happy", "neutral", "sad"))
    assert not sight.plane.isVisible()
    assert not sight.degrees.isVisible()


def test_a_recorded_session_has_columns_of_degrees(tab):
    from app.audio.recorder import folder as recordings
    from app.audio.ring import Ring

    tab.live.sight.show_labels(("angry",), NAMES)
    session = tab.live.session
    session.labels, session.dimensions = ("angry",), NAMES
    session.begin(True)
    now = time.monotonic()
    ring = Ring(10.0, 16_000)
    ring.write(np.full(16_000, 0.1, np.float32), now)
    session.tick(ring, True)
    session._judged(result(now + 1.0, [0.25, 0.5, 0.75], "angry", [1.0]))
    session._judged(result(now + 1.5, None))
    session.end()
    rows = list(csv.DictReader(next(recordings().glob("*.csv")).read_text().splitlines()))
    assert [rows[0][name] for name in ("p_angry", *NAMES)] == ["1.000000", "0.250000", "0.500000", "0.750000"]
    assert [rows[1][name] for name in ("label", *NAMES)] == ["", "", "", ""]


def test_a_live_session_of_classes_and_degrees(tab, qtbot, tmp_path, monkeypatch):
    """The whole path of a microphone, by the sample that is heard in its place."""
    from app.tabs.emotion import sample_feed

    monkeypatch.setattr(sample_feed, "MOST", 1)
    plain_folder(tmp_path / "both", {0: "ang", 1: "arousal", 2: "sad", 3: "valence"})
    tab.models._try(str(tmp_path / "both"))
    tab.choice.choose("live")
    heard = []
    tab.live.session.judged.connect(heard.append)
    tab.live.try_sample()
    qtbot.waitUntil(lambda: any(item.speech for item in heard))
    plane = tab.live.sight.plane
    qtbot.waitUntil(lambda: len(plane.trail()[0]) == len(heard))
    last = [item for item in heard if item.speech][-1]
    place = heard.index(last)
    np.testing.assert_allclose(plane.trail()[1][place], last.dimensions[[1, 0]], rtol=1e-5)
    tab.live.stop()
    qtbot.waitUntil(lambda: not tab.is_busy)


def test_evaluate_tells_how_well_degrees_agree(tab):
    from models.emotion.concordance import concordances
    from models.emotion.speakers import evaluate

    tab.choice.choose("evaluate")
    page = tab.pages["evaluate"]
    speakers, truth = ["03", "03", "13", "13"], np.array([[0.1, 0.5], [0.6, 0.4], [0.3, 0.9], [0.8, np.nan]])
    probabilities = np.tile([0.9, 0.1], (4, 1))
    evaluation = evaluate(["angry"] * 4, probabilities, ("angry", "sad"), speakers)
    page._show(evaluation)
    assert not page._agreed.isVisible()
    told = np.where(np.isfinite(truth), truth, 0.0)
    page._show(replace(evaluation, degrees=concordances(("arousal", "valence"), truth, told, speakers)))
    assert page._agreed.isVisible()
    assert page._agreed.text() == (
        "Agreement with listeners (CCC): arousal 1.000 (speakers 1.00 to 1.00, n = 4); "
        "valence 1.000 (speakers 1.00 to 1.00, n = 3)"
    )
    page._show(None)
    assert not page._agreed.isVisible()
