"""What comes back at the next start, names for screen readers, and tracks that are kept or removed."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
)

from app import states
from app.widgets import focus
from tests.gui.separation.helpers import idle, opened, shown


def test_state_comes_back(tab, qtbot, talk):
    lanes = shown(tab, qtbot, talk)
    lanes.lanes[2].name.setText("Ben")
    lanes.set_mode("both")
    lanes.axis.show(1.0, 2.0)
    tab.settings.container.setCurrentIndex(1)
    tab.settings.augmentation.setCurrentIndex(3)
    state = states.from_text(states.to_text(tab.state()))
    opened(tab, qtbot, talk[0] / "one.wav")
    lanes.set_mode("waveform")
    tab.settings.augmentation.setCurrentIndex(0)
    tab.restore(state)
    qtbot.waitUntil(lambda: len(lanes.lanes) == 3 and lanes.axis.span_s == pytest.approx(1.0), timeout=20_000)
    assert [lane.title for lane in lanes.lanes] == ["Mixture", "Speaker 1", "Ben"]
    assert lanes.mode == "both"
    assert tab.settings.options().container == "flac"
    assert tab.settings.options().test_time_augmentation == 8
    qtbot.waitUntil(lambda: idle(tab), timeout=10_000)
    tab.restore(
        {
            "page": 3,
            "models": 4,
            "settings": [],
            "pages": {"recording": {"path": 7, "tracks": "x"}},
        }
    )
    tab.restore({"settings": {"test_time_augmentation": True}})
    assert tab.settings.options().test_time_augmentation == 8


def test_the_best_checkpoint_of_a_run_comes_into_the_tab(tab, qtbot, network):
    tab.services.training.use_checkpoint.emit("separation", network)
    qtbot.waitUntil(lambda: tab.models.choice == str(network), timeout=5_000)
    tab.models.card_button.click()
    assert "for tests" in tab._card.toPlainText()


def test_everything_has_a_name_for_screen_readers(tab, qtbot, talk):
    shown(tab, qtbot, talk)
    for page in ("recording", "batch"):
        tab.choice.choose(page)
        for kind in (QAbstractButton, QComboBox, QAbstractSpinBox, QAbstractSlider, QLineEdit):
            for widget in tab.findChildren(kind):
                if widget.isVisibleTo(tab) and widget.focusPolicy() != Qt.FocusPolicy.NoFocus:
                    named = widget.accessibleName() or getattr(widget, "text", lambda: "")()
                    inside = isinstance(widget.parent(), QAbstractSpinBox)
                    assert named or inside, f"{page}: {widget}"


def test_the_keyboard_reaches_the_controls_in_reading_order(tab, qtbot, talk):
    lanes = shown(tab, qtbot, talk)
    stops = list(focus.stops_in(tab))
    order = [tab.models.box, tab.primary, lanes.lanes[1].mute, lanes.lanes[1].solo, lanes.lanes[2].mute]
    places = [stops.index(control) for control in [*order, lanes.transport.play]]
    assert places == sorted(places)


def test_the_oldest_tracks_go_beyond_the_limit(own_home, tmp_path):
    import os

    from app.tabs.separation import kept

    for age, name in enumerate(("new", "middle", "old")):
        folder = kept.place() / name
        folder.mkdir(parents=True)
        (folder / "track.wav").write_bytes(bytes(1000))
        for path in (folder / "track.wav", folder):
            os.utime(path, (2e9 - 1000 * age, 2e9 - 1000 * age))
    left = kept.place() / "new" / f"{kept.UNFINISHED}x"
    left.mkdir()
    os.utime(left, (1e9, 1e9))
    assert [entry.folder.name for entry in kept.listed()] == ["old", "middle", "new"]
    assert kept.make_room(2500, spared=[kept.place() / "old"]) == 1000
    assert sorted(path.name for path in kept.place().iterdir()) == ["new", "old"]
    assert not left.exists()
    assert kept.bytes_kept() == 2000


def test_kept_tracks_are_told_and_removed_but_for_those_in_use(tab, qtbot, talk, network):
    from app.tabs.separation import kept

    old = kept.place() / "another"
    old.mkdir(parents=True)
    (old / "track.wav").write_bytes(bytes(5_000_000))
    opened(tab, qtbot, talk[0] / "mixture.wav")
    tab.models.choose(str(network))
    tab.act()
    qtbot.waitUntil(lambda: tab.session.separated is not None and idle(tab), timeout=60_000)
    tab.options.set_open(True)
    qtbot.waitUntil(lambda: " MB of tracks in " in tab.kept.about.whole(), timeout=10_000)
    tab.kept.remove_all()
    qtbot.waitUntil(lambda: not old.exists(), timeout=10_000)
    assert all(track.is_file() for track in tab.session.separated.tracks)
