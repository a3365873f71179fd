"""From picture files to the pixels that an encoder sees. Neither torch nor transformers: it runs in worker processes."""

from __future__ import annotations

import functools
import io
import os
import stat
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

from models import file_names, files
from models.errors import UserError, shortened
from models.search import films, previews

SUFFIXES = {
    ".png",
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".gif",
    ".bmp",
    ".webp",
    ".tif",
    ".tiff",
    ".ppm",
    ".pgm",
    ".pbm",
    ".tga",
    ".ico",
    ".avif",
    ".heic",
    ".heif",
    ".hif",
    ".jp2",
    *previews.RAW,
    *films.FILMS,
}
MOST_PIXELS = (
    178_000_000  # a picture is held decoded, half a gigabyte then; Pillow refuses a little more by itself
)
PLAIN = frozenset({"1", "L", "P", "RGB", "YCbCr"})
MOST_WIDE = (
    44_000_000  # pixels of all other modes, such as with transparency: several copies of them are held
)
LARGEST_VIEW = 4096  # pixels a side
LARGEST_FILE = 2 * 2**30  # bytes
MOST_RESIZED = (
    16_000_000  # pixels: of a strip that would be enlarged to more, only the part that is seen is made
)
# What Pillow may take a file for: it would hand EPS to Ghostscript, and has readers that nobody keeps.
FORMATS = (
    "PNG",
    "JPEG",
    "GIF",
    "BMP",
    "DIB",
    "WEBP",
    "TIFF",
    "PPM",
    "TGA",
    "ICO",
    "AVIF",
    "HEIF",
    "JPEG2000",
)
# Pillow's readers raise all of these on damaged files.
DAMAGE = (
    UnidentifiedImageError,
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    RuntimeError,
    struct.error,
    zlib.error,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    AttributeError,
)
_ANCILLARY = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")  # of a PNG: text and colour profile

# Workflows that image generators write into their pictures are longer than Pillow's megabyte.
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY


@dataclass(frozen=True)
class View:
    """How an encoder wants its pictures: what a Hugging Face image processor says, without the processor.

    edge: the shorter side is brought to this length, 0 if `height` and `width` say it all. crop: (height, width)
    cut from the middle, or None. resample: Pillow's number of the filter. mean, std: a channel, of values times `scale`.
    """

    edge: int = 0
    height: int = 0
    width: int = 0
    resample: int = 3
    crop: tuple[int, int] | None = None
    scale: float = 1 / 255
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)

    @classmethod
    def of(cls, processor: Any) -> View:
        """The view of a transformers image processor. Raises UserError for one that works otherwise."""
        try:
            view = cls._of(processor)
            sides = (view.edge, view.height, view.width, *(view.crop or ()))
            if not all(0 <= side <= LARGEST_VIEW for side in sides) or view.resample not in range(6):
                raise ValueError("sizes that cannot be")
            if not np.isfinite([view.scale, *view.mean, *view.std]).all() or not all(view.std):
                raise ValueError("values that are no numbers")
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
            raise UserError(
                "This encoder's pictures are prepared in a way that is not known here.",
                "Its preprocessor_config.json holds values that cannot be: {reason}.",
                "Copy it again, or choose an encoder of the CLIP or SigLIP kind.",
                reason=shortened(error, 80),
            ) from error
        return view

    @classmethod
    def _of(cls, processor: Any) -> View:
        size = dict(getattr(processor, "size", None) or {})
        resized = bool(getattr(processor, "do_resize", True))
        edge = int(size.get("shortest_edge") or 0) if resized else 0
        height, width = (int(size.get(side) or 0) if resized else 0 for side in ("height", "width"))
        crop = None
        if getattr(processor, "do_center_crop", None) and getattr(processor, "crop_size", None):
            cut = dict(processor.crop_size)
            crop = (int(cut["height"]), int(cut["width"]))
        if not (edge and crop) and not (height and width):
            raise UserError(
                "This encoder's pictures are prepared in a way that is not known here.",
                "Its preprocessor_config.json gives the size {size}.",
                "Choose an encoder of the CLIP or SigLIP kind.",
                size=size,
            )
        rescaled = getattr(processor, "do_rescale", True) is not False
        normalised = getattr(processor, "do_normalize", True) is not False
        return cls(
            edge=edge,
            height=height,
            width=width,
            resample=int(getattr(processor, "resample", 3) or 0),
            crop=crop,
            scale=float(getattr(processor, "rescale_factor", 1 / 255)) if rescaled else 1.0,
            mean=_three(processor.image_mean) if normalised else (0.0, 0.0, 0.0),
            std=_three(processor.image_std) if normalised else (1.0, 1.0, 1.0),
        )

    def pixels(self, picture: Image.Image) -> np.ndarray:
        """uint8 [height, width, 3] of an RGB picture, resized and cropped."""
        if self.edge:
            width, height = picture.size
            short, long = min(width, height), max(width, height)
            other = max(1, int(self.edge * long / short))
            size = (self.edge, other) if width <= height else (other, self.edge)
        else:
            size = (self.width, self.height)
        if self.crop is not None and size[0] * size[1] > MOST_RESIZED:
            return np.asarray(self._middle_resized(picture, size, self.crop))
        if size != picture.size:
            picture = picture.resize(size, Image.Resampling(self.resample))
        array = np.asarray(picture)
        if self.crop is not None:
            array = _middle(array, *self.crop)
        return array

    def region(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        """Left, top, width, height of what is seen of a picture of that width and height, as shares of it."""
        if self.crop is None or not self.edge:
            return (0.0, 0.0, 1.0, 1.0)
        width, height = size
        scale = self.edge / max(1, min(width, height))
        across, down = (
            min(1.0, cut / (side * scale)) for cut, side in zip(self.crop[::-1], size, strict=True)
        )
        return ((1 - across) / 2, (1 - down) / 2, across, down)

    def _middle_resized(
        self, picture: Image.Image, size: tuple[int, int], crop: tuple[int, int]
    ) -> Image.Image:
        """The middle `crop` of the picture brought to `size`, of which no more than that is made."""
        cut = (min(crop[1], size[0]), min(crop[0], size[1]))
        corner = ((size[0] - cut[0]) // 2, (size[1] - cut[1]) // 2)
        scale = (picture.width / size[0], picture.height / size[1])
        box = (
            corner[0] * scale[0],
            corner[1] * scale[1],
            min(picture.width, (corner[0] + cut[0]) * scale[0]),
            min(picture.height, (corner[1] + cut[1]) * scale[1]),
        )
        seen = picture.resize(cut, Image.Resampling(self.resample), box=box)
        return Image.fromarray(_middle(np.asarray(seen), *crop))


def read(path: str | os.PathLike[str], least: int = 512) -> Image.Image:
    """The picture in RGB: upright by its EXIF, its first frame, alpha on white, 16 bits brought to 8.

    least: a JPEG may come smaller than it is, but not smaller than so many pixels a side: that is decoded faster.
    Raises UserError for a file that is missing, no picture, broken, or larger than `MOST_PIXELS`.
    """
    path = Path(path)
    state = files.check_regular(path)
    if state.st_size > LARGEST_FILE:
        raise files.too_large(path, state.st_size, LARGEST_FILE)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own limit is below, and says what to do
            try:
                return _decoded(path, path, least)
            except ValueError:  # text or a colour profile that Pillow finds too long
                bare = _without_text(path)
                if bare is None:
                    raise
                return _decoded(bare, path, least)
    except PermissionError as error:
        raise UserError(
            "{name} cannot be read.",
            "{reason}.",
            "Check its permissions.",
            name=path.name,
            reason=error.strerror or str(error),
        ) from error
    except Image.DecompressionBombError as error:
        raise _too_large(path) from error
    except DAMAGE as error:
        raise UserError(
            "{name} cannot be read as a picture.",
            "The file is damaged, or of a kind that is not known.",
            "Open it in another program and save it again.",
            name=file_names.shown(path.name),
        ) from error


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Image.Image]:
    """The picture as Pillow has it, its head read and no pixel. Raises UserError where it is no file, and `DAMAGE`."""
    files.check_regular(Path(path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            previews.preview(path)
            if previews.has_preview(path)
            else Image.open(path, formats=_formats()) as picture
        ):
            yield picture


@functools.cache
def _formats() -> tuple[str, ...]:
    """Those of `FORMATS` that this build of Pillow has, and pillow-heif beside it."""
    Image.init()
    try:
        from pillow_heif import register_heif_opener
    except (ImportError, OSError):  # such as without its library: HEIC is told as unknown then
        pass
    else:
        register_heif_opener()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _decoded(source: Path | io.BytesIO, path: Path, least: int) -> Image.Image:
    with (
        previews.preview(path)
        if previews.has_preview(path)
        else Image.open(source, formats=_formats()) as picture
    ):
        width, height = picture.size
        most = MOST_PIXELS if picture.mode in PLAIN else MOST_WIDE
        if width * height > most:
            raise _too_large(path, most)
        picture.draft("RGB", (least, least))
        return upright(picture)


def _without_text(path: Path) -> io.BytesIO | None:
    """A PNG without its text and colour profile; None for what is no PNG."""
    data = path.read_bytes()
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return None
    kept, place = [data[:8]], 8
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        if data[place + 4 : place + 8] not in _ANCILLARY:
            kept.append(data[place : place + 12 + length])
        place += 12 + length
    return io.BytesIO(b"".join(kept))


def upright(picture: Image.Image) -> Image.Image:
    """A Pillow picture of any mode in RGB, turned as its EXIF says, transparency on white."""
    if getattr(picture, "is_animated", False):
        picture.seek(0)
    turned = ImageOps.exif_transpose(picture) or picture
    if turned.mode.startswith("I;16") or turned.mode in {"I", "F"}:
        return _from_wide(turned)
    if turned.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in turned.info:
        layer = turned.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        white.alpha_composite(layer)
        return white.convert("RGB")
    return turned.convert("RGB")


def decode(job: tuple[str, View]) -> np.ndarray | tuple[str, str, str]:
    """A worker's part: the pixels of a file, or the three sentences of why there are none. Never raises."""
    path, view = job
    try:
        return view.pixels(read(path))
    except UserError as error:
        return error.sentences()
    except MemoryError:
        return files.no_memory(path).sentences()


def find(folder: str | os.PathLike[str]) -> tuple[list[Path], list[tuple[str, str]]]:
    """(pictures below `folder` in order, folders that could not be read and why); hidden ones are left out."""
    result: list[Path] = []
    problems: list[tuple[str, str]] = []

    def note(error: OSError) -> None:
        problems.append((str(error.filename), error.strerror or str(error)))

    for place, folders, names in os.walk(folder, onerror=note):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        result += [
            Path(place, name)
            for name in sorted(names)
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES
        ]
    return result, problems


def unfit(path: Path) -> str:
    """Why a file cannot stand in an index, in a sentence; empty where it can. Looks at name and kind alone."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        return "Its name, or that of a folder above it, is not UTF-8; rename it."
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return ""
    return "" if regular else "It is not a file, but a pipe, a device or a socket."


def _too_large(path: Path, most: int = MOST_PIXELS) -> UserError:
    return UserError(
        "{name} is too large to be read.",
        "It has more than {most:.0f} megapixels.",
        "Save it smaller.",
        name=file_names.shown(path.name),
        most=most / 1e6,
    )


def _from_wide(picture: Image.Image) -> Image.Image:
    """16-bit and float greys: by their possible range, not clipped at 255 as a plain conversion would."""
    values = np.asarray(picture).astype(np.float32)
    if picture.mode == "F":
        top = 1.0 if values.size and values.max() <= 1.0 else 255.0
    else:
        top = 65535.0 if values.size and values.max() > 255 else 255.0
    grey = np.clip(np.nan_to_num(values) * (255.0 / top), 0, 255).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


def _middle(array: np.ndarray, height: int, width: int) -> np.ndarray:
    """The middle [height, width] of a picture, black where it is smaller."""
    if array.shape[0] < height or array.shape[1] < width:
        larger = np.zeros((max(height, array.shape[0]), max(width, array.shape[1]), 3), np.uint8)
        top, left = (larger.shape[0] - array.shape[0]) // 2, (larger.shape[1] - array.shape[1]) // 2
        larger[top : top + array.shape[0], left : left + array.shape[1]] = array
        array = larger
    top, left = (array.shape[0] - height) // 2, (array.shape[1] - width) // 2
    return array[top : top + height, left : left + width]


def _three(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
