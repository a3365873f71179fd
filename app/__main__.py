"""``python -m app [--tab NAME] [FILE …]``, or the command ``polyphony``, opens the window."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QApplication

from app import i18n, motion, systems, theme
from app.end_signals import EndSignals
from app.errors import Errors
from app.garbage import GuiCollector
from app.log_window import keep_log
from app.main_window import MainWindow
from app.services import Services
from app.settings import Settings
from app.wheel import WheelGuard
from models.resources import version

if TYPE_CHECKING:
    from app.tabs.base import Tab


def main(arguments: list[str] | None = None) -> int:
    """Runs until the window is closed; returns the exit code."""
    chosen = _parse(sys.argv[1:] if arguments is None else arguments)
    if not chosen.selftest:
        return _open(chosen)
    from app.selftest import own_home

    with own_home():
        return _open(chosen)


def _open(chosen: argparse.Namespace) -> int:
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("Polyphony")
    app.setDesktopFileName("polyphony")
    app.setQuitOnLastWindowClosed(False)  # the window says itself when all is put away
    keep_log()
    with ExitStack() as at_the_end:
        errors = Errors()
        errors.mark_running()
        at_the_end.callback(errors.mark_clean)
        settings = Settings()
        i18n.install(settings.language)
        i18n.install_qt(app)
        theme.use_font(app)
        theme.apply(app, settings.theme)
        motion.apply(settings.motion)
        collector = GuiCollector()
        at_the_end.callback(collector.stop)
        services = Services(settings, errors)
        at_the_end.callback(services.close_workers, 0.2)
        window = MainWindow(services, chosen.tab)
        WheelGuard(app, window)
        window.tab_shown.connect(partial(_introduce, window))
        if chosen.files:
            window.filled.connect(lambda: window.open_paths([path.resolve() for path in chosen.files]))
        test = None
        if chosen.selftest:
            from app.selftest import SelfTest

            test = SelfTest(window, quick=chosen.selftest == "quick")
        # Until here an error ends the program with its traceback: there is no loop yet that could show it.
        errors.install()
        at_the_end.callback(errors.uninstall)
        _run(app, window, errors)
    return test.exit_code if test is not None else 0


def _run(app: QApplication, window: MainWindow, errors: Errors) -> None:
    from qasync import QEventLoop

    loop = QEventLoop(app, already_running=False)
    errors.watch(loop)
    window.closed.connect(loop.stop)
    app.aboutToQuit.connect(loop.stop)
    signals = EndSignals()
    signals.asked.connect(window.end_now)
    window.show()
    try:
        with loop:
            loop.run_forever()
    finally:
        signals.close()


def _introduce(window: MainWindow, page: Tab) -> None:
    from app.greeting import introduce  # what it needs comes with the first tab

    introduce(window.services, page)


def _parse(arguments: list[str]) -> argparse.Namespace:
    name = Path(sys.argv[0]).name if sys.argv else ""
    parser = argparse.ArgumentParser(
        prog=name if name.startswith("polyphony") else "python -m app", description="The Polyphony window."
    )
    parser.add_argument("--version", action="version", version=f"Polyphony {version()}")
    parser.add_argument(
        "--selftest",
        nargs="?",
        choices=("full", "quick"),
        const="full",
        help="show every tab, run every sample (quick: one a tab), train a few steps, and say how it went",
    )
    parser.add_argument("--tab", choices=systems.NAMES, default="", help="the tab to open with")
    parser.add_argument("files", nargs="*", type=Path, help="files or folders for that tab")
    return parser.parse_args(arguments)


def entry() -> None:
    """The command ``polyphony``."""
    sys.exit(main())


if __name__ == "__main__":
    entry()
