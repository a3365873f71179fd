"""Pictures of every tab in every state, to be looked at.

    python tools/screenshots.py FOLDER [--languages en zh_CN] [--scales 1 2] [--sizes 1280x800 …] [--only eeg training …]

Each state (empty, sample done, a broken file, with the dock open, the training view's pages) is drawn at every size, in both
themes: ``FOLDER/en-1x/1280x800/light/eeg-done.png``. The training view shows two short runs that are trained the first
time; runs and settings lie in ``FOLDER/home``. Nothing is shown on a screen.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.screens import platform  # noqa: E402

SIZES = ["1024x768", "1280x800", "2560x1440"]
AT_TWICE = ["1280x800"]  # points; four times as many pixels
LONGEST_S = 240.0  # a sample takes no longer
RUNS = {"short": ["epochs=6"], "longer": ["epochs=12", "learning_rate=0.0005"]}


def main() -> None:
    """One process a language and scale: both are chosen when the program starts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--languages", nargs="+", default=["en", "zh_CN"])
    parser.add_argument("--scales", nargs="+", type=float, default=[1.0, 2.0])
    parser.add_argument("--sizes", nargs="+", default=SIZES)
    parser.add_argument("--themes", nargs="+", default=["light", "dark"])
    parser.add_argument("--only", nargs="+", default=[], help="systems, or training")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # in a process of its own
    chosen = parser.parse_args()
    if chosen.here:
        draw(chosen)
        return
    home = chosen.folder.resolve() / "home"
    environment = dict(os.environ, POLYPHONY_HOME=str(home), PYTHONPATH=str(ROOT), PYTHONUTF8="1")
    train(home, environment)
    for language in chosen.languages:
        for scale in chosen.scales:
            environment["QT_QPA_PLATFORM"] = platform(6000, 4000, scale)
            sizes = chosen.sizes if scale == 1 else [size for size in AT_TWICE if size in chosen.sizes]
            words = [str(chosen.folder), "--languages", language, "--scales", str(scale), "--here"]
            words += [
                "--sizes",
                *sizes,
                "--themes",
                *chosen.themes,
                *(["--only", *chosen.only] if chosen.only else []),
            ]
            subprocess.run([sys.executable, __file__, *words], env=environment, cwd=ROOT, check=True)


def train(home: Path, environment: dict[str, str]) -> None:
    """Two short runs of emotion, for the dock and the training view."""
    for name, settings in RUNS.items():
        run = home / "runs" / f"emotion-{name}"
        if not run.exists():
            words = ["train", "emotion", "--preset", "demo", "--run", str(run), "--device", "cpu"]
            for setting in settings:
                words += ["--set", setting]
            subprocess.run([sys.executable, "-m", "models", *words], env=environment, cwd=ROOT, check=True)


def draw(chosen: argparse.Namespace) -> None:
    """Open the window once, bring it into every state, and draw each."""
    import qasync
    from PySide6.QtWidgets import QApplication

    from app import i18n, theme
    from app.main_window import MainWindow
    from app.services import Services

    app = QApplication([])
    app.setQuitOnLastWindowClosed(False)
    i18n.install(chosen.languages[0])
    i18n.install_qt(app)
    theme.use_font(app)
    theme.apply(app, "light")
    loop = qasync.QEventLoop(app)
    folder = chosen.folder / f"{chosen.languages[0]}-{chosen.scales[0]:g}x"

    async def journey() -> None:
        services = Services()
        window = MainWindow(services, "emotion")
        window.show()
        await until(lambda: window.dock is not None)
        artist = Artist(app, window, folder, chosen)
        async for name in states(window, chosen.only):
            artist.draw(name)
        window.closing.go()
        await until(lambda: not window.isVisible())

    with loop:
        loop.run_until_complete(journey())


class Artist:
    """Draws the window at every size in every theme, and leaves it as it was."""

    def __init__(self, app: Any, window: Any, folder: Path, chosen: argparse.Namespace) -> None:
        self._app, self._window, self._folder = app, window, folder
        self._sizes = [tuple(map(int, size.split("x"))) for size in chosen.sizes]
        self._themes = chosen.themes

    def draw(self, name: str) -> None:
        """One state; what did not fit its size is said."""
        from app import theme

        for choice in self._themes:
            theme.apply(self._app, choice)
            for width, height in self._sizes:
                self._window.resize(width, height)
                self._settle()
                if (self._window.width(), self._window.height()) != (width, height):
                    print(
                        f"{name}: does not fit {width}x{height}, is {self._window.width()}x{self._window.height()}"
                    )
                path = self._folder / f"{width}x{height}" / choice / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                self._window.grab().save(str(path))
        theme.apply(self._app, self._themes[0])
        print(f"drawn: {name}", flush=True)

    def _settle(self) -> None:
        for _ in range(4):
            self._app.processEvents()


async def states(window: Any, only: list[str]) -> AsyncIterator[str]:
    """Brings the window from state to state; gives the name of each when it is there."""
    from app import systems

    window.open_dock(False)
    for name in systems.NAMES:
        if only and name not in only:
            continue
        tab = window.show_tab(name)
        await quiet(tab)
        for page, sample in pages_of(tab):
            mark = f"{name}-{page}" if page else name
            yield f"{mark}-empty"
            sample()
            await asyncio.sleep(0.15)
            if tab.is_busy:
                yield f"{mark}-busy"
            await quiet(tab)
            yield f"{mark}-done"
            for inner, show in views_of(tab):
                show()
                await quiet(tab)
                yield f"{mark}-done-{inner}"
        window.open_dock(True)
        yield f"{name}-dock"
        window.open_dock(False)
        broken = Path(os.environ["POLYPHONY_HOME"]) / "broken.wav"
        broken.write_bytes(b"RIFF, but nothing else")
        tab.accept_paths([broken])
        await quiet(tab)
        yield f"{name}-error"
    if not only or "training" in only:
        async for name in training_states(window):
            yield name


async def training_states(window: Any) -> AsyncIterator[str]:
    """The view's pages, with both runs ticked."""
    window.dock.show_system("emotion")
    window.show_training()
    view = window.training
    model = view.list.model()
    await until(lambda: not any(run.behind for run in window.services.training.runs))
    for row in range(model.rowCount()):
        model.tick(model.run(model.index(row)).path, True)
    for index in range(view.views.count()):
        view.views.setCurrentIndex(index)
        await until(lambda: view.compare.ready)
        await asyncio.sleep(0.6)  # what is redrawn by a timer
        yield f"training-{index}"
    window.show_tab("emotion")
    window.dock.show_system("emotion")
    window.open_dock(True)
    await asyncio.sleep(0.3)
    yield "training-dock"


def pages_of(tab: Any) -> list[tuple[str, Callable[[], None]]]:
    """The pages of a tab, each with what shows its sample; one without a name where a tab has no pages."""
    pages = getattr(tab, "pages", None)
    if not isinstance(pages, dict) or not hasattr(tab, "choice"):
        return [("", tab.try_sample)]
    result: list[tuple[str, Callable[[], None]]] = []
    for key, page in pages.items():

        def sample(key: str = key, page: Any = page) -> None:
            tab.choice.choose(key)
            page.try_sample()

        result.append((key, sample))
    return result


def views_of(tab: Any) -> list[tuple[str, Callable[[], None]]]:
    """The rows of views within a page (ReverberationNet's mesh, heat map …): each name and what shows it."""
    from app.widgets.section import Segments

    result: list[tuple[str, Callable[[], None]]] = []
    for row in tab.findChildren(Segments):
        if row.isVisible() and row is not getattr(tab, "choice", None):
            for key in list(row.buttons):
                result.append((key, partial(row.choose, key)))
    return result


async def quiet(tab: Any) -> None:
    """Until nothing is computed and everything drawn."""
    await asyncio.sleep(0.3)
    await until(lambda: not tab.is_busy and not tab.services.tasks)
    await asyncio.sleep(0.4)


async def until(condition: Callable[[], bool]) -> None:
    """Raises TimeoutError where it does not come true."""
    end = time.monotonic() + LONGEST_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the window did not come to rest")
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    main()
