"""What an EEG session had open, as plain values between two starts of the window."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from app.tabs.eeg.session import EegSession


def state_of(session: EegSession) -> dict[str, object]:
    """What is open and what was done with it, for `restore`; empty where nothing is open."""
    if session.opened is None:
        return {}
    return {
        "path": session.opened.path,
        "part": session.number,
        "tracks": [track.path for track in session.tracks if track.path is not None],
        "shifted": session.shifted,
        "truth": session.truth,
        "bad": sorted(session.marked_bad),
        "history": session.history_path,
        "annotations": session.annotations.state(),
        "decoded": session.result is not None,
    }


async def restore(session: EegSession, state: Mapping[str, object]) -> None:
    """As it was left, as far as its files are still there; what was decoded is decoded again. Raises UserError."""
    path, number = state.get("path"), state.get("part")
    if not isinstance(path, Path) or not path.exists():
        return
    await session.open(path)
    opened = session.opened
    if opened is None or opened.path != path:
        return  # it was stopped, or overtaken by another one
    if isinstance(number, int) and 0 < number < len(opened.parts):
        session.show_part(number)
    session.set_bad(_known_channels(session, state.get("bad")))
    session.annotations.restore(state.get("annotations"))
    sounds = _sounds(state.get("tracks"))
    if sounds:
        await session.listen_to(sounds)
    truth, history = state.get("truth"), state.get("history")
    session.set_candidates(state.get("shifted") is True, truth if isinstance(truth, int) else None)
    if isinstance(history, Path) and history.is_file():
        session.replay(history)
    elif state.get("decoded") is True:
        await session.decode()


def _sounds(tracks: object) -> list[Path]:
    """The sound files among what was kept that are still there."""
    paths = tracks if isinstance(tracks, list) else []
    return [item for item in paths if isinstance(item, Path) and item.is_file()]


def _known_channels(session: EegSession, bad: object) -> frozenset[str]:
    """The channels among what was kept that the recording which is shown has."""
    names = set() if session.recording is None else set(session.recording.channel_names)
    return frozenset(name for name in bad if name in names) if isinstance(bad, list) else frozenset()
