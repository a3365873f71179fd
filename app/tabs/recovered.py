"""Recordings that a crash broke off, of whichever tab: they get their names, and that is said."""

from __future__ import annotations

from app.audio.recorder import folder, recover
from app.i18n import tr
from app.tabs.base import Tab
from models.errors import UserError


def recover_recordings(tab: Tab) -> None:
    """Once a session is enough: what is being recorded now is no concern of it."""
    try:
        files = recover(folder())
    except UserError as error:
        tab.show_error(error)
        return
    if files:
        text = tr("A recording that had broken off was saved in {folder}.", folder=files[0].parent)
        tab.show_message("hint", text, key="recorded")
