"""Voices that are kept: chosen, got to know and deleted, whichever tab kept them."""

import numpy as np
from PySide6.QtCore import Qt

from models import audio, voice_profiles
from tests.gui.emotion.helpers import CLIPS


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
    assert live.voice.embedding() is None
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
    assert live.voice.speech_s == 20.0
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
