"""The wiring as a person edits it: by mouse on the mesh, by keyboard in the table of roles × processors."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QSplitter,
    QWidget,
)

from app import theme
from app.i18n import tr
from app.tabs.paged import PagedTab
from app.tabs.reverberation.mesh import MeshView
from app.tabs.reverberation.session import MeshSession
from app.tabs.reverberation.view_page import ViewPage
from app.tabs.reverberation.wiring_matrix import Matrix, MatrixView
from app.undo import Undoing
from app.widgets.combo import ElidedCombo
from app.widgets.labels import Hint
from models.errors import UserError
from models.reverberation.wiring import (
    SUFFIX,
    WIRINGS,
    Wiring,
    documented,
    open_wiring,
    save_wiring,
    wiring_of,
)

LEAST_PX = 210  # width of the mesh, and of the table


class WiringPage(ViewPage):
    """train_asked(): train with `wiring`. refused(error): what was asked for cannot work, and was not done. changed()."""

    figures = False
    train_asked = Signal()
    refused = Signal(object)
    changed = Signal()

    def __init__(self, tab: PagedTab, session: MeshSession) -> None:
        super().__init__(tab, session)
        self.wiring = documented()
        self.mesh = MeshView(editable=True)
        self.mesh.setAccessibleName(tr("Wiring, to be edited"))
        self.matrix = Matrix()
        self.table = MatrixView(self.matrix)
        self.facts = Hint()
        self._undoing = Undoing(tab.undo_stack, lambda: tr("the wiring"), lambda: self.wiring, self._put)
        self._make()
        self.mesh.drawn.connect(self._drawn)
        self.mesh.line_asked.connect(self.toggle_reading)
        self.table.move_asked.connect(self.move_role)
        self.table.toggle_asked.connect(self.toggle_reading)
        self.mesh.chosen.connect(session.choose)
        session.module_changed.connect(lambda: self.mesh.select(session.module))
        self._show()

    def state(self) -> dict[str, Any]:
        return {"wiring": self.wiring.model_dump()}

    def restore(self, state: dict[str, Any]) -> None:
        with suppress(UserError):  # of another version: the documented one stays
            self.begin(wiring_of(state.get("wiring")))

    # Editing ----------------------------------------------------------------------------------------------

    def begin(self, wiring: Wiring) -> None:
        """As it was left at an earlier start: nothing to undo."""
        self._put(wiring)
        self._undoing.begin()

    def set_wiring(self, wiring: Wiring) -> None:
        """Begin with another one; the change can be undone."""
        self._change(lambda: wiring.check())

    def move_role(self, role: str, processor: str) -> None:
        """The role belongs to the processor from now on."""
        self._change(lambda: self.wiring.moved(role, processor))

    def toggle_reading(self, role: str, processor: str) -> None:
        """The processor reads the role, or no longer."""
        self._change(lambda: self.wiring.toggled(role, processor))

    def open(self, path: Path) -> None:
        """A wiring that was saved."""
        self._change(lambda: open_wiring(path))

    def save(self, path: Path) -> None:
        """As a file that can be opened here, and named in a config."""
        try:
            save_wiring(self.wiring, path)
        except UserError as error:
            self.refused.emit(error)

    def _change(self, make: Callable[[], Wiring]) -> None:
        try:
            new = make()
        except UserError as error:
            self.refused.emit(error)
            return
        self._put(new)
        self._undoing.look()

    def _put(self, wiring: Wiring) -> None:
        if wiring != self.wiring:
            self.wiring = wiring
            self._show()

    def _drawn(self, role: str, processor: str, also: bool) -> None:
        if also:
            self.toggle_reading(role, processor)
        else:
            self.move_role(role, processor)

    def _set(self, **values: object) -> None:
        self._change(lambda: self.wiring.model_copy(update={**values, "name": "own"}).check())

    def _show(self) -> None:
        self.mesh.set_wiring(self.wiring)
        self.matrix.set_wiring(self.wiring)
        for box, value in ((self.hear, self.wiring.hear), (self.conductor, self.wiring.conductor)):
            box.setCurrentIndex(box.findData(value))
        self.facts.setText(
            tr(
                "{connections} connections, {sources} sources at the conductor · a model learns its wiring: train one with it",
                connections=self.wiring.connections,
                sources=self.wiring.sources,
            )
        )
        self.changed.emit()

    # Making -----------------------------------------------------------------------------------------------

    def _make(self) -> None:
        self.train = _button(
            tr("Train with this wiring…"), tr("Open the form with this wiring in it"), self.train_asked.emit
        )
        facts = _row(self.facts, self.train)
        facts.setStretch(0, 1)
        self.view.addLayout(self._make_actions())
        self.view.addLayout(facts)
        self.view.addWidget(self._make_editors(), 1)
        self.view.addWidget(
            Hint(
                tr(
                    "Mouse: draw from a role to a processor to move it, with Ctrl to let it be read there, too; double-click a line to take it away. Keyboard: Enter moves, Space adds or removes."
                )
            )
        )
        self.view.addLayout(self._make_choices())

    def _make_actions(self) -> QHBoxLayout:
        """What to begin with, undo and redo, saving; the keys of undo and redo."""
        begin = ElidedCombo(
            tr("Wiring to begin with"),
            tr("The documented wiring, the cyclic one, or one that was saved"),
            wide=True,
        )
        begin.addItem(tr("Begin with…"), "")
        for name, words in {"documented": tr("the documented one"), "cyclic": tr("the cyclic one")}.items():
            begin.addItem(words, name)
        begin.addItem(tr("a file…"), "file")
        begin.activated.connect(lambda _index: self._begin(begin))
        stack = self.tab.undo_stack
        self.undo_button = _button(tr("Undo"), tr("Take the last change back (Ctrl+Z)"), stack.undo)
        self.redo_button = _button(tr("Redo"), tr("Do it again (Ctrl+Shift+Z)"), stack.redo)
        for button, changed in (
            (self.undo_button, stack.canUndoChanged),
            (self.redo_button, stack.canRedoChanged),
        ):
            button.setEnabled(False)
            changed.connect(button.setEnabled)
        self.save_button = _button(tr("Save…"), tr("Save the wiring to a file"), self._ask_to_save)
        row = _row(begin, self.undo_button, self.redo_button, self.save_button)
        row.addStretch(1)
        return row

    def _make_editors(self) -> QSplitter:
        """The mesh to draw in, and beside it the table."""
        split = QSplitter()
        split.setChildrenCollapsible(False)
        for place, (editor, stretch) in enumerate(((self.mesh, 3), (self.table, 2))):
            editor.setMinimumWidth(LEAST_PX)
            split.addWidget(editor)
            split.setStretchFactor(place, stretch)
        split.setSizes([4, 3])
        return split

    def _make_choices(self) -> QHBoxLayout:
        """What of a wiring is no connection: whom roles hear, and what the conductor reads."""
        self.hear = _choice(
            tr("Whom roles hear in pass 2"),
            {"all": tr("hear all that feed them"), "own": tr("hear their own processor alone")},
        )
        self.conductor = _choice(
            tr("What the conductor reads of processors"),
            {"mean": tr("one mean a processor"), "each": tr("each of their outputs")},
        )
        self.hear.activated.connect(lambda _index: self._set(hear=self.hear.currentData()))
        self.conductor.activated.connect(lambda _index: self._set(conductor=self.conductor.currentData()))
        row = _row(Hint(tr("Roles")), self.hear, Hint(tr("Conductor reads")), self.conductor)
        row.addStretch(1)
        return row

    def _begin(self, box: QComboBox) -> None:
        choice = str(box.currentData())
        box.setCurrentIndex(0)
        if choice == "file":
            name, _ = QFileDialog.getOpenFileName(self, tr("Open a wiring"), "", f"JSON (*{SUFFIX} *.json)")
            if name:
                self.open(Path(name))
        elif choice:
            self.set_wiring(WIRINGS[choice]())

    def _ask_to_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, tr("Save the wiring"), f"own{SUFFIX}", f"JSON (*{SUFFIX})"
        )
        if name:
            self.save(Path(name if name.endswith(".json") else name + SUFFIX))


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(theme.SMALL)
    for widget in widgets:
        row.addWidget(widget)
    return row


def _button(words: str, tooltip: str, call: Callable[[], object]) -> QPushButton:
    button = QPushButton(words)
    button.setToolTip(tooltip)
    button.clicked.connect(lambda _on=False: call())
    return button


def _choice(name: str, words: dict[str, str]) -> ElidedCombo:
    box = ElidedCombo(name, name, wide=True)
    for value, text in words.items():
        box.addItem(text, value)
    return box
