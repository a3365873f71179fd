"""How quick models were on this machine when they were measured; kept beside them."""

from __future__ import annotations

import json
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from models.hub.sources import stored

UNITS = {"emotion": "× real time", "separation": "× real time", "search": "pictures/s"}


@dataclass(frozen=True)
class Speed:
    """value: in `unit`. device: where it computed; host: the machine; when: seconds since 1970."""

    system: str
    value: float
    device: str
    host: str
    when: float

    @property
    def words(self) -> str:
        """Such as ``41 × real time on cpu``."""
        return f"{self.value:.3g} {UNITS[self.system]} on {self.device}"


def speed_of(name: str) -> Speed | None:
    """What was measured last on this machine; None where nothing was."""
    speed = _read().get(name)
    return speed if speed is not None and speed.host == platform.node() else None


def words_of(name: str) -> str:
    """`speed_of` in words; empty where nothing was measured."""
    speed = speed_of(name)
    return speed.words if speed is not None else ""


def keep(name: str, system: str, value: float, device: str) -> Speed:
    """Remember a measurement. Raises OSError."""
    from models.writing import write_whole

    speed = Speed(system, value, device, platform.node(), time.time())
    known = {**_read(), name: speed}
    text = json.dumps({key: asdict(item) for key, item in known.items()}, indent=1)
    _file().parent.mkdir(parents=True, exist_ok=True)
    write_whole(_file(), text + "\n")
    return speed


def _read() -> dict[str, Speed]:
    try:
        values = json.loads(_file().read_text("utf-8"))
        return {name: Speed(**item) for name, item in values.items() if item["system"] in UNITS}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _file() -> Path:
    return stored().models / "speeds.json"
