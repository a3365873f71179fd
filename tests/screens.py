"""Screens that are not there: Qt's ``offscreen`` platform with a screen of a given size."""

from __future__ import annotations

import atexit
import json
import os
import tempfile


def screen_of(width: int, height: int, scale: float = 1.0) -> dict[str, str]:
    """The environment of a process that sees one screen of `width` × `height` points, each `scale` pixels wide and high.

    The platform's own ratio is told of the screen only: windows on it are drawn at one pixel a point.
    """
    pixels = platform(round(width * scale), round(height * scale))
    return {"QT_QPA_PLATFORM": pixels, "QT_SCALE_FACTOR": f"{scale:g}"}


def platform(width: int, height: int) -> str:
    """What ``QT_QPA_PLATFORM`` has to say for one screen of `width` × `height` pixels."""
    screen = {
        "name": "screen", "x": 0, "y": 0, "width": width, "height": height,
        "logicalDpi": 96, "logicalBaseDpi": 96, "dpr": 1,
    }  # fmt: skip
    handle, name = tempfile.mkstemp(suffix=".json", prefix="screen-")
    with os.fdopen(handle, "w") as file:
        json.dump(
            {"synchronousWindowSystemEvents": True, "windowFrameMargins": True, "screens": [screen]}, file
        )
    atexit.register(os.unlink, name)
    return f"offscreen:configfile={name}"
