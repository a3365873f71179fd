"""A run folder may be held by another, half written, cut off or hostile: it is read as far as it can be, never believed."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from line_task import LineConfig, LineTask

from models import checkpoint, cli, locks
from models.errors import UserError
from models.progress import Progress
from models.training import events, pictures
from models.training.record import Record
from models.training.run_folder import RunFolder, RunState, RunStory, process_lives
from models.training.runs import list_runs
from models.training.trainer import Trainer

RUNNER = Path(__file__).with_name("run_line.py")
ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def config(**changes):
    return LineConfig(**{"epochs": 2, "batch_size": 8, "learning_rate": 0.01, "early_stop": 0, **changes})


def made(folder, settings=None):
    return RunFolder.create(folder, "line", (settings or config()).model_dump(mode="json"))


def state_of(run):
    story = RunStory(run)
    story.read()
    return story.state


def started(**changes):
    values = {
        "pid": 1,
        "process_started": 1.0,
        "system": "line",
        "device": "cpu",
        "total_epochs": 1,
        "total_steps": 1,
    }
    return events.Started(**{**values, **changes})


# One process at a time


@pytest.mark.slow
def test_a_run_is_trained_by_one_process_alone(tmp_path):
    run = made(tmp_path / "run", config(epochs=500, slow_s=0.02))
    process = subprocess.Popen([sys.executable, str(RUNNER), str(run.path)], env=ENVIRONMENT)
    try:
        reader = events.EventReader(run.events_file)
        while not any(isinstance(event, events.Scalars) for event in reader.read_new()):
            assert process.poll() is None
        assert locks.holder(run.lock_file).pid == process.pid
        with pytest.raises(UserError, match="being trained already"):
            Trainer(LineTask(config()), run).train()
        assert state_of(run) is RunState.RUNNING, "who was refused has written nothing"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    assert locks.holder(run.lock_file) is None
    assert state_of(run) is RunState.STOPPED


def test_resuming_a_run_that_is_held_is_the_persons_error(tmp_path, capsys):
    run = RunFolder.create(tmp_path / "run", "reverberation", {"data": {"kind": "noise", "noise_samples": 8}})
    with locks.taken(run.lock_file):
        assert cli.main(["resume", str(run.path), "--device", "cpu", "--quiet"]) == 2
    assert "being trained already" in capsys.readouterr().err
    assert not run.events_file.exists()


def test_a_run_on_another_host_is_judged_by_its_lock_and_its_events(tmp_path):
    run = made(tmp_path / "run")
    writer = events.EventWriter(run.events_file)
    writer.write(started(host="another-host", pid=os.getpid()))
    writer.close()
    assert state_of(run) is RunState.RUNNING, "it has just spoken"
    os.utime(run.events_file, (1e9, 1e9))
    assert state_of(run) is RunState.DIED
    run.lock_file.write_text(json.dumps({"host": "another-host", "pid": 7, "started": 1.0, "since": 2.0}))
    assert state_of(run) is RunState.RUNNING, "its lock beats"
    os.utime(run.lock_file, (1e9, 1e9))
    assert state_of(run) is RunState.DIED


@pytest.mark.parametrize("pid", [-1, 0, 2**31, 2**52])
def test_a_process_that_cannot_be_lives_not(pid):
    assert not process_lives(started(pid=pid))


# Going on


@pytest.mark.slow
def test_without_its_state_there_is_nothing_to_go_on_from(tmp_path):
    run = made(tmp_path / "run")
    Trainer(LineTask(config()), run).train()
    before = (run.best / checkpoint.WEIGHTS).read_bytes()
    (run.last / "training.pt").unlink()
    end = Trainer(LineTask(config(epochs=4)), run).train()
    assert isinstance(end, events.Failed)
    assert "nothing to go on from" in end.what
    assert (run.best / checkpoint.WEIGHTS).read_bytes() == before


def test_a_run_that_died_before_it_saved_begins_again(tmp_path):
    run = made(tmp_path / "run")
    writer = events.EventWriter(run.events_file)
    writer.write(started())
    writer.write(events.Scalars(step=1, epoch=0.1, values={"train/loss": 1.0}))
    writer.close()
    assert Trainer(LineTask(config()), run).train().reason == "completed"


def test_what_a_kill_left_behind_is_swept(tmp_path):
    run = made(tmp_path / "run")
    for name in (".saving-abc", ".last-def", ".best-ghi"):
        (run.path / name).mkdir()
        (run.path / name / "weights.safetensors").write_bytes(b"half")
    (run.path / ".config.yaml-xyz").write_text("half")
    Trainer(LineTask(config()), run).train()
    assert [path.name for path in run.path.glob(".*")] == [".lock"]


def test_a_stop_while_data_is_read_ends_the_run_politely(tmp_path):
    progress = Progress()

    class Reading(LineTask):
        def prepare(self, progress):
            progress.cancel()
            progress.update(1, 2, "Reading")

    run = made(tmp_path / "run")
    assert Trainer(Reading(config()), run, progress=progress).train().reason == "stopped"
    assert Trainer(LineTask(config()), run).train().reason == "completed"


# Events


def test_nothing_behind_the_last_line_holds_a_reader_up(tmp_path):
    run = made(tmp_path / "run")
    Trainer(LineTask(config()), run).train()
    with open(run.events_file, "ab") as file:
        file.write(bytes(9_000_000))
    assert state_of(run) is RunState.DONE
    reader = events.EventReader(run.events_file)
    while reader.behind:
        reader.read_many(400_000)
    assert len(Record.read(run).epochs["validation/error"].y) == 2
    assert Trainer(LineTask(config(epochs=3)), run).train().reason == "completed"
    assert len(Record.read(run).epochs["validation/error"].y) == 3


def test_a_line_longer_than_a_block_is_read_and_one_without_end_passed_over(tmp_path, monkeypatch):
    path = tmp_path / "events.jsonl"
    long = events.Message(text="x" * 900_000)
    last = events.Message(text="last")
    path.write_bytes(long.model_dump_json().encode() + b"\n" + last.model_dump_json().encode() + b"\n")
    reader, result = events.EventReader(path), []
    while reader.behind:
        result += reader.read_many(400_000)
    assert [event.text for event in result] == [long.text, last.text]
    monkeypatch.setattr(events, "LONGEST_LINE", 500_000)
    reader, result = events.EventReader(path), []
    while reader.behind:
        result += reader.read_many(400_000)
    assert [event.text for event in result] == [last.text]


HOSTILE = [
    b"[" * 100_000,
    b'{"kind":"scalars"' + b',"values":{"a":' * 20_000,
    b'{"kind":"scalars","step":1e999,"epoch":1,"t":1,"values":{}}',
    b'{"kind":"scalars","step":1,"epoch":1,"t":1,"values":{"a":"text"}}',
    b'{"kind":"scalars","step":1,"epoch":1,"t":1,"values":[1]}',
    b'{"kind":"scalars","step":1,"epoch":null,"t":1,"values":{"a":1}}',
    b'{"kind":"scalars","step":1,"epoch":1,"t":1,"values":{"a":' + b"9" * 400 + b"}}",
    b'{"kind":"epoch","step":' + b"9" * 5000 + b',"epoch":1,"values":{}}',
    b'{"kind":"started","pid":1e300,"process_started":1}',
    b'{"kind":"picture","path":"../../secret.png"}',
    b'{"kind":"picture","path":"/etc/passwd"}',
    b'{"kind":"picture","path":"C:\\\\secret.png"}',
    b'{"kind":"picture","path":""}',
    b'{"kind":"flow","step":1,"epoch":1,"gradient":[1],"moved":[],"dead":"x"}',
    b'{"kind":"layers","names":["a"],"output":99,"gains":[7]}',
    b'{"kind":"unknown"}',
    b"\xff\xfe\x00",
    b"null",
]


@pytest.mark.parametrize("line", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_events_are_passed_over(tmp_path, line):
    run = made(tmp_path / "run")
    good = events.Scalars(step=2, epoch=1.0, values={"train/loss": 0.5})
    run.events_file.write_bytes(line + b"\n" + good.model_dump_json().encode() + b"\n")
    assert events.glance(run.events_file) is not None
    record = Record.read(run)
    assert record.steps["train/loss"].y.tolist() == [0.5]
    assert not record.pictures
    record.flow.table("ratio")
    story = RunStory(run)
    assert story.read()[-1].step == 2
    assert isinstance(story.state, RunState)


# What lies beside


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b"[1, 2]", b"a: [", b"\xff", b"system: [1]", b"a: &a [x, x]\nb: *a\n"]
)
def test_a_config_that_cannot_be_read_is_damage(tmp_path, content):
    run = made(tmp_path / "run")
    run.keep_about(queued={"device": "cpu", "since": 1.0})
    assert state_of(run) is RunState.QUEUED
    run.config_file.write_bytes(content)
    assert state_of(run) is RunState.DAMAGED, "or the queue would stand still before it"
    assert run.damage()
    assert list_runs(tmp_path) == [run]


@pytest.mark.parametrize(
    "about",
    [b"", b"[" * 50_000, b"3", b'{"queued": "soon"}', b'{"queued": {"since": "x"}}', b'{"queued": {"since": 1e999}}',
     b'{"queued": {"device": 3}}', b'{"tags": "x", "notes": 3, "group": [], "variant": "y"}', b'{"tags": [1]}'],
)  # fmt: skip
def test_what_is_kept_about_a_run_is_of_its_kind_or_left_out(tmp_path, about):
    run = made(tmp_path / "run")
    run.about_file.write_bytes(about)
    assert run.about() == {}
    run.keep_about(notes="mine")
    assert run.about() == {"notes": "mine"}


@pytest.mark.parametrize(
    "content",
    ['{"kind": "matrix", "title": "x", "labels": 3, "counts": "y"}', '{"kind": []}', "[1]", "[" * 9000, "{}"],
)
def test_a_damaged_picture_is_none(tmp_path, content):
    path = tmp_path / "picture.json"
    path.write_text(content)
    assert pictures.load(path) is None


# A full disk


class Disk:
    """Fails the n-th time that something is written, as a full disk does."""

    def __init__(self, monkeypatch, at):
        self.at, self.count = at, 0
        for module, name in (
            (os, "replace"), (os, "rename"), (os, "fsync"), (os, "mkdir"), (torch, "save"), (events.EventWriter, "write"),
            (Path, "write_text"), (Path, "write_bytes"),
        ):  # fmt: skip
            monkeypatch.setattr(module, name, self._counted(getattr(module, name)))
        import safetensors.torch

        monkeypatch.setattr(safetensors.torch, "save_file", self._counted(safetensors.torch.save_file))

    def _counted(self, usual):
        def write(*arguments, **more):
            self.count += 1
            if self.count == self.at:
                raise OSError(errno.ENOSPC, "No space left on device")
            return usual(*arguments, **more)

        return write


@pytest.mark.slow
def test_a_full_disk_at_any_moment_is_said_and_leaves_nothing_half(tmp_path):
    settings = config(epochs=1, batch_size=25, diagnose_every=3)
    for at in range(1, 500):
        place = tmp_path / str(at)
        with pytest.MonkeyPatch.context() as patch:
            disk = Disk(patch, at)
            try:
                run = made(place, settings)
                ended = Trainer(LineTask(settings), run).train()
            except UserError as error:
                ended = error
        if disk.count < at:
            break
        words = ended.what if isinstance(ended, events.Failed) else str(ended)
        assert (
            "no room left" in words or "cannot be written" in words or isinstance(ended, events.Finished)
        ), (at, ended)
        run = RunFolder(place)
        if run.config_file.exists():
            assert run.config()["epochs"] == 1, at
        for name in ("best", "last"):
            checkpoint.recover(place / name)
            if (place / name).exists():
                checkpoint.load(place / name, "line")
        if not run.config_file.exists():
            run = made(place, settings)
        assert isinstance(Trainer(LineTask(settings), run).train(), events.Finished), at
    assert at > 20


def test_a_checkpoint_of_a_run_stands_for_it_and_a_missing_path_is_called_missing(tmp_path):
    run = RunFolder.create(tmp_path / "run", "emotion", {"epochs": 3})
    run.best.mkdir()
    assert RunFolder.open(run.best) == run
    with pytest.raises(UserError, match="was not found"):
        RunFolder.open(tmp_path / "nowhere")
    with pytest.raises(UserError, match="is not a run folder"):
        RunFolder.open(tmp_path)


def test_an_error_that_ended_a_run_is_kept_in_english_and_can_be_said_in_any_language():
    error = UserError("{path} is empty.", "It has {count} bytes.", "Copy it.", path=Path("a.wav"), count=0)
    line = events.Failed.by(error, cause="unstable").model_dump_json()
    again = events.parse(line)
    assert (again.what, again.why, again.remedy) == ("a.wav is empty.", "It has 0 bytes.", "Copy it.")
    german = {"{path} is empty.": "{path} ist leer."}
    assert again.error.sentences(lambda text: german.get(text, text))[0] == "a.wav ist leer."
    old = events.parse('{"kind": "failed", "what": "It {broke}.", "why": "Ill luck."}')
    assert str(old.error) == "It {broke}. Ill luck."
