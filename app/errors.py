"""Where errors end: a person's own in the tab they concern, ours in a dialog that lets the window live on."""

from __future__ import annotations

import contextlib
import faulthandler
import json
import logging
import os
import platform
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.i18n import tr
from models.progress import Cancelled
from models.resources import home

if TYPE_CHECKING:
    import asyncio

log = logging.getLogger("polyphony")

SAME_AGAIN_S = 10.0  # an error from the same line within so long is counted, not shown anew


def crash_folder() -> Path:
    """Where reports of crashes are kept, a file each."""
    return home() / "crashes"


class Errors(QObject):
    """Takes every exception that nobody caught: writes a report, logs it, shows the dialog.

    `report` may be called from any thread. `shown` counts the errors of this process.
    """

    happened = Signal(
        object, str
    )  # the exception, the path of its report (empty where none could be written)
    _arrived = Signal(object)

    def __init__(self, parent: QObject | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(parent)
        self.count = 0
        self.clock = clock
        self._dialog: CrashDialog | None = None
        self._marker: TextIO | None = None
        self._hooks: tuple[Any, Any] | None = None
        self._told: dict[tuple[object, ...], float] = {}  # when an error of one place was shown last
        self._arrived.connect(self._show, Qt.ConnectionType.QueuedConnection)

    def install(self) -> None:
        """Become the last resort of the interpreter and of its threads, until `uninstall`."""
        self._hooks = (sys.excepthook, threading.excepthook)
        sys.excepthook = self._from_interpreter
        threading.excepthook = self._from_thread

    def uninstall(self) -> None:
        """Let Python's own hooks report errors again."""
        if self._hooks is not None:
            sys.excepthook, threading.excepthook = self._hooks
            self._hooks = None

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hear of what goes wrong in tasks that nobody awaits."""
        loop.set_exception_handler(self._from_loop)

    def report(self, error: BaseException) -> None:
        """An error of ours. From any thread."""
        self._arrived.emit(error)

    # Where they come from ---------------------------------------------------------------------------------

    def _from_interpreter(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
        elif not issubclass(kind, Cancelled):
            self.report(error.with_traceback(trace))

    def _from_thread(self, arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None and not isinstance(arguments.exc_value, (Cancelled, SystemExit)):
            self.report(arguments.exc_value)

    def _from_loop(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is None:
            log.warning("event loop: %s", context.get("message"))
        elif not isinstance(error, Cancelled):
            self.report(error)

    # Where they end ---------------------------------------------------------------------------------------

    @Slot(object)
    def _show(self, error: BaseException) -> None:
        self.count += 1
        place, now = _place_of(error), self.clock()
        again = now - self._told.get(place, float("-inf")) < SAME_AGAIN_S
        self._told[place] = now
        if again:  # a timer that fails at each turn must not fill the screen and the disk
            log.error("again: %s", "".join(traceback.format_exception_only(error)).strip())
            if self._dialog is not None:
                self._dialog.add("")
            return
        text = describe(error)
        log.error("%s", text)
        path = write_report(text)
        self.happened.emit(error, str(path or ""))
        if self._dialog is not None:
            self._dialog.add(text)
            return
        self._dialog = CrashDialog(error, text, path, QApplication.activeWindow())
        self._dialog.finished.connect(self._forget_dialog)
        self._dialog.open()

    def _forget_dialog(self) -> None:
        if self._dialog is not None:
            self._dialog.deleteLater()
            self._dialog = None

    # The process that vanishes ----------------------------------------------------------------------------

    def mark_running(self) -> None:
        """Leave a file that only a clean exit removes; a hard crash writes its stack into it."""
        try:
            crash_folder().mkdir(parents=True, exist_ok=True)
            marker = open(_marker_path(os.getpid()), "w", encoding="utf-8")  # noqa: SIM115
        except (OSError, ValueError) as error:
            log.warning("no crash reports can be written: %s", error)
            return
        self._marker = marker
        try:
            marker.write(json.dumps({"pid": os.getpid(), "started": time.time()}) + "\n")
            marker.flush()
        except OSError as error:  # a full disk: the window opens all the same, and says so
            log.warning("no crash reports can be written: %s", error)
            self.mark_clean()
            return
        faulthandler.enable(marker)

    def mark_clean(self) -> None:
        """This run ends as it should: its marker goes, so that the next start does not speak of a crash."""
        if self._marker is None:
            return
        faulthandler.disable()
        with contextlib.suppress(OSError):  # what could not be written cannot be flushed either
            self._marker.close()
        self._marker = None
        with contextlib.suppress(OSError):
            _marker_path(os.getpid()).unlink(missing_ok=True)


def unclean_exits() -> list[Path]:
    """Reports of earlier processes that vanished without a word. Each is told once: it is renamed here."""
    import psutil

    result = []
    for path in _markers():
        try:
            first, _, stack = path.read_text("utf-8", "replace").partition("\n")
            marker = json.loads(first or "{}")
            pid, started = int(marker.get("pid", 0)), float(marker.get("started", 0.0))
            lives = pid == os.getpid() or (
                psutil.pid_exists(pid) and psutil.Process(pid).create_time() <= started + 1.0
            )
        except (OSError, ValueError, TypeError, AttributeError, psutil.Error):
            lives, started, stack = False, 0.0, ""
        if lives:
            continue
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(started)) if started else "?"
        target = path.with_name(f"exit-{path.stem.removeprefix('running-')}-{int(started)}.txt")
        words = stack.strip() or "No stack was left: the process was killed, or the machine went down."
        try:
            target.write_text(f"Started {when}, did not end by itself.\n{machine()}\n\n{words}\n", "utf-8")
            path.unlink()
        except OSError as error:
            log.warning("%s: %s", path, error)
            continue
        result.append(target)
    return result


def _markers() -> list[Path]:
    try:
        return sorted(crash_folder().glob("running-*.txt"))
    except (OSError, ValueError):
        return []


def describe(error: BaseException) -> str:
    """Everything a person should send along: machine, versions, traceback."""
    trace = "".join(traceback.format_exception(error))
    return f"{time.strftime('%Y-%m-%d %H:%M:%S')}\n{machine()}\n\n{trace}"


def machine() -> str:
    """Versions of the program and its libraries, the system and the processor, a line each: for a crash report."""
    from importlib import metadata

    versions = []
    for name in ("polyphony", "PySide6-Essentials", "torch", "numpy"):
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return f"{platform.platform()} · Python {platform.python_version()} · {', '.join(versions)}"


def write_report(text: str) -> Path | None:
    """Keep the report under the person's folder; None where that cannot be."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    try:
        crash_folder().mkdir(parents=True, exist_ok=True)
        number = 1
        while (path := crash_folder() / f"error-{stamp}-{number}.txt").exists():
            number += 1
        path.write_text(text, "utf-8")
    except (OSError, ValueError) as error:
        log.warning("the report could not be written: %s", error)
        return None
    return path


def _place_of(error: BaseException) -> tuple[object, ...]:
    """What tells one error from another: its kind, and the line that raised it."""
    last = traceback.extract_tb(error.__traceback__, limit=-1)
    return (type(error), *((last[0].filename, last[0].lineno) if last else (str(error),)))


def _marker_path(pid: int) -> Path:
    return crash_folder() / f"running-{pid}.txt"


class CrashDialog(QDialog):
    """Says that something of ours went wrong, with the details to copy. The window goes on behind it."""

    def __init__(self, error: BaseException, text: str, path: Path | None, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Something went wrong"))
        self.setMinimumSize(560, 360)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.LARGE, theme.LARGE, theme.LARGE, theme.MEDIUM)
        layout.setSpacing(theme.SMALL)
        heading = QLabel(tr("An error in Polyphony"))
        heading.setProperty("role", "title")
        words = QLabel(
            tr("What you were doing may not be finished. The window goes on, and nothing was lost from disk.")
        )
        words.setWordWrap(True)
        summary = QLabel(": ".join(filter(None, (type(error).__name__, str(error)[:300]))))
        summary.setWordWrap(True)
        summary.setTextFormat(Qt.TextFormat.PlainText)
        self.details = QPlainTextEdit(text)
        self.details.setReadOnly(True)
        self.details.setFont(theme.fixed_font())
        self.details.setAccessibleName(tr("Details of the error"))
        where = QLabel(tr("Kept in {path}", path=path) if path else "")
        where.setProperty("role", "hint")
        where.setWordWrap(True)
        where.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        for widget in (heading, words, summary, self.details, where):
            layout.addWidget(widget, 1 if widget is self.details else 0)
        row = QHBoxLayout()
        self.count = QLabel()
        self.count.setProperty("role", "hint")
        buttons = QDialogButtonBox()
        self.copy_button = buttons.addButton(tr("Copy details"), QDialogButtonBox.ButtonRole.ActionRole)
        self.close_button = buttons.addButton(tr("Go on"), QDialogButtonBox.ButtonRole.RejectRole)
        self.copy_button.clicked.connect(self._copy)
        buttons.rejected.connect(self.accept)
        self.close_button.setDefault(True)
        row.addWidget(self.count, 1)
        row.addWidget(buttons)
        layout.addLayout(row)
        self._errors = 1

    def add(self, text: str) -> None:
        """One more, while the dialog is still open."""
        self._errors += 1
        if text and self._errors <= 20:  # an error a frame must not fill the memory
            self.details.appendPlainText("\n" + text)
        self.count.setText(tr("{n} errors", n=self._errors))

    def _copy(self) -> None:
        QApplication.clipboard().setText(self.details.toPlainText())
        self.copy_button.setText(tr("Copied"))
