"""The window: tabs above, the training dock below, the status line at the foot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QIcon, QKeyEvent, QPaintEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QScrollArea,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app import geometry, systems, theme
from app.between import Between
from app.closing import Closing
from app.i18n import tr
from app.keeping import StateKeeper
from app.menus import Menus
from app.pages import Pages
from app.paths import is_workspace
from app.services import Services
from app.settings import Key
from app.tabs.base import Tab
from app.widgets import focus
from app.widgets.drop_zone import dropped_paths, drops, take_drop
from app.widgets.status_line import StatusLine
from app.widgets.tab_header import Header
from app.window import Window
from app.workspace.workspaces import Workspaces
from models.resources import resource

if TYPE_CHECKING:
    from app.states import State
    from app.training.dock import TrainingDock
    from app.training.view import TrainingView

FILL_AT_LATEST_MS = 500
DOCK_STRIP = 30  # height of the closed dock
DOCK_OPEN = 176


class MainWindow(Window):
    """Shows itself first and fills itself after: nothing heavy is imported before it has been painted."""

    painted = Signal()
    tab_shown = Signal(object)  # Tab
    filled = Signal()  # the first tab and the dock are there
    closed = Signal()

    def focusNextPrevChild(self, next: bool) -> bool:
        return focus.move(self, next)

    def __init__(self, services: Services, start_tab: str = "") -> None:
        super().__init__()
        self.services = services
        self.setWindowTitle("Polyphony")
        self.setWindowIcon(QIcon(str(resource("icons", "polyphony.svg"))))
        self.setAcceptDrops(True)
        self._system = ""
        self._painted = False
        self._filled = False
        self.dock: TrainingDock | None = None
        self.training: TrainingView | None = None  # made when it is first shown

        self.header = Header()
        for number, item in enumerate(systems.ENTRIES, 1):
            self.header.tabs.add(item.title(), item.color, f"{item.title()} (Ctrl+{number})")
        self.header.tabs.add(
            tr("Training"), theme.GREY, tr("Training runs in the whole window (Ctrl+Shift+T)")
        )
        self.between = Between(self)
        self._lay_out()
        self.header.tabs.currentChanged.connect(self._choose_index)

        self.keeper = StateKeeper(self)
        self.keeper.could_not_write.connect(self._say_not_kept)
        self.workspaces = Workspaces(self, self.keeper)
        self.closing = Closing(self, self.keeper, self.workspaces)
        self.menus = Menus(self, self.workspaces, self.between)
        self.header.settings_button.clicked.connect(self.menus.show_settings)
        drops.workspace.connect(self.workspaces.open)
        self._restore_geometry()
        names = systems.NAMES
        wanted = start_tab if start_tab in names else services.settings.text(Key.TAB, names[0], names)
        self._start_at(names.index(wanted))

    def _lay_out(self) -> None:
        """Tabs and dock in a splitter, the header above, the status line at the foot."""
        self.stack = Pages(self.services)
        self.dock_place = QWidget()
        self.dock_place.setProperty("surface", "page")
        self.dock_place.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        dock_layout = QVBoxLayout(self.dock_place)
        dock_layout.setContentsMargins(0, 0, 0, 0)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        self.area = QScrollArea()  # where the window is too low or too narrow for a tab, the tab is scrolled
        self.area.setWidgetResizable(True)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setWidget(self.stack)
        self.splitter.addWidget(self.area)
        self.splitter.addWidget(self.dock_place)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setStretchFactor(1, 0)
        self.status = StatusLine(self.services)

        body = QWidget()
        body.setProperty("surface", "page")
        layout = QVBoxLayout(body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(self.between.bar)
        layout.addWidget(self.splitter, 1)
        layout.addWidget(self.status)
        self.setCentralWidget(body)

    # Tabs -------------------------------------------------------------------------------------------------

    @property
    def current(self) -> Tab | None:
        return self.stack.built.get(self._system)

    def page(self, system: str) -> Tab | None:
        return self.stack.built.get(system)

    def show_tab(self, system: str) -> Tab:
        index = systems.NAMES.index(system)
        self.header.tabs.setCurrentIndex(index)
        if self.current is None or self.system != system or self.shows_training:
            self._choose_index(index)
        return self.stack.built[system]

    def _start_at(self, index: int) -> None:
        self._mark_tab(index)
        self.stack.setCurrentIndex(index)
        self._system = systems.ENTRIES[index].system
        self.status.show_tab(self._system)

    def _choose_index(self, index: int) -> None:
        before = self.current
        if index == len(systems.ENTRIES):
            self.show_training()
            return
        self._leave_training()
        entry = systems.ENTRIES[index]
        if before is not None and before.system != entry.system:
            before.hidden()
        self._system = entry.system
        page = self.stack.build(entry, self.keeper)
        begins = page.focusWidget() is None  # Qt would give the focus to what was made first
        self.stack.setCurrentWidget(page)
        focused = self.focusWidget()
        if begins and focused is not None and page.isAncestorOf(focused):
            focus.begin(page)
        self.status.show_tab(entry.system)
        self.menus.show_undo(page.undo_stack)
        if self.dock is not None:
            self.dock.show_system(entry.system)
        page.shown()
        self.tab_shown.emit(page)

    async def take_up(self, states: Mapping[str, State], front: str) -> None:
        self.setEnabled(False)
        try:
            await self.stack.let_go(states)
            for system, state in states.items():
                self.services.settings.set_plain(Key.TABS, state, system)
        finally:
            self.setEnabled(True)
        index = systems.NAMES.index(front if front in systems.NAMES else self._system)
        self._mark_tab(index)
        self._choose_index(index)

    # First picture, then the rest -------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            QTimer.singleShot(0, self, self._fill)
            self.painted.emit()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        # A hidden or covered window may never be painted.
        QTimer.singleShot(FILL_AT_LATEST_MS, self, self._fill)
        QTimer.singleShot(0, self, lambda: geometry.fit_to_screen(self))  # once its frame is known

    def _fill(self) -> None:
        if self._filled:
            return
        self._filled = True
        self._choose_index(self.header.tabs.currentIndex())
        self._make_dock()
        self._greet()
        self.keeper.start()
        self.workspaces.start()
        self.filled.emit()

    def _make_dock(self) -> None:
        from app.training.dock import TrainingDock

        dock = TrainingDock(self.services)
        dock.opened.connect(self.open_dock)
        dock.run_opened.connect(self.show_training)
        runs = self.services.training
        runs.use_checkpoint.connect(self.between.use_checkpoint)
        runs.launch_wanted.connect(self._launch)
        runs.started.connect(self._show_run)
        layout = self.dock_place.layout()
        assert layout is not None
        layout.addWidget(dock)
        self.dock = dock
        dock.show_system(self._system)
        settings = self.services.settings
        wanted = settings.flag(Key.DOCK_OPEN, default=bool(self.services.training.runs))
        self.open_dock(wanted)

    def open_dock(self, opened: bool) -> None:
        if self.dock is None:
            return
        self.dock.set_open(opened)
        self.dock_place.setMinimumHeight(DOCK_OPEN if opened else DOCK_STRIP)
        self.dock_place.setMaximumHeight(16_777_215 if opened else DOCK_STRIP)
        height = DOCK_STRIP
        if opened:
            height = self.services.settings.number(Key.DOCK_HEIGHT, DOCK_OPEN, DOCK_OPEN, 2000)
        self.splitter.setSizes([max(1, self.splitter.height() - height), height])
        self.services.settings.set(Key.DOCK_OPEN, opened)
        self.menus.dock_action.setChecked(opened)

    # Training -------------------------------------------------------------------------------------------------

    @property
    def shows_training(self) -> bool:
        return self.training is not None and self.stack.currentWidget() is self.training

    def show_training(self, path: Path | None = None) -> None:
        """Training runs in the whole window; the run at `path`, or the one that is chosen."""
        if self.dock is None:
            return
        if self.training is None:
            from app.training.view import TrainingView

            self.training = TrainingView(self.services, self.dock.chosen, self.dock.list)
            self.training.system_wanted.connect(self.dock.show_system)
            self.stack.addWidget(self.training)
        if path is not None:
            self.training.choose(path)
        if not self.shows_training and self.current is not None:
            self.current.hidden()
        self.stack.setCurrentWidget(self.training)
        self.dock_place.hide()
        self._mark_tab(len(systems.ENTRIES))
        self.menus.show_undo(None)
        self.menus.training_action.setChecked(True)

    def toggle_training(self) -> None:
        if self.shows_training:
            self.show_tab(self._system)
        else:
            self.show_training()

    def _leave_training(self) -> None:
        self.dock_place.show()
        self.menus.training_action.setChecked(False)

    def _mark_tab(self, index: int) -> None:
        self.header.tabs.blockSignals(True)
        self.header.tabs.setCurrentIndex(index)
        self.header.tabs.blockSignals(False)

    def _greet(self) -> None:
        from app.greeting import greet

        if self.current is not None:
            greet(self.services, self.menus, self.current)

    def _say_not_kept(self) -> None:
        from app.greeting import say_not_kept

        if self.current is not None:
            say_not_kept(self.services, self.current)

    def _launch(self, system: str) -> None:
        from app.training.launcher import Launcher
        from models.errors import UserError

        try:
            proposal = self.services.training.proposal
            self.menus.open_dialog("launcher", Launcher(self.services, system, self, proposal=proposal))
        except UserError as error:
            place = self.training if self.shows_training else self.current
            if place is not None:
                place.show_error(error)

    def _show_run(self, path: Path) -> None:
        if not self.shows_training:
            self.open_dock(True)
        if self.dock is not None:
            self.dock.choose(path)

    # Files ------------------------------------------------------------------------------------------------

    def open_paths(self, paths: list[Path]) -> None:
        workspace = next((path for path in paths if is_workspace(path)), None)
        if workspace is not None:
            self.workspaces.open(workspace)
        elif self.current is not None and paths:
            self.services.add_recent(paths)
            self.show_tab(self._system).accept_paths(paths)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_paths(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.open_paths(take_drop(event.mimeData()))

    # Keys -------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return presses the button that has the focus, or ticks the box, as Space does; Qt does so in dialogs only."""
        focused = self.focusWidget()
        plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        returned = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and plain
        if returned and isinstance(focused, QAbstractButton):
            if not event.isAutoRepeat():
                focused.click()
        else:
            super().keyPressEvent(event)

    # The end ----------------------------------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.closing.allowed:
            event.accept()
            self.closed.emit()
        else:
            event.ignore()
            self.closing.ask()

    def end_now(self) -> None:
        """The system wants the program to end: nothing is asked."""
        self.closing.end_now()

    # What comes back --------------------------------------------------------------------------------------

    @property
    def system(self) -> str:
        return self._system

    def pages(self) -> list[Tab]:
        return list(self.stack.built.values())

    def dock_height(self) -> int | None:
        return self.dock_place.height() if self.dock is not None and self.dock.is_open else None

    def _restore_geometry(self) -> None:
        geometry.restore(self, self.services.settings.blob(Key.GEOMETRY))
        height = DOCK_OPEN if self.services.settings.flag(Key.DOCK_OPEN) else DOCK_STRIP
        self.dock_place.setMinimumHeight(height)
        self.dock_place.setMaximumHeight(max(height, DOCK_STRIP))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange and hasattr(self, "menus"):
            self.menus.full_screen_action.setChecked(self.isFullScreen())
