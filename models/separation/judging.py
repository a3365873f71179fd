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
from models.separation.third import listened


def judged(
    separated: Separated, options: UseOptions, wanted: target.Enrolled | None, progress: Progress
) -> tuple[Separated, Result]:
    """(the tracks; those of the voice and of the rest where one is `wanted`, what ``--json`` tells of them).

    Raises UserError where files cannot be written.
    """
    assessment = listened(assess(separated.mixture, separated.tracks, progress), separated.mixture, progress)
    voice = None if wanted is None else target.find(wanted, assessment.lane_voices, assessment.heard_s)
    remarks = [*separated.remarks, *assessment.remarks]
    row: Result = {"mixture": str(separated.mixture), **_assessment_row(assessment)}
    if options.rttm:
        place = separated.tracks[0].parent / f"{folder_name(separated.mixture)}.rttm"
        write_rttm(place, assessment.activity.turns, separated.mixture, _names(separated, voice))
        row["rttm"] = str(place)
    if voice is not None:
        separated = put_apart(separated, voice.track)
        remarks.append(voice.remark)
        row["voice"] = _voice_row(voice, separated)
    elif wanted is not None:
        remarks.append(
            Remark("Nobody is heard in {name}: there is no voice to find.", name=separated.mixture.name)
        )
        row["voice"] = None
    return separated, row | {
        "tracks": [str(track) for track in separated.tracks],
        "remarks": as_texts(remarks),
    }


def _assessment_row(assessment: Assessment) -> Result:
    return {
        "voices": assessment.voices,
        "certainty": round(assessment.certainty, 3),
        "doubtful": assessment.doubtful,
        "alike": round(assessment.alike, 3),
        "overlap": round(assessment.activity.overlap, 3),
        "unexplained_db": round(assessment.unexplained_db, 2),
        "leak": round(assessment.leak, 3),
        "third": None if assessment.third is None else round(assessment.third, 3),
    }


def _voice_row(voice: target.Target, apart: Separated) -> Result:
    track, rest = apart.tracks
    return {
        "name": voice.name,
        "track": voice.track + 1,
        "likeness": round(voice.likeness, 3),
        "likenesses": [round(value, 3) for value in voice.likenesses],
        "enough": round(voice.least, 3),
        "trusted": voice.trusted,
        "voice": str(track),
        "rest": str(rest),
    }


def _names(separated: Separated, voice: target.Target | None) -> list[str]:
    """Of the speakers, as RTTM has them: the voice by its name where it is sure."""
    names = [f"Speaker {number + 1}" for number in range(len(separated.tracks))]
    if voice is not None and voice.trusted:
        names[voice.track] = voice.name
    return names


def say(separated: Separated, row: Result) -> None:
    """Print what became of a recording."""
    print(
        f"{separated.mixture.name}: {', '.join(track.name for track in separated.tracks)} ({separated.seconds:.1f} s)"
    )
    count = row["voices"]
    heard = "1 voice is" if count == 1 else f"{count} voices are"
    print(f"  {heard} heard, with a certainty of {100 * row['certainty']:.0f} %.")
    for remark in row["remarks"]:
        print(f"  {remark}")
