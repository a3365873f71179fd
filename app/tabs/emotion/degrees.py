"""Degrees of emotion in words, figures and strokes, the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QPen

from app import theme
from app.i18n import digits, tr

if TYPE_CHECKING:
    from models.emotion.concordance import Concordance

# A token of the theme and a stroke each: emotions have the categories' colours, and degrees none of them.
INKS = {"arousal": "accent", "valence": "text", "dominance": "muted"}
_STROKES = {
    "arousal": Qt.PenStyle.SolidLine,
    "valence": Qt.PenStyle.DashLine,
    "dominance": Qt.PenStyle.DotLine,
}


def degree_words(name: str) -> str:
    """A dimension in the person's language."""
    return {"arousal": tr("arousal"), "valence": tr("valence"), "dominance": tr("dominance")}[name]


def degree_figure(value: float) -> str:
    """``0.62``."""
    return digits(value, ".2f")


def degrees_text(names: Sequence[str], values: np.ndarray) -> str:
    """``arousal 0.62 · valence 0.41``; values: float [dimensions]. Empty of none."""
    pairs = zip(names, values, strict=True)
    return " · ".join(f"{degree_words(name)} {degree_figure(float(value))}" for name, value in pairs)


def agreement_words(degrees: Sequence[Concordance]) -> str:
    """How well a model's degrees agree with listeners', in each dimension and over speakers; empty of none."""
    parts = []
    for item in degrees:
        inside = [value for value in item.by_speaker.values() if np.isfinite(value)]
        spread = (digits(min(inside), ".2f"), digits(max(inside), ".2f")) if inside else ("–", "–")
        figures = {"ccc": digits(item.ccc, ".3f"), "low": spread[0], "high": spread[1], "n": item.n}
        words = tr(
            "{name} {ccc} (speakers {low} to {high}, n = {n})", name=degree_words(item.name), **figures
        )
        parts.append(words)
    return tr("Agreement with listeners (CCC): {parts}", parts="; ".join(parts)) if parts else ""


def degree_pen(name: str, width: float = 1.6) -> QPen:
    """What a dimension's curve is drawn with, in the theme that is in force."""
    pen = QPen(theme.color(INKS[name]), width, _STROKES[name])
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    return pen


def on_plane(names: Sequence[str], values: np.ndarray) -> np.ndarray | None:
    """float [..., 2], valence and arousal of float [..., dimensions]; None where a model lacks one of them."""
    if "valence" not in names or "arousal" not in names:
        return None
    return values[..., [list(names).index("valence"), list(names).index("arousal")]]
