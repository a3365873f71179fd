"""The EEG tab: open a recording, say what was heard, decode, and see how alike the two are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget

from app.i18n import digits, tr
from app.services import Services
from app.tabs.eeg import source, tuning, work
from app.tabs.eeg.decoding import WORKER, EegDecoding
from app.tabs.eeg.exports import Exports
from models.eeg.samples import sample_file
from models.eeg.sequences import windows_of
from models.eeg.tuning import SUBJECT, config_for, write_data
from models.errors import UserError
from models.progress import Cancelled


class EegTab(EegDecoding):
    """What a person does with it; how it is laid out is in `view.py`, what is computed in `decoding.py`."""

    system = "eeg"
    open_title = "Open a recording"
    open_filter = "EEG (*.bdf *.edf *.vhdr *.fif *.gz *.set *.npz *.npy *.mat *.csv)"

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, parent)
        self._tuning_of: tuple[str, str] = ("", "")  # data set and subject of the run that is under way
        self.exports = Exports(self)
        self._connect()

    # What the window asks ---------------------------------------------------------------------------------

    def act(self) -> None:
        if self.opened is not None:
            self.start(self.decode())

    def accept_paths(self, paths: list[Path]) -> None:
        """Recordings are opened, sounds and envelopes are what was heard, a JSON is a saved history."""
        sounds = [path for path in paths if source.is_track(path)]
        histories = [path for path in paths if path.suffix.lower() == ".json"]
        rest = [path for path in paths if path not in sounds and path not in histories]
        if rest:
            self.start(self.open_recording(rest[0], sounds))
            if len(rest) > 1:
                self.show_message(
                    "hint", tr("One recording is opened at a time: {name}.", name=rest[0].name), key="paths"
                )
        elif sounds:
            self.start(self.listen_to(sounds))
        if histories:
            self.replay(histories[0])

    def receive(self, payload: object) -> None:
        """Sound files of talkers from another tab: candidates for the one who was listened to."""
        paths = [Path(one) for one in payload] if isinstance(payload, list | tuple) else []
        if not paths:
            super().receive(payload)
            return
        self.tracks, self.shifted = [], False
        self.show_tracks()
        self.pages.choose("listened")
        if self.opened is None:
            self.show_message("hint", tr("Open the recording in which these tracks were heard."), key="paths")
        self.start(self.listen_to(paths))

    def try_sample(self) -> None:
        self.start(self.open_sample(sample_file()))

    def use_checkpoint(self, path: Path) -> None:
        self.models.choose(str(path))

    def export_actions(self) -> list[QAction]:
        return self.exports.offered()

    def state(self) -> dict[str, Any]:
        return {
            "model": self.models.choice, "models": self.models.kept, "page": self.pages.current,
            "options_open": self.options.opened, "window_s": self.window_s.value(), "map": self.scalp.what.currentData(),
            "rows": self.browser.rows.currentIndex(),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        self.models.restore(str(state.get("model", "")), [str(one) for one in state.get("models", [])])
        self._model_chosen("")
        if state.get("page") in self.pages.buttons:
            self.pages.choose(str(state["page"]))
        self.options.set_open(bool(state.get("options_open")))
        window = state.get("window_s")
        if isinstance(window, int | float):
            self.window_s.setValue(float(window))
        if state.get("map") in ("saliency", "power"):
            self.scalp.choose(str(state["map"]))
        rows = state.get("rows")
        if isinstance(rows, int) and 0 <= rows < self.browser.rows.count():
            self.browser.rows.setCurrentIndex(rows)

    # Settings ---------------------------------------------------------------------------------------------

    def compare_again(self) -> None:
        self.options.set_summary(tr("windows of {seconds:g} s", seconds=self.window_s.value()))
        if self.look is not None:
            self.start(self.compare())

    def toggle_bad(self, name: str) -> None:
        """A channel's label was clicked: it is bad, or it is not."""
        self.marked_bad ^= {name}
        self.bad.setText(", ".join(sorted(self.marked_bad)))
        self._bad_changed()

    def type_bad(self) -> None:
        """The line of bad channels was edited."""
        names = {name.strip() for name in self.bad.text().replace(";", ",").split(",") if name.strip()}
        known = {
            name.lower(): name
            for name in (self.opened.first.channel_names if self.opened is not None else ())
        }
        wrong = sorted(name for name in names if name.lower() not in known)
        if wrong and self.opened is not None:
            self.show_message(
                "warning", tr("There is no channel {names}.", names=", ".join(wrong)), key="bad"
            )
        else:
            self.clear_messages("bad")
        self.marked_bad = {known[name.lower()] for name in names if name.lower() in known}
        self._bad_changed()

    def _bad_changed(self) -> None:
        if self.opened is None:
            return
        marked = self.opened.parts[self.number].recording.marked_bad
        self.browser.show_bad([*marked, *(self.look.bad if self.look is not None else ()), *self.marked_bad])
        if self.look is not None:
            self.show_message(
                "hint",
                tr("The bad channels have changed."),
                [(tr("Decode again"), self.act)],
                key="bad changed",
            )

    def replay(self, path: Path) -> None:
        from models.eeg.preprocessing import History

        try:
            self.saved_history = History.load(path)
        except UserError as error:
            self.show_error(error)
            return
        self.history.show_source(path)
        self.show_side("history")
        if self.opened is not None:
            self.act()

    def forget_history(self) -> None:
        self.saved_history = None
        self.history.show_source(None)
        self.act()

    def _model_chosen(self, _choice: str) -> None:
        info = self.models.info()
        subjects = list(info.preprocessing.get("subjects", [])) if info is not None else []
        conformer = info is not None and info.network.get("kind") == "conformer"
        self.subject.clear()
        self.subject.addItem(tr("as an unknown subject"), "")
        for name in subjects if conformer else []:
            self.subject.addItem(tr("as subject {name}", name=name), str(name))
        self.subject.setVisible(conformer and bool(subjects))
        if self.look is not None:
            self.stop()
            self.start(self.decode())

    # Fine-tuning ------------------------------------------------------------------------------------------

    async def _tune(self) -> None:
        look, opened, heard = self.look, self.opened, self.heard
        if look is None or opened is None or heard is None:
            return
        part = opened.parts[self.number]
        if len(opened.parts) > 1 and part.subject and opened.first.envelope is not None:
            data, subject = str(opened.path), part.subject
        else:
            first = max(0, round(self.start_s.value() * look.decoding.sample_rate))
            folder = self.services.settings.runs_folder / "recordings"
            track = next(one for one in self.tracks if one.name == heard.name)
            envelope = track.at(look.decoding.sample_rate)[
                max(0, -round(self.start_s.value() * look.decoding.sample_rate)) :
            ]
            place = folder / f"{opened.path.stem}.npz"
            await self.services.worker(WORKER).run(
                write_data, place, look.decoding.eeg[first:], envelope,
                look.decoding.sample_rate, look.decoding.channel_names,
            )  # fmt: skip
            data, subject = str(place), SUBJECT
        config = config_for(self.models.folder, data, subject)
        path = tuning.new_run(self.services, part.subject)
        self._tuning_of = (data, subject)
        watched = self.services.training.start(path, self.system, config, self.services.device)
        self.tuning.follow(watched.path)

    async def _judge(self, run: Path) -> None:
        try:
            with self.services.task(tr("Judging both decoders")) as task:
                decoder = await self.loaded(task)
                data, subject = self._tuning_of
                gain = await self.services.worker(WORKER).run(
                    work.tuned, decoder, run, data, subject, self.services.device, progress=task
                )
        except (Cancelled, UserError) as error:
            self.tuning.show_nothing(tr("The run is done, but could not be judged."))
            if isinstance(error, UserError):
                raise
            return
        self.tuning.show_gain(gain)
        QTimer.singleShot(
            0, self.tuning, lambda: self.scalp.ensureWidgetVisible(self.tuning.use, 0, 4)
        )  # once laid out
        before, after = (digits(value, ".3f") for value in (gain.before, gain.after))
        self.show_message(
            "hint",
            tr("r {before} before and {after} after, on {seconds:g} s that were held back.", before=before, after=after,
               seconds=round(gain.seconds)),
            [(tr("Use the tuned decoder"), lambda: self.use_checkpoint(run / "best"))],
            heading=tr("The decoder is tuned"), key="tuned",
        )  # fmt: skip

    # Export and sending -----------------------------------------------------------------------------------

    def send_windows(self) -> None:
        """EEG in windows of a second, as sequences for ReverberationNet."""
        if self.look is None:
            return
        try:
            found = windows_of(self.look.decoding.eeg, self.look.decoding.sample_rate, 1.0)
        except UserError as error:
            self.show_error(error)
            return
        self.services.send("reverberation", found)

    # Connections ------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        self.zone.dropped.connect(self._take)
        self.zone.clicked.connect(self.choose_files)
        self.about.linkActivated.connect(lambda _link: self.show_side("history"))
        self.part.part_chosen.connect(self.show_part)
        self.sample.linkActivated.connect(lambda _link: self.try_sample())
        self.heard_tracks.chosen.connect(lambda paths: self.start(self.listen_to(paths)))
        self.heard_tracks.removed.connect(self.remove_track)
        self.heard_tracks.shifted_wanted.connect(self.try_shifted)
        self.heard_tracks.truth_changed.connect(self.compare_again)
        self.models.changed.connect(self._model_chosen)
        self.models.train_asked.connect(lambda: self.services.training.launch(self.system))
        self.models.card_asked.connect(self.show_card)
        self.models.refused.connect(self.show_error)
        self.subject.activated.connect(lambda _index: self.act() if self.look is not None else None)
        self.window_s.valueChanged.connect(lambda _value: self.compare_again())
        self.start_s.valueChanged.connect(lambda _value: self.compare_again())
        self.stretch.toggled.connect(lambda _on: self.compare_again())
        self.bad.editingFinished.connect(self.type_bad)
        self.browser.failed.connect(self.show_error)
        self.browser.bad_toggled.connect(self.toggle_bad)
        self.pages.chosen.connect(self.show_page)
        self.open_side.clicked.connect(lambda: self.show_side("scalp"))
        self.tuning.asked.connect(lambda: self.start(self._tune()))
        self.tuning.tuned.connect(lambda run: self.start(self._judge(run)))
        self.tuning.use_wanted.connect(self.use_checkpoint)
        self.history.replay_wanted.connect(self.replay)
        self.history.forgotten.connect(self.forget_history)
        self.history.save_wanted.connect(lambda: self.exports.ask("history"))
        self.send.clicked.connect(self.send_windows)
