"""The lanes of one recording under one time axis, and playing them: one place for all, heard as they are chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app import theme
from app.audio.lane_player import LanePlayer
from app.i18n import tr
from app.services import Services
from app.tabs.separation.lane import HEAD, Lane, Sound
from app.tabs.separation.lane_details import LaneDetails
from app.tabs.separation.lane_keys import action_of
from app.tabs.separation.lane_menu import offer_for
from app.tabs.separation.transport import Transport
from app.widgets.overview import Overview, TimeRuler
from app.widgets.time_axis import TimeAxis

REDRAW_MS = 33
REGION_MS = 120  # a chosen stretch stands still for so long before the sound follows it
MIXTURE_COLOR = "wave"


class Lanes(QWidget):
    """Overview, times, a lane for the mixture and one a speaker, and the transport under them.

    export_asked(lane), picture_asked(lane): the number of a lane; 0 is the mixture. failed(UserError): a file cannot be
    read or played. renamed(lane, name): a person called a speaker so. keep_asked(lane): its voice is to be kept.
    """

    export_asked = Signal(int)
    picture_asked = Signal(int)
    failed = Signal(object)
    heard_changed = Signal()
    renamed = Signal(int, str)
    keep_asked = Signal(int)

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self.axis = TimeAxis(self)
        self.lanes: list[Lane] = []
        self.mode = "waveform"
        self._selected = 0
        self._filling = False  # the tracks are still being made: only the mixture can be heard
        self.player = LanePlayer(self)
        self.player.finished.connect(self._finished)
        self.player.failed.connect(self._failed)
        self.overview, self.ruler = Overview(self.axis), TimeRuler(self.axis, HEAD + 3)
        self.transport = Transport(self.axis)
        self._lay_out()
        self._ticker = _timer(self, REDRAW_MS, self._tick)
        self._details = LaneDetails(services, self)
        self._details.failed.connect(self.failed)
        self._region_settles = _timer(self, REGION_MS, self._follow_region, once=True)
        self.axis.region_changed.connect(self._region_changed)
        self.transport.play_asked.connect(self.toggle_play)
        self.transport.start_asked.connect(partial(self.go_to, 0.0))
        self.transport.loop_changed.connect(lambda _on: self._follow_region())
        self.transport.mode_chosen.connect(self.set_mode)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Lanes"))
        self.show_nothing()

    # What is shown ----------------------------------------------------------------------------------------

    def show_nothing(self) -> None:
        """No recording is open."""
        self._fill([])
        self.overview.set_outline(None)
        self.axis.set_duration(0.0)
        self.transport.set_ready(False)

    def show_sounds(self, mixture: Sound, tracks: Sequence[Sound] = ()) -> None:
        """A recording, and its tracks where there are some. Of the same recording, view and place are kept."""
        same = bool(self.lanes) and self.lanes[0].path == mixture.path
        place, playing = self.place_s(), self.player.playing and not self.player.paused
        self._filling = False
        self._fill([mixture, *tracks])
        self.overview.set_outline(mixture.outline)
        if not same:
            self.axis.set_duration(mixture.outline.duration_s)
            self.axis.set_head(0.0)
        if tracks:
            self.lanes[0].mute.setChecked(True)  # else everything would be heard twice
        self.player.set_lanes([lane.path for lane in self.lanes], self.gains())
        self.transport.set_ready(True)
        if same and playing:  # listening goes on where it was
            self.player.play(place)
            self._ticker.start()
        self._show_playing()

    def show_filling(self, mixture: Sound, tracks: Sequence[Sound]) -> None:
        """Tracks as far as they have come; the mixture can be heard meanwhile."""
        if not self._filling or len(self.lanes) != 1 + len(tracks):
            place, playing = self.place_s(), self.player.playing and not self.player.paused
            self._filling = True
            self._fill([mixture, *tracks])
            self.player.set_lanes([mixture.path], [1.0])
            if playing:
                self.player.play(place)
                self._ticker.start()
        top = max(track.outline.peak for track in (mixture, *tracks))
        for lane, sound in zip(self.lanes[1:], tracks, strict=True):
            lane.set_outline(sound.outline, top)

    def show_live(self, sounds: Sequence[Sound], shown_s: float) -> None:
        """The mixture and its tracks so far, while they come: the last `shown_s` seconds. Nothing can be heard of them yet."""
        if len(self.lanes) != len(sounds) or self.lanes[0].path != sounds[0].path:
            self._filling = True
            self._fill(list(sounds))
            self.lanes[0].set_ready(False)
        seconds = sounds[0].outline.duration_s
        self.axis.set_duration(seconds)
        self.axis.show(max(0.0, seconds - shown_s), seconds)
        self.overview.set_outline(sounds[0].outline)
        top = max(sound.outline.peak for sound in sounds)
        for lane, sound in zip(self.lanes, sounds, strict=True):
            lane.set_outline(sound.outline, top)

    def show_names(self, names: Sequence[str]) -> None:
        """The speakers are called so now."""
        for lane, name in zip(self.lanes[1:], names, strict=False):
            lane.show_name(name)

    def set_mode(self, mode: str) -> None:
        """``waveform``, ``spectrogram`` or ``both``, for all lanes."""
        self.mode = mode
        self.transport.show_mode(mode)
        for lane in self.lanes:
            lane.canvas.set_mode(mode)

    def _fill(self, sounds: list[Sound]) -> None:
        self.player.set_lanes([], [])
        self._ticker.stop()
        for lane in self.lanes:
            self._column.removeWidget(lane)
            lane.leave()
        self.lanes = []
        self._details.forget()
        for number, sound in enumerate(sounds):
            color = MIXTURE_COLOR if number == 0 else theme.category(number - 1)
            lane = Lane(number, self.axis, sound.path, sound.outline, sound.name, color)
            # One scale for all, so that heights can be compared; a louder track gets the room it needs.
            lane.set_outline(sound.outline, max(item.outline.peak for item in sounds))
            lane.canvas.set_mode(self.mode)
            lane.canvas.clicked.connect(self._clicked)
            lane.canvas.detail_wanted.connect(partial(self._details.want, lane))
            lane.canvas.more_actions = partial(offer_for, lane, self.axis, self.play_region)
            lane.heard_changed.connect(self._heard_changed)
            lane.chosen.connect(self.select)
            lane.export_asked.connect(self.export_asked)
            lane.picture_asked.connect(self.picture_asked)
            lane.keep_asked.connect(self.keep_asked)
            lane.renamed.connect(partial(self.renamed.emit, number))
            lane.set_ready(number == 0 or not self._filling)
            self._column.insertWidget(number, lane, 1)
            self.lanes.append(lane)
        # Room for the tracks to come, so that the mixture stays where it is.
        self._column.setStretch(self._column.count() - 1, 2 if len(sounds) == 1 else 0)
        self.select(0)
        self._show_heard()

    # Listening --------------------------------------------------------------------------------------------

    def gains(self) -> list[float]:
        """Of every lane that can be heard, as a factor; solo wins over mute."""
        if self._filling:
            return [1.0]
        solo = any(lane.solo.isChecked() for lane in self.lanes)
        return [
            10 ** (lane.gain_db / 20)
            if (lane.solo.isChecked() if solo else not lane.mute.isChecked())
            else 0.0
            for lane in self.lanes
        ]

    def place_s(self) -> float:
        """What is heard now, or the play head where nothing plays, seconds from the beginning."""
        return self.player.position_s() if self.player.playing else self.axis.head_s or 0.0

    def toggle_play(self) -> None:
        """Play from the play head, or pause."""
        if not self.lanes:
            return
        if self.player.playing and not self.player.paused:
            self.player.pause()
        else:
            self._play()
        self._show_playing()

    def _play(self) -> None:
        place, region = self.axis.head_s or 0.0, self.axis.region
        self.player.set_stretch(region, self.transport.looped)
        if region is not None and not region[0] <= place < region[1] - 0.01:
            place = region[0]
        elif place >= self.axis.duration_s - 0.02:
            place = 0.0
        if self.player.paused and abs(self.player.position_s() - place) < 1e-6:
            self.player.resume()
        else:
            self.player.play(place)
        self._ticker.start()

    def go_to(self, place_s: float) -> None:
        """Move the play head, while it plays too."""
        place_s = min(max(0.0, place_s), self.axis.duration_s)
        self.axis.set_head(place_s)
        self.axis.keep_head_in_view()
        self.player.seek(place_s)
        self._show_playing()

    def hear_only(self, number: int) -> None:
        """Solo of that lane alone; once more: of none."""
        if number >= len(self.lanes) or self._filling:
            return
        alone = self.lanes[number].solo.isChecked() and sum(item.solo.isChecked() for item in self.lanes) == 1
        for lane in self.lanes:
            lane.solo.blockSignals(True)
            lane.solo.setChecked(lane.number == number and not alone)
            lane.solo.blockSignals(False)
        self.select(number)
        self._heard_changed()

    def select(self, number: int) -> None:
        """The lane of that number is the one that keys mean."""
        self._selected = min(max(0, number), max(0, len(self.lanes) - 1))
        for lane in self.lanes:
            lane.set_selected(lane.number == self._selected and len(self.lanes) > 1)

    def stop(self) -> None:
        """Be silent, and let go of the files."""
        self.player.stop()
        self._ticker.stop()
        self._show_playing()

    def shut_down(self) -> None:
        """The window closes: silence, and no more reading."""
        self._details.shut_down()
        self._region_settles.stop()
        self.stop()

    def _heard_changed(self) -> None:
        self.player.set_gains(self.gains())
        self._show_heard()
        self.heard_changed.emit()

    def _show_heard(self) -> None:
        for lane, gain in zip(self.lanes, self.gains(), strict=False):
            lane.set_heard(gain > 0)

    def _tick(self) -> None:
        if not self.player.playing:
            self._ticker.stop()
            return
        self.axis.set_head(self.player.position_s())
        if not self.player.paused:
            self.axis.keep_head_in_view()
        self._show_playing()

    def _finished(self) -> None:
        region = self.axis.region
        self.axis.set_head(self.axis.duration_s if region is None else region[0])
        self._ticker.stop()
        self._show_playing()

    def _failed(self, error: object) -> None:
        self._finished()
        self.axis.set_head(0.0)
        self.failed.emit(error)

    def _show_playing(self) -> None:
        self.transport.show_playing(self.player.playing and not self.player.paused)

    def _clicked(self, place_s: float) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self.axis.set_region(None)
        self.go_to(place_s)

    def _region_changed(self) -> None:
        self._region_settles.start()  # while it is dragged the sound need not jump at every step

    def _follow_region(self) -> None:
        region = self.axis.region
        if self.player.playing and not self.player.paused:
            self.player.set_stretch(region, self.transport.looped)
            if region is not None and not region[0] <= self.player.position_s() < region[1]:
                self.player.seek(region[0])

    # Keys and menus ---------------------------------------------------------------------------------------

    @property
    def selected(self) -> Lane:
        """The lane that M means."""
        return self.lanes[self._selected]

    def take_key(self, event: QKeyEvent) -> bool:
        """Whether the key meant something here."""
        action = action_of(event, self) if self.lanes else None
        if action is None:
            return False
        action()
        return True

    def set_end(self, which: int) -> None:
        """The stretch begins, or ends, at the play head."""
        ends = list(self.axis.region or (0.0, self.axis.duration_s))
        ends[which] = self.place_s()
        if ends[0] < ends[1]:
            self.axis.set_region((ends[0], ends[1]))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self.take_key(event):
            super().keyPressEvent(event)

    def play_region(self) -> None:
        """Play from the beginning of the marked stretch; nothing where none is marked."""
        if self.axis.region is not None:
            self.go_to(self.axis.region[0])
            self._play()
            self._show_playing()

    # Making -----------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.TINY)
        # One axis with the lanes: overview and turns begin where the sound of a lane does.
        above = QVBoxLayout()
        above.setSpacing(theme.TINY)
        inset = QHBoxLayout()
        inset.setContentsMargins(HEAD + 3, 0, 0, 0)
        inset.addWidget(self.overview)
        above.addLayout(inset)
        above.addWidget(self.ruler)
        layout.addLayout(above)
        content = QWidget()
        self._column = QVBoxLayout(content)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.SMALL)
        self._column.addStretch(0)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(content)
        bar = scroll.verticalScrollBar()

        def keep_in_line(_least: int, most: int) -> None:
            above.setContentsMargins(0, 0, bar.sizeHint().width() if most > 0 else 0, 0)

        bar.rangeChanged.connect(keep_in_line)
        content.setAutoFillBackground(False)
        scroll.viewport().setAutoFillBackground(False)
        layout.addWidget(scroll, 1)
        layout.addWidget(self.transport)


def _timer(owner: Lanes, interval_ms: int, call: Callable[[], None], once: bool = False) -> QTimer:
    timer = QTimer(owner)
    timer.setInterval(interval_ms)
    timer.setSingleShot(once)
    timer.timeout.connect(call)
    return timer
