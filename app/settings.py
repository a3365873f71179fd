"""What a person chose, in ``settings.ini`` under their Polyphony folder. Every key is named here."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QObject, QSettings, Signal

from app.paths import exists
from models.errors import UserError
from models.hub import sources
from models.resources import home, runs_folder

if TYPE_CHECKING:
    from app.states import State


class Key(StrEnum):
    """Every key there is; the part before the slash is the section of the file."""

    LANGUAGE = "look/language"
    THEME = "look/theme"
    MOTION = "look/motion"
    DEVICE = "compute/device"
    THREADS = "compute/threads"
    OFFLINE = "compute/offline"
    RUNS_FOLDER = "training/runs_folder"
    GEOMETRY = "window/geometry"
    TAB = "window/tab"
    DOCK_OPEN = "window/dock_open"
    DOCK_HEIGHT = "window/dock_height"
    DOCK_SPLIT = "window/dock_split"
    INTRODUCED = "window/introduced"  # tabs that have said what they are for
    RESTORING = "window/restoring"  # the tab that takes up its state just now
    ENDED_WHILE = "window/ended_while"  # what was under way when the system ended it
    RECENT = "files/recent"
    LAST_FOLDER = "files/last_folder"
    WORKSPACE = "files/workspace"  # the one that is open
    WORKSPACE_STAMP = "files/workspace_stamp"  # its file as it was last read or written
    WORKSPACES = "files/workspaces"  # that were open
    TABS = "tabs"  # tabs/<system>: what a tab remembers
    LAUNCHER = "launcher"  # launcher/<system>: the config that was last launched


MOST_RECENT = 12


class Settings(QObject):
    """Typed access to the file. A value that makes no sense is as if it were not there.

    `notice` says, where the file could not be read, where it was set aside to; else it is None.
    """

    changed = Signal(str)  # the key

    def __init__(self, path: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.path = path or home() / "settings.ini"
        self.notice: Path | None = None
        self.writable = _make_folder(self.path.parent)
        self._set_aside_if_unreadable()
        self._store = QSettings(str(self.path), QSettings.Format.IniFormat)

    # Typed values -----------------------------------------------------------------------------------------

    def text(self, key: Key, default: str = "", allowed: tuple[str, ...] = ()) -> str:
        """A setting that is text; `default` where it is none, or is not one of those that are `allowed`."""
        value = self._store.value(str(key), default)
        if not isinstance(value, str) or (allowed and value not in allowed):
            return default
        return value

    def number(self, key: Key, default: int = 0, low: int = 0, high: int = 1_000_000) -> int:
        """A whole number from `low` to `high`; `default` where the setting is no such number."""
        try:
            value = int(str(self._store.value(str(key), default)))
        except ValueError:
            return default
        return value if low <= value <= high else default

    def flag(self, key: Key, default: bool = False) -> bool:
        """Yes or no; `default` where the setting is neither."""
        value = str(self._store.value(str(key), default)).lower()
        return {"true": True, "1": True, "false": False, "0": False}.get(value, default)

    def texts(self, key: Key) -> list[str]:
        """A list of texts; empty where there is none."""
        value = self._store.value(str(key), [])
        if isinstance(value, str):
            return [value] if value else []
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []

    def blob(self, key: Key) -> QByteArray:
        """Bytes, such as a window's geometry; empty where there are none."""
        value = self._store.value(str(key), QByteArray())
        return value if isinstance(value, QByteArray) else QByteArray()

    def plain(self, key: Key, name: str = "") -> State:
        """A small dictionary of plain values and paths, kept as JSON."""
        from app import states

        return states.from_text(str(self._store.value(_named(key, name), "{}")))

    def set(self, key: Key, value: str | int | bool | list[str] | QByteArray) -> None:
        """Keep a value, and tell who listens to `changed`."""
        self._store.setValue(str(key), value)
        self.changed.emit(str(key))

    def set_if_new(self, key: Key, value: str | int | bool) -> None:
        """As `set`, but tells nobody where it is the value already."""
        if str(self._store.value(str(key), "")) != str(value):
            self.set(key, value)

    def set_blob(self, key: Key, value: QByteArray) -> None:
        """As `set_if_new`, for what Qt packs itself, such as a geometry."""
        if self.blob(key) != value:
            self.set(key, value)

    def set_plain(self, key: Key, value: Mapping[str, object], name: str = "") -> None:
        """Keep a small dictionary of plain values and paths; tells nobody where it is the same already."""
        from app import states

        text = states.to_text(value)
        if self._store.value(_named(key, name)) != text:
            self._store.setValue(_named(key, name), text)
            self.changed.emit(str(key))

    def set_aside(self, key: Key, name: str = "") -> None:
        """Put a value that cannot be used where nobody looks for it, so that it can be looked at."""
        where = _named(key, name)
        self._store.setValue(f"aside/{where}", self._store.value(where, ""))
        self._store.remove(where)

    def sync(self) -> bool:
        """Write the file now; False where it cannot be written."""
        self._store.sync()
        return self._store.status() == QSettings.Status.NoError

    # What is asked for by name ----------------------------------------------------------------------------

    @property
    def language(self) -> str:
        return self.text(Key.LANGUAGE, "system", ("system", "en", "zh_CN"))

    @property
    def theme(self) -> str:
        return self.text(Key.THEME, "system", ("system", "light", "dark"))

    @property
    def motion(self) -> str:
        return self.text(Key.MOTION, "system", ("system", "full", "reduced"))

    @property
    def device(self) -> str:
        return self.text(Key.DEVICE, "auto") or "auto"

    @property
    def threads(self) -> int:
        """Cores torch may use in the window; 0 leaves it to torch."""
        return self.number(Key.THREADS, 0, 0, os.cpu_count() or 1)

    @property
    def offline(self) -> bool:
        """Whether nothing is downloaded; the terminal shares the choice."""
        return self.flag(Key.OFFLINE) or sources.stored().offline

    @property
    def runs_folder(self) -> Path:
        """Where training runs are kept: the person's choice, or the usual place."""
        text = self.text(Key.RUNS_FOLDER)
        return Path(text) if text else runs_folder()

    def recent(self) -> list[Path]:
        """The files and folders that were opened last, the newest first."""
        return [Path(text) for text in self.texts(Key.RECENT)][:MOST_RECENT]

    def add_recent(self, paths: list[Path]) -> None:
        """Put these before all that were opened until now."""
        known = [str(path) for path in paths] + self.texts(Key.RECENT)
        self.set(Key.RECENT, list(dict.fromkeys(known))[:MOST_RECENT])

    def clear_recent(self) -> None:
        """Forget which files were opened."""
        self.set(Key.RECENT, [])

    def workspaces(self) -> list[Path]:
        """Those that were open, newest first."""
        return [Path(text) for text in self.texts(Key.WORKSPACES)][:MOST_RECENT]

    def add_workspace(self, path: Path) -> None:
        """Put it first among those that were open."""
        known = [str(path), *self.texts(Key.WORKSPACES)]
        self.set(Key.WORKSPACES, list(dict.fromkeys(known))[:MOST_RECENT])

    def _set_aside_if_unreadable(self) -> None:
        if not exists(self.path) or self._readable():
            return
        number = 1
        while (aside := self.path.with_name(f"settings.unreadable-{number}.ini")).exists():
            number += 1
        try:
            os.replace(self.path, aside)
        except OSError:
            self.path = self.path.with_name(f"settings.replacement-{os.getpid()}.ini")
        self.notice = aside

    def _readable(self) -> bool:
        """Whether the file is text with sections; QSettings itself swallows almost anything."""
        try:
            text = self.path.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError):
            return False
        if "\0" in text:
            return False
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        plain = all(line.startswith(("[", ";", "#")) or "=" in line for line in lines)
        if not plain:
            return False
        probe = QSettings(str(self.path), QSettings.Format.IniFormat)
        probe.allKeys()
        return probe.status() == QSettings.Status.NoError


def set_offline(settings: Settings, on: bool) -> None:
    """Download nothing from now on, or again what is asked for: in the window and in the terminal."""
    with contextlib.suppress(UserError):  # where the folder cannot be written, the window says so by itself
        sources.change(offline=on)
    settings.set(Key.OFFLINE, on)


def _named(key: Key, name: str) -> str:
    return f"{key}/{name}" if name else str(key)


def _make_folder(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.access(folder, os.W_OK)
    except (OSError, ValueError):
        return False
