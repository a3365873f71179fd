"""The degrees of the chosen file: its curves and its plane, which are there only where the model gives some."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from app.tabs.emotion.degree_lines import DegreeLines
from app.tabs.emotion.degrees import on_plane
from app.tabs.emotion.plane import Plane
from app.widgets.plot import Plot

if TYPE_CHECKING:
    from models.emotion.file_prediction import FilePrediction


class DegreesOfFile:
    """`curves` and `plane` are laid out by whoever makes this. The plane shows the time of the play head, else that of the cursor,
    else the file as a whole."""

    def __init__(self, above: Sequence[Plot]) -> None:
        """above: the plots whose time axis and cursor the curves share."""
        self.curves, self.plane = DegreeLines(), Plane()
        self._head: float | None = None
        self._cursor = float("nan")
        self.curves.follow(above)
        for plot in above:
            plot.cursor_moved.connect(self._cursor_at)
        self.curves.cursor_moved.connect(self._cursor_at)
        self.curves.hide()
        self.plane.hide()

    def show(self, prediction: FilePrediction) -> None:
        """What a file came to; nothing is to be seen of a model that gives no degrees."""
        names = prediction.dimension_names
        times_s, values = prediction.dimension_curves()
        self.curves.setVisible(bool(names))
        self.curves.show_curves(names, *prediction.edges(), values)
        points = on_plane(names, values)
        self.plane.setVisible(points is not None)
        if points is not None:
            mean = on_plane(names, prediction.mean_dimensions) if prediction.spoken else None
            self.plane.show_path(times_s, points, mean)

    def show_nothing(self) -> None:
        """No file; what was shown of a model that gives degrees keeps its place."""
        self.curves.show_nothing()
        self.plane.show_nothing()

    def set_playhead(self, place_s: float | None) -> None:
        """Where the sound is that plays, in seconds; None while none does."""
        self._head = place_s
        self.curves.set_playhead(place_s)
        self._place()

    def _cursor_at(self, time_s: float) -> None:
        self._cursor = time_s
        self._place()

    def _place(self) -> None:
        at = self._head if self._head is not None else self._cursor
        self.plane.set_time(at if np.isfinite(at) else None)
