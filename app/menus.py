"""The menus and their shortcuts, and the dialogs they open."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QAction, QActionGroup, QDesktopServices, QKeySequence, QUndoGroup, QUndoStack
from PySide6.QtWidgets import QApplication, QMenu, QMenuBar, QWidget

from app import systems, theme
from app.i18n import tr
from app.paths import exists
from app.settings import Key
from app.widgets.plain import menu_words, tip
from app.window import Window

if TYPE_CHECKING:
    from app.between import Between
    from app.model_manager.shelf_state import ShelfState
    from app.workspace.workspaces import Workspaces
    from models.errors import UserError


class Menus(QObject):
    """File, Edit, View, Train, Help. Menus that change are filled when they open."""

    def __init__(self, window: Window, workspaces: Workspaces, between: Between) -> None:
        super().__init__(window)
        self.window, self._workspaces, self._between = window, workspaces, between
        self._windows: dict[str, QWidget] = {}
        self._shelf: ShelfState | None = None
        window.services.models_wanted.connect(self.show_models)
        bar = window.header.menus
        self.file_menu = self._menu(bar, tr("&File"))
        self.edit_menu = self._menu(bar, tr("&Edit"))
        self.view_menu = self._menu(bar, tr("&View"))
        self.train_menu = self._menu(bar, tr("&Train"))
        self.help_menu = self._menu(bar, tr("&Help"))
        self._fill_file()
        self._fill_edit()
        self._fill_view()
        self._fill_train()
        self._fill_help()

    # The five menus ---------------------------------------------------------------------------------------

    def _fill_file(self) -> None:
        menu = self.file_menu
        self.open_action = self._add(menu, tr("Open…"), self._open, "Ctrl+O")
        self.open_folder_action = self._add(menu, tr("Open folder…"), self._open_folder, "Ctrl+Shift+O")
        self.recent_menu = self._menu(menu, tr("Recent"))
        self.recent_menu.aboutToShow.connect(self._list_recent)
        menu.addSeparator()
        self._fill_workspace(self._menu(menu, tr("Workspace")))
        menu.addSeparator()
        self.export_menu = self._menu(menu, tr("Export"))
        self.export_menu.aboutToShow.connect(self._list_exports)
        self.export_action = self._add(menu, tr("Export…"), self._export, "Ctrl+E")
        menu.addSeparator()
        self._add(menu, tr("Models…"), self.show_models, "Ctrl+M")
        self._add(menu, tr("Settings…"), self.show_settings, "Ctrl+,")
        menu.addSeparator()
        self._add(menu, tr("Quit"), self.window.close, "Ctrl+Q").setMenuRole(QAction.MenuRole.QuitRole)

    def _fill_workspace(self, menu: QMenu) -> None:
        spaces = self._workspaces
        self.new_workspace_action = self._add(menu, tr("New workspace"), spaces.new, "Ctrl+Shift+N")
        self.open_workspace_action = self._add(menu, tr("Open workspace…"), spaces.ask_to_open, "Ctrl+Alt+O")
        self.workspaces_menu = self._menu(menu, tr("Recent workspaces"))
        self.workspaces_menu.aboutToShow.connect(self._list_workspaces)
        menu.addSeparator()
        self.save_workspace_action = self._add(menu, tr("Save workspace"), spaces.save, "Ctrl+S")
        self._add(menu, tr("Save workspace as…"), spaces.ask_to_save_as, "Ctrl+Shift+S")

    def _fill_edit(self) -> None:
        """What the tab in front can take back."""
        self._undo = QUndoGroup(self)
        self.undo_action = self._undo.createUndoAction(self.window, tr("Undo"))
        self.redo_action = self._undo.createRedoAction(self.window, tr("Redo"))
        for action, keys in ((self.undo_action, ["Ctrl+Z"]), (self.redo_action, ["Ctrl+Shift+Z", "Ctrl+Y"])):
            action.setShortcuts([QKeySequence(key) for key in keys])
            self.edit_menu.addAction(action)
            self.window.addAction(action)

    def show_undo(self, stack: QUndoStack | None) -> None:
        """Of the tab that came to the front; None where there is nothing to take back."""
        active = self._undo.activeStack()
        if active is not None:
            active.setActive(False)
        if stack is not None:
            self._undo.addStack(stack)
            stack.setActive(True)

    def _fill_view(self) -> None:
        menu = self.view_menu
        for number, entry in enumerate(systems.ENTRIES, 1):
            self._add(menu, entry.title(), partial(self.window.show_tab, entry.system), f"Ctrl+{number}")
        menu.addSeparator()
        themes = self._menu(menu, tr("Theme"))
        self.theme_actions: dict[str, QAction] = {}
        group = QActionGroup(self)
        names = {"system": tr("As the system"), "light": tr("Light"), "dark": tr("Dark")}
        for choice, words in names.items():
            action = self._add(themes, words, partial(self.choose_theme, choice))
            action.setCheckable(True)
            action.setChecked(choice == self.window.services.settings.theme)
            group.addAction(action)
            self.theme_actions[choice] = action
        self.dock_action = self._add(menu, tr("Training dock"), self._toggle_dock, "Ctrl+T")
        self.dock_action.setCheckable(True)
        training = tr("Training runs in the whole window")
        self.training_action = self._add(
            menu, training, self.window.toggle_training, "Ctrl+Shift+T", "Ctrl+6"
        )
        self.training_action.setCheckable(True)
        self._add(menu, tr("Log"), self.show_log, "Ctrl+L")
        self.full_screen_action = self._add(menu, tr("Full screen"), self._full_screen, "F11")
        self.full_screen_action.setCheckable(True)

    def _fill_train(self) -> None:
        menu = self.train_menu
        self.new_run_action = self._add(menu, tr("New run…"), self._new_run, "Ctrl+N", "Ctrl+R")
        self._add(menu, tr("Open runs folder"), self._open_runs)

    def _fill_help(self) -> None:
        menu = self.help_menu
        self._add(menu, tr("Help and shortcuts"), self.show_shortcuts, "F1")
        relay = tr("From a conversation to the mesh: the sample")
        self.relay_action = self._add(menu, relay, lambda: self._between.relay.begin(None))
        self._add(menu, tr("Documentation"), self.show_documentation, "Shift+F1")
        menu.addSeparator()
        self._add(menu, tr("Copy diagnostics"), self.copy_diagnostics)
        self._add(menu, tr("Crash reports"), self._open_crashes)
        menu.addSeparator()
        self._add(menu, tr("About Polyphony"), self.show_about).setMenuRole(QAction.MenuRole.AboutRole)

    def _menu(self, place: QMenuBar | QMenu, words: str) -> QMenu:
        menu = QMenu(words, place)  # with a parent, so that it goes when the window goes
        place.addMenu(menu)
        return menu

    def _add(self, menu: QMenu, words: str, call: Callable[[], object], *keys: str) -> QAction:
        action = QAction(words, self.window)
        if keys:
            action.setShortcuts([QKeySequence(key) for key in keys])
        action.triggered.connect(lambda _checked=False: call())
        menu.addAction(action)
        self.window.addAction(action)
        return action

    # What they do -----------------------------------------------------------------------------------------

    def _open(self) -> None:
        if self.window.current is not None:
            self.window.current.choose_files()

    def _open_folder(self) -> None:
        if self.window.current is not None:
            self.window.current.choose_folder()

    def _list_recent(self) -> None:
        self.recent_menu.clear()
        services = self.window.services
        paths = [path for path in services.settings.recent() if exists(path)]
        for path in paths:
            action = self.recent_menu.addAction(menu_words(path.name))
            action.setToolTip(tip(str(path)))
            action.triggered.connect(lambda _checked=False, item=path: self.window.open_paths([item]))
        if paths:
            self.recent_menu.addSeparator()
            self.recent_menu.addAction(tr("Clear the list")).triggered.connect(services.settings.clear_recent)
        else:
            self.recent_menu.addAction(tr("Nothing yet")).setEnabled(False)

    def _list_workspaces(self) -> None:
        self.workspaces_menu.clear()
        for path in self.window.services.settings.workspaces():
            action = self.workspaces_menu.addAction(menu_words(path.stem))
            action.setToolTip(tip(str(path)))
            action.setEnabled(exists(path))
            action.triggered.connect(lambda _checked=False, item=path: self._workspaces.open(item))
        if self.workspaces_menu.isEmpty():
            self.workspaces_menu.addAction(tr("Nothing yet")).setEnabled(False)

    def _exports(self) -> list[QAction]:
        return self.window.current.export_actions() if self.window.current is not None else []

    def _list_exports(self) -> None:
        self.export_menu.clear()
        actions = self._exports()
        self.export_menu.addActions(actions)
        if not actions:
            self.export_menu.addAction(tr("Nothing to export yet")).setEnabled(False)

    def _export(self) -> None:
        """The one export there is, or a choice among them."""
        actions = [action for action in self._exports() if action.isEnabled()]
        if len(actions) == 1:
            actions[0].trigger()
        elif actions:
            menu = QMenu(self.window)
            menu.addActions(actions)
            menu.aboutToHide.connect(menu.deleteLater)
            menu.popup(self.window.mapToGlobal(self.window.rect().center()))
        elif self.window.current is not None:
            self.window.current.show_message("hint", tr("There is nothing to export yet."), key="export")

    def choose_theme(self, choice: str) -> None:
        """Use the ``system``, ``light`` or ``dark`` theme from now on, and tick it in the menu."""
        self.window.services.settings.set(Key.THEME, choice)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            theme.apply(app, choice)
        self.theme_actions[choice].setChecked(True)

    def _toggle_dock(self) -> None:
        self.window.open_dock(self.dock_action.isChecked())

    def _full_screen(self) -> None:
        if self.window.isFullScreen():
            self.window.showNormal()
        else:
            self.window.showFullScreen()

    def _new_run(self) -> None:
        if self.window.current is not None:
            self.window.services.training.launch(self.window.current.system)

    def _open_runs(self) -> None:
        self.open_folder(self.window.services.settings.runs_folder)

    def _open_crashes(self) -> None:
        from app.errors import crash_folder

        self.open_folder(crash_folder())

    def open_folder(self, folder: Path) -> None:
        """In the system's file manager; the folder is made if it is missing."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if self.window.current is not None:
                self.window.current.show_message(
                    "error", str(error.strerror or error), heading=tr("{path} cannot be opened.", path=folder)
                )
            return
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    # Windows of their own ---------------------------------------------------------------------------------

    def show_settings(self) -> None:
        """Open the dialog of the settings."""
        from app.settings_dialog import SettingsDialog

        dialog = SettingsDialog(self.window.services, self.window)
        dialog.theme_chosen.connect(self.choose_theme)
        self.open_dialog("settings", dialog)

    def show_models(self, system: str = "") -> None:
        """The model manager, with the models of one system first where it is said which."""
        from app.model_manager.dialog import ModelManager
        from app.model_manager.shelf_state import ShelfState

        if self._shelf is None:
            self._shelf = ShelfState(self.window.services, self)
            self._shelf.failed.connect(self._tell_where_seen)
        dialog = ModelManager(self.window.services, self._shelf, system, self.window)
        dialog.wanted.connect(self._use_model)
        self.open_dialog("models", dialog)

    def _tell_where_seen(self, error: UserError, _name: str) -> None:
        """What went wrong with a model while its window is closed is said in the tab in front."""
        if self.opened("models") is None and self.window.current is not None:
            self.window.current.show_error(error)

    def _use_model(self, system: str, name: str) -> None:
        self.window.show_tab(system).choose_model(name)

    def show_log(self) -> None:
        """Open the window of the log, or bring it to the front."""
        from app.log_window import LogWindow

        if "log" in self._windows:
            self._windows["log"].raise_()
            self._windows["log"].activateWindow()
            return
        self.open_dialog("log", LogWindow(self.window))

    def show_report(self, path: Path) -> None:
        """Show a crash report as text, or why it cannot be read."""
        from app.about import TextWindow

        try:
            text = path.read_text("utf-8", "replace")
        except OSError as error:
            text = str(error)
        self.open_dialog("report", TextWindow(tr("Report"), text, self.window))

    def show_shortcuts(self) -> None:
        """Open the window of the keys, those of the tab in front included."""
        from app.about import ShortcutsWindow
        from app.help import help_of

        training = self.window.shows_training
        place = "training" if training else self.window.system
        title = tr("Training") if training else systems.entry(place).title()
        window = ShortcutsWindow(self.window.actions(), title, help_of(place), self.window)
        self.open_dialog("shortcuts", window)

    def show_documentation(self) -> None:
        """Open the window with the documentation that ships; only one is open at a time."""
        from app.documentation import Documentation

        self.open_dialog("documentation", Documentation(self.window))

    def copy_diagnostics(self) -> None:
        """Onto the clipboard, and shown: a person sees what they would send."""
        from app.about import TextWindow
        from app.diagnostics import diagnostics

        text = diagnostics(self.window.services)
        QApplication.clipboard().setText(text)
        self.open_dialog("diagnostics", TextWindow(tr("Diagnostics (copied)"), text, self.window))

    def show_about(self) -> None:
        """Open the window that says which version this is and whose work it holds."""
        from app.about import AboutWindow

        self.open_dialog("about", AboutWindow(self.window))

    def opened(self, name: str) -> QWidget | None:
        """The dialog of that name (``settings``, ``log``, ``about`` …), while it is open."""
        return self._windows.get(name)

    def open_dialog(self, name: str, dialog: QWidget) -> None:
        """Show a dialog without blocking, one of a name at a time; it is deleted when it is closed."""
        from PySide6.QtWidgets import QDialog

        assert isinstance(dialog, QDialog)
        before = self._windows.pop(name, None)
        if before is not None:
            before.close()
        self._windows[name] = dialog
        dialog.finished.connect(lambda _result: self._forget(name, dialog))
        dialog.show()

    def _forget(self, name: str, dialog: QWidget) -> None:
        if self._windows.get(name) is dialog:
            del self._windows[name]
        dialog.deleteLater()
