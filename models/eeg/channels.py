"""Names of EEG channels: one place on the scalp under many spellings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from models.remarks import Remark

OLD_NAMES = {"t3": "t7", "t4": "t8", "t5": "p7", "t6": "p8"}  # of the 10-20 system before 1994
MASTOIDS = ("a1", "a2", "m1", "m2", "tp9", "tp10")
EYES = re.compile(r"eog|^[lsi]o[12]$", re.IGNORECASE)  # above, below and beside an eye
HEART = re.compile(r"ecg|ekg", re.IGNORECASE)

BIOSEMI64 = (
    "Fp1",
    "AF7",
    "AF3",
    "F1",
    "F3",
    "F5",
    "F7",
    "FT7",
    "FC5",
    "FC3",
    "FC1",
    "C1",
    "C3",
    "C5",
    "T7",
    "TP7",
    "CP5",
    "CP3",
    "CP1",
    "P1",
    "P3",
    "P5",
    "P7",
    "P9",
    "PO7",
    "PO3",
    "O1",
    "Iz",
    "Oz",
    "POz",
    "Pz",
    "CPz",
    "Fpz",
    "Fp2",
    "AF8",
    "AF4",
    "AFz",
    "Fz",
    "F2",
    "F4",
    "F6",
    "F8",
    "FT8",
    "FC6",
    "FC4",
    "FC2",
    "FCz",
    "Cz",
    "C2",
    "C4",
    "C6",
    "T8",
    "TP8",
    "CP6",
    "CP4",
    "CP2",
    "P2",
    "P4",
    "P6",
    "P8",
    "P10",
    "PO8",
    "PO4",
    "O2",
)

_standard: dict[str, str] = {}


def montage_name() -> str:
    """What MNE calls the 10-05 system; the name changed in MNE 1.13."""
    import mne

    known = mne.channels.get_builtin_montages()
    return "colin27_1005" if "colin27_1005" in known else "standard_1005"


def montage() -> Any:
    """The places of the 10-05 system as MNE has them."""
    import mne

    return mne.channels.make_standard_montage(montage_name())


def mastoids_of(names: Sequence[str]) -> tuple[str, ...]:
    """The pair of electrodes behind the ears, or at their lobes, by what they are called; none where there is no pair."""
    there = {plain(name): name for name in reversed(names)}
    for pair in (("m1", "m2"), ("a1", "a2"), ("tp9", "tp10")):
        if set(pair) <= set(there):
            return tuple(there[electrode] for electrode in pair)
    return ()


def standard_names() -> dict[str, str]:
    """Plain spelling → name, of every place of the 10-05 system."""
    if not _standard:
        _standard.update({plain(name): name for name in montage().ch_names})
    return _standard


def plain(name: str) -> str:
    """``EEG Fp1-Ref``, ``FP1.`` and ``Fp1`` are one place."""
    text = re.sub(r"^eeg[\s_-]*", "", name.strip().lower())
    text = re.sub(r"[-_ ](ref|le|ar|avg|a1|a2|m1|m2)$", "", text)
    return text.strip(" .")


def default_names(count: int) -> tuple[str, ...]:
    """Names for channels that have none: the BioSemi 64 order where there are 64."""
    if count == 64:
        return BIOSEMI64
    return tuple(f"E{number + 1}" for number in range(count))


def canonical(name: str) -> str:
    """The place's name of today, for comparing: T3 and T7 are one; what is no place stays as it is."""
    spelling = plain(name)
    return standard_names().get(OLD_NAMES.get(spelling, spelling), name)


def placed(names: Sequence[str]) -> tuple[list[str], list[bool], list[Remark]]:
    """(each channel's name of today, whether it is used for its place, what a person should know).

    Endings such as ``-REF`` or one that all share (the reference) are taken off. Of channels that are one place, as
    C3-A1 and C3-A2 are, the first is used.
    """
    known, remarks = standard_names(), []
    ending = _common_ending(names)
    spellings = [
        plain(re.sub(f"{re.escape(ending)}$", "", name.strip()) if ending else name) for name in names
    ]
    if ending:
        remarks.append(
            Remark("All channels end in {ending}, which was taken for their reference.", ending=ending)
        )
    old = {item for item in spellings if item in OLD_NAMES and OLD_NAMES[item] not in spellings}
    if old:
        pairs = (f"{known[item]} = {known[OLD_NAMES[item]]}" for item in sorted(old))
        remarks.append(
            Remark("Old names of channels were read as those of today: {names}.", names=", ".join(pairs))
        )
    result, used = [], []
    first: dict[str, str] = {}
    twice = []
    for name, spelling in zip(names, spellings, strict=True):
        spelling = OLD_NAMES[spelling] if spelling in old else spelling
        place = known.get(spelling, name)
        stands = spelling in known and spelling not in MASTOIDS[:4]
        if place in first:
            twice.append(f"{name} ({first[place]})")
            stands, place = False, name
        else:
            first[place] = name
        result.append(place)
        used.append(stands)
    if twice:
        remarks.append(
            Remark(
                "Left out, because another channel stands at the same place: {names}.", names=", ".join(twice)
            )
        )
    return result, used, remarks


def _common_ending(names: Sequence[str]) -> str:
    """``-Cz`` where every name that has a place before a hyphen ends so, and there are a few of them."""
    known = standard_names()
    endings = {}
    for name in names:
        head, hyphen, tail = name.strip().rpartition("-")
        if hyphen and plain(head) in known:
            endings[name] = hyphen + tail
    common = set(endings.values())
    if len(endings) < 4 or len(common) != 1:
        return ""
    ending = common.pop()
    usual = plain("Fp1" + ending) == "fp1"
    return "" if usual or any(plain(name) in known for name in names) else ending
