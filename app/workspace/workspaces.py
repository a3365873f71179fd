"""Which workspace is open: beginning, opening, saving, and keeping it while a person works.

What is open is kept in the settings every few seconds, whether it has a file or not. A workspace with a file is also
written to it every minute in which something changed, before another one is taken up, and at the end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QFileDialog

from app import systems
from app.i18n import plural, series, tr
from app.keeping import StateKeeper
from app.paths import WORKSPACE, exists, is_shipped, is_workspace
from app.settings import Key
from app.states import State, paths_in, to_text, with_lasting, with_paths
from app.tabs.broken import BrokenTab
from app.widgets.message_bar import Action, Level
from app.window import Window
from models.errors import UserError
from models.progress import Cancelled

if TYPE_CHECKING:
    from app.workspace.package import Contents

log = logging.getLogger("polyphony")

WORKER = "workspace"
LEAVING_S = 30.0  # a disk that takes longer to take a workspace is left
WRITE_EVERY_MS = 60_000
MOST_NAMED = 6
Work = Callable[[], Coroutine[None, None, None]]


class Workspaces(QObject):
    """changed(): another workspace is open, or its name is another. Made before the window is shown, `start`ed after."""

    changed = Signal()

    def __init__(self, window: Window, keeper: StateKeeper) -> None:
        super().__init__(window)
        self._window, self._services = window, window.services
        self._settings = window.services.settings
        text = self._settings.text(Key.WORKSPACE)
        self.path: Path | None = Path(text) if text else None
        self._written = ""  # what the file holds, as text
        self._complained = False  # the file cannot be written: it is not tried every minute
        self._left: dict[str, State] = {}  # of tabs that could not take up all of it: this stays as it was
        self._timer = QTimer(self)
        self._timer.setInterval(WRITE_EVERY_MS)
        self._timer.timeout.connect(lambda: self._start(self._write_by_timer()))
        keeper.refused.connect(self._left.__setitem__)
        self.changed.connect(self._name_window)
        self._name_window()

    def start(self) -> None:
        """The first tab is there: a file that is gone is told, and what changes is written from now on."""
        if self.path is not None and not exists(self.path):
            heading = tr("The workspace {name} is not there any more.", name=self.path.name)
            self._file_is(None)
            self._say("warning", tr("What was open in it is kept. Save it as another one."), heading=heading)
        self._timer.start()

    # What a person asks -----------------------------------------------------------------------------------

    def new(self) -> None:
        """Nothing open."""
        self._first(self._begin)

    def ask_to_open(self) -> None:
        """Which one, then `open`."""
        name, _ = QFileDialog.getOpenFileName(
            self._window, tr("Open workspace"), self._folder(), tr("Workspaces (*.polyphony)")
        )
        if name:
            self.open(Path(name))

    def open(self, path: Path) -> None:
        """Take up what a file holds; what was open is saved before, or asked about."""
        if self.path is not None and path.resolve() == self.path.resolve() and self._as_we_left_it():
            self._say("hint", tr("This workspace is open already."))
        else:
            self._first(lambda: self._open(path))

    def save(self) -> None:
        """To its file; one that has none is asked for."""
        if self.path is None:
            self.ask_to_save_as()
        else:
            self._start(self._save(self.path))

    def ask_to_save_as(self, then: Work | None = None) -> None:
        """Where; then `save_as`."""
        suggested = self.path or Path(self._folder(), tr("workspace") + WORKSPACE)
        name, _ = QFileDialog.getSaveFileName(
            self._window, tr("Save workspace"), str(suggested), tr("Workspaces (*.polyphony)")
        )
        if name:
            self.save_as(Path(name), then)

    def save_as(self, path: Path, then: Work | None = None) -> None:
        """To another file, which is the open one from then on; `then` goes on where that could be done."""
        if not is_workspace(path):
            path = path.with_name(path.name + WORKSPACE)
        self._start(self._save(path, then))

    # While one works --------------------------------------------------------------------------------------

    def contents(self) -> Contents:
        """What is open now, in all tabs."""
        from app.workspace.package import Contents

        return Contents(self._window.system, {name: self._state_of(name) for name in systems.NAMES})

    async def leave(self) -> None:
        """The window closes: what has changed goes to the file. What cannot be written is in the settings still."""
        self._timer.stop()
        try:
            await asyncio.wait_for(self._write_if_changed(), LEAVING_S)
        except (Exception, asyncio.CancelledError) as error:
            log.warning("%s was not written at the end: %r", self.path, error)

    # First what is open -----------------------------------------------------------------------------------

    def _first(self, then: Work) -> None:
        """What is under way is asked about, and what was never saved; what has a file is saved."""
        from app.workspace.leaving import ask_about_work

        ask_about_work(self._services.tasks, self._window, lambda: self._first_save(then))

    def _first_save(self, then: Work) -> None:
        from app.workspace.leaving import ask_about_unsaved

        lost = self.path is None and any(not is_shipped(path) for path in self.contents().paths())
        if lost or not self._as_we_left_it():
            ask_about_unsaved(self._window, lambda: self.ask_to_save_as(then), lambda: self._start(then()))
        else:
            self._start(self._saved_then(then))

    async def _saved_then(self, then: Work) -> None:
        await self._write_if_changed()
        await then()

    # Saving -----------------------------------------------------------------------------------------------

    async def _save(self, path: Path, then: Work | None = None) -> None:
        from app.workspace import package

        if path == self.path and exists(path) and not self._as_we_left_it():
            raise UserError(
                "{name} was changed by another program.",
                "Saving would write over what it holds now.",
                "Save under another name, or open it again.",
                name=path.name,
            )
        contents = self.contents()
        with self._services.task(tr("Saving the workspace")) as task:
            await self._services.worker(WORKER).run(package.write, path, contents, progress=task)
        self._file_is(path, contents)
        if then is not None:
            await then()

    async def _write_by_timer(self) -> None:
        if self._complained:
            return
        try:
            await self._write_if_changed()
        except UserError:
            self._complained = True
            raise

    async def _write_if_changed(self) -> None:
        if self.path is not None and _as_text(self.contents()) != self._written:
            await self._save(self.path)

    def _state_of(self, name: str) -> State:
        page = self._window.page(name)
        if page is None or isinstance(page, BrokenTab):
            state = self._settings.plain(Key.TABS, name)
        else:
            state = page.state()
        left = self._left.get(name)
        if left is not None and set(paths_in(state)) <= set(paths_in(left)):
            return left  # nothing else was opened there: what is missing is still meant
        return state

    # Taking up --------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        from app.workspace.package import Contents

        self._left.clear()
        await self._take_up(Contents(self._window.system), systems.NAMES)
        self._file_is(None)

    async def _open(self, path: Path) -> None:
        from app.workspace import package

        try:
            with self._services.task(tr("Opening the workspace")) as task:
                contents = await self._services.worker(WORKER).run(package.read, path, progress=task)
        except Cancelled:
            return
        missing = contents.missing()
        self._left.clear()
        self._left.update({name: state for name, state in contents.states.items() if _names(state, missing)})
        not_fetched = await self._take_up(contents, systems.NAMES)
        self._file_is(path, contents)
        if missing:
            self._say_missing(missing)
        if not_fetched:
            self._say(
                "hint",
                tr("Choose it in the list of models to fetch it: {names}.", names=series(not_fetched)),
                heading=tr("A model of this workspace is not fetched unasked; the bundled one is used."),
                key="workspace models",
            )
        await self._services.worker(WORKER).run(package.sweep, self.contents())

    async def _take_up(self, contents: Contents, names: tuple[str, ...]) -> list[str]:
        """These tabs begin anew with what the contents say of them; returns models that would have to be fetched."""
        states, not_fetched = {}, []
        for name in names:
            before = self._settings.plain(Key.TABS, name)
            page = self._window.page(name)
            if page is not None and not isinstance(page, BrokenTab):
                before = page.state()
            state = with_lasting(contents.states.get(name, {}), before)
            model = state.get("model")
            known = [before.get("model"), *(before.get("models") or [])]
            if isinstance(model, str) and "/" in model and model not in known:
                not_fetched.append(model)
                state["model"] = "bundled"
            states[name] = state
        await self._window.take_up(states, contents.front)
        return not_fetched

    # What is missing --------------------------------------------------------------------------------------

    def _say_missing(self, missing: list[Path]) -> None:
        lines = [str(path) for path in missing[:MOST_NAMED]]
        if len(missing) > MOST_NAMED:
            lines.append("…")
        self._say(
            "warning",
            "\n".join(
                [*lines, tr("They stay named in the workspace until others are opened in their place.")]
            ),
            [(tr("Locate…"), lambda: self._ask_where_it_is(missing))],
            heading=plural(
                "{n} file of this workspace is missing.",
                "{n} files of this workspace are missing.",
                len(missing),
            ),
            key="missing",
        )

    def _ask_where_it_is(self, missing: list[Path]) -> None:
        first = missing[0]
        title = tr("Where is {name}?", name=first.name)
        if first.suffix:
            name, _ = QFileDialog.getOpenFileName(self._window, title, self._folder())
        else:
            name = QFileDialog.getExistingDirectory(self._window, title, self._folder())
        if name:
            self.locate(missing, Path(name))
        else:
            self._say_missing(missing)

    def locate(self, missing: list[Path], chosen: Path) -> None:
        """The first of the missing ones is at `chosen`; others are looked for where they would be then."""
        self._start(self._locate(missing, chosen))

    async def _locate(self, missing: list[Path], chosen: Path) -> None:
        from app.workspace.package import Contents

        moved = {missing[0]: chosen}
        for path in missing[1:]:
            there = moved_with(path, missing[0], chosen)
            if exists(there):
                moved[path] = there
        states: dict[str, State] = {}
        for name, state in list(self._left.items()):
            if _names(state, list(moved)):
                states[name] = {
                    key: with_paths(value, lambda path: moved.get(path, path)) for key, value in state.items()
                }
        still = [path for path in missing if path not in moved]
        self._left.update(states)
        for name in [name for name, state in self._left.items() if not _names(state, still)]:
            del self._left[name]
        await self._take_up(Contents(self._window.system, states), tuple(states))
        if still:
            self._say_missing(still)

    # Inside -----------------------------------------------------------------------------------------------

    def _file_is(self, path: Path | None, contents: Contents | None = None) -> None:
        self.path, self._complained = path, False
        self._written = _as_text(contents) if contents is not None else ""
        self._settings.set(Key.WORKSPACE, str(path) if path is not None else "")
        self._settings.set(Key.WORKSPACE_STAMP, _stamp(path))
        if path is not None:
            self._settings.add_workspace(path)
        self.changed.emit()

    def _as_we_left_it(self) -> bool:
        """Whether the file is as it was last read or written here."""
        return _stamp(self.path) == self._settings.text(Key.WORKSPACE_STAMP)

    def _name_window(self) -> None:
        name = "Polyphony"
        if self.path is not None:
            name = tr("{name} – Polyphony", name=self.path.stem)
        self._window.setWindowTitle(name)

    def _folder(self) -> str:
        return str(self.path.parent) if self.path is not None else self._settings.text(Key.LAST_FOLDER)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        self._services.start(work, _Front(self._window))

    def _say(
        self,
        level: Level,
        text: str,
        actions: list[Action] | None = None,
        *,
        heading: str = "",
        key: str = "workspace",
    ) -> None:
        if self._window.current is not None:
            self._window.current.show_message(level, text, actions, heading=heading, key=key)


class _Front:
    """Whoever is in front when an error comes: the tab that was in front before may be gone."""

    def __init__(self, window: Window) -> None:
        self._window = window

    def show_error(self, error: BaseException) -> None:
        if self._window.current is not None:
            self._window.current.show_error(error)


def moved_with(path: Path, first: Path, chosen: Path) -> Path:
    """Where a file would be if it was moved together with `first`, which is at `chosen` now."""
    common = [a for a, b in zip(path.parts, first.parts, strict=False) if a == b]
    ups = len(first.parts) - len(common)
    root = chosen.parents[ups - 1] if 0 < ups <= len(chosen.parents) else chosen.parent
    there = root.joinpath(*path.parts[len(common) :])
    return there if exists(there) else chosen.parent / path.name


def _names(state: Mapping[str, object], paths: list[Path]) -> bool:
    return any(path in paths for path in paths_in(state))


def _as_text(contents: Contents) -> str:
    return to_text({"front": contents.front, "tabs": contents.states})


def _stamp(path: Path | None) -> str:
    """When a file was written, and how large it is; nothing where there is none."""
    try:
        status = path.stat() if path is not None else None
    except (OSError, ValueError):
        return ""
    return f"{status.st_mtime_ns}-{status.st_size}" if status is not None else ""
