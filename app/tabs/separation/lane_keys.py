"""What keys do with the lanes: see the line under them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from app.tabs.separation.lane import Lane
from app.tabs.separation.transport import Transport
from app.widgets.time_axis import TimeAxis

STEP_S, STRIDE_S = 1.0, 10.0  # arrow keys, with Shift
Key = Qt.Key


class Played(Protocol):
    """What keys can do with lanes, of which one is selected."""

    axis: TimeAxis
    transport: Transport

    @property
    def selected(self) -> Lane: ...

    def select(self, number: int) -> None:
        """Another lane is the selected one."""

    def hear_only(self, number: int) -> None:
        """Solo of a lane."""

    def toggle_play(self) -> None:
        """Play or pause."""

    def place_s(self) -> float:
        """Where the play head is."""

    def go_to(self, place_s: float) -> None:
        """Move the play head."""

    def set_end(self, which: int) -> None:
        """The marked stretch begins (0) or ends (1) at the play head."""


def action_of(event: QKeyEvent, lanes: Played) -> Callable[[], object] | None:
    """What a key means while there are lanes; None where it means nothing."""
    others = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
    if event.modifiers() & others:
        return None
    key = event.key()
    if Key.Key_0 <= key <= Key.Key_9:
        return lambda: lanes.hear_only(key - Key.Key_0)
    step = STRIDE_S if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else STEP_S
    axis, lane = lanes.axis, lanes.selected
    actions: dict[Key, Callable[[], object]] = {
        Key.Key_Space: lanes.toggle_play,
        Key.Key_Left: lambda: lanes.go_to(lanes.place_s() - step),
        Key.Key_Right: lambda: lanes.go_to(lanes.place_s() + step),
        Key.Key_Home: lambda: lanes.go_to(0.0),
        Key.Key_End: lambda: lanes.go_to(axis.duration_s),
        Key.Key_Up: lambda: lanes.select(lane.number - 1),
        Key.Key_Down: lambda: lanes.select(lane.number + 1),
        Key.Key_Plus: lambda: axis.zoom(0.5),
        Key.Key_Equal: lambda: axis.zoom(0.5),
        Key.Key_Minus: lambda: axis.zoom(2.0),
        Key.Key_F: axis.show_all,
        Key.Key_M: lane.mute.click,
        Key.Key_L: lanes.transport.loop.toggle,
        Key.Key_Escape: lambda: axis.set_region(None),
        Key.Key_BracketLeft: lambda: lanes.set_end(0),
        Key.Key_BracketRight: lambda: lanes.set_end(1),
    }
    return actions.get(Key(key))
