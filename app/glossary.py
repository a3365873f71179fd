"""What figures mean, said where they stand: the window's part of ``docs/glossary.md``, which a test holds it to."""

from __future__ import annotations

import re
from collections.abc import Callable

from app.i18n import tr

# How a term is written in titles, in both languages → what it means. A title that holds one of them as a word of its own is explained.
Meaning = Callable[[], str]
TERMS: dict[tuple[str, ...], Meaning] = {
    ("KL",): lambda: tr(
        "How far a latent's distribution lies from the standard normal, in nats: what it tells. Near 0 it has collapsed."
    ),
    ("gate", "gates", "门控"): lambda: tr(
        "A number from 0 to 1 by which a signal is multiplied (routing), or which is only recorded (observed)."
    ),
    ("MAP@50",): lambda: tr(
        "Mean average precision over the first 50 answers; ties are given with their best and worst order."
    ),
    ("r", "Pearson's r", "mean r"): lambda: tr("Correlation of the decoded with the true envelope, −1 to 1."),
    ("SI-SDR", "SI-SDRi"): lambda: tr(
        "Scale-invariant signal-to-distortion ratio of a track in dB, and what it gained over the mixture."
    ),
    ("STOI", "PESQ"): lambda: tr("Intelligibility, 0 to 1; quality, 1 to 4.5."),
    ("calibration error", "ECE", "校准误差"): lambda: tr(
        "How far stated certainty lies from how often it is right, over 15 bins; 0 is perfect."
    ),
    ("UAR", "unweighted average recall", "unweighted recall", "未加权平均召回率"): lambda: tr(
        "Mean of the classes' recalls: every class counts alike."
    ),
    ("saliency", "显著性"): lambda: tr("Mean absolute gradient of an output by the input."),
    ("chance", "随机水平"): lambda: tr(
        "What the same metric gives where nothing was learned: shifted envelopes, random ranking, even guessing."
    ),
    ("p",): lambda: tr(
        "The metric on data without the relation, many times; p is the share at least as good."
    ),
}


def meaning(title: str) -> str:
    """What the terms in a figure's title mean, a line each; nothing where there is none. title: in either language."""
    meanings = [explain() for names, explain in TERMS.items() if any(_holds(title, name) for name in names)]
    return "\n".join(meanings)


def _holds(title: str, name: str) -> bool:
    """Whether the title is the term, or has it as words of its own; a single letter only where it begins the title."""
    if not name.isascii():  # Chinese has no spaces between words
        return name in title
    begin = r"^" if len(name) == 1 else r"(?<![\w-])"
    return re.search(begin + re.escape(name) + r"(?![\w-])", title, re.IGNORECASE) is not None
