"""The mixtures that ship, with what each speaker said alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models.datafiles import read_table
from models.resources import resource


@dataclass(frozen=True)
class SampleMixture:
    """A mixture and its references, in the order in which the speakers are named in `words`."""

    name: str
    mixture: Path
    references: tuple[Path, ...]
    words: str


WHO = {"fm": "woman and man", "ff": "two women", "mm": "two men"}


def sample_mixtures() -> tuple[SampleMixture, ...]:
    """The mixtures in `resources/samples/separation`, of speakers whom the bundled model never heard."""
    folder = resource("samples", "separation")
    rows = read_table(folder / "samples.csv", ("name", "mixture_path", "s1_path", "s2_path", "sexes")).rows
    return tuple(
        SampleMixture(
            row["name"],
            folder / row["mixture_path"],
            (folder / row["s1_path"], folder / row["s2_path"]),
            WHO[row["sexes"]],
        )
        for row in rows
    )
