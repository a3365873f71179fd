"""Sequences of one's own and of other tabs, other widths, ragged and broken files."""

import json

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFileDialog,
    QPushButton,
)

from app.training.launcher import Launcher
from tests.gui.reverberation.helpers import idle, observed, said, saved_mesh


def test_an_observed_model_is_said_to_be_one(tab, qtbot, sequences, tmp_path):
    tab.models.choose(str(saved_mesh(tmp_path / "observed", width=5, d=16, gating="observed")))
    observed(tab, qtbot, sequences)
    assert any("only observed" in f"{m.heading} {m.text}" for m in tab.messages.messages)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: np.savez(path, x=np.zeros((4, 3, 7))), "7 features, the model wants 5"),
        (lambda path: np.savez(path, x=np.full((4, 3, 5), np.nan)), "values that are no numbers"),
        (lambda path: path.write_bytes(b"no array"), "cannot be read"),
    ],
)
def test_bad_files_are_said_in_the_tab(tab, qtbot, tmp_path, make, why):
    make(tmp_path / "bad.npz")
    tab.accept_paths([tmp_path / "bad.npz"])
    qtbot.waitUntil(
        lambda: idle(tab) and any(why in f"{m.heading} {m.text}" for m in tab.messages.messages),
        timeout=30_000,
    )
    assert tab.session.observation is None


def test_the_sample_and_what_another_tab_sends(tab, qtbot, tmp_path):
    tab.receive(np.random.default_rng(0).normal(size=(6, 9, 5)))
    qtbot.waitUntil(lambda: tab.session.observation is not None and idle(tab), timeout=30_000)
    assert len(tab.session.observation.output) == 6
    tab.models.choose(str(saved_mesh(tmp_path / "wide", width=64, d=16)))
    qtbot.waitUntil(lambda: idle(tab), timeout=30_000)
    tab.try_sample()
    qtbot.waitUntil(
        lambda: (
            tab.session.observation is not None and len(tab.session.observation.output) > 1_000 and idle(tab)
        ),
        timeout=120_000,
    )
    assert tab.session.observation.target is not None


def test_another_width_offers_a_projection(tab, qtbot, tmp_path, named):
    np.savez(tmp_path / "wide.npz", x=np.random.default_rng(0).normal(size=(4, 6, 7)))
    tab.accept_paths([tmp_path / "wide.npz"])
    qtbot.waitUntil(lambda: idle(tab) and said(tab, "7 features, the model wants 5"), timeout=30_000)
    named(tab, QPushButton, "Project to 5 features").click()
    qtbot.waitUntil(lambda: tab.session.observation is not None and idle(tab), timeout=30_000)
    assert tab.session.sequences.width == 5
    assert said(tab, "principal components")


def test_one_sequence_and_ragged_ones(tab, qtbot, tmp_path):
    np.save(tmp_path / "one.npy", np.random.default_rng(0).normal(size=(1, 6, 5)))
    observed(tab, qtbot, tmp_path / "one.npy")
    assert tab.mesh_page.mesh.state.spread is None
    rows = ["id,a,b,c,d,e,target"] + [f"s{i},{i},2,3,4,{step},1" for i in range(3) for step in range(i + 2)]
    (tmp_path / "ragged.csv").write_text("\n".join(rows))
    tab.session.observation = None
    observed(tab, qtbot, tmp_path / "ragged.csv")
    assert "2 to 4 steps, each computed to its own end" in tab.sequences.about.text()
    alone = tab.session.observation.output[0]
    tab.receive(np.stack([tab.session.sequences.x[0]]))
    qtbot.waitUntil(
        lambda: (
            idle(tab) and tab.session.observation is not None and len(tab.session.observation.output) == 1
        ),
        timeout=30_000,
    )
    assert tab.session.observation.output[0] == pytest.approx(alone, abs=1e-5)


def test_text_in_a_table_is_said_with_its_place(tab, qtbot, tmp_path):
    (tmp_path / "text.csv").write_text("a,b,c,d,e\n1,2,3,4,5\n1,2,loud,4,5\n")
    tab.accept_paths([tmp_path / "text.csv"])
    qtbot.waitUntil(lambda: idle(tab) and said(tab, "Column c, row 3: loud"), timeout=30_000)


def test_weights_of_another_width_are_refused_with_the_reason(tab, qtbot, sequences, tmp_path):
    place = saved_mesh(tmp_path / "torn", width=5, d=16)
    described = json.loads((place / "checkpoint.json").read_text())
    described["network"]["d"] = 32
    (place / "checkpoint.json").write_text(json.dumps(described))
    tab.models.choose(str(place))
    tab.accept_paths([sequences])
    qtbot.waitUntil(lambda: idle(tab) and bool(tab.messages.messages), timeout=30_000)
    assert said(tab, "do not fit")
    tab.models.choose(str(saved_mesh(tmp_path / "d32", width=5, d=32)))  # another d is no problem
    qtbot.waitUntil(lambda: tab.session.observation is not None and idle(tab), timeout=30_000)


def test_what_was_sent_is_saved_to_be_trained_on(tab, qtbot, window, tmp_path, named, monkeypatch):
    place = tmp_path / "sent.npz"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(place), "NPZ (*.npz)"))
    tab.receive(np.random.default_rng(0).normal(size=(4, 6, 7)))
    qtbot.waitUntil(lambda: idle(tab) and said(tab, "7 features, the model wants 5"), timeout=30_000)
    named(tab, QPushButton, "Train on them…").click()
    form = window.findChild(Launcher)
    assert form.form.model.data.path == str(place)
    assert np.load(place)["x"].shape == (4, 6, 7)
    form.reject()


def test_a_name_of_a_file_is_shown_as_it_is(tab, qtbot, tmp_path):
    np.savez(tmp_path / "<b>own<i>.npz", x=np.zeros((3, 4, 5), np.float32))
    observed(tab, qtbot, tmp_path / "<b>own<i>.npz")
    assert "<b>own<i>" in tab.sequences.about.text()
    assert tab.sequences.about.textFormat() == Qt.TextFormat.PlainText
