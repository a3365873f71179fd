"""The worker: answers, errors, order, dropping, cancelling, closing."""

import asyncio
import threading

import pytest

from app.workers import Dropped, Worker
from models.errors import UserError
from models.progress import Cancelled, Progress


@pytest.fixture
def worker(loop):
    made = Worker("test", capacity=4)
    yield made
    assert made.close(2.0)
    made.deleteLater()


def finish(qtbot, loop, work):
    """Run a coroutine to its end inside Qt's loop."""
    task = loop.create_task(work)
    qtbot.waitUntil(task.done, timeout=5000)
    return task


class Gate:
    """A job that says when it has begun and waits to be let through."""

    def __init__(self):
        self.begun, self.open = threading.Event(), threading.Event()

    def __call__(self, value=None, progress=None):
        self.begun.set()
        while not self.open.wait(0.005):
            if progress is not None:
                progress.update(0, 1)
        return value


def test_a_result_comes_back_in_the_gui_thread_from_another(qtbot, loop, worker):
    places = []

    async def ask():
        places.append(await worker.run(threading.get_ident))
        places.append(threading.get_ident())

    finish(qtbot, loop, ask())
    assert places[0] != places[1]
    assert places[1] == threading.get_ident()


def test_all_jobs_run_in_one_thread_in_order(qtbot, loop, worker):
    seen = []

    def note(number):
        seen.append((number, threading.get_ident()))

    async def ask():
        await asyncio.gather(*(worker.run(note, number) for number in range(4)))

    finish(qtbot, loop, ask())
    assert [number for number, _ in seen] == [0, 1, 2, 3]
    assert len({thread for _, thread in seen}) == 1


def test_errors_travel_with_their_traceback(qtbot, loop, worker):
    def fail():
        raise UserError("{name} is empty.", name="a.wav")

    task = finish(qtbot, loop, worker.run(fail))
    error = task.exception()
    assert isinstance(error, UserError)
    assert str(error) == "a.wav is empty."
    assert error.__traceback__ is not None


def test_the_newest_of_a_key_wins_over_those_that_wait(qtbot, loop, worker):
    gate = Gate()
    done, dropped = [], []
    worker.submit(gate, 0, newest_wins="live", done=done.append)
    assert gate.begun.wait(5)
    for number in (1, 2, 3):
        worker.submit(gate, number, newest_wins="live", done=done.append, failed=dropped.append)
    gate.open.set()
    qtbot.waitUntil(lambda: not worker.busy)
    assert done == [0, 3]
    assert [type(error) for error in dropped] == [Dropped, Dropped]


def test_the_one_that_runs_is_dropped_too_when_asked(qtbot, loop, worker):
    gate = Gate()
    progress = Progress()
    done, failed = [], []
    worker.submit(gate, "old", progress=progress, newest_wins="row", done=done.append, failed=failed.append)
    assert gate.begun.wait(5)
    worker.submit(lambda: "new", newest_wins="row", drop_running=True, done=done.append)
    qtbot.waitUntil(lambda: not worker.busy)
    assert done == ["new"]
    assert isinstance(failed[0], Cancelled)


def test_a_result_nobody_wants_any_more_is_thrown_away(qtbot, loop, worker):
    gate = Gate()
    done, failed = [], []
    worker.submit(gate, "old", newest_wins="row", done=done.append, failed=failed.append)
    assert gate.begun.wait(5)
    worker.submit(lambda: "new", newest_wins="row", drop_running=True, done=done.append)
    gate.open.set()  # the old job does not look at any progress and ends with a result
    qtbot.waitUntil(lambda: not worker.busy)
    assert done == ["new"]
    assert isinstance(failed[0], Dropped)


def test_cancelling_the_task_cancels_the_job(qtbot, loop, worker):
    gate = Gate()
    progress = Progress()
    task = loop.create_task(worker.run(gate, progress=progress))
    qtbot.waitUntil(gate.begun.is_set)
    task.cancel()
    qtbot.waitUntil(lambda: task.done() and not worker.busy)
    assert task.cancelled()
    assert progress.cancelled


def test_a_full_queue_says_so(qtbot, loop, worker):
    gate = Gate()
    worker.submit(gate)
    assert gate.begun.wait(5)
    for _ in range(4):
        worker.submit(int)
    with pytest.raises(UserError, match="Too much is waiting"):
        worker.submit(int)
    gate.open.set()
    qtbot.waitUntil(lambda: not worker.busy)
    assert not worker.busy


def test_loading_holds_the_model_and_lets_go_of_the_last(qtbot, loop, worker):
    class Model:
        pass

    finish(qtbot, loop, worker.load(Model))
    first = worker.model
    held = []
    finish(qtbot, loop, worker.load(lambda: held.append(worker.model) or Model()))
    assert isinstance(first, Model)
    assert held == [None]
    assert isinstance(worker.model, Model)
    assert worker.model is not first


def test_closing_cancels_what_runs_and_what_waits(qtbot, loop):
    worker = Worker("closing")
    gate = Gate()
    failed = []
    worker.submit(gate, progress=Progress(), failed=failed.append)
    worker.submit(int, failed=failed.append)
    assert gate.begun.wait(5)
    assert worker.close(5.0)
    qtbot.waitUntil(lambda: len(failed) == 2)
    assert all(isinstance(error, Cancelled) for error in failed)
    worker.deleteLater()


def test_a_job_that_does_not_listen_cannot_hold_up_closing(qtbot, loop):
    worker = Worker("deaf")
    gate = Gate()
    worker.submit(gate)
    assert gate.begun.wait(5)
    assert not worker.close(0.05)
    assert worker._thread.daemon
    gate.open.set()
    worker._thread.join(5)
    worker.deleteLater()


def test_what_is_asked_of_a_closed_worker_is_dropped(qtbot, loop):
    worker = Worker("closed")
    worker.close()
    failed = []
    worker.submit(int, failed=failed.append)
    qtbot.waitUntil(lambda: bool(failed))
    assert isinstance(failed[0], Dropped)
    worker.deleteLater()


def test_busy_is_told_once_each_way(qtbot, loop, worker):
    told = []
    worker.busy_changed.connect(told.append)
    for _ in range(3):
        worker.submit(int)
    qtbot.waitUntil(lambda: not worker.busy)
    assert told == [True, False]
