"""What pictures say to a screen reader: read where one reads it, from the accessibility tree, after the data have changed."""

from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QWidget

from app import i18n, theme
from app.audio.outline import outline_of
from app.tabs.emotion.timeline import Timeline
from app.tabs.reverberation.gate_histograms import GateHistograms
from app.tabs.reverberation.heat_map import HeatMap
from app.tabs.reverberation.kl_bars import KLBars
from app.tabs.reverberation.mesh import MeshView
from app.tabs.reverberation.structure_page import Drawing
from app.training.layer_map import LayerMap
from app.widgets.overview import Overview
from app.widgets.plot import Plot
from app.widgets.scalp import ScalpMap
from app.widgets.sound_canvas import SoundCanvas
from app.widgets.spectrogram import Spectrogram
from app.widgets.time_axis import TimeAxis
from app.widgets.traces import TraceView
from app.widgets.waveform import Waveform
from models.reverberation.wiring import PROCESSOR_NAMES, ROLE_NAMES, documented

RATE = 16_000
NOTHING = "nothing is shown yet"


@pytest.fixture
def says(qtbot):
    """``says(widget, words)``: soon these words are in what a screen reader is told of the widget."""

    def told(widget: QWidget) -> str:
        return QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Description)

    def wait(widget: QWidget, words: str) -> None:
        qtbot.waitUntil(lambda: words in told(widget), timeout=3000)

    return wait


@pytest.fixture
def kept(qtbot):
    def keep(widget):
        qtbot.addWidget(widget)
        return widget

    return keep


def test_a_plot_tells_its_curves_and_those_that_are_hidden_are_not_told(kept, says):
    plot = kept(Plot("Training curves", "epoch", "", "loss", ""))
    says(plot, NOTHING)
    loss, other = plot.line("loss"), plot.line("other")
    loss.set(np.arange(5.0), np.array([4.0, 2.0, 1.0, np.nan, 3.0]))
    says(
        plot,
        "loss: 4 points, from 4.000 at 0 epoch to 3.000 at 4.000 epoch,"
        " lowest 1.000 at 2.000 epoch, highest 4.000 at 0 epoch",
    )
    other.set(np.array([2.0]), np.array([0.5]))
    says(plot, "other: 0.5000 at 2.000 epoch")
    loss.set_visible(False)
    other.remove()
    says(plot, NOTHING)


def test_a_plot_with_many_curves_says_how_many_it_leaves_out(kept, says):
    plot = kept(Plot("Layers", "step"))
    for number in range(15):
        plot.line(f"layer {number}").set(np.arange(2.0), np.full(2, number))
    says(plot, "and 3 more")


def test_a_sound_is_told_by_length_loudness_and_attention(kept, says):
    sound = np.zeros(2 * RATE, np.float32)
    sound[RATE : RATE + 100] = 0.5
    waveform = kept(Waveform())
    waveform.set_file(sound, RATE)
    says(waveform, "2.0 s of sound, loudest −6 dB at 1.0 s")
    waveform.set_attention(np.arange(4) * 0.5, np.array([0.1, 0.1, 0.2, 3.6]))
    says(waveform, "attention is highest at 1.5 s")
    waveform.show_nothing()
    says(waveform, NOTHING)
    waveform.set_live(np.full(RATE, 0.1, np.float32), RATE, 5.0, RATE)
    says(waveform, "the newest 5 s of sound, loudest −20 dB")


def test_a_spectrogram_is_told_by_where_it_is_strongest(kept, says):
    spectrogram = kept(Spectrogram())
    says(spectrogram, NOTHING)
    tone = 0.5 * np.sin(2 * np.pi * 2000 * np.arange(3 * RATE) / RATE)
    spectrogram.set_file(tone.astype(np.float32), RATE)
    says(spectrogram, "3.0 s, 0 to 8 kHz, strongest at 2.0 kHz")
    spectrogram.set_file(np.zeros(RATE, np.float32), RATE)
    says(spectrogram, "silence")


def test_a_lane_and_the_strip_above_it(kept, says, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.full(4 * RATE, 0.25, np.float32), RATE)
    axis = TimeAxis()
    lane, strip = kept(SoundCanvas(axis, "Speaker 1")), kept(Overview(axis))
    outline = outline_of(tmp_path / "a.wav")
    axis.set_duration(4.0)
    lane.set_outline(outline)
    strip.set_outline(outline)
    says(lane, "4.0 s of sound, loudest −12 dB")
    axis.set_region((1.0, 2.5))
    says(lane, "chosen: 1.0 to 2.5 s")
    strip.set_turns([(theme.BLUE, [(0.0, 1.0)]), (theme.ORANGE, [(1.0, 3.0)])])
    axis.show(0.0, 2.0)
    says(strip, "4.0 s of sound; 2 speakers; in view: 0.0 to 2.0 s")


def test_a_time_line_tells_how_long_each_label_was(kept, says):
    line = kept(Timeline(lambda label: label, lambda _label, _place: theme.BLUE))
    says(line, NOTHING)
    line.set_segments(np.array([0.0, 2.0, 3.0]), np.array([2.0, 3.0, 7.0]), ["sad", None, "happy"])
    says(line, "happy 4.0 s; sad 2.0 s; no speech 1.0 s")
    line.add(7.0, 10.0, "sad")
    says(line, "sad 5.0 s; happy 4.0 s; no speech 1.0 s")


def test_channels_are_told_with_their_stretch_and_what_the_keys_do(kept, says):
    view = kept(TraceView("EEG"))
    view.set_empty_words("Drop something")
    says(view, "Drop something")
    view.set_source(("Fz", "Cz", "Oz"), 20.0, lambda _l, _r, n: (np.zeros((n, 3)), np.ones((n, 3))), 5.0)
    view.set_marked([1])
    says(
        view,
        "3 channels of 3, Fz to Oz, from 0 s to 5.000 s of 20.00 s, a row is 100.0 µV. bad: Cz. Arrow keys",
    )


def test_a_scalp_tells_its_extremes(kept, says):
    head = kept(ScalpMap("Scalp"))
    head.set_places(("Fz", "Cz", "Pz", "Oz"), np.array([[0, 0.5], [0, 0], [0, -0.5], [0.3, -0.9]]))
    says(head, NOTHING)
    head.set_values(np.array([1.0, 2.0, -3.0, 0.0]), "µV")
    says(head, "4 electrodes, lowest Pz · −3.000 µV, highest Cz · 2.000 µV")
    head.set_marked([2])
    says(head, "3 electrodes, lowest Oz · 0 µV")


def test_the_mesh_and_its_figures(kept, says):
    mesh, bars, histograms = kept(MeshView()), kept(KLBars()), kept(GateHistograms())
    says(mesh, "gates are drawn once sequences were observed")
    gates = np.linspace(0, 1, 38)
    mesh.set_gates(gates)
    says(mesh, f"{gates[0]:.2f}, {gates[19]:.2f}")
    role = ROLE_NAMES[3]
    mesh.set_silenced(frozenset({role}), frozenset({(ROLE_NAMES[0], PROCESSOR_NAMES[0])}))
    says(mesh, "is muted; the line from")
    histograms.set_gates(np.tile(gates[:, None], (1, 5)))
    says(histograms, f"{gates[0]:.2f}, {gates[19]:.2f};")
    bars.set_kl(np.full(45, 0.5), documented())
    says(bars, "0.5; ")
    bars.set_kl(None, documented())
    says(bars, NOTHING)


def test_a_heat_map_tells_its_size_and_its_extremes(kept, says):
    heat = kept(HeatMap())
    says(heat, "Nothing was observed yet.")
    values = np.tile(np.linspace(0.1, 0.9, 19), (7, 1))
    heat.set_values(values, ROLE_NAMES)
    says(heat, "7 rows by 19 columns, from 0.1 to 0.9; on average lowest in ")
    heat.say_empty("Observing …")
    heat.set_values(values[:0], ROLE_NAMES)
    says(heat, "Observing …")


def test_layers_are_told_by_where_the_figure_is_highest(kept, says):
    table = np.array([[0.1, 0.5], [0.2, 0.3]])
    flow = SimpleNamespace(steps=[10, 20], layers=["front", "head"], table=lambda _what: table)
    layers = kept(LayerMap())
    layers.show_flow(flow, "dead")
    says(layers, "2 layers, 2 steps; highest: head · step 10 · 50.00 % dead units")


def test_a_drawing_tells_what_is_written_in_it(kept, says):
    drawing = kept(Drawing("Architecture"))
    svg = "<svg xmlns='http://www.w3.org/2000/svg'><text x='1'>Eileen &amp; co</text><text>Argallia</text></svg>"
    drawing.set_svg(svg.encode())
    says(drawing, "Eileen & co, Argallia")


def test_it_is_told_in_the_persons_language(kept, says):
    i18n.install("zh_CN")
    line = kept(Plot("曲线", "步"))
    line.line("损失").set(np.arange(2.0), np.arange(2.0))
    says(line, "个点")
