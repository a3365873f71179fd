"""Pictures of every tab in every state, to be looked at.

    python tools/screenshots.py FOLDER [--languages en zh_CN] [--scales 1 2] [--sizes 1280x800 …] [--only eeg training dialogs …]

Each state (empty, busy, sample done, a file that cannot be read, with the dock open, the training view's pages) is
drawn at every size, in both themes: ``FOLDER/en-1x/1280x800/light/eeg-done.png``. What is computed is held while it is drawn
busy. Dialogs, and what is said at the start, are drawn over the window at the smallest size. The training view shows two
short runs that are trained the first time; runs and settings lie in ``FOLDER/home``. Nothing is shown on a screen. What is
cut off, or has to be scrolled sideways, is told.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.screens import screen_of  # noqa: E402
from tools.dialogs import beginnings, dialogs, gone_through, over  # noqa: E402
from tools.three_people import three_people  # noqa: E402

if TYPE_CHECKING:
    from PySide6.QtWidgets import QDialog

SIZES = ["1024x768", "1280x800", "2560x1440"]
ROOMY = (3000, 2000)  # points of the screen: the largest size, with its frame
AT_TWICE = ["1280x800"]  # points; four times as many pixels
LONGEST_S = 240.0  # a sample takes no longer
BEGUN_S = 6.0  # after which what shows no progress is not waited for
QUICK = 75  # of PNG: larger files in a fifth of the time
HELD_AT = 0.3  # how far the work has come that is drawn busy
STREAMED_S = 12.0  # of a sample that plays until it is stopped
GROWN_S = 5.0  # of lanes that are drawn while they grow
BROKEN = {
    "eeg": "broken.edf",
    "reverberation": "broken.npz",
    "search": "broken.jpg",
}  # others take broken.wav
RUNS = {"short": ["epochs=6"], "longer": ["epochs=12", "learning_rate=0.0005"]}
FOLDS = "emotion-folds"  # the run of a cross-validation


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
    parser.add_argument("--only", nargs="+", default=[], help="systems, training, dialogs")
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
            forget(home)
            environment |= screen_of(*ROOMY, scale)
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


def forget(home: Path) -> None:
    """What was open the last time, and what came of it: each language begins with an empty window."""
    for item in home.iterdir():
        if item.is_dir() and item.name != "runs":
            shutil.rmtree(item)
        elif item.is_file():
            item.unlink()


def train(home: Path, environment: dict[str, str]) -> None:
    """Two short runs of emotion and a cross-validation, for the dock and the training view."""
    asked = {f"emotion-{name}": ("train", settings) for name, settings in RUNS.items()}
    asked[FOLDS] = ("crossval", ["epochs=2"])
    for name, (verb, settings) in asked.items():
        run = home / "runs" / name
        if not run.exists():
            words = [verb, "emotion", "--preset", "demo", "--run", str(run), "--device", "cpu"]
            words += ["--by", "speaker"] if verb == "crossval" else []
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
            await artist.draw(name)
        if chosen.scales[0] == 1 and (not chosen.only or "dialogs" in chosen.only):
            window.show_training()
            for some in (beginnings, gone_through):
                async for name in some(window):
                    await artist.draw(name, artist.sizes[:1])
            async for name, dialog in dialogs(window):
                await artist.draw(name, artist.sizes[:1], dialog)
        window.closing.go()
        await until(lambda: not window.isVisible())

    with loop:
        loop.run_until_complete(journey())


class Artist:
    """Draws the window at every size in every theme, and leaves it as it was."""

    def __init__(self, app: Any, window: Any, folder: Path, chosen: argparse.Namespace) -> None:
        self._app, self._window, self._folder = app, window, folder
        self.sizes = [tuple(map(int, size.split("x"))) for size in chosen.sizes]
        self._themes = chosen.themes

    async def draw(
        self, name: str, sizes: list[tuple[int, ...]] | None = None, dialog: QDialog | None = None
    ) -> None:
        """One state, or a dialog over it; what did not fit its size is said, and which words are cut off."""
        from app import theme
        from tests.legible import clipped, sideways

        seen = self._window if dialog is None else dialog
        for choice in self._themes:
            theme.apply(self._app, choice)
            for width, height in sizes or self.sizes:
                self._window.resize(width, height)
                await self._settle()
                for place in {self._window, seen}:
                    if place.width() > width or place.height() > height:
                        print(
                            f"{name}: {width}x{height} is too small, it is {place.width()}x{place.height()}"
                        )
                for fault in (*clipped(seen), *sideways(seen)) if choice == self._themes[0] else ():
                    print(f"{name}: at {width}x{height} {fault}")
                path = self._folder / f"{width}x{height}" / choice / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                picture = self._window.grab() if dialog is None else over(self._window, dialog)
                picture.save(str(path), quality=QUICK)
        theme.apply(self._app, self._themes[0])
        print(f"drawn: {name}", flush=True)

    async def _settle(self) -> None:
        """Sizes are handed down, and what follows from them; in turns of the loop, whose tasks must not be entered twice."""
        for _ in range(4):
            await asyncio.sleep(0.01)


class Hold:
    """Work that has come some way waits in its own thread while its picture is taken."""

    def __init__(self) -> None:
        from models.progress import Progress

        self._go, self._held = threading.Event(), threading.Event()
        self._go.set()
        update = Progress.update

        def held(
            progress: Progress, done: float, total: float, message: str = "", /, **values: object
        ) -> None:
            update(progress, done, total, message, **values)
            if (
                total
                and HELD_AT <= done / total < 1
                and threading.current_thread() is not threading.main_thread()
            ):
                if not self._go.is_set():
                    self._held.set()
                self._go.wait(LONGEST_S)

        Progress.update = held  # type: ignore[method-assign]

    async def begun(self, tab: Any, begin: Callable[[], None]) -> bool:
        """Begin work; whether it is busy and waits now. `release` lets it go on."""
        self._held.clear()
        self._go.clear()
        begin()
        end = time.monotonic() + BEGUN_S
        while not self._held.is_set() and time.monotonic() < end:
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)  # what it told is drawn
        return bool(tab.is_busy or tab.services.tasks)

    def release(self) -> None:
        """Let it go on."""
        self._go.set()


async def states(window: Any, only: list[str]) -> AsyncIterator[str]:
    """Brings the window from state to state; gives the name of each when it is there."""
    from app import systems

    window.open_dock(False)
    hold = Hold()
    for name in systems.NAMES:
        if only and name not in only:
            continue
        tab = window.show_tab(name)
        await quiet(tab)
        for page, sample in pages_of(tab):
            async for state in page_states(tab, f"{name}-{page}", sample, hold):
                yield state
        if name == "separation":
            async for state in other_models(tab):
                yield state
        window.open_dock(True)
        yield f"{name}-dock"
        window.open_dock(False)
        broken = Path(os.environ["POLYPHONY_HOME"]) / BROKEN.get(name, "broken.wav")
        broken.write_bytes(b"RIFF, but nothing else")
        for page in tab.pages:
            tab.choice.choose(page)
            tab.clear_messages()
            tab.accept_paths([broken])
            await quiet(tab)
            if tab.messages.messages:
                yield f"{name}-{tab.choice.current}-error"
    if not only or "training" in only:
        async for name in training_states(window):
            yield name


async def page_states(tab: Any, name: str, sample: Callable[[], None], hold: Hold) -> AsyncIterator[str]:
    """One page: empty, busy, done, and the views within it."""
    tab.choice.choose(name.split("-", 1)[1])
    await quiet(tab)
    yield f"{name}-empty"
    if name == "separation-batch":  # its sample is only listed
        sample()
        await quiet(tab)
        sample = tab.primary.click
    if await hold.begun(tab, sample):
        yield f"{name}-busy"
    hold.release()
    if name == "eeg-live":  # its sample is only streamed: whom one listens to is said once it is decoded
        await until(lambda: tab.primary.isEnabled())
        tab.primary.click()
    elif name == "eeg-listened":  # one talker is no choice
        await quiet(tab)
        tab.session.try_shifted()
    elif name == "separation-live":
        await until(lambda: tab.page.session.heard_s > GROWN_S)
        yield f"{name}-live"
        await until(lambda: not tab.live.session.running)
    try:
        await quiet(tab, STREAMED_S if name.endswith("-live") else LONGEST_S)
    except TimeoutError:  # it streams
        yield f"{name}-live"
        tab.stop()
        await quiet(tab)
    yield f"{name}-done"
    for inner, show in views_of(tab):
        show()
        await quiet(tab)
        yield f"{name}-done-{inner}"


async def other_models(tab: Any) -> AsyncIterator[str]:
    """Three voices at once with the model of two, then with that of three, and live lanes with the causal one."""
    from models.loading import checkpoint_folder

    mixed = Path(os.environ["POLYPHONY_HOME"]) / "three-people.wav"
    three_people(mixed)
    tab.choice.choose("recording")
    tab.accept_paths([mixed])
    await quiet(tab)
    tab.primary.click()
    await quiet(tab)
    yield "separation-third"  # is heard by the model of three
    for button in [button for message in tab.messages.messages for button in message.buttons]:
        button.click()
    await quiet(tab)
    yield "separation-three"
    tab.choice.choose("live")
    tab.use_checkpoint(checkpoint_folder("bundled-causal", "separation"))
    heard: list[float] = []
    tab.live.session.grown.connect(lambda state: heard.append(state.heard_s))
    tab.page.try_sample()
    await until(lambda: max(heard, default=0) > GROWN_S)
    yield "separation-live-causal"
    await until(lambda: not tab.live.session.running)
    await quiet(tab)
    tab.use_checkpoint(checkpoint_folder("bundled", "separation"))


async def training_states(window: Any) -> AsyncIterator[str]:
    """The view's pages, with both runs ticked; then the folds of a cross-validation."""
    window.dock.show_system("emotion")
    window.show_training()
    view = window.training
    model = view.list.model()
    await until(lambda: not any(run.behind for run in window.services.training.runs))
    runs = {run.path.name: run.path for run in window.services.training.of("emotion")}
    for name in RUNS:
        model.tick(runs[f"emotion-{name}"], True)
    view.choose(runs["emotion-longer"])
    for index in filter(view.views.isTabVisible, range(view.views.count())):
        view.views.setCurrentIndex(index)
        await until(lambda: view.compare.ready)
        await asyncio.sleep(0.6)  # what is redrawn by a timer
        yield f"training-{index}"
    view.views.setCurrentWidget(view.curves_page)  # whose place the folds take
    view.choose(runs[FOLDS])
    await until(lambda: view.views.currentWidget() is view.folds)
    await asyncio.sleep(0.6)
    yield "training-folds"
    view.choose(runs["emotion-longer"])
    window.show_tab("emotion")
    window.dock.show_system("emotion")
    window.open_dock(True)
    await asyncio.sleep(0.3)
    yield "training-dock"


def pages_of(tab: Any) -> list[tuple[str, Callable[[], None]]]:
    """The pages of a tab, each with what shows its sample."""

    def sample(page: str) -> None:
        tab.choice.choose(page)
        tab.pages[page].try_sample()

    return [(page, partial(sample, page)) for page in tab.pages]


def views_of(tab: Any) -> list[tuple[str, Callable[[], None]]]:
    """The rows of views within a page (ReverberationNet's mesh, heat map …): each name and what shows it."""
    from app.widgets.section import Segments

    result: list[tuple[str, Callable[[], None]]] = []
    for row in tab.findChildren(Segments):
        if row.isVisible() and row is not tab.choice:
            for key in list(row.buttons):
                result.append((key, partial(row.choose, key)))
    return result


async def quiet(tab: Any, longest_s: float = LONGEST_S) -> None:
    """Until nothing is computed and everything drawn."""
    await asyncio.sleep(0.3)
    await until(lambda: not tab.is_busy and not tab.services.tasks, longest_s)
    await asyncio.sleep(0.4)


async def until(condition: Callable[[], bool], longest_s: float = LONGEST_S) -> None:
    """Raises TimeoutError where it does not come true."""
    end = time.monotonic() + longest_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the window did not come to rest")
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    main()
