"""Evaluate: the sample, what is no data set, and an evaluation from all sides."""

import json

from PySide6.QtCore import Qt

from models.resources import resource
from tests.gui.emotion.helpers import idle


def test_evaluate_the_sample(tab, qtbot, tmp_path):
    tab.choice.choose("evaluate")
    page = tab.page
    page.try_sample()
    qtbot.waitUntil(lambda: page.evaluation is not None and idle(tab), timeout=90_000)
    assert page.evaluation.n == 64
    assert 0.5 < page.evaluation.uar <= 1.0
    page.save_figures(tmp_path / "figures")
    assert json.loads((tmp_path / "figures" / "figures.json").read_text())["n"] == 64


def test_evaluate_what_is_no_data_set(tab, qtbot, tmp_path):
    tab.choice.choose("evaluate")
    (tmp_path / "d.csv").write_text("path,emotion\na.wav,angry\n")
    tab.accept_paths([tmp_path / "d.csv"])
    qtbot.mouseClick(tab.primary, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: any(m.level == "error" for m in tab.messages.messages) and idle(tab), timeout=60_000
    )


def test_an_evaluation_is_shown_from_all_sides(tab, qtbot, tmp_path):
    """Reliability beside confusion; bars of speakers, sexes and emotions; another model on the same clips."""
    import shutil

    place = tmp_path / "my-run" / "best"
    shutil.copytree(resource("checkpoints", "emotion"), place)
    tab.models.choose(str(place))
    tab.models.choose("bundled")
    tab.choice.choose("evaluate")
    page = tab.page
    page.other.setCurrentIndex(page.other.findData(str(place)))
    page.try_sample()
    qtbot.waitUntil(lambda: page.evaluation is not None and idle(tab), timeout=120_000)
    figures = page.figures
    figures.left.setCurrentIndex(1)
    assert figures.reliability.isVisibleTo(page)
    assert (
        sum(int(part.split("n = ")[1]) for part in figures.reliability.accessibleDescription().split("; "))
        == 64
    )
    for of, metric, count in (
        ("speaker", "accuracy", 8),
        ("emotion", "precision", 4),
        ("sex", "weighted_f1", 2),
    ):
        figures.choose_bars(of, metric)
        assert len(figures.bars.accessibleDescription().split("; ")) == count
    figures.choose_bars("session", "uar")  # of which this data tells nothing
    assert figures.bars.accessibleDescription() == ""
    assert "p = 1.000 by McNemar" in page._compared.text()
    assert any("took part in its training" in f"{m.heading} {m.text}" for m in tab.messages.messages)
