"""What a lane offers under the right mouse button."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMenu

from app.i18n import tr
from app.tabs.separation.lane import Lane

if TYPE_CHECKING:
    from app.tabs.separation.lanes import Lanes


def offer_for(lanes: Lanes, lane: Lane, menu: QMenu) -> None:
    """Add what can be done with a lane to its canvas's menu."""
    if not lane.ready:
        return
    region = lanes.axis.region
    play = menu.addAction(tr("Play the chosen stretch"))
    play.triggered.connect(lanes.play_region)
    closer = menu.addAction(tr("Show it larger"))
    closer.triggered.connect(lambda: lanes.axis.show(*(lanes.axis.region or lanes.axis.view)))
    for action in (play, closer):
        action.setEnabled(region is not None)
    menu.addAction(tr("Show all")).triggered.connect(lanes.axis.show_all)
    menu.addSeparator()
    words = tr("Export the chosen stretch…") if region is not None else tr("Export the whole lane…")
    menu.addAction(words).triggered.connect(lambda: lanes.export_asked.emit(lane.number))
    picture = menu.addAction(tr("Export the picture…"))
    picture.triggered.connect(lambda: lanes.picture_asked.emit(lane.number))
    if not lane.is_mixture:
        menu.addSeparator()
        keep = menu.addAction(tr("Keep this voice"))
        keep.triggered.connect(lambda: lanes.keep_asked.emit(lane.number))
