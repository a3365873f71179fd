"""Every window that opens over the main one, and what the main one says at its start, for `tools/screenshots.py`."""

from __future__ import annotations

import asyncio
import importlib
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QPainter, QPixmap
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from app.i18n import tr

if TYPE_CHECKING:
    from app.main_window import MainWindow
    from app.tabs.eeg.tab import EegTab
    from app.tabs.search.tab import SearchTab
    from app.tabs.separation.tab import SeparationTab

OPENED_S = 20.0  # no dialog takes longer to open
FILLED_S = 1.2  # what it asks of a worker has come by then
SHADE = QColor(0, 0, 0, 70)  # over the window, so that the dialog is told from it

Open = Callable[["MainWindow"], object]


def settings(window: MainWindow) -> None:
    """The settings."""
    window.menus.show_settings()


def models(window: MainWindow) -> None:
    """The model manager, at terms that are told before a download."""
    window.menus.show_models("separation")


def about(window: MainWindow) -> None:
    """Which version this is, and the licences."""
    window.menus.show_about()


def shortcuts(window: MainWindow) -> None:
    """The keys, those of the tab in front included."""
    window.menus.show_shortcuts()


def documentation(window: MainWindow) -> None:
    """The pages that ship."""
    window.menus.show_documentation()


def log(window: MainWindow) -> None:
    """The log."""
    window.menus.show_log()


def diagnostics(window: MainWindow) -> None:
    """What is copied for a report."""
    window.menus.copy_diagnostics()


def crash(window: MainWindow) -> None:
    """As an error of ours is told, with the trace of a real one."""
    from app.errors import CrashDialog, describe, write_report

    try:
        next(iter([]))
    except StopIteration as error:
        text = describe(error)
        CrashDialog(error, text, write_report(text), window).open()


def unsaved(window: MainWindow) -> None:
    """The question before what is open is left for another workspace."""
    from app.workspace.leaving import ask_about_unsaved

    ask_about_unsaved(window, lambda: None, lambda: None)


def work_under_way(window: MainWindow) -> None:
    """The question on closing while something is computed."""
    from app.ending import WORTH_ASKING_S, ask_about_work

    with window.services.task(tr("Separating a folder")) as task:
        task.began = time.monotonic() - 2 * WORTH_ASKING_S
        task.update(3, 10)
        ask_about_work([task], window, lambda: None, lambda: None)


def delete_run(window: MainWindow) -> None:
    """The question before a run goes to the trash."""
    assert window.training is not None
    window.training.actions_of_run.ask_delete()


def remove_tracks(window: MainWindow) -> None:
    """The question before the tracks of earlier separations go."""
    cast("SeparationTab", window.show_tab("separation")).kept._ask()


def pictures_left_out(window: MainWindow) -> None:
    """Which files an index has left out, and why."""
    from app.i18n import tr_error
    from app.tabs.search.skipped import SkippedWindow
    from models.errors import UserError
    from models.search import pictures

    tab = cast("SearchTab", window.show_tab("search"))
    rows = []
    for number, name in enumerate(("holiday.jpg", "scan 12.tif")):
        path = Path(os.environ["POLYPHONY_HOME"]) / name
        path.write_bytes(b"\x89PNG\r\n\x1a\n"[: 8 * number])
        try:
            pictures.read(path)
        except UserError as error:
            rows.append((str(path), " ".join(filter(None, tr_error(error)))))
    SkippedWindow(rows, tab).show()


def watched_folders(window: MainWindow) -> None:
    """The folders of an index."""
    from app.tabs.search.folders import FoldersWindow

    tab = cast("SearchTab", window.show_tab("search"))
    FoldersWindow(tab, tab.search.session, tab.search.indexing).open()


def new_run(window: MainWindow, system: str) -> None:
    """The form of a new run."""
    window.services.training.launch(system)


OPENING: tuple[Open, ...] = (
    settings,
    models,
    about,
    shortcuts,
    documentation,
    log,
    diagnostics,
    crash,
    unsaved,
    work_under_way,
    delete_run,
    remove_tracks,
    pictures_left_out,
    watched_folders,
)


async def dialogs(window: MainWindow) -> AsyncIterator[tuple[str, QDialog]]:
    """Opens each over the window and closes it again; the form of a new run for every system."""
    from app import systems

    openers = {function.__name__.replace("_", "-"): function for function in OPENING}
    for system in systems.NAMES:
        openers[f"new-run-{system}"] = partial(new_run, system=system)
    for name, opening in openers.items():
        before = shown()
        opening(window)
        end = time.monotonic() + OPENED_S
        while not (new := [dialog for dialog in shown() if dialog not in before]):
            if time.monotonic() > end:
                raise TimeoutError(f"{name} did not open")
            await asyncio.sleep(0.05)
        await asyncio.sleep(FILLED_S)
        yield f"dialog-{name}", new[0]
        new[0].reject()
        await asyncio.sleep(0.1)


def shown() -> list[QDialog]:
    """The dialogs that are open."""
    return [item for item in QApplication.topLevelWidgets() if isinstance(item, QDialog) and item.isVisible()]


def over(window: QWidget, dialog: QWidget) -> QPixmap:
    """The dialog in the middle of the window, as it opens."""
    picture = window.grab()
    front = dialog.grab()
    painter = QPainter(picture)
    painter.fillRect(window.rect(), SHADE)
    place = window.rect().center() - QPoint(dialog.width() // 2, dialog.height() // 2)
    painter.drawPixmap(place, front)
    painter.setPen(Qt.GlobalColor.darkGray)
    painter.drawRect(place.x() - 1, place.y() - 1, dialog.width() + 1, dialog.height() + 1)
    painter.end()
    return picture


async def beginnings(window: MainWindow) -> AsyncIterator[str]:
    """What a tab says when it is shown for the first time, and what is said after a start that did not end well."""
    from app import systems
    from app.errors import crash_folder
    from app.greeting import greet, introduce
    from app.settings import Key

    for system in systems.NAMES:
        tab = window.show_tab(system)
        tab.clear_messages()
        introduce(window.services, tab)
        await asyncio.sleep(0.2)
        yield f"first-{system}"
        tab.clear_messages()
    tab = window.show_tab(systems.NAMES[0])
    with vanished(crash_folder()):
        window.services.settings.set(Key.ENDED_WHILE, [tr("Separating a folder")])
        greet(window.services, window.menus, tab)
        await asyncio.sleep(0.2)
        yield "after-a-crash"
    tab.clear_messages()


async def gone_through(window: MainWindow) -> AsyncIterator[str]:
    """A folder of BIDS in EEG, whose recordings are chosen one by one."""
    place = Path(os.environ["POLYPHONY_HOME"]) / "study"
    if not place.exists():
        write = importlib.import_module("tests.models.eeg.test_eeg_bids").write_tree
        write(place)
    tab = cast("EegTab", window.show_tab("eeg"))
    tab.accept_paths([place])
    end = time.monotonic() + OPENED_S
    while tab.recording.bids.isHidden() or tab.is_busy or tab.services.tasks:
        if time.monotonic() > end:
            raise TimeoutError("the folder of BIDS did not open")
        await asyncio.sleep(0.05)
    yield "eeg-bids"
    tab.clear_messages()


@contextmanager
def vanished(folder: Path) -> Iterator[None]:
    """The mark of a process that ended without a word."""
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / "running-0.txt"
    mark.write_text('{"pid": 0, "started": 0}\n', "utf-8")
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)
