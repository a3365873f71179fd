"""How runs and their figures are called, for people."""

from __future__ import annotations

import math
import statistics
import time

from app.i18n import digits, tr, translate
from app.training.watched import WatchedRun
from models.training.cross_validation import FOLD
from models.training.run_folder import RunState


def state_words(run: WatchedRun) -> str:
    """In which state a run is, as it is written in the list: ``running``, ``stopped``, ``damaged`` …"""
    if run.damage:
        return tr("damaged")
    if run.stopping:
        return tr("stopping")
    return state_names()[run.state]


def state_names() -> dict[RunState, str]:
    """Each state's word."""
    return {
        RunState.QUEUED: tr("queued"),
        RunState.WAITING: tr("starting"),
        RunState.RUNNING: tr("running"),
        RunState.STOPPED: tr("stopped"),
        RunState.DONE: tr("done"),
        RunState.FAILED: tr("failed"),
        RunState.DIED: tr("died"),
        RunState.DAMAGED: tr("damaged"),
    }


def metric_words(name: str) -> str:
    """``validation/uar`` → ``unweighted average recall``; unknown names with their lines as spaces."""
    base = base_name(name)
    known = {
        "loss": tr("loss"),
        "accuracy": tr("accuracy"),
        "uar": tr("unweighted average recall"),
        "recall": tr("recall"),
        "f1": tr("F1"),
        "macro_f1": tr("macro F1"),
        "weighted_f1": tr("weighted F1"),
        "learning_rate": tr("learning rate"),
        "gradient_norm": tr("gradient norm"),
        "alpha": tr("alpha"),
        "emotion_loss": tr("emotion loss"),
        "speaker_loss": tr("speaker loss"),
        "speaker_accuracy": tr("accuracy on speakers"),
        "degrees_loss": tr("degrees, 1 − CCC"),
        "ccc_arousal": tr("CCC of arousal"),
        "ccc_valence": tr("CCC of valence"),
        "ccc_dominance": tr("CCC of dominance"),
        "memory_gb": tr("memory, GB"),
        "gpu_memory_gb": tr("GPU memory, GB"),
    }
    return known.get(base) or translate(base.replace("_", " "))


def base_name(name: str) -> str:
    """The figure without its split: ``train/loss`` → ``loss``."""
    head, _, tail = name.partition("/")
    return tail if head in ("train", "validation", "test") and tail else name


def title_of(run: WatchedRun) -> str:
    """The run's name without its system, which lists of one system's runs need not repeat; a fold's below its whole."""
    if run.whole is not None:
        return "└ " + run.run.name.removeprefix(FOLD)
    return run.run.name.removeprefix(f"{run.system}-") or run.run.name


def progress_words(run: WatchedRun) -> str:
    """``epoch 31 of 50 · 2 min left``, as far as it is known."""
    story = run.story
    if story.started is None:
        return ""  # its state says so
    ended, total = story.last_epoch, story.started.total_epochs
    epoch = ended.epoch if ended is not None else 0
    if run.folding is not None:
        words = tr("{n} of {total} folds judged", n=epoch, total=total)
    elif not run.alive:
        return tr("epoch {epoch} of {total}", epoch=epoch, total=total)
    else:
        words = tr("epoch {epoch} of {total}", epoch=min(epoch + 1, total), total=total)
    if run.alive and ended is not None and ended.remaining_s is not None:
        left = max(0.0, ended.remaining_s - max(0.0, time.time() - ended.t))
        words += " · " + tr("{time} left", time=duration_words(left))
    return words


def duration_words(seconds: float) -> str:
    """About how long, in the unit that suits: ``45 s``, ``12 min``, ``3.2 h``; ``∞`` where it has no end."""
    if not math.isfinite(seconds):
        return "∞"
    if seconds < 90:
        return tr("{n} s", n=round(seconds))
    if seconds < 5400:
        return tr("{n} min", n=round(seconds / 60))
    return tr("{n} h", n=f"{seconds / 3600:.1f}")


def figure_words(value: float | None) -> str:
    """Three digits behind the point; short for the very small."""
    if value is None or value != value:
        return ""
    return digits(value, ".3f" if abs(value) >= 0.0005 or value == 0 else ".1e")


def bytes_words(count: int) -> str:
    """``3.4 MB``"""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"


def best_words(run: WatchedRun) -> str:
    """``unweighted average recall 0.812 at epoch 15``, the figure that the run is judged by."""
    value, best = run.best_value, run.story.best_epoch
    if value is None:
        return ""
    if run.folding is not None:
        return folds_words(run, value)
    words = f"{metric_words(run.metric)} {figure_words(value)}"
    return (
        tr("best: {figure} at epoch {epoch}", figure=words, epoch=best.epoch) if best is not None else words
    )


def folds_words(run: WatchedRun, mean: float) -> str:
    """``unweighted average recall on what was left out: 0.812 ± 0.051 over 8 folds, worst 0.703``."""
    judged, figure = run.judged_folds, metric_words(run.metric)
    if len(judged) < 2:
        return tr("{figure} on what was left out: {mean}", figure=figure, mean=figure_words(mean))
    return tr(
        "{figure} on what was left out: {mean} ± {sd} over {n} folds, worst {worst}",
        figure=figure,
        mean=figure_words(mean),
        sd=figure_words(statistics.stdev(judged)),
        n=len(judged),
        worst=figure_words(min(judged)),
    )


def pace_words(run: WatchedRun) -> str:
    """``cuda:0 · 12.3 steps a second · GPU 87 %``: where a living run computes and how fast."""
    story = run.story
    if not run.alive or story.started is None:
        return ""
    parts = [story.started.device]
    pace = story.pace
    if pace is not None and math.isfinite(pace.steps_per_s):
        speed = pace.steps_per_s
        parts.append(tr("{n} steps a second", n=f"{speed:.2g}" if speed < 10 else f"{speed:.0f}"))
    if pace is not None and pace.gpu_percent is not None and math.isfinite(pace.gpu_percent):
        parts.append(tr("GPU {share} %", share=round(pace.gpu_percent)))
    if pace is not None and pace.gpu_memory_gb > 0:
        parts.append(tr("{size} GB of its memory", size=f"{pace.gpu_memory_gb:.1f}"))
    return " · ".join(parts)
