"""At the right: the scalp, by what the decoder relies on and by how the brain answers at each lag; r by subject."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from app import theme
from app.i18n import digits, tr
from app.tabs.eeg.session import EegSession
from app.widgets.combo import ElidedCombo
from app.widgets.dots import DotRow, Dots
from app.widgets.labels import Caption, Hint
from app.widgets.scalp import ScalpMap
from app.widgets.scrolled import ScrolledColumn
from models.eeg.matching import WINDOW_S
from models.remarks import distinct

if TYPE_CHECKING:
    from models.eeg.maps import LagMap

SALIENCY, POWER, EXCITATION = "saliency", "power", "excitation"
RESPONSE, PATTERN, WORTH = "response", "pattern", "worth"
LAG_PX = 56  # of the words beside the slider


class ScalpPage(ScrolledColumn):
    """The map, and r by subject. `body` takes what else belongs here."""

    def __init__(self, session: EegSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inner = QWidget()
        self.body = QVBoxLayout(inner)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(theme.SMALL)
        self.what = ElidedCombo(tr("Scalp map"), "")
        for number, (key, words, tip) in enumerate(_maps()):
            self.what.addItem(words, key)
            self.what.setItemData(number, tip, Qt.ItemDataRole.ToolTipRole)
        self.what.currentIndexChanged.connect(lambda _index: self._show_map())
        self.map = ScalpMap(tr("Scalp map"))
        self.lag = _LagSlider()
        self.lag.slider.valueChanged.connect(lambda _value: self._show_lag())
        self.about = Hint()
        self.subjects_caption = Caption(tr("Subjects"))
        self.subjects = Dots(tr("r by subject"))
        self.kinds = Hint()
        for widget in (
            self.what,
            self.map,
            self.lag,
            self.about,
            self.subjects_caption,
            self.subjects,
            self.kinds,
        ):
            self.body.addWidget(widget)
        self.setWidget(inner)
        session.part_changed.connect(self._show_part)
        session.decoded.connect(self._show_result)
        session.compared.connect(self._show_heard)
        session.permuted.connect(self._show_map)
        session.evaluated.connect(self._show_subjects)
        self._show_nothing()

    def choose(self, key: str) -> None:
        """One of ``saliency``, ``worth``, ``response``, ``pattern``, ``power`` and ``excitation``."""
        self.what.setCurrentIndex(max(0, self.what.findData(key)))

    # Which maps there are ---------------------------------------------------------------------------------

    def _show_part(self) -> None:
        opened, recording = self._session.opened, self._session.recording
        assert opened is not None
        assert recording is not None
        self.map.set_places(recording.channel_names, opened.places)
        self._show_nothing()

    def _show_nothing(self) -> None:
        self.about.setText(tr("After decoding: which electrodes the decoder relies on."))
        self.lag.hide()
        self._offer()
        self._show_rows([], "")

    def _show_result(self) -> None:
        result = self._session.result
        assert result is not None
        self.map.set_places(result.decoding.channel_names, result.places)
        self._offer()
        self._show_map()

    def _offer(self) -> None:
        """A linear decoder has no excitation, and a mean of several not one of its own; without what was heard there is no response to it."""
        result, comparison = self._session.result, self._session.track_comparison
        has = {
            EXCITATION: result is not None and result.reliance.excitation is not None,
            RESPONSE: comparison is not None,
            WORTH: comparison is not None,
            PATTERN: result is not None,
        }
        model = self.what.model()
        assert isinstance(model, QStandardItemModel)
        for key, there in has.items():
            model.item(self.what.findData(key)).setEnabled(there)
        if result is not None and not has.get(self.what.currentData(), True):
            self.what.setCurrentIndex(0)

    # The map ----------------------------------------------------------------------------------------------

    def _over_lags(self) -> LagMap | None:
        """The chosen map, where it is one over lags."""
        result, comparison = self._session.result, self._session.track_comparison
        if self.what.currentData() == RESPONSE and comparison is not None:
            return comparison.response
        if self.what.currentData() == PATTERN and result is not None:
            return result.pattern
        return None

    def _show_map(self) -> None:
        result, comparison = self._session.result, self._session.track_comparison
        over_lags, key = self._over_lags(), self.what.currentData()
        self.lag.setVisible(over_lags is not None)
        if result is None:
            return
        self.map.set_values(None)
        names = result.decoding.channel_names
        self.map.set_marked([number for number, name in enumerate(names) if name in result.bad])
        if over_lags is not None:
            self.lag.take(over_lags)
            self._show_lag()
        elif key == POWER:
            self.map.set_values(result.power, "dB")
            self.about.setText(tr("Power from 0.5 to 32 Hz, in dB of 1 µV²."))
        elif key == EXCITATION and result.reliance.excitation is not None:
            self.map.set_values(result.reliance.excitation)
            self.about.setText(tr("Squeeze-and-excitation by electrode; the largest is 1."))
        elif key == WORTH and comparison is not None:
            self._show_worth()
        else:
            self._show_saliency()

    def _show_lag(self) -> None:
        shown = self._over_lags()
        if shown is None:
            return
        most = float(abs(shown.values).max())
        self.map.set_values(shown.values[self.lag.slider.value()], "µV", (-most, most), signed=True)
        if self.what.currentData() == RESPONSE:
            words = tr(
                "How the EEG answers what was heard, a standard deviation of its envelope (temporal response function)."
            )
        else:
            words = tr(
                "How the EEG goes with what is decoded from it (Haufe's transform of the decoder, Cov(x) w), a standard deviation of that."
            )
        self.about.setText(words)

    def _show_worth(self) -> None:
        worth = self._session.permutation
        if worth is None:
            self.about.setText(tr("Each channel is scrambled in turn …"))
            self._session.services.start(self._session.permute(), self)
            return
        self.map.set_values(worth, signed=True)
        self.about.setText(
            tr(
                "How much r falls where a channel's phases are scrambled; neighbours that say the same hide one another."
            )
        )

    def _show_saliency(self) -> None:
        result = self._session.result
        assert result is not None
        self.map.set_values(result.reliance.saliency, limits=(0.0, 1.0))
        text = tr("Relative to the electrode that matters most. What a decoder weighs is no map of sources.")
        decoder = self._session.held.model
        if decoder is not None and len(decoder.members) > 1:
            text += " " + tr("It is the mean over the decoders that are averaged.")
        gate = result.reliance.gate
        if gate is not None:
            text += " " + tr("The gate stands open by {share} %.", share=f"{100 * gate:.0f}")
        self.about.setText(text)

    # Subjects ---------------------------------------------------------------------------------------------

    def _show_subjects(self) -> None:
        """r of each subject on the held-back part of a data set."""
        result = self._session.evaluation
        assert result is not None
        lines = [
            tr("mean r {r}, by chance {null}", r=_r(result.r), null=_r(result.chance)),
            " · ".join(kind.translated(tr) for kind in result.kinds),
        ]
        rows = [
            DotRow(subject.subject, subject.r, *subject.interval, *subject.chance_band)
            for subject in result.subjects
        ]
        matching = result.matching
        if matching is not None:
            words = tr(
                "which of five stretches of {window:g} s was heard: {right} % of {count} right, by guessing 20 % ({low} to {high})",
                window=WINDOW_S,
                right=round(100 * matching.accuracy),
                count=matching.windows,
                low=round(100 * matching.chance_low),
                high=round(100 * matching.chance_high),
            )
            lines.append(words)
        overlap = result.overlap.remarks if result.overlap is not None else ()
        remarks = (
            overlap if self._session.is_sample else result.remarks
        )  # of the sample it is known what it holds
        lines.append(" ".join(remark.translated(tr) for remark in distinct(remarks)))
        self._show_rows(rows, "\n".join(filter(None, lines)))

    def _show_heard(self) -> None:
        """The one recording that there is."""
        comparison, opened = self._session.track_comparison, self._session.opened
        self._offer()
        self._show_map()
        if comparison is None or opened is None or len(opened.parts) > 1:
            return
        result, name = comparison.comparison, opened.parts[0].subject or tr("this one")
        words = tr("r with its 95 % interval; grey is what envelopes with scrambled phases give.")
        self._show_rows([DotRow(name, result.r, *result.interval, *result.chance_band)], words)

    def show_error(self, error: BaseException) -> None:
        """For what is computed for a map."""
        self._session.services.errors.report(error)

    def _show_rows(self, rows: list[DotRow], words: str) -> None:
        self.subjects_caption.setVisible(bool(rows))
        self.kinds.setVisible(bool(rows))
        self.subjects.show_rows(rows)
        self.kinds.setText(words)


class _LagSlider(QWidget):
    """Which lag of a map is shown."""

    def __init__(self) -> None:
        super().__init__()
        self._map: LagMap | None = None
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(tr("Lag"))
        self.slider.setToolTip(tr("How long after the sound"))
        self.words = QLabel()
        self.words.setMinimumWidth(LAG_PX)
        self.words.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SMALL)
        row.addWidget(self.slider, 1)
        row.addWidget(self.words)
        self.slider.valueChanged.connect(lambda _value: self._say())

    def take(self, shown: LagMap) -> None:
        """The lags of another map; the strongest is shown first."""
        if self._map is shown:
            return
        self._map = shown
        self.slider.blockSignals(True)
        self.slider.setRange(0, len(shown.lags_s) - 1)
        self.slider.setValue(shown.strongest)
        self.slider.blockSignals(False)
        self._say()

    def _say(self) -> None:
        if self._map is not None:
            lag = self._map.lags_s[self.slider.value()]
            self.words.setText(tr("{lag} ms", lag=digits(1000 * lag, ".0f")))


def _maps() -> tuple[tuple[str, str, str], ...]:
    """(key, words, what it is) of every map."""
    relies = tr("How much the decoded envelope changes with each electrode")
    opens = tr(
        "How far squeeze-and-excitation opens the features that look at each electrode; only a Conformer by itself has it"
    )
    answers = tr("The forward response: the EEG at each lag after what was heard")
    goes = tr("What of the EEG goes with the decoded envelope, at each lag: to be read as a map")
    return (
        (SALIENCY, tr("What it relies on"), relies),
        (WORTH, tr("Channel permutation"), tr("r without each channel in turn")),
        (RESPONSE, tr("Response (TRF)"), answers),
        (PATTERN, tr("Pattern (Haufe)"), goes),
        (POWER, tr("Power"), tr("Power of the preprocessed EEG at each electrode")),
        (EXCITATION, tr("Excitation"), opens),
    )


def _r(value: float) -> str:
    return digits(value, ".3f")
