"""The emotion tab as a person uses it: the sample, own files, broken ones, cancel, export, the other model."""

import csv
import json

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import Qt

from app.tabs.emotion.sample_feed import Clip, SampleFeed
from app.tabs.emotion.words import emotion_words
from app.widgets import focus
from models import audio, voice_profiles
from models.errors import UserError
from models.resources import resource

CLIPS = resource("samples", "emotion", "audio")


@pytest.fixture
def tab(window, qtbot, crashes):
    """The emotion tab of a real window; a test that ends in the crash dialog fails."""
    yield window.show_tab("emotion")
    assert crashes == []


def idle(tab):
    return not tab.is_busy and not tab.services.tasks


def recognised(tab):
    return [row for row in tab.files.table.rows if row.prediction is not None]


def open_files(tab, qtbot, paths):
    tab.choice.choose("files")
    tab.accept_paths(paths)
    rows = tab.files.table.rows
    qtbot.waitUntil(lambda: all(row.prediction or row.problem for row in rows) and idle(tab), timeout=60_000)
    assert rows


def test_the_sample_is_recognised(tab, qtbot):
    tab.choice.choose("files")
    tab.files.try_sample()
    qtbot.waitUntil(lambda: len(recognised(tab)) > 3 and idle(tab), timeout=60_000)
    rows = recognised(tab)
    assert len(rows) == len(tab.files.table.rows)
    table = tab.files.table
    assert table.columnCount() == 8
    assert table.data(table.index(0, 2)) in ("angry", "happy", "neutral", "sad", "unsure")
    qtbot.waitUntil(
        lambda: tab.files.sound.waveform._samples is not None, timeout=10_000
    )  # the first row is shown


def test_broken_files_do_not_stop_the_rest(tab, qtbot, tmp_path):
    good = next(CLIPS.glob("*.flac"))
    (tmp_path / "text.wav").write_text("no sound\n" * 50)
    (tmp_path / "empty.wav").write_bytes(b"")
    soundfile.write(tmp_path / "wide.wav", np.random.default_rng(0).normal(0, 0.1, (96_000, 8)), 192_000)
    open_files(tab, qtbot, [tmp_path / "text.wav", tmp_path / "empty.wav", tmp_path / "wide.wav", good])
    problems = [row.problem for row in tab.files.table.rows if row.problem]
    assert len(problems) == 2
    assert all(problem.strip() for problem in problems)
    assert len(recognised(tab)) == 2
    assert any(message.level == "warning" for message in tab.messages.messages)


def test_a_folder_without_sound_is_said(tab, qtbot, tmp_path):
    tab.choice.choose("files")
    tab.accept_paths([tmp_path])
    assert tab.messages.messages
    assert not tab.files.table.rows


def test_cancel_keeps_what_is_done(tab, qtbot, tmp_path):
    sound = np.random.default_rng(0).normal(0, 0.1, 16_000 * 120).astype(np.float32)
    soundfile.write(tmp_path / "long.wav", sound, 16_000)
    tab.choice.choose("files")
    tab.accept_paths([next(CLIPS.glob("*.flac")), tmp_path / "long.wav"])
    qtbot.waitUntil(lambda: len(recognised(tab)) == 1, timeout=60_000)
    assert tab.primary.text().startswith("■")
    qtbot.mouseClick(tab.primary, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: idle(tab), timeout=20_000)
    assert len(recognised(tab)) == 1
    assert tab.primary.text() == "Recognise 1 file"


def test_export_is_the_table_of_the_command_line(tab, qtbot, tmp_path):
    from models.cli import main

    clips = sorted(CLIPS.glob("13*.flac"))[:2]
    open_files(tab, qtbot, clips)
    tab.files.save_table(tmp_path / "window.csv")
    assert main(["use", "emotion", *map(str, clips), "--out", str(tmp_path / "terminal.csv"), "--quiet"]) == 0
    window, terminal = ((tmp_path / name).read_text() for name in ("window.csv", "terminal.csv"))
    a, b = (list(csv.DictReader(text.splitlines())) for text in (window, terminal))
    assert [(row["path"], row["label"]) for row in a] == [(row["path"], row["label"]) for row in b]
    assert float(a[0]["p_angry"]) == pytest.approx(float(b[0]["p_angry"]), abs=1e-5)


def test_export_to_a_place_that_cannot_be_written(tab, qtbot):
    from pathlib import Path

    open_files(tab, qtbot, [next(CLIPS.glob("*.flac"))])
    tab.files.save_table(Path("/dev/null/o.csv"))
    assert any(message.level == "error" for message in tab.messages.messages)


def test_evaluate_the_sample(tab, qtbot, tmp_path):
    tab.choice.choose("evaluate")
    page = tab.page
    page.try_sample()
    qtbot.waitUntil(lambda: page.evaluation is not None and idle(tab), timeout=90_000)
    assert page.evaluation.n == 64
    assert 0.5 < page.evaluation.uar <= 1.0
    page.save_figures(tmp_path / "figures")
    assert json.loads((tmp_path / "figures" / "figures.json").read_text())["n"] == 64


def test_evaluate_what_is_no_data_set(tab, qtbot, tmp_path):
    tab.choice.choose("evaluate")
    (tmp_path / "d.csv").write_text("path,emotion\na.wav,angry\n")
    tab.accept_paths([tmp_path / "d.csv"])
    qtbot.mouseClick(tab.primary, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: any(m.level == "error" for m in tab.messages.messages) and idle(tab), timeout=60_000
    )


def test_a_checkpoint_that_is_none_is_refused_where_it_is_chosen(tab, qtbot, tmp_path):
    tab.models._try(str(tmp_path))
    assert tab.models.choice == "bundled"
    assert any(message.level == "error" for message in tab.messages.messages)


def test_the_best_checkpoint_of_a_run_comes_into_the_tab(tab, qtbot, tmp_path):
    import shutil

    place = tmp_path / "my-run" / "best"
    shutil.copytree(resource("checkpoints", "emotion"), place)
    tab.services.training.use_checkpoint.emit("emotion", place)
    qtbot.waitUntil(lambda: tab.models.choice == str(place), timeout=5_000)
    assert "my-run" in tab.models.box.currentText()
    open_files(tab, qtbot, [next(CLIPS.glob("*.flac"))])
    assert len(recognised(tab)) == 1


def test_state_comes_back(tab, qtbot):
    tab.choice.choose("evaluate")
    tab.live.options.hop.setValue(1.0)
    state = tab.state()
    tab.choice.choose("files")
    tab.live.options.hop.setValue(0.5)
    tab.restore(json.loads(json.dumps(state)))
    assert tab.choice.current == "evaluate"
    assert tab.live.options.hop.value() == 1.0
    tab.restore({"page": "nonsense", "model": 3, "models": ["/gone"], "pages": "x"})  # of another version
    assert tab.models.choice == "bundled"


def test_everything_has_a_name_for_screen_readers(tab, qtbot):
    from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox

    for name in ("live", "files", "evaluate"):
        tab.choice.choose(name)
        for kind in (QAbstractButton, QComboBox, QAbstractSpinBox):
            for widget in tab.findChildren(kind):
                if widget.isVisibleTo(tab) and widget.focusPolicy() != Qt.FocusPolicy.NoFocus:
                    named = widget.accessibleName() or getattr(widget, "text", lambda: "")()
                    assert named, f"{name}: {widget}"


def test_the_keyboard_reaches_the_controls_in_reading_order(tab):
    tab.choice.choose("files")
    tab.primary.setEnabled(True)
    stops = list(focus.stops_in(tab))
    assert stops[0] is tab.choice.buttons["files"]
    assert stops.index(tab.models.box) < stops.index(tab.primary)


def test_frames_go_to_reverberationnet(tab, window, qtbot):
    open_files(tab, qtbot, [next(CLIPS.glob("*.flac"))])
    tab.files._list.selectRow(0)
    menu = tab.files.make_menu()
    send = next(action for action in menu.actions() if "ReverberationNet" in action.text())
    assert send.isEnabled()
    send.trigger()
    qtbot.waitUntil(lambda: window.current.system == "reverberation", timeout=30_000)
    there = window.current
    qtbot.waitUntil(lambda: there.session.observation is not None and idle(there), timeout=60_000)
    assert there.session.sequences.x[0].shape == (32, 64)
    assert there.session.observation.target is not None
    menu.deleteLater()


def test_near_silence_is_no_emotion_in_files_either(tab, qtbot, tmp_path):
    """Where nobody speaks there is no word, no certainty, no attention and a hatched line."""
    hush = np.random.default_rng(0).normal(0, 2e-4, 16_000 * 20)
    soundfile.write(tmp_path / "hush.wav", hush, 16_000)
    open_files(tab, qtbot, [tmp_path / "hush.wav"])
    table = tab.files.table
    assert table.data(table.index(0, 2)) == "no speech"
    assert all(table.data(table.index(0, column)) == "" for column in range(3, table.columnCount()))
    qtbot.waitUntil(lambda: bool(tab.files.sound.lines.lines[0].segments()), timeout=10_000)
    assert {label for _start, _end, label in tab.files.sound.lines.lines[0].segments()} == {None}
    assert "no speech" in tab.files.sound.name.whole()
    band = tab.files.sound.waveform._band.image
    assert band is None or not band.any()


class SilentPlayer:
    """Stands for the loudspeaker, which no test has: it plays until it is stopped."""

    def __init__(self, *_arguments):
        self.ends = []

    def start(self):
        self.alive = True

    def end(self):
        self.alive = False

    def is_alive(self):
        return False

    def position_s(self):
        return 0.5


def test_space_plays_and_stops_as_often_as_it_is_pressed(tab, qtbot, monkeypatch):
    monkeypatch.setattr("app.audio.player._Playback", SilentPlayer)
    open_files(tab, qtbot, [next(CLIPS.glob("*.flac"))])
    sound = tab.files.sound
    qtbot.waitUntil(lambda: sound.ready, timeout=10_000)
    tab.window().activateWindow()
    qtbot.waitUntil(lambda: tab.files._list.hasFocus(), timeout=5_000)
    for playing in (True, False, True, False):
        qtbot.keyClick(tab.files._list, Qt.Key.Key_Space)
        assert sound.player.playing is playing
        assert sound.play.text() == ("Stop" if playing else "Play")
    sound.stop()


def test_what_came_last_is_chosen_and_in_sight(tab, qtbot):
    clips = sorted(CLIPS.glob("*.flac"))
    open_files(tab, qtbot, clips[:20])
    files = tab.files
    files._list.sortByColumn(1, Qt.SortOrder.AscendingOrder)
    open_files(tab, qtbot, [clips[30]])
    qtbot.waitUntil(lambda: clips[30].name in files.sound.name.whole() and files.sound.ready, timeout=10_000)
    index = files._list.currentIndex()
    assert index.siblingAtColumn(0).data() == clips[30].name
    assert files._list.viewport().rect().intersects(files._list.visualRect(index))


def test_tracks_of_a_conversation_land_on_the_first_of_them(tab, qtbot, tmp_path):
    from app.tabs.sent import Conversation, Track

    open_files(tab, qtbot, sorted(CLIPS.glob("*.flac"))[:3])
    paths = [tmp_path / "meeting_a.wav", tmp_path / "meeting_b.wav"]
    for path, clip in zip(paths, sorted(CLIPS.glob("*.flac"))[5:7], strict=True):
        sound, rate = soundfile.read(clip)
        soundfile.write(path, np.resize(sound, 4 * rate), rate)
    tracks = tuple(Track(path, f"Speaker {n}", "#0072B2") for n, path in enumerate(paths, 1))
    tab.receive(Conversation("meeting_30min.wav", tracks, 16_000))
    qtbot.waitUntil(lambda: len(tab.files.sound.lines.lines) == 2 and idle(tab), timeout=60_000)
    assert tab.files._shown_row.path == paths[0]
    assert "Speaker 1" in tab.files.sound.name.whole()
    name = tab.files._list.currentIndex().siblingAtColumn(0)
    tab.window().resize(1280, 800)
    assert name.data() == "Speaker 1 · meeting_30min.wav"
    wide = tab.files._list.fontMetrics().horizontalAdvance("Speaker 1 · mee")
    assert tab.files._list.columnWidth(0) > wide


def test_waveform_spectrogram_and_time_line_have_one_axis(tab, qtbot):
    open_files(tab, qtbot, [next(CLIPS.glob("*.flac"))])
    sound = tab.files.sound
    qtbot.waitUntil(lambda: bool(sound.lines.lines[0].segments()), timeout=10_000)
    sound.waveform.setXRange(0.4, 0.9, padding=0)
    line = sound.lines.lines[0]
    for share in (0.2, 0.5, 0.9):
        box = sound.waveform.getViewBox().sceneBoundingRect()
        x = box.left() + share * box.width()
        place = line._time_at(x)
        assert place == pytest.approx(0.4 + 0.5 * share, abs=0.01)
    sound.waveform.cursor_moved.emit(0.6)
    assert line._cursor == 0.6
    line.cursor_moved.emit(0.7)
    assert sound.spectrogram._cursor.value() == pytest.approx(0.7)


def test_recording_can_begin_and_end_while_listening(tab, qtbot):
    """Sound and predictions from when it was ticked on, and all of it whole when it is unticked."""
    import time

    from app.audio.recorder import folder
    from app.audio.ring import Ring
    from models.emotion.live import LiveResult

    page = tab.live
    session = page.session
    session.labels = page.sight.labels
    session.begin(page.options.record.isChecked())
    ring = Ring(10.0, 16_000)
    ring.write(np.full(16_000, 0.1, np.float32), time.monotonic())
    session.tick(ring, True)
    assert not page.recording.running
    page.options.record.setChecked(True)
    assert page.recording.running
    now = time.monotonic()
    ring.write(np.full(16_000, 0.2, np.float32), now + 1.0)
    session.tick(ring, True)
    values = np.array([0.1, 0.1, 0.1, 0.7])
    result = LiveResult(now + 1.0, True, 0.9, 1.0, "sad", values, values, 0.01)
    session._judged(result)
    page.options.record.setChecked(False)
    assert not page.recording.running
    assert session.listening
    session.end()
    rows = list(csv.DictReader(next(folder().glob("*.csv")).read_text().splitlines()))
    assert [row["label"] for row in rows] == ["sad"]
    assert float(rows[0]["start_s"]) >= 0
    sound, _ = soundfile.read(next(folder().glob("*.wav")))
    assert len(sound) == pytest.approx(16_000, abs=2_000)
    assert np.abs(sound).max() == pytest.approx(0.2, abs=0.01)


def test_no_class_is_cut_off_where_the_window_is_low(tab, qtbot):
    """Bars come before pictures: these give way, with messages above and the dock below."""
    tab.choice.choose("live")
    window = tab.window()
    window.resize(1024, 700)
    for key in ("a", "b"):
        tab.show_message("warning", "Something to be read here.", heading="And its heading.", key=key)
    window.open_dock(True)
    sight = tab.live.sight
    bars = sight.bars
    assert bars.height() >= bars.minimumSizeHint().height()
    below = sight.timeline.parentWidget()
    assert bars.geometry().bottom() < below.geometry().top()
    assert below.geometry().bottom() <= sight.height()
    assert sight.geometry().bottom() <= tab.live.height()
    whole = sight.mapTo(window, sight.rect().bottomLeft()).y()
    assert whole <= window.height()
    window.open_dock(False)
    tab.clear_messages()
    window.resize(1280, 800)
    qtbot.waitUntil(lambda: sight.pictures.spectrogram.isVisible(), timeout=5_000)


def test_another_model_leaves_what_was_recognised_in_sight(tab, qtbot, tmp_path):
    import shutil

    clips = sorted(CLIPS.glob("13*.flac"))[:2]
    open_files(tab, qtbot, clips)
    table = tab.files.table
    before = [table.data(table.index(row, 2)) for row in range(2)]
    place = tmp_path / "my-run" / "best"
    shutil.copytree(resource("checkpoints", "emotion"), place)
    tab.services.training.use_checkpoint.emit("emotion", place)
    qtbot.waitUntil(lambda: tab.models.choice == str(place), timeout=5_000)
    assert any("my-run" in f"{message.heading} {message.text}" for message in tab.messages.messages)
    assert [table.data(table.index(row, 2)) for row in range(2)] == before
    assert tab.primary.text() == "Recognise 2 files"
    assert not tab.export_actions()[0].isEnabled()  # none of it is this model's
    qtbot.mouseClick(tab.primary, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not any(row.waiting for row in table.rows) and idle(tab), timeout=60_000)
    assert tab.export_actions()[0].isEnabled()


def test_what_is_no_model_is_said_at_once_and_no_longer_than_it_holds(tab, qtbot, tmp_path):
    import shutil

    place = tmp_path / "half"
    shutil.copytree(resource("checkpoints", "emotion"), place)
    (place / "weights.safetensors").unlink()
    tab.models._try(str(place))
    assert tab.models.choice == "bundled"
    assert any("holds no weights" in f"{m.heading} {m.text}" for m in tab.messages.messages)
    shutil.copyfile(resource("checkpoints", "emotion") / "weights.safetensors", place / "weights.safetensors")
    tab.models._try(str(place))
    assert tab.models.choice == str(place)
    assert [(m.heading, m.text) for m in tab.messages.messages if m.level == "error"] == []


def test_the_card_is_that_of_the_chosen_model(tab, qtbot, monkeypatch):
    opened = []
    monkeypatch.setattr("app.widgets.model_card.QDesktopServices.openUrl", opened.append)
    tab.models.card_button.click()
    card = tab._card
    assert "six speakers" in card.toPlainText()
    tab.models.choose("someone/a_model*with<b>signs")
    assert "someone/a_model*with<b>signs" in card.toPlainText()
    assert "six speakers" not in card.toPlainText()
    from PySide6.QtCore import QUrl

    for address in ("file:///bin/sh", "smb://host/x", "javascript:alert(1)"):
        card.anchorClicked.emit(QUrl(address))
    assert opened == []
    card.anchorClicked.emit(QUrl("https://example.org"))
    assert [url.toString() for url in opened] == ["https://example.org"]
    tab.models.choose("bundled")


def test_names_are_shown_as_they_are_written(tab, qtbot, tmp_path):
    """A file called like HTML, and a model whose summary is HTML."""
    import shutil

    name = "<b>own<i>.flac"
    shutil.copyfile(next(CLIPS.glob("*.flac")), tmp_path / name)
    open_files(tab, qtbot, [tmp_path / name])
    table = tab.files.table
    assert table.data(table.index(0, 0)) == name
    shown = table.data(table.index(0, 0), Qt.ItemDataRole.ToolTipRole)
    assert "&lt;b&gt;own" in shown
    place = tmp_path / "model"
    shutil.copytree(resource("checkpoints", "emotion"), place)
    described = json.loads((place / "checkpoint.json").read_text())
    described["summary"] = "<a href='file:///etc'>click</a>"
    (place / "checkpoint.json").write_text(json.dumps(described))
    tab.models.choose(str(place))
    assert "<a href='file" not in tab.models.about.text()


def test_words_are_told_anew_where_another_certainty_is_asked_for(tab, qtbot):
    clips = sorted(CLIPS.glob("13*.flac"))[:2]
    open_files(tab, qtbot, clips)
    table = tab.files.table
    before = [row.prediction.mean_probabilities for row in table.rows]
    tab.live.options.unsure.setValue(100)
    assert [table.data(table.index(row, 2)) for row in range(2)] == ["unsure", "unsure"]
    qtbot.waitUntil(lambda: "? " in tab.files.sound.name.whole(), timeout=10_000)
    tab.live.options.unsure.setValue(0)
    assert "unsure" not in [table.data(table.index(row, 2)) for row in range(2)]
    assert [row.prediction.mean_probabilities for row in table.rows] == before
    assert not tab.options.isHidden()
    assert not tab.live.options.hop.isVisibleTo(tab.live.options)  # of listening, not of files


def test_live_tells_what_is_unsure_and_what_is_too_noisy(tab):
    from models.emotion.live import LiveResult
    from models.emotion.session import SessionLog

    tab.choice.choose("live")
    page = tab.live
    values = np.array([0.3, 0.3, 0.0, 0.4])
    result = LiveResult(1.0, True, 0.9, 1.0, "unsure", values, values, 0.01, 0.0, "sad", 4.2)
    page.sight.show_result(result, SessionLog())
    page._show_noise(result.snr_db)
    assert (page.sight.word.text(), page.sight.certainty.text()) == ("unsure", "sad? 40 %")
    assert page.input.words.text() == "SNR 4 dB"
    page._show_noise(23.0)
    assert page.input.words.text() == ""


def test_every_emotion_has_its_own_words_and_colour(tab):
    from app.tabs.emotion.words import emotion_color, emotion_words
    from models.emotion.corpora import EMOTIONS

    labels = set(EMOTIONS.values()) - {"other"}
    assert len({emotion_color(label) for label in labels}) == len(labels) == 11
    assert all(emotion_words(label) for label in labels)


def test_files_of_one_person_are_put_together(tab, qtbot, tmp_path):
    """By a table's column: who speaks stands beside the word that there would be without knowing them."""
    clips = sorted(CLIPS.glob("13*.flac"))[:2] + sorted(CLIPS.glob("10*.flac"))[:2]
    listed = "".join(f"{clip},{clip.name[:2]}\n" for clip in clips)
    (tmp_path / "who.csv").write_text(f"path,person\n{listed}")
    open_files(tab, qtbot, [tmp_path / "who.csv"])
    table = tab.files.table
    assert tab.files.people.by == "column"
    assert [row.person for row in table.rows] == ["13", "13", "10", "10"]
    assert table.columnCount() == 10
    assert table.data(table.index(0, 8)) == "13"
    assert table.data(table.index(0, 9)) in ("angry", "happy", "neutral", "sad", "unsure")
    assert "2 people" in tab.files.people.outcome.text()
    together = [row.prediction.mean_probabilities for row in table.rows]
    tab.files.people.choose("file")
    qtbot.waitUntil(lambda: not any(row.person for row in table.rows) and idle(tab), timeout=20_000)
    assert table.columnCount() == 8
    alone = [row.prediction.mean_probabilities for row in table.rows]
    assert all(np.abs(a - b).max() > 1e-4 for a, b in zip(together, alone, strict=True))
    tab.files.people.choose("folder")
    qtbot.waitUntil(lambda: all(row.person for row in table.rows) and idle(tab), timeout=20_000)
    assert "1 person" in tab.files.people.outcome.text()


def acquainted(page, qtbot, profile=None):
    """The page's session has the bundled model, in its worker, and knows whoever the profile says."""
    from models.emotion.live_settings import LiveSettings
    from models.emotion.recognizer import Recognizer

    page.session._live = None
    page.tab.start(page.session.load(Recognizer.load("bundled", "cpu"), LiveSettings(), profile))
    qtbot.waitUntil(lambda: page.session._live is not None, timeout=60_000)
    return page.session._live


def test_a_voice_is_kept_chosen_and_deleted(tab, qtbot, monkeypatch):
    tab.choice.choose("live")
    voice = tab.live.voice
    live = acquainted(tab.live, qtbot)
    live.step(audio.read(next(CLIPS.glob("13*.flac")), 16_000)[:48_000], 1.0)
    voice.show_person(*tab.live.session.knows())
    assert voice.known.whole() == f"knows this voice: {live.person.speech_s:.0f} s"
    monkeypatch.setattr(
        "app.tabs.emotion.voice_box.QInputDialog.getText", lambda *_words, **_more: ("Ada", True)
    )
    qtbot.mouseClick(voice.keep, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: voice.profile is not None, timeout=10_000)
    (kept,) = voice_profiles.profiles()
    assert (kept.name, voice.profile.name) == ("Ada", "Ada")
    assert kept.features[live.recognizer.features_identity].speech_s == live.person.speech_s
    assert kept.embedding.speech_s > 0.6  # so Separation recognises her
    qtbot.mouseClick(voice.forget, Qt.MouseButton.LeftButton)
    assert voice.profile is None
    assert not voice.forget.isVisibleTo(voice)
    assert live.voice.voice() is None
    voice.box.setCurrentIndex(1)
    with qtbot.waitSignal(voice.forgotten, timeout=5_000):
        qtbot.mouseClick(voice.delete, Qt.MouseButton.LeftButton)
    assert voice_profiles.profiles() == []
    assert list(voice_profiles.folder().iterdir()) == []
    assert voice.box.count() == 1


def test_a_voice_of_separation_is_chosen_got_to_know_and_deleted(tab, qtbot):
    made = np.random.default_rng(0).random(256).astype(np.float32)
    voice_profiles.keep("Ada", voice_profiles.VoiceMean(made / np.linalg.norm(made), 20.0))
    tab.choice.choose("live")
    voice = tab.live.voice
    voice.list_voices("Ada")
    live = acquainted(tab.live, qtbot, voice.profile)
    voice.show_person(*tab.live.session.knows())
    assert "new to this model" in voice.known.whole()
    assert live.voice.heard_s == 20.0
    live.step(audio.read(next(CLIPS.glob("13*.flac")), 16_000)[:48_000], 1.0)
    voice.keep_asked.emit("Ada")
    qtbot.waitUntil(lambda: bool(voice.profile.features), timeout=10_000)
    (kept,) = voice_profiles.profiles()
    assert kept.embedding.speech_s > 20.0
    qtbot.mouseClick(voice.delete, Qt.MouseButton.LeftButton)
    assert list(voice_profiles.folder().iterdir()) == []
    tab.start(tab.live.session.load(live.recognizer, live.settings, kept))  # of a window that still named her
    qtbot.waitUntil(
        lambda: any("gone or damaged" in m.heading + m.text for m in tab.messages.messages), timeout=10_000
    )


def test_an_evaluation_is_shown_from_all_sides(tab, qtbot, tmp_path):
    """Reliability beside confusion; bars of speakers, sexes and emotions; another model on the same clips."""
    import shutil

    place = tmp_path / "my-run" / "best"
    shutil.copytree(resource("checkpoints", "emotion"), place)
    tab.models.choose(str(place))
    tab.models.choose("bundled")
    tab.choice.choose("evaluate")
    page = tab.page
    page.other.setCurrentIndex(page.other.findData(str(place)))
    page.try_sample()
    qtbot.waitUntil(lambda: page.evaluation is not None and idle(tab), timeout=120_000)
    figures = page.figures
    figures.left.setCurrentIndex(1)
    assert figures.reliability.isVisibleTo(page)
    assert (
        sum(int(part.split("n = ")[1]) for part in figures.reliability.accessibleDescription().split("; "))
        == 64
    )
    for of, metric, count in (
        ("speaker", "accuracy", 8),
        ("emotion", "precision", 4),
        ("sex", "weighted_f1", 2),
    ):
        figures.choose_bars(of, metric)
        assert len(figures.bars.accessibleDescription().split("; ")) == count
    figures.choose_bars("session", "uar")  # of which this data tells nothing
    assert figures.bars.accessibleDescription() == ""
    assert "p = 1.000 by McNemar" in page._compared.text()
    assert any("took part in its training" in f"{m.heading} {m.text}" for m in tab.messages.messages)


def test_the_sample_goes_through_the_live_path_with_the_truth_beside_it(tab, qtbot, monkeypatch):
    from app.tabs.emotion import sample_feed

    monkeypatch.setattr(sample_feed, "MOST", 1)
    tab.choice.choose("live")
    live = tab.live
    heard = []
    live.session.judged.connect(heard.append)
    live.try_sample()
    qtbot.waitUntil(lambda: live.session.listening, timeout=60_000)
    truth = live._clips[0].truth
    live._no_microphone(UserError("No microphone was found."))  # that there is none changes nothing
    qtbot.waitUntil(lambda: "acted" in live.sight.truth.text(), timeout=60_000)
    assert emotion_words(truth) in live.sight.truth.text()
    qtbot.waitUntil(lambda: live.input.level.value() > 0, timeout=20_000)
    qtbot.waitUntil(lambda: not live.session.listening and idle(tab), timeout=60_000)
    assert heard
    assert live.session.log.stretches
    assert live._told >= live._agree


def test_what_is_true_of_a_window_is_the_clip_that_fills_most_of_it():
    feed = SampleFeed()
    second = np.ones(16_000, np.float32)
    feed.start([Clip(second, "sad"), Clip(np.tile(second, 2), "happy")])  # from 1 to 2 s, and from 3 to 5 s
    truths = [feed.truth_of(feed._began + end, 1.5) for end in (0.5, 1.5, 2.4, 3.4, 4.0, 9.0)]
    assert truths == ["", "sad", "sad", "happy", "happy", ""]


def test_the_shown_recording_is_exported_as_labels(tab, qtbot, tmp_path):
    open_files(tab, qtbot, [next(CLIPS.glob("*.flac"))])
    for ending, words in ((".txt", "\t"), (".rttm", "EMOTION"), (".eaf", "ANNOTATION_VALUE")):
        tab.files.save_table(tmp_path / f"o{ending}")
        assert words in (tmp_path / f"o{ending}").read_text("utf-8")
    assert all(action.isEnabled() for action in tab.export_actions())
