"""Runs beside one another: the table, groups, paired tests, curves along epochs, steps and time."""

import csv
import os

import numpy as np
import pytest
from PySide6.QtCore import Qt

from app.training.comparison import _complete, differing, significance_words, summary_of, tabulate
from app.training.series import mean_and_sd, smoothed
from models.resources import runs_folder
from tests.gui.training.helpers import config, read_all, write_run


def compared(runs, *names):
    """What the comparison is made from, with what the worker adds."""
    return [_complete(summary_of(runs.find(runs_folder() / name))) for name in names]


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
    assert rows["Network"] == ["enhanced", "gru"], "called what the form calls it"
    place = list(rows).index("Network")
    assert (
        view.compare.model.data(view.compare.model.index(place, 0), Qt.ItemDataRole.ToolTipRole)
        == "network.kind"
    )
    assert rows["best unweighted average recall"] == ["0.800", "0.700"]
    assert rows["last loss, validation"] == ["0.025", "0.025"]
    assert view.compare.table.model().rowCount() == len(table.rows)
    assert view.curves.isVisible()  # curves and figures on one screen
    view.compare.save_csv(tmp_path / "c.csv")
    with open(tmp_path / "c.csv", newline="", encoding="utf-8") as file:
        assert [
            "network.kind",
            *[dict(view.compare.model.table.rows)["Network"][i] for i in (0, 1)],
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
    summaries = {run.run.name: summary_of(run) for run in runs.runs}
    head, words = significance_words([summaries["poor"], summaries["good"]])
    assert "8 groups of the same 32 items" in head
    assert "+0.500, permutation p = 0.008" in words
    assert "McNemar p = 0.000" in words
    assert "not judged on the same items" in significance_words([summaries["poor"], summaries["other"]])[1]
    assert significance_words([summaries["none"], summaries["good"]]) == []


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
    qtbot.waitUntil(lambda: len(view.compare.model.table.columns) == 100, timeout=180_000)
    assert asked[-1] == 100
    assert len(asked) < 5, "ticking a hundred runs asks for few comparisons"
    assert view.compare.model.words(0, 100) in {str(number) for number in range(100)}
