"""The separation tab, a very small network, and a mixture of two noises."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from tests.gui.separation.helpers import RATE, SECONDS


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A checkpoint of a very small network that was never trained: what it gives is of the right shape."""
    import dataclasses

    import torch

    from models import checkpoint
    from models.separation.network import NetworkConfig, build

    torch.manual_seed(0)
    config = NetworkConfig(filters=16, bottleneck=8, skip=8, hidden=8, blocks=2, repeats=1)
    folder = tmp_path_factory.mktemp("network") / "tiny"
    info = checkpoint.CheckpointInfo(
        system="separation", title="tiny", card="# tiny\n\nfor tests", network=dataclasses.asdict(config),
        preprocessing={"sample_rate": 8000, "loudness_db": -25.0},
    )  # fmt: skip
    checkpoint.save(folder, build(config).state_dict(), info)
    return folder


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    """(folder with mixture.wav, one.wav, two.wav; the two sounds): turns of two noises."""
    folder = tmp_path_factory.mktemp("talk")
    time = np.arange(SECONDS * RATE) / RATE
    rng = np.random.default_rng(0)
    first = 0.1 * rng.normal(size=len(time)) * (time % 2 < 1)
    second = 0.06 * np.convolve(rng.normal(size=len(time)), np.ones(4) / 2, "same") * (time % 3 > 1.5)
    for name, sound in (("mixture", first + second), ("one", first), ("two", second)):
        soundfile.write(folder / f"{name}.wav", sound.astype(np.float32), RATE, subtype="FLOAT")
    return folder, (first, second)


@pytest.fixture
def tab(window, qtbot, crashes):
    """The separation tab of a real window; a test that ends in the crash dialog fails."""
    made = window.show_tab("separation")
    yield made
    assert crashes == []
