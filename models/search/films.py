"""Films as pictures: the first frame, and a strip of frames evenly over the length. Read by FFmpeg, through PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, UnidentifiedImageError

from models.progress import Progress

if TYPE_CHECKING:
    from av import VideoFrame, VideoStream
    from av.container import InputContainer

FILMS = frozenset({".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi"})
DEMUXERS = "mov,mp4,matroska,webm,avi"  # none that opens other files, as playlists do
COUNT = 8  # frames of a strip
SIDE = 480  # px, the longer side of a frame of a strip
MOST_DECODED = 600  # frames from one that stands by itself to the one that is wanted; then that one has to do
_TURNS = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}


@dataclass(frozen=True)
class Frame:
    """seconds: from the beginning of the film. picture: RGB, upright, at most `SIDE` px a side."""

    seconds: float
    picture: Image.Image


def first_frame(path: Path) -> Image.Image:
    """Upright. Raises UnidentifiedImageError, OSError."""
    from av.error import FFmpegError

    try:
        with _opened(path) as film:
            for frame in film.decode(video=0):
                return _turned(frame.to_image(), frame)
    except (FFmpegError, IndexError) as error:
        raise UnidentifiedImageError("no film, or one without a picture") from error
    raise UnidentifiedImageError("a film without a frame")


def strip(path: Path, count: int = COUNT, progress: Progress | None = None) -> list[Frame]:
    """At most `count` frames, each from the middle of one of as many equal parts of the film, in order and none twice.

    Of a damaged film those that can be read, which may be none. Raises Cancelled.
    """
    from av.error import FFmpegError

    progress = progress or Progress()
    by_moment: dict[int, Frame] = {}
    broken = (FFmpegError, IndexError, ValueError, OSError, RuntimeError, MemoryError)
    try:
        with _opened(path) as film:
            [stream, *_] = film.streams.video
            stream.thread_type = "AUTO"
            start, length = _span(film, stream, progress)
            for number in range(count):
                moment = start + length * (number + 0.5) / count
                try:
                    frame = _frame_at(film, stream, moment, progress)
                    if frame is not None and frame.pts is not None and frame.pts not in by_moment:
                        by_moment[frame.pts] = Frame(max(0.0, float(frame.time or 0) - start), _small(frame))
                except broken:  # this part of it; the others may be whole
                    continue
    except broken:
        pass
    return [by_moment[moment] for moment in sorted(by_moment)]


def _opened(path: Path) -> InputContainer:
    import av

    return av.open(
        str(path),
        options={"format_whitelist": DEMUXERS, "protocol_whitelist": "file"},
        metadata_errors="ignore",
    )


def _span(film: InputContainer, stream: VideoStream, progress: Progress) -> tuple[float, float]:
    """When a film begins and how long it lasts, s; counted from its packets where it does not say."""
    base = float(stream.time_base or 0)
    start = float(stream.start_time or 0) * base
    if stream.duration:
        return start, float(stream.duration) * base
    if film.duration:
        return start, film.duration / 1e6
    end = start
    for packet in film.demux(stream):
        progress.update(0, 1)
        if packet.pts is not None:
            end = max(end, float(packet.pts + (packet.duration or 0)) * base)
    return start, end - start


def _frame_at(
    film: InputContainer, stream: VideoStream, moment: float, progress: Progress
) -> VideoFrame | None:
    """What is seen at a moment, s."""
    film.seek(round(moment / float(stream.time_base or 1)), stream=stream)
    last = None
    for frame in _frames(film, stream, progress):
        if last is not None and frame.time is not None and frame.time > moment:
            break
        last = frame
    return last


def _frames(film: InputContainer, stream: VideoStream, progress: Progress) -> Iterator[VideoFrame]:
    for number, frame in enumerate(film.decode(stream)):
        progress.update(0, 1)
        if number == MOST_DECODED:
            return
        yield frame


def _small(frame: VideoFrame) -> Image.Image:
    share = min(1.0, SIDE / max(frame.width, frame.height, 1))
    width, height = max(1, round(frame.width * share)), max(1, round(frame.height * share))
    return _turned(frame.to_image(width=width, height=height), frame)


def _turned(picture: Image.Image, frame: VideoFrame) -> Image.Image:
    """As the film says that it was held: a telephone writes what it filmed upright lying on its side."""
    turn = _TURNS.get(round(frame.rotation) % 360)
    return picture.transpose(turn) if turn is not None else picture
