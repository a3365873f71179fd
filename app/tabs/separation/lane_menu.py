"""What a lane offers under the right mouse button."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QMenu

from app.i18n import tr
from app.tabs.separation.lane import Lane
from app.widgets.time_axis import TimeAxis


def offer_for(lane: Lane, axis: TimeAxis, play: Callable[[], None], menu: QMenu) -> None:
    """Add what can be done with a lane to its canvas's menu. play: plays the chosen stretch of all lanes."""
    if not lane.ready:
        return
    region = axis.region
    played = menu.addAction(tr("Play the chosen stretch"))
    played.triggered.connect(play)
    closer = menu.addAction(tr("Show it larger"))
    closer.triggered.connect(lambda: axis.show(*(axis.region or axis.view)))
    for action in (played, closer):
        action.setEnabled(region is not None)
    menu.addAction(tr("Show all")).triggered.connect(axis.show_all)
    menu.addSeparator()
    words = tr("Export the chosen stretch…") if region is not None else tr("Export the whole lane…")
    menu.addAction(words).triggered.connect(lambda: lane.export_asked.emit(lane.number))
    picture = menu.addAction(tr("Export the picture…"))
    picture.triggered.connect(lambda: lane.picture_asked.emit(lane.number))
    if not lane.is_mixture:
        menu.addSeparator()
        keep = menu.addAction(tr("Keep this voice"))
        keep.triggered.connect(lambda: lane.keep_asked.emit(lane.number))
