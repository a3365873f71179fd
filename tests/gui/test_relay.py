"""A recording all the way: lanes, emotions under them, who was listened to, frames in the mesh; and stopping on the way."""

import soundfile

from app.relay import attention_words
from models.separation.samples import sample_mixtures
from tests.gui.test_workspaces import quiet

A_WAY_MS = 300_000  # on a busy machine; nothing waits so long on a quiet one


def states(window):
    return [step.state for step in window.between.relay.steps]


def test_the_sample_goes_through_all_systems(window, qtbot):
    relay = window.between.relay
    with qtbot.waitSignal(relay.ended, timeout=A_WAY_MS):
        window.menus.relay_action.trigger()
    assert states(window) == ["done"] * 4
    separation, eeg = window.page("separation"), window.page("eeg")
    lanes = separation.recording.lanes.lanes
    window.between.bar.steps[1].click()
    assert window.current is separation
    assert [lane.ribbon.isVisible() for lane in lanes] == [False, True, True]
    strip = lanes[1].ribbon
    assert strip.width() == lanes[1].canvas.width()  # one axis for both
    assert strip.ribbon.ends_s[-1] <= separation.session.outline.duration_s + 0.1
    assert strip.ribbon.words[0] in strip.word_at(float(strip.ribbon.starts_s[0]))
    talker = eeg.session.talker
    assert talker.truth == 0
    assert relay.steps[2].result == attention_words(talker)
    mesh = window.page("reverberation").session
    assert mesh.observation.gates.shape == (38, len(mesh.sequences))
    assert "speaker1" in mesh.sequences.title
    window.between.bar.stop.click()
    assert not window.between.bar.isVisible()


def test_a_recording_of_ones_own_may_be_stopped_and_goes_on_without_an_eeg(window, qtbot, tmp_path):
    samples, rate = soundfile.read(sample_mixtures()[0].mixture)
    path = tmp_path / "own.wav"
    soundfile.write(path, samples[: 3 * rate], rate)
    relay, bar = window.between.relay, window.between.bar
    with qtbot.waitSignal(relay.ended, timeout=A_WAY_MS):
        window.services.relay_asked.emit(path)
        qtbot.waitUntil(lambda: states(window)[0] == "running" and bar.stop.isVisible())
        bar.stop.click()
    assert states(window) == ["stopped", "waiting", "waiting", "waiting"]
    quiet(window, qtbot)
    window.services.relay_asked.emit(path)
    qtbot.waitUntil(lambda: states(window)[2] == "asking", timeout=A_WAY_MS)
    assert bar.skip.isVisible()
    assert window.system == "eeg"
    with qtbot.waitSignal(relay.ended, timeout=A_WAY_MS):
        bar.skip.click()
    assert states(window) == ["done", "done", "skipped", "done"]
    assert len(window.page("emotion").files.table.rows) == 2
