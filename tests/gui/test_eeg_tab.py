"""The EEG tab as a person uses it: the sample, own recordings, tracks, talkers, fine-tuning, exports, bad files."""

import csv
import json

import mne
import numpy as np
import pytest
import soundfile
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from app import states
from models.eeg.recordings import BIOSEMI64
from models.eeg.samples import sample_file
from models.training.run_folder import RunState

RATE = 64


@pytest.fixture
def tab(window, qtbot, crashes):
    shown = window.show_tab("eeg")
    yield shown
    assert crashes == []


@pytest.fixture(scope="module")
def sample():
    with np.load(sample_file()) as arrays:
        return {name: arrays[name] for name in arrays.files}


def idle(tab):
    return not tab.is_busy and not tab.services.tasks


def said(tab):
    return " ".join(f"{message.heading} {message.text}" for message in tab.messages.messages)


def opened(tab, qtbot, path):
    tab.accept_paths([path])
    qtbot.waitUntil(
        lambda: tab.session.opened is not None and tab.session.opened.path == path and idle(tab),
        timeout=30_000,
    )


def decoded(tab, qtbot):
    tab.act()
    qtbot.waitUntil(lambda: tab.session.result is not None and idle(tab), timeout=60_000)


def saved(folder, sample, trial=0, name="own.npz", **changes):
    """One trial of the sample as a file of its own."""
    eeg = sample["eeg"][trial] * np.float32(sample["eeg_step_uv"])
    values = {
        "eeg": eeg,
        "envelope": sample["envelope"],
        "fs": RATE,
        "channels": np.array(BIOSEMI64),
    } | changes
    np.savez(folder / name, **{key: value for key, value in values.items() if value is not None})
    return folder / name


def test_the_sample_is_decoded_and_compared_at_once(tab, qtbot):
    tab.try_sample()
    qtbot.waitUntil(lambda: tab.session.evaluation is not None and idle(tab), timeout=60_000)
    assert tab.recording.part.count() == 30
    assert tab.session.heard.comparison.r > 0.05
    assert len(tab.outcome.decoded.x) == len(tab.outcome.true.x) == 3200
    assert f"r {tab.session.heard.comparison.r:.3f}" in tab.outcome.headline.text()
    assert "once in twenty" in tab.outcome.facts.text()
    assert [row.name for row in tab.scalp.subjects.rows] == ["2", "3", "8"]
    assert "unseen subjects" in tab.scalp.kinds.text()
    assert np.abs(tab.scalp.map._values).max() == pytest.approx(1)
    assert tab.history.steps.count() == len(tab.session.result.decoding.history.steps)
    assert "decoded 0:50" in tab.services.status("eeg")
    tab.recording.part.setCurrentIndex(14)  # another trial: nothing of the old one is left standing
    assert tab.session.result is None
    assert tab.session.heard is None
    assert not len(tab.outcome.decoded.x)
    decoded(tab, qtbot)
    assert tab.session.heard is not None


def test_a_recording_is_scrolled_by_wheel_keys_and_bar(tab, qtbot, tmp_path, sample):
    long = np.concatenate([sample["eeg"][n] for n in range(4)]) * np.float32(0.125)
    opened(tab, qtbot, saved(tmp_path, sample, eeg=long, envelope=None))
    traces = tab.browser.traces
    assert traces.shown_range() == pytest.approx((0, 10), abs=0.01)
    qtbot.keyClick(traces, Qt.Key.Key_PageDown)
    assert traces.shown_range() == pytest.approx((10, 20), abs=0.01)
    qtbot.keyClick(traces, Qt.Key.Key_End)
    assert traces.shown_range()[1] == pytest.approx(200, abs=0.05)
    assert tab.browser.bar.value() == tab.browser.bar.maximum()
    tab.browser.bar.setValue(0)
    assert traces.shown_range()[0] == pytest.approx(0, abs=0.05)
    qtbot.keyClick(traces, Qt.Key.Key_Plus)
    assert np.diff(traces.shown_range())[0] == pytest.approx(5, abs=0.05)
    height = traces.row_uv
    wheel(traces, Qt.KeyboardModifier.ControlModifier)
    assert traces.row_uv < height
    before = traces.shown_range()
    wheel(traces, Qt.KeyboardModifier.ShiftModifier, -120)
    assert traces.shown_range()[0] > before[0]
    tab.browser.rows.setCurrentIndex(tab.browser.rows.findData(8))  # eight at once
    assert traces.rows == 8
    qtbot.keyClick(traces, Qt.Key.Key_Down)
    assert traces.first == 1
    assert tab.browser.channel_bar.value() == 1


def wheel(widget, modifiers, turned=120):
    place = QPointF(widget.rect().center())
    event = QWheelEvent(
        place, widget.mapToGlobal(place), QPoint(), QPoint(0, turned), Qt.MouseButton.NoButton, modifiers,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget.viewport(), event)


def read_to_the_end(traces):
    """Columns are drawn as they are read; true when none is missing."""
    columns = traces.shown_columns()
    return columns is not None and np.isfinite(columns[0]).all()


def test_what_is_drawn_is_what_was_recorded(tab, qtbot, tmp_path, sample):
    """The columns on screen hold the recording's extremes, whether they come from the file or from the overview."""
    eeg = np.concatenate([sample["eeg"][n] for n in range(6)]) * np.float32(0.125)
    opened(tab, qtbot, saved(tmp_path, sample, eeg=eeg, envelope=None))
    traces = tab.browser.traces
    tab.browser.rows.setCurrentIndex(tab.browser.rows.findData(0))  # all channels
    for left, right in ((3.0, 5.0), (0.0, 300.0)):
        traces.show_range(left, right)
        qtbot.waitUntil(lambda: read_to_the_end(traces), timeout=20_000)
        low, high = traces.shown_columns()
        piece = eeg[int(left * RATE) : int(right * RATE)]
        np.testing.assert_allclose((high.max(0) - low.min(0)), piece.max(0) - piece.min(0), rtol=0.12)


def test_without_a_stimulus_the_envelope_is_shown_and_it_is_said(tab, qtbot, tmp_path, sample):
    opened(tab, qtbot, saved(tmp_path, sample, envelope=None))
    decoded(tab, qtbot)
    assert len(tab.outcome.decoded.x) == 3200
    assert not len(tab.outcome.true.x)
    assert "not known what was heard" in said(tab)
    assert not tab.tuning_box.button.isEnabled()
    np.save(tmp_path / "story_envelope.npy", sample["envelope"])
    tab.accept_paths([tmp_path / "story_envelope.npy"])
    qtbot.waitUntil(lambda: tab.session.heard is not None and idle(tab), timeout=30_000)
    assert tab.session.heard.name == "story_envelope"
    assert len(tab.outcome.true.x) == 3200


def test_a_sound_that_was_heard_becomes_its_envelope(tab, qtbot, tmp_path, sample):
    opened(tab, qtbot, saved(tmp_path, sample, envelope=None))
    decoded(tab, qtbot)
    noise = np.random.default_rng(0).normal(size=50 * 8000) * np.repeat(sample["envelope"], 125)
    soundfile.write(tmp_path / "story.wav", 0.1 * noise / np.abs(noise).max(), 8000)
    tab.accept_paths([tmp_path / "story.wav"])
    qtbot.waitUntil(lambda: tab.session.heard is not None and idle(tab), timeout=30_000)
    assert tab.session.heard.name == "story"
    assert len(tab.session.heard.comparison.true) == 3200


def test_which_talker_was_listened_to(tab, qtbot, tmp_path, sample):
    opened(tab, qtbot, saved(tmp_path, sample, trial=22, envelope=None))
    decoded(tab, qtbot)
    other = np.roll(sample["envelope"], 1600)
    for name, values in (("first", other), ("second", sample["envelope"])):
        np.save(tmp_path / f"{name}_envelope.npy", values)
    tab.receive([tmp_path / "first_envelope.npy", tmp_path / "second_envelope.npy"])
    qtbot.waitUntil(lambda: tab.session.talker is not None and idle(tab), timeout=30_000)
    assert tab.choice.current == "listened"
    assert "not known who" in tab.listened.facts.text()
    tab.tracks.know(1)
    qtbot.waitUntil(lambda: tab.session.talker.truth == 1 and idle(tab), timeout=30_000)
    window = tab.session.talker.attention.windows[0]
    assert window.accuracy == pytest.approx((window.chosen == 1).mean())
    assert "95 % band" in tab.listened.facts.text()
    assert tab.session.heard.name == "second_envelope"
    tab.tracks.list.setCurrentRow(0)
    qtbot.keyClick(tab.tracks.list, Qt.Key.Key_Delete)
    qtbot.waitUntil(
        lambda: tab.session.talker is None and tab.session.heard is not None and idle(tab), timeout=30_000
    )
    assert tab.session.heard.name == "second_envelope"


def test_a_made_up_talker_over_all_trials_of_a_subject(tab, qtbot):
    tab.try_sample()
    qtbot.waitUntil(lambda: tab.session.evaluation is not None and idle(tab), timeout=60_000)
    tab.session.try_shifted()
    qtbot.waitUntil(lambda: tab.session.talker is not None and idle(tab), timeout=60_000)
    assert tab.session.talker.trials == 10
    assert "10 trials together" in tab.listened.facts.text()
    ten = next(one for one in tab.session.talker.pooled if one.window_s == 10)
    assert len(ten.chosen) == 50
    assert 0.5 < ten.low < ten.accuracy < ten.high <= 1
    tab.session.set_bad(frozenset(tab.session.recording.channel_names[:12]))
    tab.session.decode_again()
    before = tab.session.talker
    qtbot.waitUntil(lambda: tab.session.talker is not before and idle(tab), timeout=60_000)
    after = next(one for one in tab.session.talker.pooled if one.window_s == 10)
    assert not np.array_equal(after.r, ten.r)  # the channels that were marked are mended in every trial


def test_what_is_missing_to_choose_a_talker_is_said(tab, qtbot, tmp_path, sample):
    assert "Two tracks or more" in tab.listened.headline.text()
    for name, values in (("a", sample["envelope"]), ("b", sample["envelope"][::-1])):
        np.save(tmp_path / f"{name}_envelope.npy", values)
    tab.receive([tmp_path / "a_envelope.npy", tmp_path / "b_envelope.npy"])
    qtbot.waitUntil(lambda: tab.tracks.list.count() == 2 and idle(tab), timeout=30_000)
    assert "A recording is needed" in tab.listened.headline.text()
    opened(tab, qtbot, saved(tmp_path, sample, envelope=None))
    assert tab.tracks.list.count() == 2
    assert "Not decoded yet" in tab.listened.headline.text()
    said_meanwhile = []
    tab.session.comparing_changed.connect(lambda: said_meanwhile.append(tab.listened.headline.text()))
    decoded(tab, qtbot)
    assert "Comparing the tracks …" in said_meanwhile
    assert "was listened to: r" in tab.listened.headline.text()
    tab.session.remove_track(1)
    assert "Two tracks or more" in tab.listened.headline.text()


def test_a_rate_that_stays_is_not_called_resampled(tab, qtbot, tmp_path, sample):
    opened(tab, qtbot, saved(tmp_path, sample))
    decoded(tab, qtbot)
    steps = [tab.history.steps.item(number).text() for number in range(tab.history.steps.count())]
    assert any("left at 64 Hz" in step for step in steps)
    assert not any("resampled" in step for step in steps)


def test_names_are_shown_as_they_are(tab, qtbot, tmp_path, sample):
    name = "<b>own<i>_envelope"
    np.save(tmp_path / "tags.npy", sample["envelope"])
    (tmp_path / "tags.npy").rename(tmp_path / f"{name}.npy")
    opened(tab, qtbot, saved(tmp_path, sample, envelope=None))
    tab.accept_paths([tmp_path / f"{name}.npy"])
    qtbot.waitUntil(lambda: len(tab.session.tracks) == 1 and idle(tab), timeout=30_000)
    decoded(tab, qtbot)
    assert name in tab.outcome.headline.text()
    assert tab.outcome.headline.textFormat() == Qt.TextFormat.PlainText
    assert "&lt;b&gt;" in tab.tracks.list.item(0).toolTip()


def test_traces_and_plots_share_one_axis(tab, qtbot, tmp_path, sample):
    """A moment stands at the same place in all of them, whether there is a bar for more channels or not."""
    opened(tab, qtbot, saved(tmp_path, sample))
    decoded(tab, qtbot)
    for count in (20, 0):
        tab.browser.rows.setCurrentIndex(tab.browser.rows.findData(count))
        plots = (tab.browser.traces, tab.outcome.envelope, tab.outcome.over_time)
        places = [
            plot.mapToGlobal(plot.mapFromScene(plot.getViewBox().mapViewToScene(QPointF(7.0, 0.0)))).x()
            for plot in plots
        ]
        assert max(places) - min(places) <= 1


def test_tracks_that_come_before_a_recording_wait_for_it(tab, qtbot, tmp_path, sample):
    np.save(tmp_path / "a_envelope.npy", sample["envelope"])
    np.save(tmp_path / "b_envelope.npy", sample["envelope"][::-1])
    tab.receive([tmp_path / "a_envelope.npy", tmp_path / "b_envelope.npy"])
    qtbot.waitUntil(lambda: len(tab.session.tracks) == 2 and idle(tab), timeout=30_000)
    assert "Open the recording" in said(tab)
    opened(tab, qtbot, saved(tmp_path, sample, envelope=None))
    decoded(tab, qtbot)
    assert tab.session.talker is not None


def raw_file(folder, sample, rate=256, names=BIOSEMI64, seconds=30, name="own_raw.fif"):
    eeg = sample["eeg"][0].T[: len(names), : seconds * RATE] * 0.125e-6
    up = np.repeat(eeg, rate // RATE, axis=1).astype(float)
    raw = mne.io.RawArray(up, mne.create_info(list(names), rate, "eeg"), verbose="error")
    raw.save(folder / name, verbose="error")
    return folder / name


def test_a_raw_recording_its_bad_channel_and_its_history(tab, qtbot, tmp_path, sample):
    opened(tab, qtbot, raw_file(tmp_path, sample))
    assert "256 → 64 Hz" in tab.recording.about.text()
    click = tab.browser.traces
    place = click.getViewBox().mapViewToScene(QPointF(0, 4.5))
    qtbot.mouseClick(click.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(20, int(place.y())))
    assert tab.settings.bad.text() == "F3"
    decoded(tab, qtbot)
    assert tab.session.result.bad["F3"] == "marked"
    assert "1 bad channel mended" in tab.recording.about.text()
    assert any("0.5–28.8 Hz" in tab.history.steps.item(n).text() for n in range(tab.history.steps.count()))
    tab.exports.save("history", tmp_path / "history.json")
    first = tab.session.result.decoding.envelope.copy()
    tab.settings.bad.setText("")
    tab.settings.type_bad()
    tab._replay(tmp_path / "history.json")
    qtbot.waitUntil(lambda: "F3" in tab.session.result.bad and idle(tab), timeout=60_000)
    np.testing.assert_array_equal(tab.session.result.decoding.envelope, first)
    assert "history.json" in tab.history.source.text()


def test_a_channel_that_is_not_there_is_said(tab, qtbot, tmp_path, sample):
    opened(tab, qtbot, saved(tmp_path, sample))
    tab.settings.bad.setText("Cz, Nose")
    tab.settings.type_bad()
    assert "Nose" in said(tab)
    assert tab.session.marked_bad == {"Cz"}


def flat(sample, count):
    eeg = sample["eeg"][0] * np.float32(0.125)
    eeg[:, :count] = 3.0
    return eeg


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda folder, sample: saved(folder, sample, fs=16), "16 samples a second"),
        (lambda folder, sample: raw_file(folder, sample, names=BIOSEMI64[:20]), "too few good channels"),
        (lambda folder, sample: saved(folder, sample, eeg=flat(sample, 30)), "(flat)"),
        (lambda folder, sample: saved(folder, sample, eeg=np.full((640, 64), np.nan)), "not a number"),
        (lambda folder, sample: saved(folder, sample, envelope=sample["envelope"][:64]), "too little in common"),
        (lambda folder, sample: (folder / "broken.edf").write_bytes(b"no") and folder / "broken.edf", "cannot be read"),
    ],
)  # fmt: skip
def test_bad_recordings_are_said_in_the_tab(tab, qtbot, tmp_path, sample, make, why):
    path = make(tmp_path, sample)
    tab.accept_paths([path])
    qtbot.waitUntil(lambda: idle(tab) and (tab.session.opened is not None or bool(said(tab))), timeout=30_000)
    if tab.session.opened is not None:
        tab.act()
    qtbot.waitUntil(lambda: why in said(tab) and idle(tab), timeout=30_000)


def test_what_was_mended_is_told(tab, qtbot, tmp_path, sample):
    eeg = sample["eeg"][0] * np.float32(0.125)
    eeg[:, 3] = 0
    eeg[:, 9] *= 60
    eeg[100:110, 20] = np.nan
    opened(tab, qtbot, saved(tmp_path, sample, eeg=eeg))
    decoded(tab, qtbot)
    assert tab.session.result.bad == {BIOSEMI64[3]: "flat", BIOSEMI64[9]: "noisy"}
    assert "no numbers were filled in" in said(tab)
    assert f"{BIOSEMI64[3]} ×" in tick_words(tab.browser.traces)


def tick_words(traces):
    return [words for _, words in traces.getPlotItem().getAxis("left")._tickLevels[0]] + [
        f"{traces.names[number]} ×" for number in traces.marked
    ]


def test_drift_is_told_and_undone(tab, qtbot, tmp_path, sample):
    shorter = np.interp(np.linspace(0, 3199, 3195), np.arange(3200), sample["envelope"]).astype(np.float32)
    opened(tab, qtbot, saved(tmp_path, sample, envelope=shorter))
    decoded(tab, qtbot)
    assert "a clock drifted" in said(tab)
    tab.settings.stretch.setChecked(True)
    qtbot.waitUntil(lambda: len(tab.session.heard.comparison.true) == 3200 and idle(tab), timeout=30_000)
    assert "ppm" in said(tab)


def test_an_envelope_of_another_recording_is_doubted(tab, qtbot, tmp_path, sample):
    wrong = np.random.default_rng(5).random(3200).astype(np.float32)
    opened(tab, qtbot, saved(tmp_path, sample, envelope=wrong))
    decoded(tab, qtbot)
    assert tab.session.heard.comparison.p > 0.05
    assert "cannot be told from copies of it with scrambled phases" in said(tab)


def test_a_stimulus_that_begins_later(tab, qtbot, tmp_path, sample):
    eeg = sample["eeg"][22] * np.float32(0.125)
    late = np.concatenate([eeg[-320:], eeg])
    opened(tab, qtbot, saved(tmp_path, sample, eeg=late))
    decoded(tab, qtbot)
    tab.settings.start_s.setValue(5.0)
    qtbot.waitUntil(lambda: tab.session.heard.start_s == 5.0 and idle(tab), timeout=30_000)
    assert len(tab.session.heard.comparison.true) == 3200
    assert tab.outcome.true.x[0] == 5.0


def test_a_subject_is_fine_tuned_and_judged(tab, qtbot, services):
    tab.try_sample()
    qtbot.waitUntil(lambda: tab.session.evaluation is not None and idle(tab), timeout=60_000)
    assert "subject 2" in tab.tuning_box.words.text()
    tab.tuning_box.button.click()
    qtbot.waitUntil(lambda: tab.tuning.run is not None, timeout=10_000)
    run = services.training.find(tab.tuning.run)
    assert run.config["data"]["subjects"] == ["2"]
    assert not tab.tuning_box.button.isEnabled()
    qtbot.waitUntil(lambda: tab.tuning.gain is not None, timeout=120_000)
    assert run.state is RunState.DONE
    gain = tab.tuning.gain
    rows = tab.tuning_box.dots.rows
    assert [row.value for row in rows] == [gain.before, gain.after]
    assert gain.before != gain.after
    assert gain.seconds == pytest.approx(10 * 9, abs=10)
    qtbot.waitUntil(lambda: not services.training._children, timeout=30_000)  # the process has ended, too
    tab.tuning_box.use.click()
    assert tab.models.choice == str(run.path / "best")
    qtbot.waitUntil(lambda: idle(tab) and tab.services.worker("eeg").model.info.preprocessing.get("tuned_to") == ["2"],
                    timeout=60_000)  # fmt: skip


def test_a_recording_of_ones_own_becomes_a_data_set_to_tune_on(
    tab, qtbot, tmp_path, sample, services, monkeypatch
):
    from models.eeg.data import open_dataset

    eeg = np.concatenate([sample["eeg"][n] for n in range(2)]) * np.float32(0.125)
    opened(tab, qtbot, saved(tmp_path, sample, eeg=eeg, envelope=np.tile(sample["envelope"], 2)))
    decoded(tab, qtbot)
    asked = []

    class Started:
        path = tmp_path / "run"

    monkeypatch.setattr(services.training, "start", lambda *given: asked.append(given) or Started())
    tab.tuning_box.button.click()
    qtbot.waitUntil(lambda: bool(asked), timeout=10_000)
    _, system, config, _ = asked[0]
    assert system == "eeg"
    assert config["start_from"].endswith("eeg")
    dataset = open_dataset(config["data"]["path"])
    assert dataset.subjects == config["data"]["subjects"]
    np.testing.assert_allclose(dataset.items[0].eeg, tab.session.result.decoding.eeg, atol=1e-5)
    assert len(dataset.items[0].envelope) == 6400


def test_exports(tab, qtbot, tmp_path, sample):
    assert not any(action.isEnabled() for action in tab.export_actions())
    tab.try_sample()
    qtbot.waitUntil(lambda: tab.session.evaluation is not None and idle(tab), timeout=60_000)
    tab.session.try_shifted()
    qtbot.waitUntil(lambda: tab.session.talker is not None and idle(tab), timeout=60_000)
    tab.session.annotations.add(1.0, 2.0, "a note")
    assert all(action.isEnabled() for action in tab.export_actions())
    for suffix in ("csv", "npz", "npy", "wav"):
        tab.exports.save("envelope", tmp_path / f"envelope.{suffix}")
    envelope = tab.session.result.decoding.envelope
    np.testing.assert_array_equal(np.load(tmp_path / "envelope.npy"), envelope)
    np.testing.assert_array_equal(np.load(tmp_path / "envelope.npz")["envelope"], envelope)
    samples, rate = soundfile.read(tmp_path / "envelope.wav", dtype="float32")
    np.testing.assert_array_equal(samples, envelope)
    assert rate == RATE
    with open(tmp_path / "envelope.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[100]["decoded"]) == pytest.approx(float(envelope[100]), abs=1e-5)
    assert float(rows[100]["true"]) == pytest.approx(float(tab.session.heard.comparison.true[100]), abs=1e-5)
    tab.exports.save("choices", tmp_path / "talker.csv")
    assert len((tmp_path / "talker.csv").read_text().splitlines()) > 10
    tab.exports.save("subjects", tmp_path / "subjects.csv")
    assert (tmp_path / "subjects.csv").read_text().splitlines()[1].startswith("2,")
    tab.exports.save("history", tmp_path / "history.json")
    assert json.loads((tmp_path / "history.json").read_text())["steps"]
    for key in ("map", "traces"):
        for suffix in ("svg", "png"):
            tab.exports.save(key, tmp_path / f"{key}.{suffix}")
            assert (tmp_path / f"{key}.{suffix}").stat().st_size > 5_000
    tab.exports.save("envelope", tmp_path / "nowhere" / "gone" / "envelope.csv")
    assert (
        (tmp_path / "nowhere").exists() or "could not" in said(tab).lower() or "cannot" in said(tab).lower()
    )


def test_windows_are_sent_to_reverberationnet(tab, qtbot, tmp_path, sample, services):
    opened(tab, qtbot, saved(tmp_path, sample))
    decoded(tab, qtbot)
    sent = []
    services.sent.disconnect()
    services.sent.connect(lambda system, payload: sent.append((system, payload)))
    tab.send.click()
    ((system, payload),) = sent
    assert system == "reverberation"
    assert payload.shape == (50, 64, 64)
    assert payload.std() == pytest.approx(1, abs=0.1)


def test_maps_over_lags_and_what_each_channel_is_worth(tab, qtbot, tmp_path, sample):
    opened(tab, qtbot, saved(tmp_path, sample))
    decoded(tab, qtbot)
    qtbot.waitUntil(lambda: tab.session.heard is not None and idle(tab), timeout=60_000)
    page = tab.scalp
    assert page.lag.isHidden()
    page.choose("response")
    assert not page.lag.isHidden()
    shown = tab.session.heard.response
    assert page.lag.slider.value() == shown.strongest
    assert 0 <= shown.lags_s[shown.strongest] <= 0.3
    page.lag.slider.setValue(10)
    np.testing.assert_array_equal(page.map._values, shown.values[10])
    assert page.map._limits[0] == -page.map._limits[1]
    assert page.lag.words.text() == "47 ms"
    page.choose("pattern")
    assert "Haufe" in page.about.text()
    np.testing.assert_array_equal(
        page.map._values, tab.session.result.pattern.values[page.lag.slider.value()]
    )
    page.choose("worth")
    qtbot.waitUntil(lambda: tab.session.permutation is not None and idle(tab), timeout=60_000)
    assert page.lag.isHidden()
    np.testing.assert_array_equal(page.map._values, tab.session.permutation)
    assert np.abs(tab.session.permutation).max() > 0.002


def test_what_was_chosen_is_kept(tab, qtbot):
    tab.models.choose(tab.models._also[0])
    tab.settings.window_s.setValue(20)
    tab.choice.choose("listened")
    tab.scalp.choose("power")
    state = states.from_text(states.to_text(tab.state()))
    tab.models.choose("bundled")
    tab.choice.choose("decoded")
    tab.restore(state)
    assert tab.models.choice == tab.models._also[0]
    assert tab.choice.current == "listened"
    assert tab.settings.window_s.value() == 20
    assert tab.subject.count() == 10
    assert tab.scalp.what.currentData() == "power"


def test_the_conformer_decodes_an_unknown_and_a_known_subject(tab, qtbot, tmp_path, sample):
    tab.models.choose(tab.models._also[0])
    opened(tab, qtbot, saved(tmp_path, sample))
    decoded(tab, qtbot)
    unknown = tab.session.result.decoding.envelope.copy()
    assert "gate" in tab.scalp.about.text()
    tab.scalp.choose("excitation")
    assert tab.scalp.map._values.max() == pytest.approx(1)
    look = tab.session.result
    tab.subject.setCurrentIndex(3)
    tab.subject.activated.emit(3)
    qtbot.waitUntil(lambda: tab.session.result is not look and idle(tab), timeout=60_000)
    assert not np.allclose(tab.session.result.decoding.envelope, unknown)


def test_decoding_can_be_stopped(tab, qtbot, tmp_path, sample):
    hour = np.tile(sample["eeg"][0] * np.float32(0.125), (36, 1))
    tab.models.choose(tab.models._also[0])
    opened(tab, qtbot, saved(tmp_path, sample, eeg=hour, envelope=None))
    tab.act()
    qtbot.waitUntil(lambda: tab.is_busy, timeout=10_000)
    tab.primary.click()
    qtbot.waitUntil(lambda: idle(tab), timeout=30_000)
    assert tab.session.result is None
