"""The mesh in motion: one sequence step by step, beside what is predicted and what is true."""

import numpy as np
import pytest
from PySide6.QtCore import Qt

from models.reverberation.sequences import Sequences
from tests.gui.reverberation.helpers import idle, observed


@pytest.fixture
def motion(tab, qtbot, sequences):
    """The longest of the sequences is selected."""
    observed(tab, qtbot, sequences)
    lengths = [len(item) for item in tab.session.sequences.x]
    tab.session.select([int(np.argmax(lengths))])
    return tab.mesh_page.motion


def played(motion, qtbot):
    qtbot.mouseClick(motion.player.play, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: motion.shown is not None, timeout=20_000)
    return motion.shown


def test_each_step_is_the_mesh_of_the_sequence_up_to_it(tab, motion, qtbot):
    session, number = tab.session, tab.session.selection[0]
    growth = played(motion, qtbot)
    motion.stop()
    whole = session.sequences.x[number]
    assert growth.steps == list(range(1, len(whole) + 1))
    assert np.allclose(growth.observation.gates[:, -1], session.observation.gates[:, number], atol=1e-5)
    assert growth.observation.output[-1] == pytest.approx(session.observation.output[number], abs=1e-5)
    motion.player.slider.setValue(2)
    alone = session.observer.observe(Sequences((whole[:3],)))
    assert np.allclose(tab.mesh_page.mesh.state.gates, alone.gates[:, 0], atol=1e-5)
    said = motion.words.text()
    assert f"step 3 of {len(whole)}" in said
    assert f"{alone.output[0]:.3f}".replace("-", "−") in said
    assert f"target {session.observation.target[number]:.3f}".replace("-", "−") in said


def test_it_plays_to_the_end_and_begins_anew(tab, motion, qtbot):
    growth = played(motion, qtbot)
    motion.player.timer.setInterval(1)
    qtbot.waitUntil(lambda: not motion.player.play.isChecked(), timeout=10_000)
    assert motion.at == len(growth.steps) - 1
    motion.player.play.click()
    assert motion.at == 0
    tab.choice.choose("kl")  # nobody looks any more
    assert not motion.player.play.isChecked()


def test_what_is_known_goes_with_what_it_was_of(tab, motion, qtbot):
    played(motion, qtbot)
    motion.player.slider.setValue(1)
    before = tab.session.observation
    tab.session.toggle_mute("eileen")
    assert motion.shown is None
    assert not motion.player.slider.isEnabled()
    qtbot.waitUntil(lambda: tab.session.observation is not before and idle(tab), timeout=30_000)
    gates = tab.session.observation.gates[:, tab.session.selection[0]]
    assert np.allclose(tab.mesh_page.mesh.state.gates, gates)
    growth = played(motion, qtbot)
    assert np.allclose(growth.observation.gates[:, -1], gates, atol=1e-5)  # muted in every step, too
    tab.session.select([])
    assert motion.isHidden()
    assert motion.shown is None
