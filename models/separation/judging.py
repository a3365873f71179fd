"""What the terminal tells of separated files: what the window says of them, who speaks when, and where a voice is."""

from __future__ import annotations

from models.contract import Result
from models.file_names import folder_name
from models.progress import Progress
from models.remarks import Remark, as_texts
from models.separation import target
from models.separation.activity import write_rttm
from models.separation.apart import put_apart
from models.separation.assessment import Assessment, assess
from models.separation.options import UseOptions
from models.separation.results import Separated


def judged(
    one: Separated, asked: UseOptions, wanted: target.Enrolled | None, progress: Progress
) -> tuple[Separated, Result]:
    """(the tracks; those of the voice and of the rest where one is `wanted`, what ``--json`` tells of them).

    Raises UserError where files cannot be written.
    """
    assessment = assess(one.mixture, one.tracks, progress)
    found = None if wanted is None else target.find(wanted, assessment.lane_voices, assessment.heard_s)
    remarks = [*one.remarks, *assessment.remarks]
    row: Result = {"mixture": str(one.mixture), **_figures(assessment)}
    if asked.rttm:
        place = one.tracks[0].parent / f"{folder_name(one.mixture)}.rttm"
        write_rttm(place, assessment.activity.turns, one.mixture, _names(one, found))
        row["rttm"] = str(place)
    if found is not None:
        one = put_apart(one, found.track)
        remarks.append(found.remark)
        row["voice"] = _found(found, one)
    elif wanted is not None:
        remarks.append(Remark("Nobody is heard in {name}: there is no voice to find.", name=one.mixture.name))
        row["voice"] = None
    return one, row | {"tracks": [str(track) for track in one.tracks], "remarks": as_texts(remarks)}


def _figures(assessment: Assessment) -> Result:
    return {
        "voices": assessment.voices,
        "certainty": round(assessment.certainty, 3),
        "doubtful": assessment.doubtful,
        "alike": round(assessment.alike, 3),
        "overlap": round(assessment.activity.overlap, 3),
        "unexplained_db": round(assessment.unexplained_db, 2),
        "leak": round(assessment.leak, 3),
    }


def _found(found: target.Target, apart: Separated) -> Result:
    voice, rest = apart.tracks
    return {
        "name": found.name,
        "track": found.track + 1,
        "likeness": round(found.likeness, 3),
        "likenesses": [round(value, 3) for value in found.likenesses],
        "enough": round(found.least, 3),
        "trusted": found.trusted,
        "voice": str(voice),
        "rest": str(rest),
    }


def _names(one: Separated, found: target.Target | None) -> list[str]:
    """Of the speakers, as RTTM has them: the voice by its name where it is sure."""
    names = [f"Speaker {number + 1}" for number in range(len(one.tracks))]
    if found is not None and found.trusted:
        names[found.track] = found.name
    return names


def say(one: Separated, row: Result) -> None:
    """Print what became of a recording."""
    print(f"{one.mixture.name}: {', '.join(track.name for track in one.tracks)} ({one.seconds:.1f} s)")
    count = row["voices"]
    heard = "1 voice is" if count == 1 else f"{count} voices are"
    print(f"  {heard} heard, with a certainty of {100 * row['certainty']:.0f} %.")
    for remark in row["remarks"]:
        print(f"  {remark}")
