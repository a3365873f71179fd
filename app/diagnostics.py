"""What a report of a fault needs, in one text: machine, versions, choices, free room, models, the last errors, the log.

Nothing of it is sent anywhere: a person copies it. The name of the home folder is left out of paths.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from app.errors import crash_folder, machine
from app.log_window import keep_log
from app.services import Services
from models.hub import shelf, sources
from models.resources import home, version

LAST_LINES = 60  # of the log
LAST_REPORTS = 2  # the newest crash reports, of this run and the one before
MOST_OF_REPORT = 6000  # characters


def diagnostics(services: Services) -> str:
    """The text; in English, for it is read by whoever mends the fault."""
    parts = [
        f"Polyphony {version()}",
        machine(),
        *_choices(services),
        *_room(),
        f"Models of others: {', '.join(model.name for model in shelf.installed()) or 'none'}",
        *_reports(),
        "Log:",
        *keep_log().since(max(0, keep_log().total - LAST_LINES)),
    ]
    return _without_names("\n".join(parts)) + "\n"


def _choices(services: Services) -> list[str]:
    settings = services.settings
    chosen = sources.stored()
    running = ", ".join(task.text() for task in services.tasks) or "nothing"
    return [
        f"Cores: {os.cpu_count()}; device chosen: {settings.device}; in use: {services.device_used or 'none yet'}",
        f"Language: {settings.language}; theme: {settings.theme}; offline: {sources.offline()}; hub: {chosen.address}",
        f"Errors in this run: {services.errors.count}; under way: {running}",
    ]


def _room() -> list[str]:
    place = next((path for path in (home(), *home().parents) if path.is_dir()), Path("/"))
    return [f"Folder: {home()}; free: {shutil.disk_usage(place).free / 1e9:.1f} GB"]


def _reports() -> list[str]:
    """The newest reports: what faulthandler left of a run that vanished, and errors that were shown."""
    try:
        paths = sorted(crash_folder().glob("e*.txt"), key=lambda path: path.stat().st_mtime)[-LAST_REPORTS:]
        texts = [(path.name, path.read_text("utf-8", "replace")[-MOST_OF_REPORT:]) for path in paths]
    except OSError:
        return []
    return [line for name, text in texts for line in (f"Report {name}:", text.rstrip(), "")]


def _without_names(text: str) -> str:
    return text.replace(str(Path.home()), "~")
