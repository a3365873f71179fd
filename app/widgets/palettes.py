"""Tables of colours for values: [256, 4] red, green, blue, alpha."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QColor

from app import theme


def viridis() -> np.ndarray:
    """From small to large."""
    table = pg.colormap.get("viridis").getLookupTable(nPts=256, alpha=True)
    return np.asarray(table, np.uint8)


def diverging() -> np.ndarray:
    """Blue below, orange above, white at the middle."""
    return _between([theme.BLUE, theme.LIGHT.page, theme.ORANGE])


def greys() -> np.ndarray:
    """From light to dark."""
    return _between([theme.LIGHT.view, theme.LIGHT.text])


def _between(colors: list[str]) -> np.ndarray:
    stops = np.array(
        [[QColor(color).red(), QColor(color).green(), QColor(color).blue(), 255] for color in colors], float
    )
    places = np.linspace(0, len(colors) - 1, 256)
    return np.stack(
        [np.interp(places, np.arange(len(colors)), stops[:, i]) for i in range(4)], axis=1
    ).astype(np.uint8)
