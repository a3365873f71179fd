"""How recordings are recognised and a model is judged: the options of use and evaluate."""

from __future__ import annotations

from typing import Literal

from models.emotion.doubt import BY_MODEL
from models.settings import Options, setting


class EmotionOptions(Options):
    """How recordings are recognised."""

    hop_s: float = setting(
        1.0,
        "Hop",
        "Seconds from one window of a long recording to the next; shorter hops take proportionally longer.",
        unit="s",
        ge=0.05,
        le=60,
    )
    by: Literal["window", "sentence"] = setting(
        "window",
        "Rows",
        "A row a window, or a row a sentence: what is spoken without a pause. With --out NAME.txt, .rttm or .eaf they become labels of Audacity, RTTM or ELAN.",
    )
    unsure_below: float = setting(
        BY_MODEL,
        "Unsure below",
        "Certainty under which the word is `unsure`; 0 tells every word, -1 is the model's own, chosen on held-out speakers.",
        ge=BY_MODEL,
        le=1,
    )
    people: Literal["file", "folder", "column", "voice"] = setting(
        "file",
        "People",
        "Files of one person are heard against all that the person says in them: those in one folder, those with one name in the column person (or speaker) of a CSV given instead of files, or those whose voices are alike; file hears each by itself.",
    )
    running: bool = setting(
        False,
        "Running",
        "The files, in their order, are one person's session: each is heard against how they sounded so far.",
    )
    voice: tuple[str, ...] = setting(
        (),
        "Voice",
        "Who speaks: the name of a voice that is kept, clips of the person, whatever they feel in them, or both. The files are heard against it.",
        path="file",
    )


class JudgingOptions(Options):
    """How a model is judged."""

    against: str = setting(
        "",
        "Against",
        "Another model, or the items.csv of its evaluation, on the same data: the difference is tested over utterances (McNemar) and over speakers (permutation).",
        path="folder",
    )


USUAL = EmotionOptions()
ALONE = JudgingOptions()
