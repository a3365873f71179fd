"""Plots, bars, figures and the drop zone by themselves."""

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication

from app import theme
from app.widgets.bars import Bars
from app.widgets.decimate import envelope, minmax
from app.widgets.drop_zone import DropZone
from app.widgets.plot import Plot, figure


def test_a_plot_reads_resets_and_exports(qtbot, tmp_path):
    plot = Plot("Curve", "time", "s", "level", "dB")
    qtbot.addWidget(plot)
    plot.resize(500, 200)
    plot.show()
    line = plot.line("sound", theme.BLUE)
    x = np.linspace(0, 10, 100_001)
    line.set(x, np.sin(x))
    plot.set_home((0, 10), (-1, 1))
    assert len(line.item.getData()[0]) <= 4100
    assert plot.read_at(5.0) == "5.000 s · sound −0.9589 dB"
    plot.setXRange(2, 3)
    qtbot.mouseDClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(250, 80))
    assert plot.getViewBox().viewRange()[0] == pytest.approx([0, 10])
    plot.save_csv(tmp_path / "a.csv")
    rows = (tmp_path / "a.csv").read_text("utf-8").splitlines()
    assert rows[0] == "curve,time (s),level (dB)"
    assert len(rows) == 100_002
    plot.save(tmp_path / "a.svg")
    assert f"<title>{plot.name}</title>" in (tmp_path / "a.svg").read_text("utf-8")
    plot.save(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    for name in ("a.csv", "a.svg", "a.png"):
        with pytest.raises(OSError):
            (plot.save_csv if name == "a.csv" else plot.save)(tmp_path / "nowhere" / name)
    words = [action.text() for action in plot.make_menu().actions() if action.text()]
    assert words[:3] == ["Export as CSV…", "Export as SVG…", "Export as PNG…"]


def test_plots_follow_the_theme_at_once_and_share_their_cursor(qtbot, qapp):
    first, second = Plot("One", "time", "s"), Plot("Other", "time", "s")
    for plot in (first, second):
        qtbot.addWidget(plot)
        plot.show()
    second.share_x(first)
    first.cursor_moved.emit(0.5)
    assert second._cursor.isVisible()
    theme.apply(qapp, "dark")
    assert first.backgroundBrush().color().name() == theme.DARK.card.lower()
    first.cursor_moved.emit(float("nan"))
    assert not second._cursor.isVisible()


def test_figures_have_four_digits_and_their_unit():
    assert figure(0.0123456, "s") == "0.01235 s"
    assert figure(-12.3, "dB") == "−12.30 dB"
    assert figure(0) == figure(-0.0) == "0"
    assert figure(1234567.0) == "1.23e+06"


def test_decimation_keeps_every_peak():
    y = np.zeros(100_003)
    y[[17, 50_000, 100_002]] = [5.0, -7.0, 9.0]
    x, shown = minmax(np.arange(100_003.0), y, 500)
    assert {5.0, -7.0, 9.0} <= set(shown)
    assert np.all(np.diff(x) >= 0)
    low, high = envelope(y.astype(np.float32), 333)
    assert (low.min(), high.max()) == (-7.0, 9.0)
    assert len(low) == 333


def test_bars_say_what_they_show(qtbot):
    bars = Bars("Emotions", ["angry", "happy"], [theme.VERMILION, theme.ORANGE])
    qtbot.addWidget(bars)
    bars.set_values([0.25, 0.75], ease=False)
    assert bars.accessibleName() == "Emotions: angry 25 %, happy 75 %"
    height = bars.sizeHint().height()
    bars.set_values(None)
    assert bars.sizeHint().height() == height
    with pytest.raises(ValueError, match="3 values for 2 bars"):
        bars.set_values([1, 2, 3])


def test_a_drop_zone_is_a_button_too(qtbot, tmp_path):
    zone = DropZone("Drop recordings", ".wav .flac")
    qtbot.addWidget(zone)
    zone.show()
    got, pressed = [], []
    zone.dropped.connect(got.append)
    zone.clicked.connect(lambda: pressed.append(1))
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path))])
    copy = Qt.DropAction.CopyAction
    zone.dropEvent(
        QDropEvent(QPointF(5, 5), copy, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    )
    qtbot.keyClick(zone, Qt.Key.Key_Space)
    assert got == [[tmp_path]]
    assert pressed == [1]


def test_lines_are_as_thick_on_a_finer_screen(qtbot, monkeypatch):
    plot = Plot("a", "time", "s", "y", "")
    qtbot.addWidget(plot)
    line = plot.line("b", width=1.5)
    assert line.item.opts["pen"].widthF() == 1.5
    monkeypatch.setattr(plot, "devicePixelRatioF", lambda: 2.0)
    QApplication.sendEvent(plot, QEvent(QEvent.Type.DevicePixelRatioChange))
    assert line.item.opts["pen"].widthF() == 3.0  # of a cosmetic pen, in pixels of the screen
