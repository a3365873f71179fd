"""What the EEG tab makes of a decoding: fine-tuning, maps, exports, what is kept, other decoders."""

import csv
import json

import numpy as np
import pytest
import soundfile

from app import states
from models.training.run_folder import RunState
from tests.gui.eeg.helpers import RATE, decoded, idle, messages_of, opened, saved


def by_the_ridge(tab):
    """One of those that ship, which a mean of several is not, can be tuned; the ridge at once."""
    tab.models.choose(next(choice for choice in tab.models._also if choice.endswith("ridge")))


def test_a_mean_of_several_is_not_tuned_and_says_so(tab, qtbot, sample, tmp_path):
    opened(tab, qtbot, saved(tmp_path, sample, eeg=np.tile(sample["eeg"][0] * np.float32(0.125), (2, 1)),
                             envelope=np.tile(sample["envelope"], 2)))  # fmt: skip
    decoded(tab, qtbot)
    assert tab.session.track_comparison is not None
    assert not tab.panels.tuning_box.button.isEnabled()
    assert "choose one of its members" in tab.panels.tuning_box.words.text()
    assert tab.session.result.reliance.excitation is None
    by_the_ridge(tab)
    qtbot.waitUntil(lambda: tab.panels.tuning_box.button.isEnabled() and idle(tab), timeout=60_000)


def test_a_subject_is_fine_tuned_and_judged(tab, qtbot, services):
    by_the_ridge(tab)
    tab.try_sample()
    qtbot.waitUntil(lambda: tab.session.evaluation is not None and idle(tab), timeout=60_000)
    assert "subject 2" in tab.panels.tuning_box.words.text()
    tab.panels.tuning_box.button.click()
    qtbot.waitUntil(lambda: tab.tuning.run is not None, timeout=10_000)
    run = services.training.find(tab.tuning.run)
    assert run.config["data"]["subjects"] == ["2"]
    assert not tab.panels.tuning_box.button.isEnabled()
    qtbot.waitUntil(lambda: tab.tuning.gain is not None, timeout=120_000)
    assert run.state is RunState.DONE
    gain = tab.tuning.gain
    rows = tab.panels.tuning_box.dots.rows
    assert [row.value for row in rows] == [gain.before, gain.after]
    assert gain.before != gain.after
    assert gain.seconds == pytest.approx(10 * 9, abs=10)
    qtbot.waitUntil(lambda: not services.training._children, timeout=30_000)  # the process has ended, too
    tab.panels.tuning_box.use.click()
    assert tab.models.choice == str(run.path / "best")
    qtbot.waitUntil(lambda: idle(tab) and tab.services.worker("eeg").model.info.preprocessing.get("tuned_to") == ["2"],
                    timeout=60_000)  # fmt: skip


def test_a_recording_of_ones_own_becomes_a_data_set_to_tune_on(
    tab, qtbot, tmp_path, sample, services, monkeypatch
):
    from models.eeg.data import open_dataset

    by_the_ridge(tab)
    eeg = np.concatenate([sample["eeg"][n] for n in range(2)]) * np.float32(0.125)
    opened(tab, qtbot, saved(tmp_path, sample, eeg=eeg, envelope=np.tile(sample["envelope"], 2)))
    decoded(tab, qtbot)
    asked = []

    class Started:
        path = tmp_path / "run"

    monkeypatch.setattr(services.training, "start", lambda *given: asked.append(given) or Started())
    tab.panels.tuning_box.button.click()
    qtbot.waitUntil(lambda: bool(asked), timeout=10_000)
    _, system, config, _ = asked[0]
    assert system == "eeg"
    assert config["start_from"].endswith("eeg-ridge")
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
    assert float(rows[100]["true"]) == pytest.approx(
        float(tab.session.track_comparison.comparison.true[100]), abs=1e-5
    )
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
        (tmp_path / "nowhere").exists()
        or "could not" in messages_of(tab).lower()
        or "cannot" in messages_of(tab).lower()
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
    qtbot.waitUntil(lambda: tab.session.track_comparison is not None and idle(tab), timeout=60_000)
    page = tab.scalp
    assert page.lag.isHidden()
    page.choose("response")
    assert not page.lag.isHidden()
    shown = tab.session.track_comparison.response
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
