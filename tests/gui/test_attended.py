"""Hearing attention: what was looked at at full loudness, the rest faded, from memory, piece by piece."""

from typing import ClassVar

import numpy as np
import pytest

from app.audio import player as player_module
from app.audio.attended import FADED_DB, Attended, shares
from app.tabs.emotion.sound_view import SoundView

RATE = 16_000
TIMES_S = np.arange(10) * 0.1
DENSITY = np.where((TIMES_S > 0.45) & (TIMES_S < 0.75), 3.0, 0.0)
DENSITY[7] = 2.7


class Heard(player_module._Playback):
    """The playback, but for the device: it keeps what would be played, and from where."""

    begun: ClassVar[list] = []

    def start(self):
        source = self._open_source()
        first = round(self._wanted_s * source.rate)
        self.begun.append((self._wanted_s, source.read(first, source.frames - first)[:, 0]))

    def position_s(self):
        return 0.5


@pytest.fixture
def heard(monkeypatch):
    monkeypatch.setattr(player_module, "_Playback", Heard)
    Heard.begun = []
    return Heard.begun


@pytest.fixture
def view(qtbot):
    made = SoundView()
    qtbot.addWidget(made)
    return made


def test_it_is_faded_where_nobody_looked_and_whole_where_somebody_did():
    sound = np.ones(RATE, np.float32)
    played = Attended(sound, RATE, TIMES_S, DENSITY).read(0, RATE)[:, 0]
    assert played[round(0.6 * RATE)] == pytest.approx(1.0, abs=1e-3)
    assert 20 * np.log10(played[round(0.2 * RATE)]) == pytest.approx(FADED_DB, abs=0.01)
    assert np.all(np.diff(played[round(0.41 * RATE) : round(0.5 * RATE)]) > 0)  # no step, which would click
    assert np.abs(np.diff(played)).max() < 0.01


def test_pieces_are_what_the_whole_is():
    sound = np.random.default_rng(0).normal(size=RATE).astype(np.float32)
    source = Attended(sound, RATE, TIMES_S, DENSITY)
    pieces = [source.read(place, 1000) for place in range(0, RATE + 1000, 1000)]
    assert np.array_equal(np.concatenate(pieces), source.read(0, RATE))
    assert (source.frames, source.channels, source.rate) == (RATE, 1, RATE)
    source.close()
    assert len(source.read(0, 100)) == 0


def test_one_frame_that_towers_over_all_does_not_silence_the_rest():
    density = np.ones(1000)
    density[5] = 500.0
    assert shares(density)[6] == pytest.approx(0.5)
    assert shares(density)[5] == 1.0
    assert len(shares(np.zeros(0))) == 0


def test_the_toggle_fades_what_plays_from_where_it_is(view, heard):
    sound = np.ones(RATE, np.float32)
    assert not view.by_attention.isEnabled()
    view.show_sound("a", sound, TIMES_S, DENSITY)
    view.toggle_play()
    view.by_attention.click()
    view.by_attention.click()
    view.stop()
    assert [place for place, _ in heard] == [0.0, 0.5, 0.5]
    assert np.array_equal(heard[0][1], sound)
    assert heard[1][1].min() < 0.05 < 0.9 < heard[1][1].max()
    assert np.array_equal(heard[2][1], sound[RATE // 2 :])
    view.by_attention.click()  # nothing plays: nothing begins
    assert len(heard) == 3


def test_a_toggle_that_cannot_be_used_looks_so(view):
    view.show()
    view.show_sound("a", np.ones(RATE, np.float32), TIMES_S, DENSITY)
    usable = view.by_attention.grab().toImage()
    view.show_sound("b", np.ones(RATE, np.float32), np.zeros(0), np.zeros(0))
    assert view.by_attention.grab().toImage() != usable


def test_a_model_that_does_not_tell_where_it_looked_plays_the_whole(view, heard):
    view.show_sound("a", np.ones(RATE, np.float32), TIMES_S, DENSITY)
    view.by_attention.click()
    view.show_sound("b", np.ones(RATE, np.float32), np.zeros(0), np.zeros(0))
    assert not view.by_attention.isEnabled()
    assert not view.by_attention.isChecked()
    even = np.where(TIMES_S < 0.5, 1.0, 0.0)  # of speech that fills half of the file
    view.show_sound("c", np.ones(RATE, np.float32), TIMES_S, even)
    assert not view.by_attention.isEnabled()
    assert "alike" in view.by_attention.toolTip()
    view.toggle_play()
    assert heard[0][1].min() == 1.0
    view.stop()
    view.show_nothing("Choose a row")
    assert not view.by_attention.isEnabled()
