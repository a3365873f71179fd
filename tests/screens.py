"""Screens that are not there: Qt's ``offscreen`` platform with a screen of a given size."""

from __future__ import annotations

import atexit
import json
import os
import tempfile


def platform(width: int, height: int, scale: float = 1.0) -> str:
    """What ``QT_QPA_PLATFORM`` has to say for one screen of `width` × `height` pixels of which `scale` make a point."""
    screen = {
        "name": "screen", "x": 0, "y": 0, "width": width, "height": height,
        "logicalDpi": 96, "logicalBaseDpi": 96, "dpr": scale,
    }  # fmt: skip
    handle, name = tempfile.mkstemp(suffix=".json", prefix="screen-")
    with os.fdopen(handle, "w") as file:
        json.dump(
            {"synchronousWindowSystemEvents": True, "windowFrameMargins": True, "screens": [screen]}, file
        )
    atexit.register(os.unlink, name)
    return f"offscreen:configfile={name}"
