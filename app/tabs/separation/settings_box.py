"""The settings of a separation, in the fold under the button."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox

from app.i18n import series, tr
from app.widgets.combo import ElidedCombo
from app.widgets.section import Fold
from models.separation.results import AUGMENTATIONS, SeparationOptions


class SettingsBox(QObject):
    """`options` are what a person set; `changed` when they set something else."""

    changed = Signal()

    def __init__(self, fold: Fold) -> None:
        super().__init__(fold)
        self._fold = fold
        usual = SeparationOptions()
        self.container = QComboBox()
        for words, value in ((tr("WAV"), "wav"), (tr("FLAC"), "flac")):
            self.container.addItem(words, value)
        self.window_s = _seconds(2.0, 60.0, usual.window_s)
        self.overlap_s = _seconds(0.5, 20.0, usual.overlap_s)
        self.augmentation = _augmentation(usual.test_time_augmentation)
        self.consistent = _check_box(
            tr("Tracks add up to the mixture"),
            tr("What no track holds is shared out among them, so that nothing is lost"),
            usual.mixture_consistency,
        )
        self.keep_voices = _check_box(
            tr("Voices keep their lanes"),
            tr("Each voice stays in one track by what it sounds like, also after a long silence"),
            usual.keep_voices,
        )
        self.one_voice = _check_box(
            tr("One voice gets one track"),
            tr("Where a single person is heard, the other tracks are silent"),
            usual.one_voice,
        )
        self._lay_out()
        for spin_box in (self.window_s, self.overlap_s):
            spin_box.valueChanged.connect(self._changed)
        for choice in (self.container, self.augmentation):
            choice.currentIndexChanged.connect(self._changed)
        for check_box in (self.consistent, self.keep_voices, self.one_voice):
            check_box.toggled.connect(self._changed)
        self._changed()

    def _lay_out(self) -> None:
        """A row a control with its unit and what it does, then the check boxes."""
        rows = (
            (
                tr("Format of tracks"),
                self.container,
                "",
                tr("FLAC is smaller; WAV keeps what lies above full scale"),
            ),
            (
                tr("Window"),
                self.window_s,
                tr("s"),
                tr("The stretch that the network hears at once; longer needs more memory"),
            ),
            (
                tr("Overlap"),
                self.overlap_s,
                tr("s"),
                tr("What neighbouring windows share; there the speakers are told apart"),
            ),
            (
                tr("Hear each stretch"),
                self.augmentation,
                "",
                tr(
                    "Also with its sign reversed, from four times on a little later too, and the mean is taken: more exact, and that much slower"
                ),
            ),
        )
        for title, control, unit, tooltip in rows:
            self._fold.add_row(title, control, unit, tooltip)
        for box in (self.consistent, self.keep_voices, self.one_voice):
            self._fold.add(box)

    def options(self) -> SeparationOptions:
        """What the controls say; an overlap of more than half the window is taken for half of it."""
        window_s = self.window_s.value()
        return SeparationOptions(
            window_s=window_s,
            overlap_s=min(self.overlap_s.value(), window_s / 2),
            test_time_augmentation=self.augmentation.currentData(),
            mixture_consistency=self.consistent.isChecked(),
            keep_voices=self.keep_voices.isChecked(),
            one_voice=self.one_voice.isChecked(),
            container="flac" if self.container.currentData() == "flac" else "wav",
        )

    def state(self) -> dict[str, Any]:
        """The settings as plain values, for the next start."""
        now = self.options()
        return {
            "window_s": now.window_s,
            "overlap_s": now.overlap_s,
            "test_time_augmentation": now.test_time_augmentation,
            "consistent": now.mixture_consistency,
            "keep_voices": now.keep_voices,
            "one_voice": now.one_voice,
            "container": now.container,
        }

    def restore(self, state: Any) -> None:
        """Set the controls as a `state` says, as far as it makes sense."""
        if not isinstance(state, dict):
            return
        for box, name in ((self.window_s, "window_s"), (self.overlap_s, "overlap_s")):
            value = state.get(name)
            if isinstance(value, int | float):
                box.setValue(float(value))
        times = state.get("test_time_augmentation")
        if times is None or (type(times) is int and times in AUGMENTATIONS):
            self.augmentation.setCurrentIndex(self.augmentation.findData(times))
        self.consistent.setChecked(state.get("consistent") is True)
        self.keep_voices.setChecked(state.get("keep_voices", True) is True)
        self.one_voice.setChecked(state.get("one_voice", True) is True)
        self.container.setCurrentIndex(max(0, self.container.findData(state.get("container"))))

    def _changed(self, *_: object) -> None:
        now = self.options()
        summary = [now.container.upper(), tr("window {seconds} s", seconds=f"{now.window_s:g}")]
        if now.test_time_augmentation is not None:
            summary.append(tr("heard {times}", times=self.augmentation.currentText()))
        if now.mixture_consistency:
            summary.append(tr("add up"))
        self._fold.set_summary(series(summary))
        self.changed.emit()


def _seconds(least: float, most: float, value: float) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(least, most)
    box.setDecimals(1)
    box.setSingleStep(0.5)
    box.setValue(value)
    return box


def _augmentation(usual: int | None) -> ElidedCombo:
    """How many variants of a stretch are separated and averaged (test-time augmentation); None: as the model says."""
    box = ElidedCombo(tr("Hear each stretch"), "")
    times = (tr("once"), tr("twice"), tr("four times"), tr("eight times"))
    for text, count in zip(times, AUGMENTATIONS, strict=True):
        box.addItem(text, count)
    box.addItem(tr("as the model says"), None)
    box.setMinimumContentsLength(8)  # no wider than the column
    box.setCurrentIndex(box.findData(usual))
    return box


def _check_box(words: str, tooltip: str, checked: bool) -> QCheckBox:
    box = QCheckBox(words)
    box.setToolTip(tooltip)
    box.setChecked(checked)
    return box
