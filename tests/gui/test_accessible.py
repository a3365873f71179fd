"""What a screen reader is told: names of all controls, in the window, its tabs and its dialogs, and words for pictures."""

import pytest
from PySide6.QtGui import QAccessible

from app import systems
from app.about import AboutWindow, TextWindow
from app.documentation import Documentation
from app.main_window import MainWindow
from app.model_manager.dialog import ModelManager
from app.model_manager.shelf_state import ShelfState
from app.settings_dialog import SettingsDialog
from app.widgets.pictures import Picture
from app.widgets.plot import Plot

R = QAccessible.Role
CONTROLS = {
    R.Button,
    R.CheckBox,
    R.RadioButton,
    R.ComboBox,
    R.EditableText,
    R.SpinBox,
    R.Slider,
    R.Table,
    R.Tree,
    R.List,
}


def nameless(widget):
    """Controls below `widget` that a person can see, that a screen reader has no name for."""
    result = []

    def walk(item, path):
        if item is None or not item.isValid() or item.state().invisible:
            return
        made = item.object()
        here = f"{path}/{type(made).__name__}"
        named = item.text(QAccessible.Text.Name).strip() or item.text(QAccessible.Text.Description).strip()
        inside = path.endswith(
            ("QSpinBox", "QDoubleSpinBox", "QComboBox", "ElidedCombo")
        )  # a part of a named one
        if item.role() in CONTROLS and made is not None and not named and not inside:
            result.append(f"{here} ({made.objectName()})")
        if item.role() in (R.Table, R.Tree, R.List):
            return  # its cells are words
        for index in range(item.childCount()):
            walk(item.child(index), here)

    walk(QAccessible.queryAccessibleInterface(widget), "")
    return sorted(set(result))


def described(widget):
    """What a screen reader is told of the widget's content."""
    return QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Description).strip()


@pytest.fixture
def window(services, qtbot):
    made = MainWindow(services)
    with qtbot.waitSignal(made.filled):
        made.show()
    yield made
    workers = services._workers.values()  # what was shown began to load
    qtbot.waitUntil(lambda: not services.tasks and not any(worker.busy for worker in workers), timeout=60_000)
    with qtbot.waitSignal(made.closed, timeout=20_000):
        made.closing.go()
    made.deleteLater()


def test_every_control_of_every_page_has_a_name_and_every_picture_words(window, qtbot):
    result, seen = {}, []
    for system in systems.NAMES:
        tab = window.show_tab(system)
        for key in list(tab.pages):
            tab.choice.choose(key)
            names = nameless(window)
            seen += [
                widget for kind in (Plot, Picture) for widget in tab.findChildren(kind) if widget.isVisible()
            ]
            if names:
                result[f"{system} {key}"] = names
    window.open_dock(True)
    window.show_training()
    if names := nameless(window):
        result["training"] = names
    assert result == {}
    assert len(seen) > 10
    qtbot.waitUntil(lambda: all(described(widget) for widget in seen), timeout=5000)


def test_every_control_of_the_dialogs_has_a_name(services, qtbot):
    for dialog in (
        SettingsDialog(services),
        ModelManager(services, ShelfState(services)),
        Documentation(),
        AboutWindow(),
        TextWindow("Report", "text"),
    ):
        qtbot.addWidget(dialog)
        dialog.show()
        assert nameless(dialog) == [], type(dialog).__name__
    qtbot.waitUntil(lambda: not services.worker("models").busy, timeout=20_000)


def test_the_walk_finds_what_has_no_name(qtbot):
    from PySide6.QtWidgets import QLineEdit, QPushButton, QVBoxLayout, QWidget

    made = QWidget()
    qtbot.addWidget(made)
    column = QVBoxLayout(made)
    column.addWidget(QLineEdit())
    column.addWidget(QPushButton("Go"))
    made.show()
    assert len(nameless(made)) == 1
