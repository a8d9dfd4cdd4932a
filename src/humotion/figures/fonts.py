"""Fonts for text of any language: the style's own font, and an installed one for the letters that it lacks.

Matplotlib and PIL draw a box for a letter that their font lacks. So the installed fonts are searched for one that has
the letter. If there is none, one line of the log names the package to install.
"""

from __future__ import annotations

import logging
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text
from PIL import ImageDraw, ImageFont

PLAIN = "DejaVu Sans"
"""The font of every figure; it comes with Matplotlib."""
_CJK = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "FULLWIDTH", "HALFWIDTH")
_NO_LETTERS = ("Last Resort", "LastResort", "cm", "STIXNonUnicode", "STIXSize")
"""Families whose glyphs are not the letters of their numbers: boxes for every letter, or parts of formulas."""
_NOT_DRAWN = ("Cc", "Cf", "Cs", "Zl", "Zp", "Zs")
"""Categories of Unicode without a glyph: control, format, half a letter, separators."""
_MOST_SHOWN = 12

_logger = logging.getLogger(__name__)
_told: set[str] = set()


class Face(NamedTuple):
    """One font: its family, its file, and its number in the file."""

    family: str
    path: str
    number: int = 0


def faces_for(text: str) -> dict[str, Face]:
    """The installed font of each letter that `PLAIN` lacks. Letters of no font are left out, and logged once."""
    lacking = frozenset(text) - _plain_letters()
    lacking = frozenset(letter for letter in lacking if unicodedata.category(letter) not in _NOT_DRAWN)
    if not lacking:
        return {}
    found = _search(lacking)
    _tell(lacking - set(found) - _told)
    return found


@contextmanager
def fonts_of(figure: Figure) -> Iterator[None]:
    """Give the texts of a figure fonts that have their letters, for the block in which it is written."""
    texts = [found for found in figure.findobj(Text) if isinstance(found, Text)]
    found = faces_for("".join(text.get_text() for text in texts))
    families = [PLAIN, *dict.fromkeys(face.family for face in found.values())]
    if found:
        for text in texts:
            text.set_fontfamily(families)
        for axes in figure.axes:
            axes.tick_params(which="both", labelfontfamily=families)  # ticks that are made later
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+")  # `faces_for` has said it, once
        search = logging.getLogger("matplotlib.font_manager")  # warns that a font has no bold letters
        level = search.level
        search.setLevel(logging.ERROR)
        try:
            yield
        finally:
            search.setLevel(level)


def draw_text(
    draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, size: int, fill: str, bold: bool = False
) -> None:
    """Draw a line of text with its upper left corner at ``place``, each letter in a font that has it."""
    left, baseline = float(place[0]), place[1] + _font(_plain_face(bold), size).getmetrics()[0]
    for font, piece in _pieces(text, size, bold):
        draw.text((left, baseline), piece, fill=fill, font=font, anchor="ls")
        left += font.getlength(piece)


def fit(text: str, width: int, size: int, bold: bool = False) -> str:
    """``text``, cut to ``width`` pixels with an ellipsis at its end if it is longer."""
    if _length(text, size, bold) <= width:
        return text
    while text and _length(text + "…", size, bold) > width:
        text = text[:-1]
    return text + "…"


def _length(text: str, size: int, bold: bool) -> float:
    return sum(font.getlength(piece) for font, piece in _pieces(text, size, bold))


def _pieces(text: str, size: int, bold: bool) -> Iterator[tuple[ImageFont.FreeTypeFont, str]]:
    """Parts of a text that one font can draw."""
    faces, plain = faces_for(text), _plain_face(bold)
    for face, letters in groupby(text, lambda letter: faces.get(letter, plain)):
        yield _font(face, size), "".join(letters)


@cache
def _font(face: Face, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(face.path, size, index=face.number)


@cache
def _plain_face(bold: bool) -> Face:
    return Face(PLAIN, str(font_manager.findfont(f"{PLAIN}:bold" if bold else PLAIN)))


@cache
def _plain_letters() -> frozenset[str]:
    return _letters(_plain_face(False)) & _letters(_plain_face(True))


@cache
def _letters(face: Face) -> frozenset[str]:
    """The letters that a font has; none if it cannot be drawn at any size."""
    try:
        font = FT2Font(face.path, face_index=face.number)
        return frozenset(map(chr, font.get_charmap())) if font.scalable else frozenset()
    except (OSError, RuntimeError, ValueError):
        return frozenset()


@cache
def _search(lacking: frozenset[str]) -> dict[str, Face]:
    """A font for each letter, as few of them as possible. Fonts installed since Matplotlib's list was made count."""
    known = {entry.fname for entry in font_manager.fontManager.ttflist}
    for path in sorted(set(font_manager.findSystemFonts()) - known):
        try:
            font_manager.fontManager.addfont(path)
        except (OSError, RuntimeError, ValueError, KeyError):
            _logger.debug("The font %s cannot be used.", path)
    faces = [
        Face(entry.name, entry.fname, entry.index)
        for entry in font_manager.fontManager.ttflist
        if entry.style == "normal" and not entry.name.startswith(_NO_LETTERS) and Path(entry.fname).exists()
    ]
    found: dict[str, Face] = {}
    while left := lacking - set(found):
        best = max(faces, key=lambda face: len(left & _letters(face)), default=None)
        if best is None or not left & _letters(best):
            break
        found |= dict.fromkeys(left & _letters(best), best)
    return found


def _tell(letters: frozenset[str]) -> None:
    if not letters:
        return
    _told.update(letters)
    is_cjk = any(unicodedata.name(letter, "").startswith(_CJK) for letter in letters)
    shown = "".join(sorted(letters)[:_MOST_SHOWN]) + ("…" if len(letters) > _MOST_SHOWN else "")
    _logger.warning(
        "No installed font has the letters %s, so figures show boxes. Install one, for example the package %s.",
        shown,
        "fonts-noto-cjk" if is_cjk else "fonts-noto",
    )
