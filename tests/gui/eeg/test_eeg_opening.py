"""Recordings in the EEG tab: opened, scrolled, mended, refused in words."""

import mne
import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from models.eeg.recordings import BIOSEMI64
from tests.gui.eeg.helpers import RATE, decoded, idle, messages_of, opened, saved


def test_a_recording_is_scrolled_by_wheel_keys_and_bar(tab, qtbot, tmp_path, sample):
    long = np.concatenate([sample["eeg"][n] for n in range(4)]) * np.float32(0.125)
    opened(tab, qtbot, saved(tmp_path, sample, eeg=long, envelope=None))
    traces = tab.browser.traces
    assert traces.shown_range() == pytest.approx((0, 10), abs=0.01)
    qtbot.keyClick(traces, Qt.Key.Key_PageDown)
    assert traces.shown_range() == pytest.approx((10, 20), abs=0.01)
    qtbot.keyClick(traces, Qt.Key.Key_End)
    assert traces.shown_range()[1] == pytest.approx(200, abs=0.05)
    assert tab.browser.bar.value() == tab.browser.bar.maximum()
    tab.browser.bar.setValue(0)
    assert traces.shown_range()[0] == pytest.approx(0, abs=0.05)
    qtbot.keyClick(traces, Qt.Key.Key_Plus)
    assert np.diff(traces.shown_range())[0] == pytest.approx(5, abs=0.05)
    height = traces.row_uv
    wheel(traces, Qt.KeyboardModifier.ControlModifier)
    assert traces.row_uv < height
    before = traces.shown_range()
    wheel(traces, Qt.KeyboardModifier.ShiftModifier, -120)
    assert traces.shown_range()[0] > before[0]
    tab.browser.rows.setCurrentIndex(tab.browser.rows.findData(8))  # eight at once
    assert traces.rows == 8
    qtbot.keyClick(traces, Qt.Key.Key_Down)
    assert traces.first == 1
    assert tab.browser.channel_bar.value() == 1


def wheel(widget, modifiers, turned=120):
    place = QPointF(widget.rect().center())
    event = QWheelEvent(
        place, widget.mapToGlobal(place), QPoint(), QPoint(0, turned), Qt.MouseButton.NoButton, modifiers,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget.viewport(), event)


def read_to_the_end(traces):
    """Columns are drawn as they are read; true when none is missing."""
    columns = traces.shown_columns()
    return columns is not None and np.isfinite(columns[0]).all()


def test_what_is_drawn_is_what_was_recorded(tab, qtbot, tmp_path, sample):
    """The columns on screen hold the recording's extremes, whether they come from the file or from the overview."""
    eeg = np.concatenate([sample["eeg"][n] for n in range(6)]) * np.float32(0.125)
    opened(tab, qtbot, saved(tmp_path, sample, eeg=eeg, envelope=None))
    traces = tab.browser.traces
    tab.browser.rows.setCurrentIndex(tab.browser.rows.findData(0))  # all channels
    for left, right in ((3.0, 5.0), (0.0, 300.0)):
        traces.show_range(left, right)
        qtbot.waitUntil(lambda: read_to_the_end(traces), timeout=20_000)
        low, high = traces.shown_columns()
        piece = eeg[int(left * RATE) : int(right * RATE)]
        np.testing.assert_allclose((high.max(0) - low.min(0)), piece.max(0) - piece.min(0), rtol=0.12)


def test_a_rate_that_stays_is_not_called_resampled(tab, qtbot, tmp_path, sample):
    opened(tab, qtbot, saved(tmp_path, sample))
    decoded(tab, qtbot)
    steps = [tab.history.steps.item(number).text() for number in range(tab.history.steps.count())]
    assert any("left at 64 Hz" in step for step in steps)
    assert not any("resampled" in step for step in steps)


def test_names_are_shown_as_they_are(tab, qtbot, tmp_path, sample):
    name = "<b>own<i>_envelope"
    np.save(tmp_path / "tags.npy", sample["envelope"])
    (tmp_path / "tags.npy").rename(tmp_path / f"{name}.npy")
    opened(tab, qtbot, saved(tmp_path, sample, envelope=None))
    tab.accept_paths([tmp_path / f"{name}.npy"])
    qtbot.waitUntil(lambda: len(tab.session.tracks) == 1 and idle(tab), timeout=30_000)
    decoded(tab, qtbot)
    assert name in tab.outcome.headline.text()
    assert tab.outcome.headline.textFormat() == Qt.TextFormat.PlainText
    assert "&lt;b&gt;" in tab.tracks.list.item(0).toolTip()


def test_traces_and_plots_share_one_axis(tab, qtbot, tmp_path, sample):
    """A moment stands at the same place in all of them, whether there is a bar for more channels or not."""
    opened(tab, qtbot, saved(tmp_path, sample))
    decoded(tab, qtbot)
    for count in (20, 0):
        tab.browser.rows.setCurrentIndex(tab.browser.rows.findData(count))
        plots = (tab.browser.traces, tab.outcome.envelope, tab.outcome.over_time)
        places = [
            plot.mapToGlobal(plot.mapFromScene(plot.getViewBox().mapViewToScene(QPointF(7.0, 0.0)))).x()
            for plot in plots
        ]
        assert max(places) - min(places) <= 1


def raw_file(folder, sample, rate=256, names=BIOSEMI64, seconds=30, name="own_raw.fif"):
    eeg = sample["eeg"][0].T[: len(names), : seconds * RATE] * 0.125e-6
    up = np.repeat(eeg, rate // RATE, axis=1).astype(float)
    raw = mne.io.RawArray(up, mne.create_info(list(names), rate, "eeg"), verbose="error")
    raw.save(folder / name, verbose="error")
    return folder / name


def test_a_raw_recording_its_bad_channel_and_its_history(tab, qtbot, tmp_path, sample):
    opened(tab, qtbot, raw_file(tmp_path, sample))
    assert "256 → 64 Hz" in tab.recording.about.text()
    click = tab.browser.traces
    place = click.getViewBox().mapViewToScene(QPointF(0, 4.5))
    qtbot.mouseClick(click.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(20, int(place.y())))
    assert tab.settings.bad.text() == "F3"
    decoded(tab, qtbot)
    assert tab.session.result.bad["F3"] == "marked"
    assert "1 bad channel mended" in tab.recording.about.text()
    assert any("0.5–28.8 Hz" in tab.history.steps.item(n).text() for n in range(tab.history.steps.count()))
    tab.exports.save("history", tmp_path / "history.json")
    first = tab.session.result.decoding.envelope.copy()
    tab.settings.bad.setText("")
    tab.settings.type_bad()
    tab.panels.replay(tmp_path / "history.json")
    qtbot.waitUntil(lambda: "F3" in tab.session.result.bad and idle(tab), timeout=60_000)
    np.testing.assert_array_equal(tab.session.result.decoding.envelope, first)
    assert "history.json" in tab.history.source.text()


def test_a_channel_that_is_not_there_is_said(tab, qtbot, tmp_path, sample):
    opened(tab, qtbot, saved(tmp_path, sample))
    tab.settings.bad.setText("Cz, Nose")
    tab.settings.type_bad()
    assert "Nose" in messages_of(tab)
    assert tab.session.marked_bad == {"Cz"}


def flat(sample, count):
    eeg = sample["eeg"][0] * np.float32(0.125)
    eeg[:, :count] = 3.0
    return eeg


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda folder, sample: saved(folder, sample, fs=16), "16 samples a second"),
        (lambda folder, sample: raw_file(folder, sample, names=BIOSEMI64[:20]), "too few good channels"),
        (lambda folder, sample: saved(folder, sample, eeg=flat(sample, 30)), "(flat)"),
        (lambda folder, sample: saved(folder, sample, eeg=np.full((640, 64), np.nan)), "not a number"),
        (lambda folder, sample: saved(folder, sample, envelope=sample["envelope"][:64]), "too little in common"),
        (lambda folder, sample: (folder / "broken.edf").write_bytes(b"no") and folder / "broken.edf", "cannot be read"),
    ],
)  # fmt: skip
def test_bad_recordings_are_said_in_the_tab(tab, qtbot, tmp_path, sample, make, why):
    path = make(tmp_path, sample)
    tab.accept_paths([path])
    qtbot.waitUntil(
        lambda: idle(tab) and (tab.session.opened is not None or bool(messages_of(tab))), timeout=30_000
    )
    if tab.session.opened is not None:
        tab.act()
    qtbot.waitUntil(lambda: why in messages_of(tab) and idle(tab), timeout=30_000)


def test_what_was_mended_is_told(tab, qtbot, tmp_path, sample):
    eeg = sample["eeg"][0] * np.float32(0.125)
    eeg[:, 3] = 0
    eeg[:, 9] *= 60
    eeg[100:110, 20] = np.nan
    opened(tab, qtbot, saved(tmp_path, sample, eeg=eeg))
    decoded(tab, qtbot)
    assert tab.session.result.bad == {BIOSEMI64[3]: "flat", BIOSEMI64[9]: "noisy"}
    assert "no numbers were filled in" in messages_of(tab)
    assert f"{BIOSEMI64[3]} ×" in tick_words(tab.browser.traces)


def tick_words(traces):
    return [words for _, words in traces.getPlotItem().getAxis("left")._tickLevels[0]] + [
        f"{traces.names[number]} ×" for number in traces.marked
    ]
