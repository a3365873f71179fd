"""The ReverberationNet tab with a small mesh, and sequences for it."""

import numpy as np
import pytest

from tests.gui.reverberation.helpers import saved_mesh


@pytest.fixture
def tab(window, qtbot, crashes, tmp_path):
    """The tab with a small mesh for sequences of five features."""
    shown = window.show_tab("reverberation")
    shown.models.choose(str(saved_mesh(tmp_path / "small", width=5, d=16)))
    yield shown
    assert crashes == []


@pytest.fixture
def sequences(tmp_path):
    random = np.random.default_rng(0)
    x = random.normal(size=(30, 8, 5)).astype(np.float32)
    np.savez(tmp_path / "own.npz", x=x, y=x.mean((1, 2)), lengths=random.integers(2, 9, 30))
    return tmp_path / "own.npz"
