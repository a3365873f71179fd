"""Which index is searched, how it stands, and its indexing with pause: the Source of the search."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.i18n import plural, tr
from app.tabs.search.places import BUNDLED, Place
from app.tabs.search.work import About
from app.widgets.combo import ElidedCombo
from app.widgets.labels import Elided, Hint
from app.widgets.plain import tip


class IndexBox(QWidget):
    """chosen(path): another index. asked(what): `update`, `add`, `folders`, `repair`, `open`, `skipped`, `show`, `remove`, `sample`, `pause`."""

    chosen = Signal(str)
    asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SMALL)
        row = QHBoxLayout()
        row.setSpacing(theme.TINY)
        self.box = ElidedCombo(tr("Index"), tr("The pictures that are searched"))
        self.box.activated.connect(lambda number: self.chosen.emit(str(self.box.itemData(number))))
        self.more = QToolButton()
        self.more.setText("⋯")
        self.more.setToolTip(tr("What can be done with this index"))
        self.more.setAccessibleName(tr("What can be done with this index"))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setMenu(self._make_menu())
        row.addWidget(self.box, 1)
        row.addWidget(self.more)
        column.addLayout(row)
        self.about = Hint()
        self.about.linkActivated.connect(self.asked)
        column.addWidget(self.about)
        column.addWidget(self._make_progress())
        self.show_about(None, None)
        self.show_progress("", None)

    def _make_menu(self) -> QMenu:
        menu = QMenu(self)
        self.actions_by_name: dict[str, QAction] = {}
        for name, words in (
            ("update", tr("Update now")),
            ("add", tr("Add a folder…")),
            ("folders", tr("Folders…")),
            ("repair", tr("Check and repair")),
            ("skipped", tr("Show skipped files")),
            ("", ""),
            ("open", tr("Open an index…")),
            ("show", tr("Show the index's folder")),
            ("remove", tr("Delete the index…")),
        ):
            if not name:
                menu.addSeparator()
                continue
            action = menu.addAction(words)
            action.triggered.connect(lambda _on=False, which=name: self.asked.emit(which))
            self.actions_by_name[name] = action
        return menu

    def _make_progress(self) -> QWidget:
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.TINY)
        self.step = Elided()
        self.step.setProperty("role", "hint")
        row = QHBoxLayout()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName(tr("Indexing"))
        self.pause = QPushButton(tr("Pause"))
        self.pause.setProperty("kind", "small")
        self.pause.setToolTip(tr("Hold the indexing up, or go on"))
        self.pause.clicked.connect(lambda: self.asked.emit("pause"))
        row.addWidget(self.bar, 1)
        row.addWidget(self.pause)
        column.addWidget(self.step)
        column.addLayout(row)
        self._progress = holder
        return holder

    def show_places(self, places: list[Place], current: str) -> None:
        """List the indexes, and choose the one whose `Place.path` is `current`, or the first. `chosen` is not told."""
        self.box.blockSignals(True)
        self.box.clear()
        names = [place.words for place in places]
        for place in places:
            # Two folders may have one name: the model tells them apart.
            twice = names.count(place.words) > 1 and place.model
            model = tr("bundled model") if place.model == BUNDLED else place.model.rsplit("/", 1)[-1]
            self.box.addItem(f"{place.words} · {model}" if twice else place.words, place.path)
            self.box.setItemData(self.box.count() - 1, tip(str(place.folder)), 3)  # Qt.ToolTipRole
        self.box.setCurrentIndex(max(0, self.box.findData(current)))
        self.box.blockSignals(False)

    def show_about(self, about: About | None, place: Place | None) -> None:
        """How the index stands; None: it has not been opened."""
        changeable = about is not None and not about.read_only and bool(about.folders)
        for name in ("update", "add", "folders", "repair"):
            self.actions_by_name[name].setEnabled(changeable)
        self.actions_by_name["skipped"].setEnabled(about is not None and bool(about.problems))
        self.actions_by_name["show"].setEnabled(about is not None)
        self.actions_by_name["remove"].setEnabled(place is not None and place.path != BUNDLED)
        sample = f'<a href="sample">{tr("Try the sample")}</a>'
        if about is None:
            self.about.setText(sample)
            return
        parts = [plural("{n} picture", "{n} pictures", len(about.ids), n=f"{len(about.ids):,}")]
        if about.problems:
            words = tr("{n} skipped", n=f"{len(about.problems):,}")
            parts.append(f'<a href="skipped">{words}</a>')
        if changeable:
            parts.append(f'<a href="update">{tr("update")}</a>')
            parts.append(f'<a href="add">{tr("add a folder")}</a>')
        elif place is not None and place.path == BUNDLED:
            parts.append(sample)
        self.about.setText(" · ".join(parts))
        self.about.setToolTip(tip("\n".join(str(folder) for folder in about.folders)))

    def show_progress(self, text: str, fraction: float | None, paused: bool = False) -> None:
        """How far the indexing is; None: nothing is indexed."""
        self._progress.setVisible(fraction is not None)
        if fraction is not None:
            self.step.setText(text)
            self.bar.setValue(round(1000 * fraction))
            self.pause.setText(tr("Go on") if paused else tr("Pause"))
