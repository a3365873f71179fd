"""Help where it hurts: the documentation without a network, diagnostics to copy."""

from pathlib import Path

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtWidgets import QApplication

from app import documentation
from app.diagnostics import diagnostics
from app.errors import write_report
from models.resources import docs_folder


@pytest.fixture
def window(qtbot):
    made = documentation.Documentation()
    qtbot.addWidget(made)
    made.show()
    return made


def test_every_page_opens_and_its_pictures_are_found(window):
    names = []
    for row in range(window.list.count()):
        window.list.setCurrentRow(row)
        assert len(window.page.toPlainText()) > 200
        QApplication.processEvents()
        if "notebook" not in window.list.currentItem().text():  # whose lines of code are not broken
            assert window.page.horizontalScrollBar().maximum() == 0, window.list.currentItem().text()
        names.append(window.list.currentItem().text())
    assert len(names) == len(set(names)) == len(list(docs_folder().glob("*.md")))
    picture = next(docs_folder().glob("*.png"))
    image = window.page.loadResource(2, QUrl(picture.name))
    assert 0 < image.width() <= window.page.viewport().width()
    assert window.page.loadResource(2, QUrl("../LICENSE")) is None


def test_a_link_to_another_page_opens_it(window):
    window.page.anchorClicked.emit(QUrl("glossary.md#words"))
    assert window.list.currentItem().text() == documentation.title_of(docs_folder() / "glossary.md")


def test_diagnostics_say_what_a_report_needs_and_no_name(services, own_home):
    write_report("Traceback: the newest error")
    services.errors.count = 1
    text = diagnostics(services)
    for words in (
        "Polyphony ",
        "Python ",
        "free:",
        "offline: True",
        "the newest error",
        "Errors in this run: 1",
    ):
        assert words in text
    assert str(Path.home()) not in text


def test_they_are_copied_and_shown(services, qtbot):
    from app.main_window import MainWindow

    made = MainWindow(services)
    qtbot.addWidget(made)
    made.menus.copy_diagnostics()
    shown = made.menus.opened("diagnostics").text.toPlainText()
    assert QApplication.clipboard().text() == shown
    made.menus.opened("diagnostics").close()
    made.menus.show_documentation()
    made.menus.opened("documentation").close()
