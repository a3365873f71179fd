"""The window's one table of the five systems: what each is called, its colour, where its tab is, which page of help it has.

Nothing heavy is imported by it: the window shows itself from this table, and a tab is loaded when it is first shown.
`models.systems` says what the systems are; a test holds both tables to the same names in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from app import theme
from app.i18n import tr

if TYPE_CHECKING:
    from app.services import Services
    from app.tabs.base import Tab


@dataclass(frozen=True)
class Entry:
    """A system as the window shows it.

    `system` is its name in `models.systems`; `place` where its tab's class is (``module:Class``); `color` the
    category (``#RRGGBB``) of its dot.
    """

    system: str
    title: Callable[[], str]
    color: str
    place: str

    def make(self, services: Services) -> Tab:
        """Its tab. Imports the tab's module."""
        module, _, name = self.place.partition(":")
        tab: Tab = getattr(import_module(module), name)(services)
        return tab


ENTRIES = (
    Entry("emotion", lambda: tr("Emotion"), theme.VERMILION, "app.tabs.emotion:EmotionTab"),
    Entry("separation", lambda: tr("Separation"), theme.GREEN, "app.tabs.separation:SeparationTab"),
    Entry(
        "reverberation", lambda: tr("ReverberationNet"), theme.PINK, "app.tabs.reverberation:ReverberationTab"
    ),
    Entry("eeg", lambda: tr("EEG"), theme.BLUE, "app.tabs.eeg:EegTab"),
    Entry("search", lambda: tr("Search"), theme.ORANGE, "app.tabs.search:SearchTab"),
)
NAMES = tuple(entry.system for entry in ENTRIES)


def entry(system: str) -> Entry:
    """Raises KeyError for a system there is not."""
    return {item.system: item for item in ENTRIES}[system]
