"""How the EEG tab is laid out. What its widgets do is connected in `tab.py`."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.i18n import tr
from app.services import Services
from app.tabs.base import Tab
from app.tabs.eeg.browser import Browser
from app.tabs.eeg.listened import ListenedPage
from app.tabs.eeg.outcome import OutcomePage
from app.tabs.eeg.side import HistoryPage, ScalpPage
from app.tabs.eeg.source import PartChoice, Tracks
from app.tabs.eeg.tuning import Tuning
from app.widgets.drop_zone import DropZone
from app.widgets.labels import Hint
from app.widgets.model_card import ModelCard
from app.widgets.model_choice import ModelChoice
from app.widgets.section import Segments
from app.widgets.traces import LABELS_PX
from models.eeg.samples import bundled


class EegView(Tab):
    """The widgets, without what they do."""

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, parent)
        self._fill_source()
        self._fill_model()
        self._fill_options()
        self._fill_view()
        self._fill_side()

    def show_page(self, name: str) -> None:
        self.results.setCurrentWidget(self.of_page[name])

    def show_side(self, name: str) -> None:
        titles = {"scalp": tr("Scalp"), "history": tr("Preprocessing"), "card": tr("Model card")}
        self.side.setCurrentWidget(self.of_side[name])
        self.show_details(True, titles[name])

    def show_card(self) -> None:
        info = self.models.info()
        if info is not None:
            self.card.show_info(info)
            self.show_side("card")

    def _fill_source(self) -> None:
        self.zone = DropZone(tr("Drop a recording"), ".bdf .edf .vhdr .fif .set .npz …")
        self.source.add(self.zone)
        self.about = Hint()
        self.source.add(self.about)
        self.part = PartChoice()
        self.source.add(self.part)
        self.sample = Hint(f'<a href="sample">{tr("Try the sample")}</a>')
        self.source.add(self.sample)
        self.heard_tracks = Tracks()
        self.source.add(self.heard_tracks)

    def _fill_model(self) -> None:
        self.models = ModelChoice("eeg", also=[bundled("bundled-conformer")])
        self.model.add(self.models)
        self.subject = QComboBox()
        self.subject.setAccessibleName(tr("Decode as"))
        self.subject.setToolTip(
            tr("Whose EEG the decoder takes it for: someone it learned from, or anyone else")
        )
        self.subject.addItem(tr("as an unknown subject"), "")
        self.subject.hide()
        self.model.add(self.subject)

    def _fill_options(self) -> None:
        self.window_s = _spin(1, 120, 10, 0)
        self.options.add_row(tr("Window"), self.window_s, "s", tr("r is computed in windows of this length"))
        self.start_s = _spin(-3600, 36000, 0, 2)
        self.options.add_row(
            tr("Stimulus begins at"),
            self.start_s,
            "s",
            tr("When in the recording the stimulus begins; negative where it began before"),
        )
        self.stretch = QCheckBox(tr("Stretch the stimulus"))
        self.stretch.setToolTip(tr("To the length of the EEG, which undoes a drift of clocks"))
        self.options.add(self.stretch)
        self.bad = QLineEdit()
        self.bad.setPlaceholderText(tr("none"))
        self.bad.setMaximumWidth(128)
        self.options.add_row(
            tr("Bad channels"),
            self.bad,
            "",
            tr("Their names, with commas between; a click on a channel's name in the traces does it, too"),
        )
        self.options.set_summary(tr("windows of {seconds:g} s", seconds=10.0))

    def _fill_view(self) -> None:
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        self.browser = Browser(self.services)
        self.browser.traces.getPlotItem().getAxis("bottom").showLabel(
            False
        )  # it stands below r, on the same axis
        split.addWidget(self.browser)
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(0, theme.TINY, 0, 0)
        column.setSpacing(theme.SMALL)
        row = QHBoxLayout()
        self.pages = Segments(
            {"decoded": tr("Envelope"), "listened": tr("Who was listened to")}, tr("Result")
        )
        row.addWidget(self.pages)
        row.addStretch(1)
        self.open_side = QPushButton(tr("Scalp and subjects"))
        self.open_side.setProperty("kind", "link")
        self.open_side.setToolTip(tr("Open the panel at the right"))
        row.addWidget(self.open_side)
        column.addLayout(row)
        self.outcome, self.listened = OutcomePage(), ListenedPage()
        self.of_page: dict[str, QWidget] = {"decoded": self.outcome, "listened": self.listened}
        self.results = QStackedWidget()
        for page in self.of_page.values():
            self.results.addWidget(page)
        column.addWidget(self.results, 1)
        split.addWidget(below)
        split.setStretchFactor(0, 5)
        split.setStretchFactor(1, 5)
        split.setSizes([330, 340])
        self.view.addWidget(split, 1)
        for plot in (self.outcome.envelope, self.outcome.over_time):
            plot.getPlotItem().getAxis("left").setWidth(LABELS_PX)
            plot.setXLink(self.browser.traces)
        for plot in (self.outcome.envelope, self.outcome.over_time, self.listened.over_time):
            plot.cursor_moved.connect(self.browser.traces.set_cursor)
            self.browser.traces.cursor_moved.connect(plot.set_cursor)

    def _fill_side(self) -> None:
        self.scalp = ScalpPage()
        self.tuning = Tuning(self.services)
        self.scalp.body.addWidget(self.tuning)
        self.scalp.body.addStretch(1)
        self.history = HistoryPage()
        self.card = ModelCard()
        self.side = QStackedWidget()
        self.of_side: dict[str, QWidget] = {"scalp": self.scalp, "history": self.history, "card": self.card}
        for page in self.of_side.values():
            self.side.addWidget(page)
        self.details.addWidget(self.side)
        self.send = QPushButton(tr("Send windows to ReverberationNet"))
        self.send.setToolTip(
            tr(
                "The preprocessed EEG, cut into windows of a second, as sequences for the ReverberationNet tab"
            )
        )
        self.send.setEnabled(False)
        self.add_bottom(self.send)


def _spin(low: float, high: float, value: float, decimals: int) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setDecimals(decimals)
    box.setRange(low, high)
    box.setValue(value)
    box.setKeyboardTracking(False)
    box.setMaximumWidth(104)
    return box
