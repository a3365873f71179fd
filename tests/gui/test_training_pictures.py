"""The picture page: each kind of picture that a task can leave, drawn from the run's folder."""

import base64
import io

import pytest
from PIL import Image

from app.training.pictures import Pictures
from app.training.watched import WatchedRun
from models.resources import runs_folder
from models.training import events, pictures
from models.training.run_folder import RunFolder


def small_picture(color):
    file = io.BytesIO()
    Image.new("RGB", (8, 8), color).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


SHOWN = [
    pictures.Lines("Envelope", "time (s)", "level", [0.0, 1.0], {"decoded": [0.1, 0.9], "heard": [0.0, 1.0]}),
    pictures.Points("Predicted against true", "true", "predicted", [0.0, 1.0, 2.0], [0.1, 0.8, 2.2]),
    pictures.Bars("Gates", "mean gate", ["eileen", "pluto"], {"pass 1": [0.5, 0.6], "pass 2": [0.4, 0.7]}),
    pictures.Gallery("Answers", ["red"], [[small_picture("red"), small_picture("blue")]], [[True, False]]),
]


@pytest.fixture
def page(services, qtbot):
    run = RunFolder.create(runs_folder() / "one", "search", {"epochs": 1})
    writer = events.EventWriter(run.events_file)
    for number, shown in enumerate(SHOWN):
        writer.write(
            events.Picture(path=pictures.save(run.path, 1, number, shown), title=shown.title, epoch=1)
        )
    writer.close()
    watched = WatchedRun(run)
    while watched.read():
        pass
    made = Pictures()
    qtbot.addWidget(made)
    made.resize(700, 400)
    made.show_run(watched)
    made.show()
    return made


def choose(page, title):
    page.title.setCurrentIndex(page.title.findData(title))
    page.title.activated.emit(page.title.currentIndex())


@pytest.mark.parametrize("shown", SHOWN, ids=lambda item: item.kind)
def test_each_kind_is_kept_and_read_back(shown, tmp_path):
    assert pictures.load(tmp_path / pictures.save(tmp_path, 1, 0, shown)) == shown


def test_lines_then_points_then_bars_leave_nothing_of_one_another(page):
    choose(page, "Envelope")
    assert [line.name for line in page._lines] == ["decoded", "heard"]
    choose(page, "Predicted against true")
    assert [line.name for line in page._lines] == ["equal"]
    assert len(page._marks) == 1
    choose(page, "Gates")
    assert (len(page._lines), len(page._marks)) == (0, 2)
    ticks = page.plot.getPlotItem().getAxis("bottom")._tickLevels[0]
    assert [words for _, words in ticks] == ["eileen", "pluto"]
    choose(page, "Envelope")
    assert page.plot.getPlotItem().getAxis("bottom")._tickLevels is None


def test_answers_are_drawn_and_told(page):
    choose(page, "Answers")
    assert page.answers.isVisible()
    assert page.answers.accessibleDescription() == "red: 1 / 2"
    picture = page.answers.grab().toImage()
    result = {picture.pixelColor(x, 20).name() for x in range(200, picture.width())}
    assert {"#ff0000", "#0000ff"} <= result
