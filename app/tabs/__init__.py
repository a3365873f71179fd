"""The tabs by name, loaded when first shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from app.i18n import tr

if TYPE_CHECKING:
    from app.services import Services
    from app.tabs.base import Tab


@dataclass(frozen=True)
class Entry:
    """A tab: its system, the words on it, and where its class is (``module:Class``)."""

    system: str
    title: Callable[[], str]
    place: str

    def make(self, services: Services) -> Tab:
        module, _, name = self.place.partition(":")
        tab: Tab = getattr(import_module(module), name)(services)
        return tab


ENTRIES = (
    Entry("emotion", lambda: tr("Emotion"), "app.tabs.emotion:EmotionTab"),
    Entry("separation", lambda: tr("Separation"), "app.tabs.separation:SeparationTab"),
    Entry("reverberation", lambda: tr("ReverberationNet"), "app.tabs.reverberation:ReverberationTab"),
    Entry("eeg", lambda: tr("EEG"), "app.tabs.eeg:EegTab"),
    Entry("search", lambda: tr("Search"), "app.tabs.search:SearchTab"),
)


def entry(system: str) -> Entry:
    """Raises KeyError for a system there is not."""
    return {item.system: item for item in ENTRIES}[system]
