"""Live lanes: a file played as it comes, with a causal model and with one that is not; the tracks are recorded."""

import dataclasses

import numpy as np
import pytest
import soundfile
import torch

from app.audio.outline import GrowingOutline
from app.tabs.separation.live_session import LiveState
from models import checkpoint
from models.separation.network import NetworkConfig, build

RATE = 16_000


@pytest.fixture(scope="module", params=[True, False], ids=["causal", "looks ahead"])
def network(request, tmp_path_factory):
    """(checkpoint of a very small network, whether it is causal)."""
    torch.manual_seed(0)
    config = NetworkConfig(
        filters=16,
        bottleneck=8,
        skip=8,
        hidden=8,
        blocks=2,
        repeats=1,
        causal=request.param,
        norm="cLN" if request.param else "gLN",
    )
    folder = tmp_path_factory.mktemp("network") / "tiny"
    info = checkpoint.CheckpointInfo(
        system="separation",
        title="tiny",
        network=dataclasses.asdict(config),
        preprocessing={"sample_rate": 8000, "loudness_db": -25.0},
    )
    checkpoint.save(folder, build(config).state_dict(), info)
    return folder, request.param


@pytest.fixture
def tab(window, qtbot, crashes):
    made = window.show_tab("separation")
    yield made
    assert crashes == []


def played(tab, tmp_path, seconds=6.0):
    sound = 0.1 * np.random.default_rng(0).normal(size=round(seconds * RATE))
    soundfile.write(tmp_path / "talk.wav", sound.astype(np.float32), RATE, subtype="PCM_16")
    tab.choice.choose("live")
    tab.live.session.pace = 15.0
    tab.accept_paths([tmp_path / "talk.wav"])
    return tmp_path / "talk.wav"


def test_lanes_grow_and_are_a_recording_in_the_end(tab, qtbot, network, tmp_path):
    folder, causal = network
    tab.use_checkpoint(folder)
    page, states = tab.live, []
    page.session.grown.connect(states.append)
    with qtbot.waitSignal(page.session.ended, timeout=60_000) as ended:
        path = played(tab, tmp_path)
        qtbot.waitUntil(lambda: bool(states), timeout=60_000)
        assert tab.primary.text() == "■ Stop"
        assert len(page.lanes.lanes) == 3
    assert (states[0].latency_s < 0.05) == causal
    separated = ended.args[0]
    heard = [soundfile.read(place, dtype="float32")[0] for place in (separated.mixture, *separated.tracks)]
    assert {len(sound) for sound in heard} == {separated.frames} == {6 * RATE}
    np.testing.assert_allclose(heard[0], soundfile.read(path)[0], atol=1e-4)
    assert max(np.abs(track).max() for track in heard[1:]) > 0
    with qtbot.waitSignal(tab.session.assessed, timeout=60_000):
        pass
    assert tab.page is tab.recording
    assert [lane.path for lane in tab.recording.lanes.lanes] == [separated.mixture, *separated.tracks]
    assert tab.primary.text() != "■ Stop"


def test_it_can_be_stopped_and_what_came_is_kept(tab, qtbot, network, tmp_path):
    folder, _ = network
    tab.use_checkpoint(folder)
    session = tab.live.session
    with qtbot.waitSignal(session.ended, timeout=60_000) as ended:
        played(tab, tmp_path, 60.0)
        session.pace = 1.0
        with qtbot.waitSignal(session.grown, timeout=60_000):
            pass
        tab.primary.click()
    assert 0 < ended.args[0].frames < 60 * RATE
    assert not session.running


def test_a_computer_that_is_too_slow_is_told_as_long_as_it_is(tab, tmp_path):
    page = tab.live
    outline = GrowingOutline(tmp_path / "talk.wav", RATE, RATE, 1)
    outline.add(np.zeros(RATE, np.float32))
    outlines = [outline.so_far()] * 3
    for busy, slow in ((0.9, False), (1.1, True), (0.9, True), (0.5, False)):
        page.session.grown.emit(LiveState(outlines, 1.0, 0.02, busy))
        assert any("too slow" in message.heading for message in tab.messages.messages) == slow
        assert f"computing {100 * busy:.0f} % of real time" in page.told.whole()


def test_a_file_that_cannot_be_read_is_told(tab, qtbot, tmp_path):
    (tmp_path / "bad.wav").write_text("no sound")
    tab.choice.choose("live")
    tab.accept_paths([tmp_path / "bad.wav"])
    qtbot.waitUntil(lambda: bool(tab.messages.messages), timeout=20_000)
    assert not tab.live.session.running


def test_the_causal_model_is_offered_where_another_one_is_chosen(tab):
    tab.choice.choose("live")
    page = tab.live
    assert not page._quick.isHidden()
    page._quick.linkActivated.emit("quick")
    assert tab.models.info().network["causal"]
    assert tab.session.model == tab.models.choice
    assert page._quick.isHidden()
    tab.models.choose("bundled")
    assert not page._quick.isHidden()
