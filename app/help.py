"""What F1 says of what is in front: what it is for, in a few lines, and the keys that mean something there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.i18n import tr

Rows = list[tuple[str, str]]  # (what a key does, the key)


@dataclass(frozen=True)
class Help:
    """Sentences about a tab, and its keys."""

    lines: list[str]
    keys: Rows


def _emotion() -> Help:
    return Help(
        [
            tr("Hears which emotion is in a voice: live from the microphone, or in files."),
            tr(
                "Choose a source and a model at the left, then press the button; Try the sample needs neither."
            ),
            tr("Evaluate judges a model on clips whose emotion is known, speaker by speaker."),
        ],
        [(tr("Play, or stop"), tr("Space"))],
    )


def _separation() -> Help:
    return Help(
        [
            tr("Takes a recording of several voices apart, a track a speaker."),
            tr("Each lane is a track: listen to it alone, change its gain, export it or send it on."),
            tr("Drag over a lane to choose a stretch; Folder separates many recordings."),
        ],
        [
            (tr("Play, or stop"), tr("Space")),
            (tr("The mixture; one speaker alone"), "0; 1–9"),
            (tr("Mute the lane"), "M"),
            (tr("Play the stretch again and again"), "L"),
            (tr("Move; move far"), tr("← →; with Shift")),
            (tr("Beginning, end"), tr("Home, End")),
            (tr("Another lane"), "↑ ↓"),
            (tr("Zoom; show all"), "+ −; F"),
            (tr("Begin, end the stretch here; no stretch"), "[ ]; Esc"),
        ],
    )


def _reverberation() -> Help:
    return Help(
        [
            tr("Shows how the mesh of a ReverberationNet passes its signals on, and what each module does."),
            tr("Open sequences or try the sample, then look at the mesh, the heat map, or mute a module."),
            tr("Compare lays two models or two files beside one another; Wiring makes a mesh of your own."),
        ],
        [(tr("The module beside"), "← → ↑ ↓"), (tr("Mute it, or no longer"), "M")],
    )


def _eeg() -> Help:
    return Help(
        [
            tr("Decodes from EEG which sound was listened to, as the sound's envelope."),
            tr("Open a recording and, where it is known, what was heard; then press Decode."),
            tr("The grey band is what chance gives: a decoder says something where it is above it."),
        ],
        [
            (tr("Earlier, later; a whole view"), tr("← →; Page up, Page down")),
            (tr("Beginning, end"), tr("Home, End")),
            (tr("Other channels"), "↑ ↓"),
            (tr("Zoom; larger, smaller traces"), tr("+ −; with Ctrl")),
            (tr("Take a sound out of the list"), tr("Delete")),
        ],
    )


def _search() -> Help:
    return Help(
        [
            tr("Finds pictures by words, by a picture, or by both."),
            tr("Index a folder once; then type what you look for, or drop a picture on the field."),
            tr(
                "More like this and less like this move the search; Evaluate measures it on captioned pictures."
            ),
        ],
        [
            (tr("To the search field"), "Ctrl+F"),
            (tr("Look at the picture"), tr("Space")),
            (tr("Open it"), tr("Return")),
            (tr("More like this, less like this"), "+ −"),
            (tr("Back to the field"), "Esc"),
        ],
    )


def _training() -> Help:
    return Help(
        [
            tr("Every run trains in a process of its own, and goes on when the window is closed."),
            tr("Tick runs to lay their curves on one another and to compare them."),
            tr("Diagnosis says what is wrong with a run, and what to try."),
        ],
        [
            (tr("Compare the run, or no longer"), tr("Space")),
            (tr("Open it"), tr("Return")),
            (tr("Move it to the trash"), tr("Delete")),
        ],
    )


_OF: dict[str, Callable[[], Help]] = {
    "emotion": _emotion,
    "separation": _separation,
    "reverberation": _reverberation,
    "eeg": _eeg,
    "search": _search,
    "training": _training,
}


def help_of(place: str) -> Help:
    """place: a system's name, or ``training``. Raises KeyError for others."""
    return _OF[place]()
