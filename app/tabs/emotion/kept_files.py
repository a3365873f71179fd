"""What the table of files keeps until the next start: which files, and of which conversations they are tracks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.tabs.sent import Conversation, Track

if TYPE_CHECKING:
    from app.tabs.emotion.file_table import Row, Table

AT_ONCE = 24  # so many files are recognised again unasked; more wait for the button


def state_of(rows: list[Row], shown: Row | None) -> dict[str, object]:
    """Plain values and paths, for `take_up`."""
    talks = list({id(row.talk): row.talk for row in rows if row.talk is not None}.values())
    return {
        "files": [row.path for row in rows],
        "shown": shown.path if shown is not None else None,
        "conversations": [
            {
                "title": talk.title,
                "model_rate": talk.model_rate,
                "tracks": [
                    {"path": track.path, "name": track.name, "color": track.color} for track in talk.tracks
                ],
            }
            for talk in talks
        ],
    }


def files_of(state: dict[str, object]) -> list[Path]:
    """Those that are still there."""
    files = state.get("files")
    return (
        [item for item in files if isinstance(item, Path) and item.is_file()]
        if isinstance(files, list)
        else []
    )


def conversations_of(state: dict[str, object]) -> list[Conversation]:
    """Those of which every track is still there."""
    kept, result = state.get("conversations"), []
    for item in kept if isinstance(kept, list) else []:
        listed = item.get("tracks") if isinstance(item, dict) else None
        tracks = listed if isinstance(listed, list) else []
        made = [
            Track(track["path"], str(track.get("name", "")), str(track.get("color", "")))
            for track in tracks
            if isinstance(track, dict) and isinstance(track.get("path"), Path) and track["path"].is_file()
        ]
        if made and len(made) == len(tracks):
            rate = item.get("model_rate")
            result.append(
                Conversation(str(item.get("title", "")), tuple(made), rate if isinstance(rate, int) else 0)
            )
    return result


def take_up(table: Table, state: dict[str, object]) -> tuple[Path, bool] | None:
    """Put what was kept into the table: which file to begin with, and whether all are to be recognised at once; None
    where nothing is left of it."""
    files, shown = files_of(state), state.get("shown")
    if not files:
        return None
    table.add(files)
    for talk in conversations_of(state):
        tracks = {track.path for track in talk.tracks}
        for row in table.rows:
            row.talk = talk if row.path in tracks else row.talk
    return shown if isinstance(shown, Path) and shown in files else files[0], len(files) <= AT_ONCE
