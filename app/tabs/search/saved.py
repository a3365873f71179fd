"""Searches that a person keeps: words, weights and filters under a name, behind a button of the field."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from app.i18n import tr
from app.widgets.plain import menu_words
from models.search.filters import Filters

MOST = 30


@dataclass(frozen=True)
class SavedSearch:
    """text: as typed, terms with their signs among it."""

    text: str
    filters: Filters = field(default_factory=Filters)

    @property
    def words(self) -> str:
        """What it is called: what it asks for."""
        filters = self.filters
        limits = [filters.since, filters.until, filters.label, filters.folder.rsplit("/", 1)[-1]]
        shape = filters.orientation if filters.orientation != "any" else ""
        return " · ".join(part for part in (self.text, *limits, shape) if part)


class SavedSearches(QObject):
    """The button with its menu. chosen(SavedSearch). save_asked: keep what is asked for now. changed: others are kept."""

    chosen = Signal(object)
    save_asked = Signal()
    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kept: list[SavedSearch] = []
        self.may_save = False
        self.button = QToolButton()
        self.button.setText(tr("Saved"))
        self.button.setToolTip(tr("Searches that you have kept, and keeping this one"))
        self.button.setAccessibleName(tr("Saved searches"))
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self.button)
        self.menu.aboutToShow.connect(self.fill)
        self.button.setMenu(self.menu)

    def keep(self, search: SavedSearch) -> None:
        """Put it first; twice is once."""
        self.kept = [search, *(other for other in self.kept if other != search)][:MOST]
        self.changed.emit()

    def forget(self, search: SavedSearch) -> None:
        """Keep it no longer."""
        self.kept = [other for other in self.kept if other != search]
        self.changed.emit()

    def fill(self) -> None:
        """The menu as it is now."""
        self.menu.clear()
        save = self.menu.addAction(tr("Save this search"))
        save.setEnabled(self.may_save)
        save.triggered.connect(lambda _on=False: self.save_asked.emit())
        if not self.kept:
            return
        self.menu.addSeparator()
        for search in self.kept:
            action = self.menu.addAction(menu_words(search.words))
            action.triggered.connect(lambda _on=False, which=search: self.chosen.emit(which))
        self.menu.addSeparator()
        forget = self.menu.addMenu(tr("Forget"))
        for search in self.kept:
            action = forget.addAction(menu_words(search.words))
            action.triggered.connect(lambda _on=False, which=search: self.forget(which))

    def state(self) -> list[dict[str, str]]:
        """As it is kept over the end of the program."""
        return [{"text": search.text, **asdict(search.filters)} for search in self.kept]

    def restore(self, state: object) -> None:
        """What `state` has said; anything else is passed over."""
        kept = []
        for item in state if isinstance(state, list) else []:
            if isinstance(item, dict) and all(isinstance(value, str) for value in item.values()):
                names = [name for name in asdict(Filters()) if name in item]
                kept.append(
                    SavedSearch(item.get("text", ""), Filters(**{name: item[name] for name in names}))
                )
        self.kept = kept[:MOST]
