"""Where indexes lie, what they are called, and which there are. Nothing here opens one."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from app.i18n import tr
from models.resources import home, resource

BUNDLED = "bundled"
TABLE = "index.sqlite"
MOST_KEPT = 30


@dataclass(frozen=True)
class Place:
    """An index that is known. path: its folder, or ``bundled``. title: the folder it was made of, for people. model: the
    choice it was made with, "" where that is not known. unfinished: folders whose indexing has not come to its end."""

    path: str
    title: str = ""
    model: str = ""
    unfinished: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        return tr("Emoji (bundled)") if self.path == BUNDLED else self.title or Path(self.path).name

    @property
    def folder(self) -> Path:
        return resource("samples", "search", "index") if self.path == BUNDLED else Path(self.path)

    @property
    def ours(self) -> bool:
        """Whether it was put by us where nobody else looks after it."""
        return self.path != BUNDLED and Path(self.path).parent == indexes_folder()


@dataclass
class Places:
    """The indexes that are known, newest first, the bundled one always among them."""

    kept: list[Place] = field(default_factory=list)

    def all(self) -> list[Place]:
        """Every index that is known: the bundled one, then the others from the newest to the oldest."""
        return [Place(BUNDLED, model=BUNDLED), *self.kept]

    def find(self, path: str) -> Place:
        """The one of that path; a new one is made up where it is not known."""
        return next((place for place in self.all() if place.path == path), Place(path))

    def keep(self, place: Place) -> None:
        """Put it first, with what is known of it now."""
        if place.path != BUNDLED:
            self.kept = [place, *(item for item in self.kept if item.path != place.path)][:MOST_KEPT]

    def update(self, place: Place) -> None:
        """What is known of it now; its rank stays."""
        self.kept = [place if item.path == place.path else item for item in self.kept]

    def forget(self, path: str) -> None:
        """Leave an index out from now on; its files stay."""
        self.kept = [item for item in self.kept if item.path != path]

    def state(self) -> list[dict[str, Any]]:
        """The indexes as plain values, for `restored`."""
        return [asdict(place) for place in self.kept]

    @classmethod
    def restored(cls, state: object) -> Places:
        """Of an earlier start; indexes that are gone are left out."""
        result = []
        for item in state if isinstance(state, list) else []:
            if isinstance(item, dict) and (Path(str(item.get("path"))) / TABLE).is_file():
                unfinished = item.get("unfinished")
                result.append(
                    Place(
                        str(item["path"]),
                        str(item.get("title", "")),
                        str(item.get("model", "")),
                        tuple(str(folder) for folder in unfinished) if isinstance(unfinished, list) else (),
                    )
                )
        return cls(result[:MOST_KEPT])


def indexes_folder() -> Path:
    """The folder in which indexes lie that are not put elsewhere by a person."""
    return home() / "indexes"


def place_for(folder: Path, model: str) -> Place:
    """Where the index of a folder with a model belongs: always the same place, so that a later run goes on there."""
    key = hashlib.sha256(f"{folder.resolve()}\n{model}".encode()).hexdigest()[:8]
    name = "".join(c if c.isalnum() or c in "-_ " else "_" for c in folder.name).strip() or "index"
    return Place(str(indexes_folder() / f"{name[:40]}-{key}"), folder.name or str(folder), model)


def is_index(path: Path) -> bool:
    """Whether a folder holds an index, by the name of its table; the table itself is not read."""
    return (path / TABLE).is_file()
