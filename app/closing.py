"""The end of the window: what is unfinished is asked about, every tab lets go, the state is kept, the threads end."""

from __future__ import annotations

from PySide6.QtCore import QObject

from app.keeping import StateKeeper
from app.pages import leave
from app.settings import Key
from app.window import Window
from app.workspace.workspaces import Workspaces


class Closing(QObject):
    """Asked for once or often; `allowed` is True when the window may go."""

    def __init__(self, window: Window, keeper: StateKeeper, workspaces: Workspaces) -> None:
        super().__init__(window)
        self._window, self._services = window, window.services
        self._keeper, self._workspaces = keeper, workspaces
        self._asking = False
        self._leaving = False
        self.allowed = False

    def ask(self) -> None:
        """A person wants to close: what would be lost, and runs that go on, are asked about first."""
        if self._asking:
            return
        self._asking = True
        from app.ending import ask_about_work, unfinished

        tasks = unfinished(self._services.tasks)
        if tasks:
            ask_about_work(tasks, self._window, self._ask_about_runs, self._stay)
        else:
            self._ask_about_runs()

    def _ask_about_runs(self) -> None:
        if self._services.living_runs():
            from app.ending import ask_about_runs

            ask_about_runs(self._services.training, self._window, self.go, self._stay)
        else:
            self.go()

    def _stay(self) -> None:
        self._asking = False

    def end_now(self) -> None:
        """The system wants the program to end: what was under way is told at the next start; nothing is asked."""
        if not self._leaving:
            titles = [task.title for task in self._services.tasks]
            self._services.settings.set(Key.ENDED_WHILE, titles)
            self.go()

    def go(self) -> None:
        """Let go of everything, then close."""
        if self._leaving:
            return
        self._asking = self._leaving = True  # closing again while it closes changes nothing
        self._keeper.stop()
        if self._services.running_loop():
            self._services.start(self._leave())
        else:
            self._services.close_workers()
            self._finish()

    async def _leave(self) -> None:
        self._window.setEnabled(False)
        await self._workspaces.leave()
        for page in self._window.pages():
            await leave(page)
        await self._services.close()
        self._finish()

    def _finish(self) -> None:
        self.allowed = True
        self._window.close()
