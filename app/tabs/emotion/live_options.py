"""The settings of recognition: how sure a word must be; and live, how often, how smooth, what is speech."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QDoubleSpinBox, QHBoxLayout, QLabel, QSpinBox, QVBoxLayout, QWidget

from app.i18n import tr
from models.emotion.doubt import BY_MODEL
from models.emotion.live_settings import LiveSettings


class LiveOptions(QWidget):
    """changed(): what the recogniser does with each window is another; the hop is looked at as it runs.
    doubt_changed(): another certainty is asked for, of files, too."""

    changed = Signal()
    doubt_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        self._live = QWidget()
        column = QVBoxLayout(self._live)
        column.setContentsMargins(0, 0, 0, 0)
        self.hop, self.threshold, self.smoothing = QDoubleSpinBox(), QDoubleSpinBox(), QSpinBox()
        self.hop.setRange(0.1, 5.0)
        self.hop.setSingleStep(0.1)
        self.threshold.setRange(0.05, 0.95)
        self.threshold.setSingleStep(0.05)
        self.smoothing.setRange(1, 20)
        self.unsure = QSpinBox()
        self.unsure.setRange(-1, 100)
        self.unsure.setSpecialValueText(tr("as the model"))
        self.unsure.setSuffix(" %")
        self.restore({})
        for name, widget in (
            ("hop_s", self.hop),
            ("smoothing", self.smoothing),
            ("speech_threshold", self.threshold),
        ):
            column.addLayout(_line(name, widget))
        whole.addLayout(_line("unsure_below", self.unsure))
        whole.addWidget(self._live)
        self.unsure.valueChanged.connect(lambda _value: self.doubt_changed.emit())
        self.unsure.valueChanged.connect(lambda _value: self.changed.emit())
        self.smoothing.valueChanged.connect(lambda _value: self.changed.emit())
        self.threshold.valueChanged.connect(lambda _value: self.changed.emit())
        self.record = QCheckBox(tr("Record the session"))
        self.record.setToolTip(
            tr("Sound (WAV) and predictions (CSV, Audacity labels) go to your Polyphony folder")
        )
        column.addWidget(self.record)

    @property
    def unsure_below(self) -> float:
        """The certainty under which a word is `unsure`; `BY_MODEL` leaves it to the model."""
        return BY_MODEL if self.unsure.value() < 0 else self.unsure.value() / 100

    def show_live(self, live: bool) -> None:
        """Whether the settings of listening are shown besides the one of every page."""
        self._live.setVisible(live)

    def values(self) -> LiveSettings:
        """The settings as they are."""
        return LiveSettings(
            hop_s=self.hop.value(),
            smoothing=self.smoothing.value(),
            speech_threshold=self.threshold.value(),
            unsure_below=self.unsure_below,
        )

    def restore(self, values: object) -> None:
        """Take over what was kept; what is missing is as usual."""
        kept = values if isinstance(values, dict) else {}
        usual = LiveSettings()
        self.hop.setValue(float(kept.get("hop_s", usual.hop_s)))
        self.smoothing.setValue(int(kept.get("smoothing", usual.smoothing)))
        self.threshold.setValue(float(kept.get("speech_threshold", usual.speech_threshold)))
        below = float(kept.get("unsure_below", usual.unsure_below))
        self.unsure.setValue(-1 if below < 0 else round(100 * below))


def _line(name: str, widget: QDoubleSpinBox | QSpinBox) -> QHBoxLayout:
    """Title, editor and unit of a field, in the words of its schema."""
    field = LiveSettings.model_fields[name]
    line = QHBoxLayout()
    label = QLabel(tr(field.title or name))
    label.setBuddy(widget)
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    widget.setToolTip(tr(field.description or ""))
    widget.setAccessibleName(tr(field.title or name))
    if extra.get("unit"):
        widget.setSuffix(f" {tr(str(extra['unit']))}")
    line.addWidget(label, 1)
    line.addWidget(widget)
    return line
