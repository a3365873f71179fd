"""What is said in a line about a recording, who speaks in it, and how fast it was separated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.audio.outline import Outline
from app.i18n import plural, tr, translate
from app.widgets.time_axis import time_words
from models.separation.results import Separated

if TYPE_CHECKING:
    from models.separation.assessment import Assessment

FAINT_DB = 20.0  # a track so much softer than another is likely to be nobody's


def one_is_faint(separated: Separated) -> bool:
    """Whether one of the tracks is likely to be nobody's."""
    levels = separated.levels_db
    return bool(levels) and max(levels) - min(levels) > FAINT_DB


def about_words(outline: Outline, speakers: str = "") -> str:
    """``10:42 · 44.1 kHz · stereo``, and who speaks, where that is known."""
    kinds = {1: tr("mono"), 2: tr("stereo")}
    channels = kinds.get(outline.channels) or plural("{n} channel", "{n} channels", outline.channels)
    length = time_words(outline.duration_s, 0.1 if outline.duration_s < 60 else 1.0)
    parts = [length, tr("{khz} kHz", khz=f"{outline.sample_rate / 1000:g}"), channels, speakers]
    return " · ".join(part for part in parts if part)


def speakers_words(who: str) -> str:
    """Who speaks in a sample mixture, in the person's language."""
    known = {"woman and man": tr("woman and man"), "two women": tr("two women"), "two men": tr("two men")}
    return known.get(who, who)


def speed_words(outline: Outline, separated: Separated) -> str:
    """How long it took, also as a share of the recording's length."""
    return tr(
        "separated {length} in {seconds} s · {share} of real time",
        length=time_words(outline.duration_s),
        seconds=f"{separated.seconds:.1f}",
        share=f"{separated.seconds / max(1e-9, outline.duration_s):.2f}",
    )


def voices_words(assessment: Assessment) -> str:
    """How many people are heard, how certain that is, and whether the tracks can be trusted."""
    share = f"{100 * assessment.certainty:.0f} %"
    count = plural(
        "{n} voice is heard, with a certainty of {share}.",
        "{n} voices are heard, with a certainty of {share}.",
        assessment.voices,
        share=share,
    )
    return " ".join([count, *(remark.translated(translate) for remark in assessment.remarks)])


def left_words(seconds: float) -> str:
    """How long a separation still takes, about: no finer than it is known."""
    step = 1 if seconds < 10 else 5 if seconds < 60 else 60
    rounded = max(step, round(seconds / step) * step)
    return tr("separating · about {time} left", time=time_words(rounded))
