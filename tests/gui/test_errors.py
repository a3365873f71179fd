"""Where errors end: the tab, the dialog, the report, the next start."""

import json
import logging
import sys
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton

from app import errors as errors_module
from app.errors import Errors, crash_folder, unclean_exits
from app.log_window import LogLines, LogWindow, keep_log
from app.tabs.base import Tab
from app.widgets.message_bar import MessageBar
from models.errors import UserError
from models.progress import Cancelled


@pytest.fixture
def hub(qapp):
    made = Errors()
    yield made
    if made._dialog is not None:
        made._dialog.close()
    made.uninstall()
    made.deleteLater()


def test_an_error_of_ours_gets_a_dialog_and_a_report_and_the_window_lives_on(hub, qtbot):
    hub.report(ValueError("the third kind"))
    qtbot.waitUntil(lambda: hub._dialog is not None)
    dialog = hub._dialog
    assert dialog.isVisible()
    assert "the third kind" in dialog.details.toPlainText()
    dialog.copy_button.click()
    assert "the third kind" in QApplication.clipboard().text()
    reports = list(crash_folder().glob("error-*.txt"))
    assert len(reports) == 1
    assert "ValueError: the third kind" in reports[0].read_text("utf-8")
    hub.report(KeyError("another"))
    qtbot.waitUntil(lambda: hub.count == 2)
    assert hub._dialog is dialog
    assert "another" in dialog.details.toPlainText()
    dialog.close_button.click()
    assert hub._dialog is None


def test_every_way_an_error_can_escape_ends_in_the_same_place(hub, qtbot, loop):
    seen = []
    hub._arrived.disconnect()
    hub._arrived.connect(seen.append, Qt.ConnectionType.QueuedConnection)
    hub.install()
    hub.watch(loop)

    sys.excepthook(RuntimeError, RuntimeError("interpreter"), None)
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()

    loop.call_exception_handler({"message": "never awaited", "exception": LookupError("task")})
    qtbot.waitUntil(lambda: len(seen) == 3)
    assert [type(error) for error in seen] == [RuntimeError, ZeroDivisionError, LookupError]


def test_cancelling_is_no_error(hub, qtbot, qapp):
    seen = []
    hub._arrived.connect(seen.append)
    hub.install()
    sys.excepthook(Cancelled, Cancelled(), None)
    qapp.processEvents()
    assert seen == []


def test_a_report_that_cannot_be_written_does_not_stop_the_dialog(hub, qtbot, own_home):
    own_home.write_text("a file where the folder should be")
    hub.report(ValueError("x"))
    qtbot.waitUntil(lambda: hub._dialog is not None)
    assert hub._dialog.isVisible()


def test_a_clean_exit_leaves_no_marker_and_an_unclean_one_is_told_once(hub):
    hub.mark_running()
    marker = next(crash_folder().glob("running-*.txt"))
    assert unclean_exits() == []
    hub.mark_clean()
    assert not marker.exists()
    vanished = crash_folder() / "running-999999.txt"
    vanished.write_text(
        json.dumps({"pid": 999999, "started": 1.0}) + "\nFatal Python error: Segmentation fault\n"
    )
    broken = crash_folder() / "running-12.txt"
    broken.write_text("not json at all")
    reports = unclean_exits()
    assert len(reports) == 2
    assert any("Segmentation fault" in path.read_text("utf-8") for path in reports)
    assert unclean_exits() == []


def test_a_users_error_is_shown_in_the_tab_with_its_remedy(services, qtbot, crashes):
    tab = Tab(services)
    qtbot.addWidget(tab)
    tab.show()

    async def fail():
        raise UserError("{name} is empty.", "The file has no bytes.", "Copy it again.", name="a.wav")

    tab.start(fail())
    qtbot.waitUntil(lambda: len(tab.messages.messages) == 1)
    message = tab.messages.messages[0]
    assert message.level == "error"
    assert message.heading == "a.wav is empty."
    assert message.text == "The file has no bytes. Copy it again."
    assert "a.wav" in message.accessibleName()
    assert crashes == []


def test_an_error_of_ours_in_a_tab_goes_to_the_dialog(services, qtbot, crashes):
    tab = Tab(services)
    qtbot.addWidget(tab)

    async def fail():
        raise TypeError("ours")

    async def give_up():
        raise Cancelled

    tab.start(give_up())
    tab.start(fail())
    qtbot.waitUntil(lambda: bool(crashes))
    assert [type(error) for error in crashes] == [TypeError]
    assert tab.messages.messages == []


def test_messages_replace_act_and_go(qtbot):
    bar = MessageBar()
    qtbot.addWidget(bar)
    pressed = []
    bar.show_message("hint", "First", key="a")
    bar.show_message("warning", "Second", [("Do it", lambda: pressed.append(1))], key="a")
    assert [message.heading for message in bar.messages] == ["Second"]
    qtbot.mouseClick(bar.findChild(QPushButton), Qt.MouseButton.LeftButton)
    assert pressed == [1]
    assert bar.messages == []
    assert bar.isHidden()
    for number in range(5):
        bar.show_message("hint", str(number))
    assert [message.heading for message in bar.messages] == ["4", "3", "2"]
    qtbot.keyClick(bar, Qt.Key.Key_Escape)
    assert [message.heading for message in bar.messages] == ["3", "2"]


def test_the_log_is_bounded_followed_and_saved(qtbot, tmp_path):
    lines = LogLines(most=3)
    logger = logging.getLogger("polyphony.test")
    logger.setLevel(logging.INFO)
    logger.addHandler(lines)
    for number in range(5):
        logger.info("line %s", number)
    logger.removeHandler(lines)
    assert lines.total == 5
    assert [line.split()[-1] for line in lines.since(0)] == ["2", "3", "4"]
    assert [line.split()[-1] for line in lines.since(4)] == ["4"]
    keep_log()
    window = LogWindow()
    qtbot.addWidget(window)
    logging.getLogger("polyphony").warning("seen in the window")
    window.refresh()
    assert "seen in the window" in window.text.toPlainText()
    window.save(tmp_path / "log.txt")
    assert "seen in the window" in (tmp_path / "log.txt").read_text("utf-8")
    window.close()


def test_machine_names_versions():
    words = errors_module.machine()
    assert "Python" in words
    assert "PySide6" in words


def test_describe_holds_the_traceback():
    try:
        raise ValueError("deep")
    except ValueError as error:
        text = errors_module.describe(error)
    assert "deep" in text
    assert Path(__file__).name in text


def test_one_line_that_fails_at_each_turn_is_shown_and_reported_once(qtbot, own_home, caplog):
    now = [0.0]
    hub = Errors(clock=lambda: now[0])

    def fail():
        try:
            raise RuntimeError("at each turn")
        except RuntimeError as error:
            hub._show(error)

    for _ in range(50):
        fail()
    assert hub.count == 50
    assert len(list(crash_folder().glob("error-*"))) == 1
    hub._dialog.accept()
    fail()
    assert hub._dialog is None, "closed, it does not come up again at once"
    now[0] += 60
    fail()
    assert hub._dialog is not None, "later it may be told again"
    hub._dialog.accept()
    hub.deleteLater()


def test_a_disk_that_fills_up_costs_the_report_and_nothing_else(own_home, monkeypatch, caplog):
    class Full:
        def write(self, _text):
            raise OSError(28, "No space left on device")

        def close(self):
            raise OSError(28, "No space left on device")

    hub = Errors()
    with monkeypatch.context() as patch:
        patch.setattr("builtins.open", lambda *_arguments, **_more: Full())
        hub.mark_running()
        hub.mark_clean()
    assert "no crash reports can be written" in caplog.text
    hub.mark_running()
    assert hub._marker is not None, "with room again there is a report again"
    hub.mark_clean()
    hub.deleteLater()
