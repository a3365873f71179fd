"""The EEG tab, and the sample that ships."""

import numpy as np
import pytest

from models.eeg.samples import sample_file


@pytest.fixture
def tab(window, qtbot, crashes):
    shown = window.show_tab("eeg")
    yield shown
    assert crashes == []


@pytest.fixture(scope="session")
def sample():
    with np.load(sample_file()) as arrays:
        return {name: arrays[name] for name in arrays.files}
