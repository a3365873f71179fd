"""The time that lanes under one another have in common: what of it is in view, a chosen stretch, the play head."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

Span = tuple[float, float]
LEAST_S = 0.005  # in view at the closest
MARKS_S = (
    0.001,
    0.002,
    0.005,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    14400,
    28800,
)


class TimeAxis(QObject):
    """In seconds. Whoever draws follows the signals; whoever is moved by the mouse calls the methods."""

    view_changed = Signal()
    region_changed = Signal()
    head_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.duration_s = 0.0
        self.view: Span = (0.0, 1.0)
        self.region: Span | None = None
        self.head_s: float | None = None

    @property
    def span_s(self) -> float:
        return self.view[1] - self.view[0]

    def set_duration(self, duration_s: float) -> None:
        """Of another recording: all of it in view, nothing chosen."""
        self.duration_s = duration_s
        self.set_region(None)
        self.set_head(None)
        self.show_all()

    def show_all(self) -> None:
        """Bring the whole recording into view."""
        self._set_view(0.0, max(self.duration_s, LEAST_S))

    def show(self, first_s: float, last_s: float) -> None:
        """Bring a stretch into view; kept within the recording."""
        whole = max(self.duration_s, LEAST_S)
        span = min(max(last_s - first_s, LEAST_S), whole)
        middle = (first_s + last_s) / 2
        first = min(max(0.0, middle - span / 2), whole - span)
        self._set_view(first, first + span)

    def zoom(self, factor: float, around_s: float | None = None) -> None:
        """Show `factor` times as much time; what is at `around_s` stays where it is (None: the head, or the middle)."""
        first, last = self.view
        if around_s is None:
            seen = self.head_s is not None and first <= self.head_s <= last
            around_s = self.head_s if seen and self.head_s is not None else (first + last) / 2
        whole = max(self.duration_s, LEAST_S)
        span = min(max((last - first) * factor, LEAST_S), whole)
        share = (around_s - first) / max(last - first, 1e-9)
        begin = min(max(0.0, around_s - share * span), whole - span)
        self._set_view(begin, begin + span)

    def scroll(self, by_s: float) -> None:
        """Move the view by so many seconds, kept within the recording."""
        whole = max(self.duration_s, LEAST_S)
        first = min(max(0.0, self.view[0] + by_s), whole - self.span_s)
        self._set_view(first, first + self.span_s)

    def set_region(self, region: Span | None) -> None:
        """The chosen stretch, in order and within the recording; one of no length is none."""
        if region is not None:
            first, last = sorted(min(max(0.0, place), self.duration_s) for place in region)
            region = (first, last) if last - first >= 1e-3 else None
        if region != self.region:
            self.region = region
            self.region_changed.emit()

    def set_head(self, place_s: float | None) -> None:
        """Move the play head, kept within the recording; None takes it away."""
        if place_s is not None:
            place_s = min(max(0.0, place_s), self.duration_s)
        if place_s != self.head_s:
            self.head_s = place_s
            self.head_changed.emit()

    def keep_head_in_view(self) -> None:
        """Turn the page when the head leaves it."""
        if self.head_s is not None and not self.view[0] <= self.head_s <= self.view[1]:
            self.show(self.head_s, self.head_s + self.span_s)

    def mark_s(self, pixels: float, least_pixels: float = 80.0) -> float:
        """The distance of round times that is at least so wide on the screen."""
        least = least_pixels * self.span_s / max(1.0, pixels)
        return next((mark for mark in MARKS_S if mark >= least), MARKS_S[-1])

    def _set_view(self, first_s: float, last_s: float) -> None:
        if (first_s, last_s) != self.view:
            self.view = (first_s, last_s)
            self.view_changed.emit()


def time_words(place_s: float, step_s: float = 1.0) -> str:
    """``3:29.4``: as many decimals as steps of that size need; hours only where there are some."""
    digits = 0 if step_s >= 1 else 1 if step_s >= 0.1 else 2 if step_s >= 0.01 else 3
    ticks = round(place_s * 10**digits)
    whole, rest = divmod(ticks, 10**digits)
    tail = f".{rest:0{digits}d}" if digits else ""
    hours, minutes = whole // 3600, whole // 60 % 60
    clock = f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"
    return clock + tail
