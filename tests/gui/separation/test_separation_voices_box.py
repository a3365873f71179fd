"""What a person learns of the voices in a recording: how many, who speaks when, whose; kept, found again, deleted."""

import numpy as np
import pytest
import soundfile
from PySide6.QtWidgets import QFileDialog, QToolButton

from app.widgets.labels import Elided
from models import audio, voice_profiles
from models.separation.mixing import mix
from models.separation.results import Separated
from models.separation.samples import sample_mixtures
from models.voice_profiles import VoiceMean
from models.voices import embedding_of_file

RATE = 8000


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    """(mixture, true tracks) of a woman and a man of the samples, and the same with other words of theirs."""
    made = []
    sample = sample_mixtures()[0]
    said = [np.array_split(audio.read(path, RATE), 2) for path in sample.references]
    for part in (0, 1):
        folder = tmp_path_factory.mktemp("talk")
        shortest = min(len(voice[part]) for voice in said)
        sounds = [voice[part][:shortest] for voice in said]
        mixed = mix(sounds, [0, 0], -25)
        paths = [folder / f"{name}.wav" for name in ("talk", "one", "two")]
        for path, sound in zip(paths, (mixed.mixture, *mixed.sources), strict=True):
            soundfile.write(path, sound, RATE, subtype="FLOAT")
        made.append((paths[0], tuple(paths[1:])))
    return made


@pytest.fixture
def tab(window, qtbot, crashes):
    made = window.show_tab("separation")
    yield made
    assert crashes == []


def shown(tab, qtbot, recording):
    mixture, tracks = recording
    separated = Separated(mixture, tracks, RATE, 1, audio.info(mixture).frames, RATE, (-25.0, -25.0), (), 1.0)
    session = tab.session
    with qtbot.waitSignal(session.assessed, timeout=60_000):
        tab.start(session.open_separated(mixture, separated))


def texts(tab):
    return " ".join(message.heading + message.text for message in tab.messages.messages)


def button_of(box, words):
    """The button with this tool tip; None while it is not in sight."""
    buttons = (item for item in box.findChildren(QToolButton) if item.isVisibleTo(box))
    return next((item for item in buttons if item.toolTip() == words), None)


def pressed(box, words):
    button_of(box, words).click()


def test_voices_are_counted_and_their_turns_are_seen_and_exported(tab, qtbot, talk, tmp_path, monkeypatch):
    shown(tab, qtbot, talk[0])
    assert "2 voices are heard" in texts(tab)
    overview = tab.recording.lanes.overview
    assert overview.height() > 36
    picture = overview.grab().toImage()
    colors = {picture.pixelColor(x, overview.height() - 5).name() for x in range(picture.width())}
    assert len(colors) > 1  # the second speaker's line, and nothing where they are silent
    target = tmp_path / "talk.rttm"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    action = next(item for item in tab.export_actions() if "RTTM" in item.text())
    assert action.isEnabled()
    action.trigger()
    lines = target.read_text("utf-8").splitlines()
    assert len(lines) == len(tab.session.assessment.activity.turns) > 1
    assert {line.split()[7] for line in lines} == {"Speaker_1", "Speaker_2"}
    assert all(line.startswith("SPEAKER talk 1 ") for line in lines)


def test_a_voice_is_kept_recognised_and_deleted(tab, qtbot, talk):
    shown(tab, qtbot, talk[0])
    session, box = tab.session, tab.recording.voices
    pressed(box, "Keep the voice of Speaker 1")
    qtbot.waitUntil(
        lambda: any("no name" in item.heading + item.text for item in tab.messages.messages), timeout=10_000
    )
    tab.recording.lanes.lanes[1].name.setText("Anna")
    with qtbot.waitSignal(session.voices_changed, timeout=10_000):
        pressed(box, "Keep the voice of Anna")
    assert [profile.name for profile in session.voices] == ["Anna"]
    shown(tab, qtbot, talk[1])
    assert [track.name for track in session.tracks] == ["Anna", "Speaker 2"]
    assert session.recognised[0].likeness > 0.8
    assert tab.recording.lanes.lanes[1].title == "Anna"
    with qtbot.waitSignal(session.voice_found, timeout=20_000) as signal:
        pressed(box, "Find the kept voice of Anna in the tracks")
    assert (signal.args[0].name, signal.args[0].track) == ("Anna", 0)
    with qtbot.waitSignal(session.voices_changed, timeout=10_000):
        pressed(box, "Delete the kept voice of Anna, here and in Emotion")
    assert session.voices == []
    assert list(voice_profiles.folder().iterdir()) == []
    assert [track.name for track in session.tracks] == ["Speaker 1", "Speaker 2"]


def test_voices_of_emotion_are_listed_and_recognised_where_they_can_be(tab, qtbot, talk):
    """Ada was kept there with her embedding; Ben before there was one, so he can only be deleted."""
    voice, speech_s = embedding_of_file(talk[0][1][0])
    features = {"voice x": VoiceMean(np.ones(512), 12.0)}
    voice_profiles.keep("Ada", VoiceMean(voice, speech_s), features)
    voice_profiles.keep("Ben", features=features)
    shown(tab, qtbot, talk[1])
    assert [track.name for track in tab.session.tracks] == ["Ada", "Speaker 2"]
    box = tab.recording.voices
    fold = box.parentWidget().parentWidget()
    with qtbot.waitSignal(tab.session.voices_changed, timeout=10_000):
        fold.button.click()
    assert [label.whole() for label in box.findChildren(Elided) if "kept" in label.whole()] == [
        "kept: Ada",
        "kept: Ben (Emotion)",
    ]
    for name in ("Ada", "Ben"):
        words = f"Delete the kept voice of {name}, here and in Emotion"
        qtbot.waitUntil(lambda words=words: button_of(box, words) is not None, timeout=10_000)
        with qtbot.waitSignal(tab.session.voices_changed, timeout=10_000):
            pressed(box, words)
    assert list(voice_profiles.folder().iterdir()) == []


def test_a_voice_is_found_by_a_sample(tab, qtbot, talk, tmp_path, monkeypatch):
    box = tab.recording.voices
    assert not box.sample.isEnabled()
    shown(tab, qtbot, talk[0])
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(talk[1][1][1]), ""))
    with qtbot.waitSignal(tab.session.voice_found, timeout=20_000) as signal:
        box.sample.click()
    assert signal.args[0].track == 1
    assert signal.args[0].trusted
    assert "is in track 2" in texts(tab)
    soundfile.write(tmp_path / "silence.wav", np.zeros(RATE), RATE)
    box.look_for(tmp_path / "silence.wav")
    qtbot.waitUntil(
        lambda: any("too little speech" in item.heading + item.text for item in tab.messages.messages),
        timeout=10_000,
    )


def test_what_is_restored_names_its_voices_again(tab, qtbot, talk):
    shown(tab, qtbot, talk[0])
    state = tab.session.state()
    with qtbot.waitSignal(tab.session.assessed, timeout=60_000):
        tab.start(tab.session.restore(state))
    assert tab.session.assessment.voices == 2
