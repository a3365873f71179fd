"""The pictures of the README, taken of the window as it is.

    python tools/readme_pictures.py HOME [NAME …]      # live, files, evaluate, separation, …; all of them by default

They are written to ``docs``. The runs that are shown are trained the first time, into ``HOME/runs``, in some minutes; nothing
is shown on a screen.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from app.main_window import MainWindow
    from app.tabs.emotion.tab import EmotionTab
    from app.tabs.paged import PagedTab
    from app.tabs.reverberation.compare_page import ComparePage
    from app.tabs.reverberation.tab import ReverberationTab
    from app.tabs.reverberation.wiring_page import WiringPage
    from app.tabs.search.search_page import SearchPage

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.screens import platform  # noqa: E402
from tools.screenshots import quiet, until  # noqa: E402

SIZE = (1280, 800)
LIVE_S, LIVE_WORDS = 60.0, 26  # the live picture is taken when so many words were heard and the last is right
QUICK = ["learning_rate=0.03"]
VERSIONS, SEEDS = ("v2", "v1"), (1, 2, 3)
MORE, LESS = "pouting cat", "yawning face"


async def live(window: MainWindow) -> None:
    """The sample through the live path, at a word that is right."""
    tab = cast("EmotionTab", await page_of(window, "emotion", "live"))
    tab.live.try_sample()
    sight, session = tab.live.sight, tab.live.session

    def right() -> bool:
        return session.results >= LIVE_WORDS and f"acted: {sight.word.text()}" in sight.truth.text()

    await until(right, LIVE_S)


async def files(window: MainWindow) -> None:
    """The sample's clips, recognised."""
    tab = cast("EmotionTab", await page_of(window, "emotion", "files"))
    tab.live.stop()
    tab.files.try_sample()
    await quiet(tab)


async def evaluate(window: MainWindow) -> None:
    """The sample, judged, with the model's card."""
    tab = await page_of(window, "emotion", "evaluate")
    tab.page.try_sample()
    await quiet(tab)
    tab.models.card_asked.emit()


async def separation(window: MainWindow) -> None:
    """The sample, separated and held to its references."""
    tab = await page_of(window, "separation", "recording")
    tab.page.try_sample()
    await quiet(tab)


async def reverberation(window: MainWindow) -> None:
    """The mesh of the sample."""
    tab = await page_of(window, "reverberation", "mesh")
    tab.page.try_sample()
    await quiet(tab)


async def reverberation_compare(window: MainWindow) -> None:
    """The model beside its second epoch."""
    from app.tabs.reverberation.compare_page import EPOCHS, Source
    from app.tabs.reverberation.snapshots import SHIPPED

    await reverberation(window)
    tab = await page_of(window, "reverberation", "compare")
    side = cast("ComparePage", tab.page).sides[1]
    side.choose(Source(EPOCHS, SHIPPED))
    await quiet(tab)
    side.epoch.setValue(2)
    await quiet(tab)


async def reverberation_wiring(window: MainWindow) -> None:
    """The documented wiring, one role moved by hand."""
    tab = cast("ReverberationTab", await page_of(window, "reverberation", "wiring"))
    cast("WiringPage", tab.page).move_role("harp", "message_router")
    tab.session.choose("harp")
    tab.show_details(False)  # names stand in the mesh where it has room
    await quiet(tab)


async def eeg(window: MainWindow) -> None:
    """The sample, decoded and compared with what was heard."""
    tab = await page_of(window, "eeg", "decoded")
    tab.page.try_sample()
    await quiet(tab)


async def search(window: MainWindow) -> None:
    """A question, with more of one answer and less of another."""
    tab = await page_of(window, "search", "search")
    page = cast("SearchPage", tab.page)
    page.try_sample()
    await until(lambda: page.session.answers is not None)
    for words, action in ((MORE, "more"), (LESS, "less")):
        await until(lambda: bool(page.results.pictures.hits))
        number = [hit.words for hit in page.results.pictures.hits or ()].index(words)
        page.results.gallery.setCurrentIndex(page.results.gallery.model().index(number, 0))
        before = page.session.answers
        page.details.wanted.emit(action)
        await until(lambda before=before: page.session.answers is not before)  # type: ignore[misc]
        await quiet(tab)
    page.results.gallery.setCurrentIndex(page.results.gallery.model().index(0, 0))
    await quiet(tab)


async def training(window: MainWindow) -> None:
    """What is found in a run, and its layers."""
    await run_page(window, "emotion", "diagnosis")


async def compare(window: MainWindow) -> None:
    """Two versions of a network, three seeds each, as groups."""
    await run_page(window, "eeg", "compare_page")
    assert window.training is not None
    window.training.curves.grouped.click()


async def models(window: MainWindow) -> QWidget | None:
    """The model manager, at terms that are told before a download."""
    window.show_tab("separation")
    window.menus.show_models("separation")
    await asyncio.sleep(1.0)
    return window.menus.opened("models")


PICTURES: dict[str, Callable[[MainWindow], Awaitable[QWidget | None]]] = {
    "live": live,
    "files": files,
    "evaluate": evaluate,
    "separation": separation,
    "reverberation": reverberation,
    "reverberation-compare": reverberation_compare,
    "reverberation-wiring": reverberation_wiring,
    "eeg": eeg,
    "search": search,
    "training": training,
    "compare": compare,
    "models": models,
}


async def page_of(window: MainWindow, system: str, page: str) -> PagedTab:
    """The tab, with that page in front."""
    tab = cast("PagedTab", window.show_tab(system))
    tab.choice.choose(page)
    await quiet(tab)
    return tab


async def run_page(window: MainWindow, system: str, page: str) -> None:
    """The training view with all runs of a system ticked, at one of its pages, as the view calls it."""
    window.show_tab(system)
    assert window.dock is not None
    window.dock.show_system(system)
    window.show_training()
    view = window.training
    assert view is not None
    model = window.dock.model
    await until(lambda: model.rowCount() > 0 and not any(run.behind for run in window.services.training.runs))
    for row in range(model.rowCount()):
        run = model.run(model.index(row, 0))
        assert run is not None
        model.tick(run.path, True)
    view.views.setCurrentWidget(getattr(view, page))
    await until(lambda: view.compare.ready)
    await asyncio.sleep(1.0)


def train(home: Path, environment: dict[str, str], names: Collection[str]) -> None:
    """The runs that these pictures show, where they are not there yet."""
    from models.training.run_folder import RunFolder

    wanted = {"emotion-quick": ("emotion", QUICK, "")} if "training" in names else {}
    for version in VERSIONS if "compare" in names else ():
        for seed in SEEDS:
            settings = [f"network.version={version}", f"seed={seed}"]
            wanted[f"eeg-{version}-seed{seed}"] = ("eeg", settings, f"eeg · network.version={version}")
    for name, (system, settings, group) in wanted.items():
        run = RunFolder(home / "runs" / name)
        if not run.path.exists():
            words = ["train", system, "--preset", "demo", "--run", str(run.path), "--device", "cpu"]
            words += ["--set", *settings]
            subprocess.run([sys.executable, "-m", "models", *words], env=environment, cwd=ROOT, check=True)
        if group:
            run.keep_about(group=group, variant={"words": ", ".join(settings)})


def draw(names: list[str]) -> None:
    """Open the window once, and bring it from picture to picture."""
    import qasync
    from PySide6.QtWidgets import QApplication

    from app import i18n, theme
    from app.main_window import MainWindow
    from app.services import Services

    app = QApplication([])
    app.setQuitOnLastWindowClosed(False)
    i18n.install("en")
    theme.use_font(app)
    theme.apply(app, "light")
    loop = qasync.QEventLoop(app)

    async def journey() -> None:
        window = MainWindow(Services(), "emotion")
        window.resize(*SIZE)
        window.show()
        await until(lambda: window.dock is not None)
        for name in names:
            shown = await PICTURES[name](window) or window
            await asyncio.sleep(0.2)
            shown.grab().save(str(ROOT / "docs" / f"{name}.png"))
            print(f"drawn: {name}", flush=True)
        window.closing.go()
        await until(lambda: not window.isVisible())

    with loop:
        loop.run_until_complete(journey())


def main() -> None:
    """Runs first, then one process that draws."""
    home = Path(sys.argv[1]).resolve()
    names = sys.argv[2:] or list(PICTURES)
    os.environ.update(POLYPHONY_HOME=str(home), QT_QPA_PLATFORM=platform(2560, 1440), PYTHONUTF8="1")
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    train(home, environment, names)
    draw(names)


if __name__ == "__main__":
    main()
