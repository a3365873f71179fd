"""What moves by itself: bars ease, menus slide, an endless bar runs; or none of it, where a person chose so."""

import re
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QApplication

from app import motion
from app.settings import Key, Settings
from app.settings_dialog import SettingsDialog
from app.widgets.bars import Bars
from app.widgets.status_line import StatusLine

APP = Path(__file__).resolve().parents[2] / "app"
MOVES = re.compile(r"QVariantAnimation|QPropertyAnimation|QTimeLine|QEasingCurve")


@pytest.fixture(autouse=True)
def as_before():
    yield
    motion.apply("system")


def test_an_easing_goes_there_by_and_by_or_at_once(qtbot):
    owner, steps = QObject(), []
    easing = motion.Easing(owner, steps.append)
    motion.apply("full")
    easing.start()
    qtbot.waitUntil(lambda: bool(steps) and steps[-1] == 1.0)
    assert steps == sorted(steps)
    assert steps[0] < 1.0
    steps.clear()
    motion.apply("reduced")
    easing.start()
    assert steps == [1.0]
    easing.end()
    assert steps == [1.0, 1.0]


def test_bars_stand_at_their_new_length_at_once(qtbot):
    bars = Bars("Emotions", ["angry", "happy"])
    qtbot.addWidget(bars)
    bars.show()
    motion.apply("reduced")
    bars.set_values([0.2, 0.8])
    now = bars.grab().toImage()
    bars.set_values([0.2, 0.8], ease=False)
    assert now == bars.grab().toImage()


def test_an_endless_bar_stands_still(services, qtbot):
    line = StatusLine(services)
    qtbot.addWidget(line)
    motion.apply("full")
    with services.task("Reading"):
        assert (line.bar.minimum(), line.bar.maximum()) == (0, 0)  # Qt's sign for one that runs to and fro
    motion.apply("reduced")
    with services.task("Reading"):
        assert line.bar.maximum() > line.bar.minimum()
        assert line.bar.value() == 0


def test_menus_slide_only_where_the_desktop_has_them_slide(qapp):
    effect = Qt.UIEffect.UI_AnimateMenu
    usual = QApplication.isEffectEnabled(effect)
    motion.apply("reduced")
    assert not QApplication.isEffectEnabled(effect)
    motion.apply("full")
    assert QApplication.isEffectEnabled(effect) == usual


def test_the_choice_is_kept_and_in_force_at_once(services, qtbot):
    dialog = SettingsDialog(services)
    qtbot.addWidget(dialog)
    offered = {dialog.motion.itemData(index) for index in range(dialog.motion.count())}
    # What the system prefers is offered where Qt can tell it, and only there.
    assert ("system" in offered) == (motion.system_prefers_less() is not None)
    index = dialog.motion.findData("reduced")
    dialog.motion.setCurrentIndex(index)
    dialog.motion.activated.emit(index)
    assert motion.reduced()
    services.settings.sync()
    assert Settings().motion == "reduced"
    services.settings.set(Key.MOTION, "wild")
    assert services.settings.motion == "system"


def test_nothing_moves_that_does_not_ask():
    """One place: whoever animates goes through `app.motion`."""
    movers = [
        str(path.relative_to(APP))
        for path in APP.rglob("*.py")
        if path.name != "motion.py" and MOVES.search(path.read_text("utf-8"))
    ]
    assert movers == []
