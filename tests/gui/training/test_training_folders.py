"""Run folders that were copied in, that are long, or that anybody may have written."""

import pytest
from PySide6.QtCore import Qt

from app.training.watched import WatchedRun
from models.resources import runs_folder
from models.training import events
from models.training.run_folder import RunFolder, RunState
from tests.gui.training.helpers import config, read_all, write_run


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
