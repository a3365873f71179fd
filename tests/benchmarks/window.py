"""Rows of the window."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import numpy as np

from tests.benchmarks.timing import interleaved, ms, row, run_program, sized

HERE = Path(__file__).parent


def run_script(script: str, *arguments: str) -> dict[str, float]:
    """A script of this folder in a fresh process and home; its last line is JSON."""
    with tempfile.TemporaryDirectory() as home:
        lines = run_program(HERE / script, *arguments, environment={"POLYPHONY_HOME": home})
    told: dict[str, float] = json.loads(lines[-1])
    return told


def first_paint() -> dict[str, object]:
    """From the start of the process to the first painted window, against a bare pyqtgraph plot in a window."""
    peers, ours = [], []
    for _ in range(sized(5, 1)):
        peers.append(run_script("first_paint.py", "bare")["seconds"])
        ours.append(run_script("first_paint.py", "ours")["seconds"])
    peer, own = float(np.median(peers)), float(np.median(ours))
    return row(
        "window first painted",
        f"PySide6 + pyqtgraph alone, {ms(peer)}",
        ms(own),
        peer / own,
        "≤ 1.3× of it (ratio ≥ 0.77)",
    )


def event_loop_gap() -> dict[str, object]:
    """p99 of the time between two turns of the event loop: idle, and while a run trains and files are recognised."""
    told = run_script("event_loop.py", str(sized(12, 2)))
    ours = f"p99 {ms(told['busy_p99'])}, longest {ms(told['busy_max'])} while training and recognising"
    peer = f"idle window, p99 {ms(told['idle_p99'])}"
    return row(
        "event-loop gap", peer, ours, told["idle_p99"] / told["busy_p99"], "≤ 1.3× of idle (ratio ≥ 0.77)"
    )


def million_points() -> dict[str, object]:
    """One frame of a curve of a million points: our decimation and setData, against pyqtgraph's own downsampling."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    import pyqtgraph as pg
    from PySide6.QtWidgets import QApplication

    from app import theme
    from app.widgets.plot import Plot

    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    theme.use_font(app)
    theme.apply(app, "light")
    x = np.arange(sized(1_000_000, 10_000), dtype=np.float64)
    y = np.cumsum(np.random.default_rng(0).normal(size=x.size))
    bare = pg.PlotWidget()
    curve = bare.plot()
    curve.setDownsampling(auto=True, method="peak")
    curve.setClipToView(True)
    ours = Plot("curve", "step", "", "loss", "")
    line = ours.line("loss")
    for widget in (bare, ours):
        widget.resize(800, 400)
        widget.show()

    def peer() -> None:
        curve.setData(x, y)
        bare.grab()

    def own() -> None:
        line.set(x, y)
        ours.grab()

    a, b = interleaved(peer, own, rounds=9)
    bare.close()
    ours.close()
    return row(
        "one-million-point curve, a frame", f"pyqtgraph's downsampling, {ms(a)}", ms(b), a / b, "≤ 8 ms"
    )


def five_thousand_sequences() -> dict[str, object]:
    """Gates of 5,000 sequences sorted by another role and drawn, as a click on a heading asks for it: our heat map,
    against the same array in a pyqtgraph image."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    import pyqtgraph as pg
    from PySide6.QtWidgets import QApplication

    from app import theme
    from app.tabs.reverberation.heat_map import HeatMap
    from models.reverberation.wiring import ROLE_NAMES

    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    theme.use_font(app)
    theme.apply(app, "light")
    values = np.random.default_rng(0).uniform(size=(sized(5_000, 50), len(ROLE_NAMES)))
    bare = pg.PlotWidget()
    picture = pg.ImageItem(axisOrder="row-major", levels=(0, 1), colorMap=pg.colormap.get("viridis"))
    bare.addItem(picture)
    ours = HeatMap()
    ours.set_values(values, ROLE_NAMES, targets=values[:, 0])
    for widget in (bare, ours):
        widget.resize(800, 500)
        widget.show()
    turn = [0, 0]

    def peer() -> None:
        turn[0] = (turn[0] + 1) % len(ROLE_NAMES)
        picture.setImage(values[np.argsort(values[:, turn[0]])], autoLevels=False)
        bare.grab()

    def own() -> None:
        turn[1] = (turn[1] + 1) % len(ROLE_NAMES)
        ours.sort(ROLE_NAMES[turn[1]])
        ours.grab()

    a, b = interleaved(peer, own, rounds=19)
    bare.close()
    ours.close()
    return row("5,000 sequences sorted in the heat map", f"pyqtgraph image, {ms(a)}", ms(b), a / b, "≤ 16 ms")


def hour_long_lane() -> dict[str, object]:
    """A frame of the waveform of an hour at 16 kHz while it is zoomed: from the pyramid, against pyqtgraph's own
    downsampling of the samples themselves."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    import pyqtgraph as pg
    import soundfile
    from PySide6.QtWidgets import QApplication

    from app import theme
    from app.audio.outline import outline_of
    from app.widgets.sound_canvas import SoundCanvas
    from app.widgets.time_axis import TimeAxis

    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    theme.apply(app, "light")
    rate, seconds = 16_000, sized(3600, 60)
    sound = np.random.default_rng(0).normal(0, 0.1, rate * seconds).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hour.wav"
        soundfile.write(path, sound, rate)
        outline = outline_of(path)
    bare = pg.PlotWidget()
    curve = bare.plot(np.arange(sound.size) / rate, sound, skipFiniteCheck=True)
    curve.setDownsampling(auto=True, method="peak")
    curve.setClipToView(True)
    axis = TimeAxis()
    axis.set_duration(outline.duration_s)
    ours = SoundCanvas(axis, "an hour", theme.BLUE)
    for widget in (bare, ours):
        widget.resize(800, 160)
        widget.show()
    ours.set_outline(outline)
    spans = [3600.0, 1800.0, 900.0, 450.0]

    def peer() -> None:
        for span in spans:
            bare.setXRange(1800 - span / 2, 1800 + span / 2, padding=0)
            bare.grab()

    def own() -> None:
        for span in spans:
            axis.show(1800 - span / 2, 1800 + span / 2)
            ours.grab()

    a, b = (seconds / len(spans) for seconds in interleaved(peer, own, rounds=5))
    bare.close()
    ours.close()
    return row(
        "an hour's waveform, a frame of zooming", f"pyqtgraph's downsampling, {ms(a)}", ms(b), a / b, "≤ 8 ms"
    )
