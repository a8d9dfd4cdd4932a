"""Text files of datasets, as the world writes them: with or without BOM, UTF-8 or UTF-16, any line ends."""

from __future__ import annotations

import codecs
from pathlib import Path

from humotion.errors import HumotionError
from humotion.video.listing import failure

_MARKS = (  # UTF-32 first: its mark starts with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_text(path: Path) -> str:
    """The text of a file. Bytes that are not UTF-8 stay in it as lone surrogates: see `is_whole`.

    Raises:
        HumotionError: the file cannot be read, or is not the UTF-16 or UTF-32 that it says it is.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise HumotionError(f"{path} cannot be read: {failure(error)}.") from error
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), _without_mark(data))
    try:
        return data.decode(encoding, "surrogateescape" if encoding.startswith("utf-8") else "strict")
    except UnicodeDecodeError as error:
        raise HumotionError(f"{path} cannot be read: it starts as {encoding.upper()}, but {error.reason}.") from error


def is_whole(text: str) -> bool:
    """Whether a text was UTF-8: it can be written again."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _without_mark(data: bytes) -> str:
    """UTF-16 of Latin letters has a zero in every second byte."""
    start = data[:400]
    even, odd = start[0::2].count(0), start[1::2].count(0)
    if len(start) >= 4 and max(even, odd) > 0.8 * (len(start) // 2) and min(even, odd) == 0:
        return "utf-16-le" if odd > even else "utf-16-be"
    return "utf-8"
