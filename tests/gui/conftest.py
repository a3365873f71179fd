"""For every test of the window: a theme and language that are known, services, a loop, and nothing left behind."""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import os
import threading
import time
from multiprocessing import resource_tracker

from tests.screens import platform

if os.environ.get("QT_QPA_PLATFORM", "offscreen") == "offscreen":
    os.environ["QT_QPA_PLATFORM"] = platform(2560, 1440)  # Qt's own is 800 × 800, smaller than any desk has

import psutil
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QTimer

PATIENCE_MS = 60_000


@pytest.fixture(scope="session")
def qapp_args():
    return ["polyphony-tests"]


@pytest.fixture
def qtbot(qtbot):
    """pytest-qt's, which waits a minute at the least: a test that passes waits for what happens, a busy machine is no fault,
    and a test that gave up would leave work behind that the next one stumbles over."""

    def patient(wait):
        @functools.wraps(wait)
        def waiting(*arguments, timeout=PATIENCE_MS, **more):
            return wait(*arguments, timeout=max(timeout, PATIENCE_MS), **more)

        return waiting

    for name in ("waitUntil", "waitSignal", "waitSignals", "waitExposed", "waitCallback"):
        setattr(qtbot, name, patient(getattr(qtbot, name)))
    return qtbot


@pytest.fixture(autouse=True, scope="session")
def garbage_stays_here():
    """As in the program: no other thread collects garbage, for it would destroy Qt objects of this one."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(autouse=True)
def plain_application(qapp, own_home):
    """English, the light theme, our font; back to that after each test."""
    from app import i18n, theme

    i18n.install("en")
    i18n.install_qt(qapp)
    theme.use_font(qapp)
    if theme.current() is not theme.LIGHT or qapp.style().name() != "fusion" or not qapp.styleSheet():
        theme.apply(qapp, "light")
    yield qapp
    i18n.install("en")
    i18n.install_qt(qapp)
    if theme.current() is not theme.LIGHT:
        theme.apply(qapp, "light")


def settle(qapp) -> None:
    """Let queued signals arrive and deleted objects go."""
    for _ in range(3):
        qapp.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture(autouse=True)
def nothing_left(qapp, plain_application):
    """A test that leaves a thread, a running timer, a child process or a top-level widget behind fails."""
    threads = set(threading.enumerate())
    children = {child.pid for child in psutil.Process().children(recursive=True)}
    widgets = {id(widget) for widget in qapp.topLevelWidgets()}
    handlers = list(logging.getLogger().handlers)
    yield
    settle(qapp)
    deadline = time.monotonic() + 3.0
    while time.monotonic() < deadline and _new_threads(threads):
        settle(qapp)
        time.sleep(0.01)
    gc.collect()
    settle(qapp)
    left = [widget for widget in qapp.topLevelWidgets() if id(widget) not in widgets]
    timers = [timer for widget in left for timer in widget.findChildren(QTimer) if timer.isActive()]
    children.add(
        resource_tracker._resource_tracker._pid
    )  # multiprocessing's own, started once for the process
    alive = [child for child in psutil.Process().children(recursive=True) if child.pid not in children]
    logging.getLogger().handlers[:] = handlers
    problems = []
    if _new_threads(threads):
        problems.append(f"threads: {_new_threads(threads)}")
    if alive:
        problems.append(f"child processes: {alive}")
        for child in alive:
            child.kill()
    if timers:
        problems.append(f"timers: {timers}")
    if left:
        problems.append(f"widgets: {left}")
        for widget in left:
            widget.deleteLater()
    assert not problems, "left behind: " + "; ".join(problems)


def _new_threads(before: set[threading.Thread]) -> list[threading.Thread]:
    ours = ("asyncio_", "ThreadPoolExecutor")
    return [
        thread
        for thread in threading.enumerate()
        if thread not in before
        and not thread.name.startswith(ours)
        and "tqdm" not in type(thread).__name__.lower()
    ]


@pytest.fixture
def loop(qapp):
    """An asyncio loop inside Qt's: coroutines proceed whenever the test lets Qt work (``qtbot.waitUntil``)."""
    from qasync import QEventLoop

    made = QEventLoop(qapp)
    made._before_run_forever()
    asyncio.events._set_running_loop(made)
    yield made
    for task in asyncio.all_tasks(made):
        task.cancel()
    settle(qapp)
    asyncio.events._set_running_loop(None)
    made._after_run_forever()
    made.close()


@pytest.fixture
def services(loop, own_home):
    """Shared services with settings of the test's own; their workers end with the test."""
    from app.services import Services

    made = Services()
    made.errors.watch(loop)
    yield made
    made.close_workers(2.0)
    made.deleteLater()


@pytest.fixture
def crashes(services, monkeypatch):
    """What reached the crash dialog; the dialog itself is not shown."""
    from app.errors import Errors

    caught: list[BaseException] = []
    monkeypatch.setattr(Errors, "_show", lambda self, error: caught.append(error))
    services.errors._arrived.disconnect()
    services.errors._arrived.connect(caught.append)
    return caught


@pytest.fixture
def window(services, qtbot, crashes):
    """The window on the EEG tab, painted and filled."""
    from app.main_window import MainWindow

    made = MainWindow(services, "eeg")
    with qtbot.waitSignal(made.filled):
        made.show()
    yield made
    if made.isVisible():
        close_window(qtbot, made)
    made.deleteLater()


def close_window(qtbot, window) -> None:
    """Close it as a person does and wait until it is gone."""
    with qtbot.waitSignal(window.closed):
        window.close()


@pytest.fixture
def named(qapp):
    """``named(window, QPushButton, "Train…")``: the visible child of a kind with these words."""

    def find(parent: QObject, kind: type, words: str):
        result = [
            child
            for child in parent.findChildren(kind)
            if child.isVisible()
            and (getattr(child, "text", lambda: "")() == words or child.accessibleName() == words)
        ]
        assert result, f"no {kind.__name__} {words!r}"
        return result[0]

    return find
