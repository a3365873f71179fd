"""The modules of the mesh for people: their names in the window's language, and their colours."""

from __future__ import annotations

from PySide6.QtGui import QColor

from app import i18n, theme
from models.reverberation.drawing import COLORS
from models.reverberation.wiring import CONDUCTOR, PROCESSOR_NAMES, PROCESSORS, ROLE_NAMES, ROLES, Wiring

MODULES = {module.name: module for module in (*ROLES, *PROCESSORS, CONDUCTOR)}
PROCESSOR_COLORS = dict(zip(PROCESSOR_NAMES, COLORS, strict=True))  # as in the drawings for papers


def english_name(name: str) -> str:
    """A module's name in plain English words: ``data aggregator``."""
    return name.replace("_", " ")


def short_name(name: str) -> str:
    """In one language, for narrow places: 竖琴 in a Chinese window, else harp."""
    return MODULES[name].chinese if i18n.language().startswith("zh") else english_name(name)


def full_name(name: str) -> str:
    """In a Chinese window both: 竖琴 harp."""
    chinese = i18n.language().startswith("zh")
    return f"{MODULES[name].chinese} {english_name(name)}" if chinese else english_name(name)


def both_names(name: str) -> str:
    """Where there is room: harp · 竖琴."""
    return f"{english_name(name)} · {MODULES[name].chinese}"


def module_color(name: str, wiring: Wiring) -> QColor:
    """A processor's own colour, a role's that of the processor it belongs to, the conductor's that of the text.

    The same in every view, and dark or light enough to be seen in thin lines on a card.
    """
    if name == CONDUCTOR.name:
        return theme.color("text")
    return theme.mark(PROCESSOR_COLORS[wiring.own[name] if name in ROLE_NAMES else name])
