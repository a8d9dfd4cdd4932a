"""Read frames from a folder with one image file per frame (JPEG, PNG, BMP, WebP, TIFF)."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image, UnidentifiedImageError

from humotion.video.container import MAX_PIXELS
from humotion.video.decode import Decoded, Picture
from humotion.video.frame_names import FrameOrder, NoOrderError, order_frames
from humotion.video.listing import IMAGE_SUFFIXES, failure, is_image, is_system_entry, printable, suffix_of

_JPEG_START, _TIFF_STARTS = b"\xff\xd8", (b"II*\0", b"MM\0*")
_SEVERAL = "it holds several pictures, but a frame is one picture"
_ORIENTATION = 0x0112  # the EXIF tag
_MAY_HAVE_EXIF = (b"Exif\0\0", b"eXIf", b"EXIF", b"Raw profile type exif")  # JPEG, PNG, WebP, ImageMagick's PNG
_LEVELS = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "I;16", "I;16B", "I;16L"})


def has_frames(folder: Path) -> bool:
    """Whether there are images in a folder (not in those below it); raises OSError if it cannot be listed."""
    return any(_image_names(folder))


def list_frames(folder: Path) -> list[Path]:
    """The image files of a frame folder, in the order of their numbers.

    Raises:
        NoOrderError: the names do not say the order, as with several series in one folder.
        OSError: the folder cannot be listed.
    """
    return [folder / name for name in order_frames(list(_image_names(folder))).names]


def decode_frames_folder(folder: Path, first: int | None = None) -> Decoded:
    """Open a folder of numbered frames as a `Decoded`, method "images".

    JPEG files that are upright keep their bytes, so that a frame store can copy them instead of encoding them again.
    Frames are aligned with labels by their number. So reading ends (status "truncated") at the first frame that is
    damaged, missing or of another size. The frames before it are kept. ``first``: see `order_frames`.
    """
    decoded = Decoded("images")
    decoded.start(_pictures(folder, decoded, first))
    return decoded


def read_image(data: bytes) -> npt.NDArray[np.uint8]:
    """Decode an image file's bytes to upright RGB (H, W, 3) uint8; raises ValueError if damaged.

    The orientation in EXIF data is applied, as the ffmpeg command and cameras' own programs do for every format.
    """
    return _turned(_stored_pixels(data), _orientation(data))


def image_size(data: bytes) -> tuple[int, int]:
    """Width and height of an image when it is upright; raises ValueError if it cannot be read."""
    if not data.startswith(_JPEG_START):
        height, width = read_image(data).shape[:2]
        return width, height
    height, width, *_ = simplejpeg.decode_jpeg_header(data)
    return (height, width) if _orientation(data) >= 5 else (width, height)


def frame_order(folder: Path, first: int | None = None) -> FrameOrder:
    """The names of a folder's frames, in order.

    Raises:
        NoOrderError: there are no images, or their names do not say the order; the text is for users.
        OSError: the folder cannot be listed.
    """
    names = list(_image_names(folder))
    if not names:
        raise NoOrderError(_why_empty(folder))
    return order_frames(names, first)


def _image_names(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            # A broken link counts: it is a frame that cannot be read, not one that does not exist.
            is_frame = is_image(entry.name) and not is_system_entry(entry.name)
            if is_frame and (entry.is_file() or (entry.is_symlink() and not entry.is_dir())):
                yield entry.name


def _why_empty(folder: Path) -> str:
    found = Counter(suffix_of(path.name) or "without ending" for path in folder.iterdir() if path.is_file())
    if not found:
        return "there are no images in the folder"
    listed = ", ".join(f"{count} {printable(suffix)}" for suffix, count in found.most_common(4))
    return f"there are no images in the folder, but {listed}; images are {' '.join(sorted(IMAGE_SUFFIXES))}"


def _stored_pixels(data: bytes) -> npt.NDArray[np.uint8]:
    """The pixels as they are stored, RGB (H, W, 3)."""
    if data.startswith(_JPEG_START):
        height, width, *_ = simplejpeg.decode_jpeg_header(data)
        if height * width > MAX_PIXELS:
            raise ValueError(f"its header says that it has {width} x {height} pixels")
        return simplejpeg.decode_jpeg(data, colorspace="RGB", strict=True)
    if data.startswith(_TIFF_STARTS) and (pixels := _tiff_with_alpha(data)) is not None:
        return pixels
    if (data[:4] == b"RIFF" and b"ANIM" in data[:64]) or (data[:4] == b"\x89PNG" and b"acTL" in data[:256]):
        raise ValueError(_SEVERAL)
    if data[:4] == b"GIF8":
        raise ValueError("it is a GIF: a film of its own, not a frame")
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    found = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    if found is None or found.ndim != 3 or found.dtype != np.uint8:
        raise ValueError("not a readable image")
    return found.astype(np.uint8, copy=False)


def _tiff_with_alpha(data: bytes) -> npt.NDArray[np.uint8] | None:
    """The pixels of a TIFF with transparency, which OpenCV darkens; None for others, which OpenCV reads right.

    Raises ValueError for what OpenCV would not read completely: further pictures, and pixels that are no levels.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            if getattr(image, "n_frames", 1) > 1:
                raise ValueError(_SEVERAL)
            if image.mode not in _LEVELS:
                raise ValueError(f"its pixels are not levels of 8 or 16 bits (Pillow's mode {image.mode})")
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"its header says that it has {image.width} x {image.height} pixels")
            return np.ascontiguousarray(np.asarray(image.convert("RGBA"))[..., :3]) if "A" in image.mode else None
    except UnidentifiedImageError:
        return None  # 16-bit colour, which OpenCV knows
    except (OSError, SyntaxError, EOFError, TypeError, KeyError, Image.DecompressionBombError) as error:
        raise ValueError(f"not a readable TIFF image: {error}") from error


def _orientation(data: bytes) -> int:
    """The EXIF orientation, 1 to 8; 1 is upright. The readers of TIFF turn it themselves, so it is 1 here."""
    marks = _MAY_HAVE_EXIF[:1] if data.startswith(_JPEG_START) else _MAY_HAVE_EXIF
    if data.startswith(_TIFF_STARTS) or not any(mark in data for mark in marks):
        return 1
    try:
        with Image.open(io.BytesIO(data)) as image:
            found = image.getexif().get(_ORIENTATION, 1)
    except (OSError, ValueError, SyntaxError, EOFError, TypeError, KeyError, Image.DecompressionBombError):
        return 1  # damaged EXIF data says nothing, as in ffmpeg
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _turned(pixels: npt.NDArray[np.uint8], orientation: int) -> npt.NDArray[np.uint8]:
    """Undo an EXIF orientation: 5 to 8 swap the sides; 2, 4, 5 and 7 are mirrored."""
    if orientation == 1:
        return pixels
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _pictures(folder: Path, decoded: Decoded, first: int | None) -> Iterator[Picture]:
    if not os.path.isdir(folder):  # noqa: PTH112 (unlike Path.is_dir, it never raises)
        decoded.fail("the folder does not exist", "missing")
        return
    try:
        order = frame_order(folder, first)
    except NoOrderError as error:
        decoded.fail(printable(str(error)), "corrupt" if has_frames(folder) else "empty")
        return
    except OSError as error:
        decoded.fail(f"the folder cannot be listed: {failure(error)}")
        return
    yield from _read_in_order(folder, order, decoded)


def _read_in_order(folder: Path, order: FrameOrder, decoded: Decoded) -> Iterator[Picture]:
    shape: tuple[int, ...] | None = None
    for index, name in enumerate(order.names):
        if index == order.gap:
            decoded.fail(printable(order.problem or ""))
            return
        try:
            data = (folder / name).read_bytes()
            pixels = _stored_pixels(data)
            orientation = _orientation(data)
        except OSError as error:
            decoded.fail(f"{printable(name)}: {failure(error)}")
            return
        except (ValueError, cv2.error) as error:
            decoded.fail(f"{printable(name)}: {error}")
            return
        pixels = _turned(pixels, orientation)
        if shape not in (None, pixels.shape):
            decoded.fail(f"{printable(name)}: its size differs from that of the frames before it")
            return
        shape = pixels.shape
        yield Picture(pixels, data if data.startswith(_JPEG_START) and orientation == 1 else None)
