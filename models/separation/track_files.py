"""The files of a recording's tracks: written aside, stretch by stretch, and put in their place once they are whole."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile
from numpy.typing import NDArray

from models import checkpoint
from models.audio import AudioInfo
from models.errors import UserError
from models.file_names import folder_name
from models.progress import Progress
from models.separation.results import Container

LARGEST_WAV = 4_000_000_000  # bytes; longer ones are RF64
MOST_FLAC_CHANNELS = 8
MOST_FLAC_HZ = 655_350
BLOCK = 262_144  # frames
Change = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class TrackFiles:
    """``NAME_speaker1.wav`` … of a recording in a folder, as wide and at the rate of the recording.

        with TrackFiles(source, folder, speakers, about, "wav") as files:
            files.write(stretch)            # float32 [speakers, frames, channels], as often as there is more
            tracks = files.put_in_place()

    What is not put in its place is removed, and so are the folders that were made for it. Raises UserError for a
    container that cannot hold the recording, and for a folder that cannot be written.
    """

    def __init__(
        self, source: Path, folder: Path, speakers: int, about: AudioInfo, container: Container
    ) -> None:
        _check_container(container, about)
        self._folder, self._about, self._container = folder, about, container
        self._names = [f"{folder_name(source)}_speaker{n + 1}.{container}" for n in range(speakers)]
        self._made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
        self._aside: Path | None = None
        self._files: list[soundfile.SoundFile] = []

    def __enter__(self) -> TrackFiles:
        try:
            self._open()
        except BaseException as error:
            self._clear()
            raise as_user_error(self._folder, error) from error
        return self

    def write(self, stretch: NDArray[np.float32]) -> None:
        """More of every track: float32 [speakers, frames, channels]."""
        for file, track in zip(self._files, stretch, strict=True):
            file.write(track)

    def anew(self, change: Change, progress: Progress) -> Iterator[NDArray[np.float32]]:
        """Write the tracks again as `change` makes them, [speakers, frames, channels] a stretch; yields what is written."""
        assert self._aside is not None
        self._close()
        before = self._aside / "before"
        before.mkdir()
        for name in self._names:
            os.replace(self._aside / name, before / name)
        self._open_files()
        with contextlib.ExitStack() as stack:
            read = [stack.enter_context(soundfile.SoundFile(before / name)) for name in self._names]
            for done in range(0, read[0].frames, BLOCK):
                progress.update(done, read[0].frames, "Putting voices in their lanes")
                stretch = change(
                    np.stack([file.read(BLOCK, dtype="float32", always_2d=True) for file in read])
                )
                self.write(stretch)
                yield stretch

    def put_in_place(self) -> tuple[Path, ...]:
        """The tracks are whole: where they lie now, each in place of what had its name."""
        assert self._aside is not None
        self._close()
        for name in self._names:
            os.replace(self._aside / name, self._folder / name)
        self._made = []
        return tuple(self._folder / name for name in self._names)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear()
        if isinstance(error, OSError | soundfile.LibsndfileError):
            raise as_user_error(self._folder, error) from error

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._aside = Path(tempfile.mkdtemp(prefix=".separating-", dir=self._folder))
        self._open_files()

    def _open_files(self) -> None:
        about, aside = self._about, self._aside
        assert aside is not None
        kind, subtype = _format(self._container, about)
        for name in self._names:
            made = soundfile.SoundFile(
                aside / name, "w", about.sample_rate, about.channels, subtype, format=kind
            )
            self._files.append(made)

    def _close(self) -> None:
        while self._files:
            self._files.pop().close()

    def _clear(self) -> None:
        self._close()
        if self._aside is not None:
            shutil.rmtree(self._aside, ignore_errors=True)
        for parent in self._made:
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()


def as_user_error(folder: Path, error: BaseException) -> BaseException:
    """An error of writing into a folder as a person is told of it; libsndfile does not say why it cannot write."""
    if isinstance(error, soundfile.LibsndfileError):
        error = OSError(28 if _is_full(folder) else 5, str(error))
    return checkpoint.cannot_write(folder, error) if isinstance(error, OSError) else error


def _format(container: Container, about: AudioInfo) -> tuple[str, str]:
    """libsndfile's names of format and subtype."""
    if container == "flac":
        return "FLAC", "PCM_24"
    return "RF64" if about.frames * about.channels * 4 > LARGEST_WAV else "WAV", "FLOAT"


def _check_container(container: Container, about: AudioInfo) -> None:
    if container == "flac" and (about.channels > MOST_FLAC_CHANNELS or about.sample_rate > MOST_FLAC_HZ):
        raise UserError(
            "FLAC cannot hold this recording.",
            "It has {channels} channels at {rate} Hz.",
            "Choose WAV.",
            channels=about.channels,
            rate=about.sample_rate,
        )


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < 1_000_000
    except OSError:
        return False
