"""Comparison, diagnosis, pictures, notes, the queue, variants: what the dock makes of runs."""

import csv
import os
import sys
import textwrap

import numpy as np
import psutil
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from app.training import runs as runs_module
from app.training.board import Board
from app.training.comparison import _complete, differing, significance_words, tabulate, told
from app.training.dock import TrainingDock
from app.training.launcher import Launcher
from app.training.layer_map import scaled, short_name
from app.training.series import mean_and_sd, smoothed
from app.training.view import TrainingView
from app.training.watched import WatchedRun
from models.emotion.config import EmotionConfig
from models.errors import UserError
from models.resources import runs_folder
from models.training import events, pictures
from models.training.items import Items
from models.training.run_folder import RunFolder, RunState

CHILD = """
import sys, time
from pathlib import Path
import psutil
from models.training import events
from models.training.run_folder import RunFolder

words = sys.argv[1:]
run = RunFolder(Path(words[words.index("--run") + 1]))
me = psutil.Process()
writer = events.EventWriter(run.events_file)
writer.write(events.Started(pid=me.pid, process_started=me.create_time(), system="emotion", device="cpu",
                            total_epochs=3, total_steps=3))
while not run.stop_file.exists():
    time.sleep(0.01)
writer.write(events.Finished(reason="completed", epoch=1, step=1))
"""


def config(**changes):
    values = EmotionConfig(epochs=10).model_dump(mode="json")
    for name, value in changes.items():
        place = values
        *above, last = name.split("__")
        for part in above:
            place = place[part]
        place[last] = value
    return values


def write_run(name, *, level=0.8, settings=None, group="", small=False, tail=True, right=None):
    run = RunFolder.create(runs_folder() / name, "emotion", settings or config())
    writer = events.EventWriter(run.events_file)
    writer.write(
        events.Started(
            pid=999_999, process_started=0, system="emotion", device="cpu", total_epochs=10, total_steps=100
        )
    )
    writer.write(events.Layers(names=["front", "middle", "head"], output=2))
    for step in range(1, 101):
        values = {"train/loss": 2.0 / step, "gradient_norm": 1.0}
        writer.write(events.Scalars(step=step, epoch=step / 10, values=values, t=1000.0 + 6 * step))
        if step % 10 == 0:
            front = 0.0005 if small else 0.5
            writer.write(
                events.Flow(
                    step=step,
                    epoch=step / 10,
                    gradient=[front, 0.7, 1.0],
                    moved=[0.1, 0.1, 0.1],
                    dead=[0, 0, 0],
                )
            )
            figures = {
                "train/loss": 2.0 / step,
                "validation/loss": 2.5 / step,
                "validation/uar": level * step / 100,
            }
            writer.write(
                events.Epoch(epoch=step // 10, step=step, values=figures, best=True, t=1000.0 + 6 * step)
            )
            shown = pictures.Matrix("Confusion", ["angry", "sad"], [[step, 1], [2, 3]])
            path = pictures.save(run.path, step // 10, 0, shown)
            writer.write(events.Picture(path=path, title="Confusion", epoch=step // 10))
    if tail:
        writer.write(
            events.Finished(
                reason="completed",
                epoch=10,
                step=100,
                best_epoch=10,
                best_value=level,
                metric="validation/uar",
            )
        )
    writer.close()
    if group:
        run.keep_about(group=group)
    if right is not None:
        names = [f"clip{i}" for i in range(len(right))]
        Items("right", names, [f"s{i % 8}" for i in range(len(right))], np.array(right, float)).save(run.path)
    return run


@pytest.fixture
def runs(services):
    return services.training


@pytest.fixture
def dock(services, qtbot):
    made = TrainingDock(services)
    qtbot.addWidget(made)
    made.resize(1280, 320)
    made.show_system("emotion")
    made.set_open(True)
    made.show()
    return made


@pytest.fixture
def view(dock, services, qtbot):
    """The training view beside the dock, as in the window."""
    made = TrainingView(services, dock.chosen, dock.list)
    qtbot.addWidget(made)
    made.resize(1280, 760)
    made.show()
    return made


def read_all(runs, qtbot):
    runs.rescan()
    qtbot.waitUntil(lambda: not any(run.behind for run in runs.runs))
    for run in runs.runs:
        runs.updated.emit(run.path)


def compared(runs, *names):
    """What the comparison is made from, with what the worker adds."""
    return [_complete(told(runs.find(runs_folder() / name))) for name in names]


def tick(dock, *names):
    for name in names:
        dock.model.tick(runs_folder() / name, True)
    dock.choose(runs_folder() / names[0])


def test_the_table_shows_what_differs_and_the_figures(view, dock, runs, qtbot, tmp_path):
    write_run("a", level=0.8)
    write_run("b", level=0.7, settings=config(network__kind="gru", learning_rate=1e-4, notes="mine"))
    read_all(runs, qtbot)
    tick(dock, "a", "b")
    view.views.setCurrentWidget(view.compare_page)
    qtbot.waitUntil(lambda: view.compare.ready and bool(view.compare.model.table.rows))
    pair = compared(runs, "a", "b")
    assert set(differing(pair)) == {"learning_rate", "network.kind"}
    table = tabulate(pair)
    rows = dict(table.rows)
    assert rows["network.kind"] == ["enhanced", "gru"]
    assert rows["best unweighted average recall"] == ["0.800", "0.700"]
    assert rows["last loss, validation"] == ["0.025", "0.025"]
    assert view.compare.table.model().rowCount() == len(table.rows)
    assert view.curves.isVisible()  # curves and figures on one screen
    view.compare.save_csv(tmp_path / "c.csv")
    with open(tmp_path / "c.csv", newline="", encoding="utf-8") as file:
        assert [
            "network.kind",
            *[dict(view.compare.model.table.rows)["network.kind"][i] for i in (0, 1)],
        ] in list(csv.reader(file))
    view.views.setCurrentWidget(view.curves_page)
    assert view.curves.isVisible()
    assert not view.compare.isVisible()


def test_groups_are_drawn_and_told_as_mean_and_spread(view, dock, runs, qtbot):
    for seed, level in ((1, 0.6), (2, 0.8)):
        write_run(f"v{seed}", level=level, group="variant", settings=config(seed=seed))
    write_run("alone", level=0.5)
    read_all(runs, qtbot)
    tick(dock, "v1", "v2", "alone")
    view.views.setCurrentWidget(view.compare_page)
    view.curves.redraw()
    assert view.curves.grouped.isVisible()
    view.curves.grouped.click()
    view.curves.redraw()
    line = view.curves._lines["group variant", "validation"]
    assert line.y[-1] == pytest.approx(0.7)
    assert ("group alone", "validation") in view.curves._lines
    assert list(view.curves._bands) == ["variant"]
    qtbot.waitUntil(lambda: view.compare.ready and "variant" in view.compare.model.table.columns)
    table = view.compare.model.table
    best = dict(table.rows)["best unweighted average recall"][table.columns.index("variant")]
    assert best == "0.700 ± 0.141 (n = 2)"
    view.curves.grouped.click()
    view.curves.redraw()
    assert not view.curves._bands


def test_paired_tests_stand_below_the_table_where_the_items_are_the_same(runs, qtbot):
    good, poor = [1] * 32, [1] * 16 + [0] * 16
    write_run("good", right=good)
    write_run("poor", right=poor)
    write_run("other", right=good[:8])
    write_run("none")
    read_all(runs, qtbot)
    one = {run.run.name: told(run) for run in runs.runs}
    head, words = significance_words([one["poor"], one["good"]])
    assert "8 groups of the same 32 items" in head
    assert "+0.500, permutation p = 0.008" in words
    assert "McNemar p = 0.000" in words
    assert "not judged on the same items" in significance_words([one["poor"], one["other"]])[1]
    assert significance_words([one["none"], one["good"]]) == []


def test_losses_that_measure_something_else_are_not_laid_on_one_axis(dock, runs, qtbot):
    write_run("a")
    write_run("b", settings=config(label_smoothing=0.2))
    read_all(runs, qtbot)
    tick(dock, "a", "b")
    curves = dock.curves
    curves.redraw()
    curves.figure_box.setCurrentIndex(curves.figure_box.findData("loss"))
    curves.figure_box.activated.emit(curves.figure_box.currentIndex())
    curves.redraw()
    drawn = {(os.path.basename(path), split) for path, split in curves._lines}
    assert drawn == {("a", "validation"), ("a", "train"), ("b", "validation")}
    assert curves.scale_note.isVisible()
    assert "b" in curves.scale_note.text()


def test_curves_run_along_epochs_steps_or_time(dock, runs, qtbot):
    run = write_run("a")
    read_all(runs, qtbot)
    dock.choose(run.path)
    curves = dock.curves
    ends = {}
    for axis in ("epoch", "step", "time"):
        curves.axis_box.setCurrentIndex(curves.axis_box.findData(axis))
        curves.redraw()
        line = curves._lines[str(run.path), "validation"]
        ends[axis] = float(line.x[-1])
        assert len(line.x) == 10
    assert ends == {"epoch": 10.0, "step": 100.0, "time": pytest.approx(9.9)}


def test_the_diagnosis_says_it_in_words_and_maps_the_layers(view, dock, runs, qtbot):
    write_run("sick", small=True)
    write_run("well")
    read_all(runs, qtbot)
    view.views.setCurrentWidget(view.diagnosis)
    dock.choose(runs_folder() / "well")
    assert [one.kind for one in view.diagnosis.found] == ["well"]
    dock.choose(runs_folder() / "sick")
    assert [one.kind for one in view.diagnosis.found] == ["small gradients"]
    layers = view.diagnosis.map
    assert layers.isVisible()
    assert layers.image.image.shape == (10, 3)
    assert layers.image.image[0, 0] == 0
    layers._row = 0
    assert layers.read_at(35.0) == "front · step 30 · 0.05000 % of the output layer's gradient"
    view.diagnosis.as_curves.click()
    assert [line.name for line in view.diagnosis._lines] == ["front", "middle", "head"]
    assert view.diagnosis.curves.isVisible()


def test_a_remedy_is_one_click_away(view, dock, runs, qtbot, monkeypatch):
    write_run("sick", small=True)
    read_all(runs, qtbot)
    spawned = []
    monkeypatch.setattr(runs, "_spawn", lambda run, command: spawned.append(run.path.name))
    dock.choose(runs_folder() / "sick")
    view.views.setCurrentWidget(view.diagnosis)
    button = next(b for b in view.diagnosis.words.findChildren(QPushButton) if "Twice" in b.text())
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    made = RunFolder(runs_folder() / "sick-2")
    assert spawned == ["sick-2"]
    assert made.config()["learning_rate"] == pytest.approx(2 * config()["learning_rate"])
    assert made.about()["group"] == RunFolder(runs_folder() / "sick").about()["group"] == "sick"
    assert made.about()["variant"]["of"] == "sick"


def test_pictures_follow_the_epochs(view, dock, runs, qtbot):
    run = write_run("a", tail=False)
    read_all(runs, qtbot)
    dock.choose(run.path)
    view.views.setCurrentWidget(view.pictures)
    shown = view.pictures
    assert shown.words.text() == "epoch 10"
    assert shown.matrix._counts[0, 0] == 100
    shown.epoch.setValue(0)
    assert shown.matrix._counts[0, 0] == 10
    writer = events.EventWriter(run.events_file)
    lines = pictures.Lines(
        "Envelope", "time", "level", [0.0, 1.0], {"true": [0.0, 1.0], "decoded": [0.1, 0.9]}
    )
    writer.write(events.Picture(path=pictures.save(run.path, 11, 1, lines), title="Envelope", epoch=11))
    writer.close()
    qtbot.waitUntil(lambda: shown.title.count() == 2)
    shown.title.setCurrentIndex(1)
    shown.title.activated.emit(1)
    assert shown.plot.isVisible()
    assert [line.name for line in shown._lines] == ["true", "decoded"]


def test_notes_tags_and_group_are_kept_with_the_run(view, dock, runs, qtbot):
    run = write_run("a", settings=config(notes="from the config"))
    write_run("b")
    read_all(runs, qtbot)
    dock.choose(run.path)
    notes = view.texts.notes
    view.views.setCurrentWidget(notes)
    assert notes.text.toPlainText() == "from the config"
    qtbot.keyClicks(notes.tags, "good, paper ")
    qtbot.keyClicks(notes.group, "night")
    notes.text.setPlainText("worked")
    dock.choose(runs_folder() / "b")
    assert run.about() == {"tags": ["good", "paper"], "group": "night", "notes": "worked"}
    assert RunFolder(runs_folder() / "b").about() == {}
    dock.choose(run.path)
    assert notes.tags.text() == "good, paper"
    assert "on the disk" in notes.facts.text()


@pytest.fixture
def child(tmp_path, monkeypatch):
    script = tmp_path / "child.py"
    script.write_text(textwrap.dedent(CHILD))
    monkeypatch.setattr(runs_module, "program", lambda: [sys.executable, str(script)])
    started, spawn = [], runs_module.spawn
    monkeypatch.setattr(runs_module, "spawn", lambda *a, **m: started.append(spawn(*a, **m)) or started[-1])
    yield started
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait(5)


def test_the_queue_runs_one_at_a_time_a_device(runs, child, qtbot):
    first = runs.enqueue(runs_folder() / "one", "emotion", config(), "cpu")
    second = runs.enqueue(runs_folder() / "two", "emotion", config(), "cpu")
    qtbot.waitUntil(lambda: first.state is RunState.RUNNING, timeout=10_000)
    assert second.state is RunState.QUEUED
    assert runs.waiting() == [second]
    assert runs.busy("cpu")
    assert not runs.busy("cuda:0")
    runs.stop(first)
    qtbot.waitUntil(lambda: second.state is RunState.RUNNING, timeout=10_000)
    assert "queued" not in second.about
    runs.stop(second)
    qtbot.waitUntil(lambda: not second.alive and not runs._children, timeout=10_000)
    assert len(child) == 2


def test_a_waiting_run_can_be_started_at_once_or_taken_back(dock, runs, child, qtbot):
    busy = runs.enqueue(runs_folder() / "busy", "emotion", config(), "cpu")
    qtbot.waitUntil(lambda: busy.state is RunState.RUNNING, timeout=10_000)
    waits = runs.enqueue(runs_folder() / "waits", "emotion", config(), "cpu")
    dock.choose(waits.path)
    dock.details.refresh()
    assert not dock.details.resume.isVisible()
    qtbot.mouseClick(dock.details.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: waits.state is RunState.RUNNING, timeout=10_000)
    back = runs.enqueue(runs_folder() / "back", "emotion", config(), "cpu")
    runs.delete(back)
    assert not back.path.exists()
    for run in (busy, waits):
        runs.stop(run)
    qtbot.waitUntil(lambda: not runs.living() and not runs._children, timeout=10_000)


@pytest.fixture
def launcher(services, qtbot, monkeypatch):
    monkeypatch.setattr("models.devices.available", list)
    made = Launcher(services, "emotion")
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: not services.worker("machine").busy)
    yield made
    made.data_check.stop()


def test_variants_become_runs_in_groups(launcher, services, qtbot, monkeypatch):
    queued = []
    monkeypatch.setattr(services.training, "enqueue", lambda *a, **about: queued.append((a, about)))
    launcher.name.setText("abl")
    launcher._checks_data = False
    launcher.variants.add_row("network.attention", "true, false")
    launcher.variants.add_row("seed", "1, 2")
    assert launcher.start.text() == "Start 5 runs"  # each alone, and the plain one
    launcher.variants.mode.setCurrentIndex(1)
    assert launcher.start.text() == "Start 4 runs"
    qtbot.mouseClick(launcher.start, Qt.MouseButton.LeftButton)
    names = [call[0].name for call, _ in queued]
    assert names == [
        "abl-attention-true-seed1",
        "abl-attention-true-seed2",
        "abl-attention-false-seed1",
        "abl-attention-false-seed2",
    ]
    assert [call[2]["network"]["attention"] for call, _ in queued] == [True, True, False, False]
    assert [about["group"] for _, about in queued][::2] == [
        "abl · network.attention=true",
        "abl · network.attention=false",
    ]


def test_a_variant_that_cannot_be_used_is_told_before_the_start(launcher):
    launcher.variants.add_row("network.layers", "1, 99")
    assert not launcher.start.isEnabled()
    assert "network.layers=99: At most 4." in launcher.variants.problem.text()
    launcher.variants._rows[0].values.setText("1, 2")
    launcher.variants._tell()
    assert launcher.start.isEnabled()


def test_contradicting_fields_are_told_at_both(launcher):
    form = launcher.form
    form.rows["data", "validation_speakers"].editor.line.setText("03")
    form.rows["data", "test_speakers"].editor.line.setText("03")
    for name in ("validation_speakers", "test_speakers"):
        assert "a speaker is on one side only" in form.rows["data", name].problem.text()
    assert not launcher.start.isEnabled()
    form.rows["data", "test_speakers"].editor.line.setText("08")
    assert launcher.start.isEnabled()


@pytest.mark.slow
def test_the_data_is_checked_before_the_start(launcher, services, qtbot, monkeypatch):
    started = []
    monkeypatch.setattr(services.training, "start", lambda *arguments: started.append(arguments))
    launcher.form.rows["data", "path"].editor.line.setText("/no/such/place")
    qtbot.mouseClick(launcher.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not launcher.data_check.running, timeout=60_000)
    assert launcher.messages.messages
    assert not started
    launcher.form.rows["data", "path"].editor.line.setText("sample")
    qtbot.mouseClick(launcher.check, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not launcher.data_check.running, timeout=60_000)
    assert "48 utterances, 6 speakers" in launcher.data_words.text()
    qtbot.mouseClick(launcher.start, Qt.MouseButton.LeftButton)  # known by now: no second look
    assert len(started) == 1


def test_a_run_is_set_up_again_with_its_settings(services, runs, qtbot, monkeypatch):
    monkeypatch.setattr("models.devices.available", list)
    write_run("a", settings=config(learning_rate=3e-4))
    read_all(runs, qtbot)
    runs.launch("emotion", like=runs.runs[0])
    made = Launcher(services, "emotion", proposal=runs.proposal)
    qtbot.addWidget(made)
    assert made.name.text() == "a-2"
    assert made.form.model.learning_rate == pytest.approx(3e-4)
    qtbot.waitUntil(lambda: not services.worker("machine").busy)


def test_a_run_that_was_copied_in_appears_and_half_a_line_does_no_harm(runs, qtbot):
    run = write_run("copied")
    with open(run.events_file, "ab") as file:
        file.write(b'{"v":1,"t":1.0,"kind":"sca')
    read_all(runs, qtbot)
    watched = runs.find(run.path)
    assert watched.state is RunState.DONE
    assert watched.best_value == 0.8
    assert watched.steps == {}  # until it is looked at
    runs.look_at([run.path])
    assert len(watched.steps["train/loss"]) == 100


def test_the_end_of_a_long_story_is_known_at_a_glance(runs):
    run = write_run("long", tail=False)
    line = events.Scalars(step=1, epoch=0.1, values={"train/loss": 1.0}).model_dump_json().encode() + b"\n"
    with open(run.events_file, "ab") as file:
        file.write(line * 20_000)
    writer = events.EventWriter(run.events_file)
    writer.write(
        events.Finished(reason="completed", epoch=10, step=1, best_value=0.9, metric="validation/uar")
    )
    writer.close()
    watched = WatchedRun(run)
    assert watched.state is RunState.DONE
    assert watched.best_value == 0.9
    assert watched.behind


def test_several_cards_are_started_as_processes_that_compute_together():
    command = runs_module.train_command(RunFolder(runs_folder() / "x"), "emotion", "cuda*4")
    assert command[1:5] == ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=4"]
    assert command[-2:] == ["--device", "cuda"]


@pytest.mark.slow
def test_tensorboard_answers_and_ends_with_the_window(runs, qtbot, monkeypatch):
    opened = []
    monkeypatch.setattr(
        "app.training.board.QDesktopServices.openUrl", lambda url: opened.append(url.toString())
    )
    run = write_run("a")
    (run.path / "tensorboard").mkdir()
    runs.board.open(run.path)
    process = psutil.Process(runs.board.process.pid)
    qtbot.waitUntil(lambda: bool(opened), timeout=60_000)
    assert opened == [f"http://127.0.0.1:{runs.board.port}"]
    runs.board.close()
    assert not process.is_running()


def test_without_tensorboard_it_is_said(runs, monkeypatch):
    monkeypatch.setattr("app.training.board.find_spec", lambda name: None)
    with pytest.raises(UserError, match="not installed"):
        Board(runs).open(runs_folder())


def test_smoothing_in_blocks_equals_the_recursion():
    values = np.random.default_rng(0).normal(size=1000)
    held = share = 0.0
    wanted = []
    for value in values:
        held, share = 0.9 * held + 0.1 * value, 0.9 * share + 0.1
        wanted.append(held / share)
    assert smoothed(values, 0.9) == pytest.approx(np.array(wanted))
    assert len(smoothed(values[:65], 0.5)) == 65


def test_means_are_over_what_all_have():
    a = (np.arange(1.0, 6), np.arange(1.0, 6))
    b = (np.arange(1.0, 4), np.arange(1.0, 4) + 2)
    x, mean, sd = mean_and_sd([a, b])
    assert x.tolist() == [1, 2, 3]
    assert mean.tolist() == [2, 3, 4]
    assert sd == pytest.approx(np.full(3, 2**0.5))


def test_the_map_is_logarithmic_within_its_limits():
    assert scaled(np.array([1e-9, 1e-3, 0.1, 10, np.nan]), "ratio") == pytest.approx([0, 0, 0.5, 1, 1])
    assert scaled(np.array([0.25]), "dead") == pytest.approx([0.25])
    assert len(short_name("a.very.long.name.of.a.layer.somewhere")) == 22


def test_opening_a_run_shows_everything_about_it(window, services, qtbot):
    write_run("one")
    run = write_run("two")
    read_all(services.training, qtbot)
    window.open_dock(True)
    window.dock.show_system("emotion")
    row = window.dock.model.row_of(run.path)
    place = window.dock.list.visualRect(window.dock.model.index(row)).center()
    qtbot.mouseClick(window.dock.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseDClick(window.dock.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert window.shows_training
    assert window.training.head.name.whole() == "two"
    assert window.training.list.current.path == run.path
    window.show_tab("eeg")
    window.dock.show_system("emotion")
    window.dock.list.setFocus()
    qtbot.keyClick(window.dock.list, Qt.Key.Key_Return)
    assert window.shows_training
    assert window.training.views.height() > 400, "a page, not a strip"
    window.show_tab("eeg")
    window.dock.show_system("emotion")
    qtbot.mouseClick(window.dock.details.open, Qt.MouseButton.LeftButton)
    assert window.shows_training


def test_the_view_lists_the_runs_of_any_system(window, services, qtbot):
    write_run("one")
    read_all(services.training, qtbot)
    window.show_training()
    view = window.training
    view.systems.setCurrentIndex(view.systems.findData("search"))
    view.systems.activated.emit(view.systems.currentIndex())
    assert view.list.model().rowCount() == 0
    view.systems.setCurrentIndex(0)
    view.systems.activated.emit(0)
    assert view.list.model().rowCount() == 1


def test_a_hundred_runs_are_compared_in_the_worker(view, dock, runs, services, qtbot, monkeypatch):
    for number in range(100):
        write_run(f"run-{number:03}", level=number / 100, settings=config(seed=number), tail=False)
    read_all(runs, qtbot)
    asked = []
    submit = services.worker("comparison").submit

    def watched(function, *arguments, **more):
        asked.append(len(arguments[0]))
        return submit(function, *arguments, **more)

    monkeypatch.setattr(services.worker("comparison"), "submit", watched)
    view.views.setCurrentWidget(view.compare_page)
    for number in range(100):
        dock.model.tick(runs_folder() / f"run-{number:03}", True)
    qtbot.waitUntil(lambda: len(view.compare.model.table.columns) == 100, timeout=30_000)
    assert asked[-1] == 100
    assert len(asked) < 5, "ticking a hundred runs asks for few comparisons"
    assert view.compare.model.words(0, 100) in {str(number) for number in range(100)}


HOSTILE = {
    "deep.json": {"about.json": "[" * 200_000},
    "about of other kinds": {
        "about.json": '{"tags": 7, "group": [1], "queued": "yes", "variant": 3, "notes": {}}'
    },
    "queue of other kinds": {"about.json": '{"queued": {"device": [1], "since": "soon"}}'},
    "huge numbers": {
        "events.jsonl": '{"kind":"started","pid":999999999999999999999999,"process_started":1e308,"system":"emotion",'
        '"device":"cpu","total_epochs":1,"total_steps":1}\n'
        '{"kind":"epoch","epoch":1,"step":1,"values":{"validation/uar":1e308},"remaining_s":1e308,"best":true}\n'
    },
    "negative pid": {
        "events.jsonl": '{"kind":"started","pid":-1,"process_started":0,"system":"emotion","device":"cpu",'
        '"total_epochs":-5,"total_steps":-5}\n'
    },
    "picture outside": {
        "events.jsonl": '{"kind":"started","pid":1,"process_started":0,"system":"emotion","device":"cpu",'
        '"total_epochs":1,"total_steps":1}\n'
        '{"kind":"picture","path":"../../../../../etc/passwd","title":"<b>x</b>","epoch":1}\n'
    },
    "damaged picture": {
        "pictures/a.json": '{"kind": "lines", "title": 3, "x": "no", "lines": {"a": [1e400, null]}}',
        "events.jsonl": '{"kind":"started","pid":1,"process_started":0,"system":"emotion","device":"cpu",'
        '"total_epochs":1,"total_steps":1}\n{"kind":"picture","path":"pictures/a.json","title":"A","epoch":1}\n',
    },
    "config is a list": {"config.yaml": "- emotion\n- 3\n"},
    "config is no text": {"config.yaml": "\0\0\0"},
    "half a line": {"events.jsonl": '{"kind":"star'},
    "<b>name</b>": {"log.txt": "<script>"},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_folder_written_by_anybody_harms_nobody(name, view, dock, runs, qtbot, crashes, monkeypatch):
    monkeypatch.setattr(runs, "_spawn", lambda run, command: None)  # what waits would have its turn
    good = write_run("good")
    run = RunFolder.create(runs_folder() / name.replace("/", "-"), "emotion", config())
    for file, text in HOSTILE[name].items():
        (run.path / file).parent.mkdir(exist_ok=True)
        (run.path / file).write_text(text)
    read_all(runs, qtbot)
    dock.show_system("")
    dock.choose(run.path)
    for index in range(view.views.count()):
        view.views.setCurrentIndex(index)
        view.grab()
    dock.grab()
    for which in range(dock.model.rowCount()):
        dock.model.data(dock.model.index(which), Qt.ItemDataRole.ToolTipRole)
    for _ in range(4):
        runs.poll()
    dock.choose(good.path)
    assert not runs.find(good.path).damage
    assert dock.details.state.text().startswith("done")
    assert not crashes


def test_a_run_that_cannot_be_read_is_told_as_damaged_with_a_reason(
    view, dock, runs, qtbot, crashes, monkeypatch
):
    run = write_run("bad")

    def fail(_self, *_arguments, **_more):
        raise OverflowError("a number is too large")

    monkeypatch.setattr(events.EventReader, "read_many", fail)
    runs.rescan()
    runs.poll()
    dock.choose(run.path)
    assert dock.details.state.text().startswith("damaged")
    assert "a number is too large" in dock.details.problem.text()
    assert dock.details.delete.isEnabled()
    assert not dock.details.resume.isEnabled()
    assert not crashes


def test_a_queue_goes_on_past_a_run_that_cannot_be_started(runs, child, qtbot, monkeypatch):
    first = runs.enqueue(runs_folder() / "one", "emotion", config(), "cpu")
    second = runs.enqueue(runs_folder() / "two", "emotion", config(), "cpu")
    keep = RunFolder.keep_about

    def full_disk(self, **values):
        if self.name == "one":
            raise OSError(28, "No space left on device")
        keep(self, **values)

    monkeypatch.setattr(RunFolder, "keep_about", full_disk)
    qtbot.waitUntil(lambda: second.state is RunState.RUNNING, timeout=10_000)
    assert "No space left" in first.damage
    runs.stop(second)
    qtbot.waitUntil(lambda: not second.alive and not runs._children, timeout=10_000)
