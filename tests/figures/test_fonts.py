"""Letters that the style's font lacks, and class names that look like markup."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from PIL import Image

from humotion.figures import fonts
from humotion.figures.bars import plot_recall
from humotion.figures.contact_sheet import Tile, write_contact_sheet
from humotion.figures.style import figure_file, name_rows
from humotion.figures.text_band import text_band

LETTERS = "\U000f1234\U000f1235"  # for private use: no font that may be installed here has them


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    """Nothing is remembered of other tests, and no font stays."""
    before = list(font_manager.fontManager.ttflist)
    fonts._search.cache_clear()
    fonts._told.clear()
    yield
    font_manager.fontManager.ttflist[:] = before
    fonts._search.cache_clear()


@pytest.fixture
def squares(tmp_path: Path) -> str:
    """An installed font in which each of `LETTERS` is a black square over a complete line."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, -200))
    for corner in ((0, 800), (1000, 800), (1000, -200)):
        pen.lineTo(corner)
    pen.closePath()
    square = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    names = [".notdef", "one", "two"]
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap(dict(zip(map(ord, LETTERS), names[1:], strict=True)))
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "one": square, "two": square})
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Squares", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    builder.save(tmp_path / "squares.ttf")
    font_manager.fontManager.addfont(str(tmp_path / "squares.ttf"))
    return "Squares"


def drawn(path: Path, names: list[str]) -> np.ndarray:
    with figure_file(path, 4, 2) as (figure, axes):
        axes[0, 0].set(xlim=(0, 1), title=names[0])
        name_rows(axes[0, 0], names)
        assert figure is not None
    with Image.open(path) as image:
        return np.asarray(image.convert("L")).astype(int)


@pytest.mark.parametrize(
    "name", ["US$ 5 #$", r"$5 bill $", r"a\$b$", r"$\frac{1}$", "x_1^2", r"\alpha $\alpha$", "{$", "%$$"]
)
def test_class_names_are_text_and_no_markup(tmp_path: Path, name: str) -> None:
    table = pd.DataFrame({"label": [name, "walk"], "num_clips": [3, 4], "recall": [0.5, 1.0]})
    plot_recall(tmp_path / "recall.png", table, f"Recall {name}")
    with figure_file(tmp_path / "text.png", 4, 2) as (_, axes):
        assert axes[0, 0].text(0, 0, name)._preprocess_math(name) == (name, False)


def test_a_letter_comes_from_an_installed_font_that_has_it(
    tmp_path: Path, squares: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert {face.family for face in fonts.faces_for(f"ab {LETTERS}\n").values()} == {squares}
    plain, other = (drawn(tmp_path / f"{name}.png", [name, "b"]) for name in ("a", f"a{LETTERS * 3}"))
    assert (other < 60).sum() > (plain < 60).sum() + 1000, "black squares in the title and on the axis"
    sheets = []
    for number, text in enumerate(("a", f"a{LETTERS * 3}b")):
        path = tmp_path / f"{number}.png"
        write_contact_sheet(path.with_suffix(".jpg"), [(text, [Tile(np.full((9, 9, 3), 255, np.uint8), (text,))])])
        with Image.open(path.with_suffix(".jpg")) as image:
            sheets.append(np.asarray(image.convert("L")).astype(int))
    assert (sheets[1] < 90).sum() > (sheets[0] < 90).sum() + 1000
    assert (text_band(LETTERS, 100) > 200).all(axis=2).sum() > 200
    assert not caplog.records


def test_letters_of_no_font_are_told_once_with_what_to_install(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(font_manager, "findSystemFonts", list)
    ttflist = font_manager.fontManager.ttflist
    ttflist[:] = [entry for entry in ttflist if entry.name.startswith(("DejaVu", "Last Resort"))]
    with caplog.at_level(logging.WARNING), warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            drawn(tmp_path / "a.png", ["走る", "walk", "走"])
            text_band("走る", 60)
    (said,) = [record.getMessage() for record in caplog.records]
    assert "the letters る走" in said
    assert "fonts-noto-cjk" in said


def test_text_is_cut_with_an_ellipsis() -> None:
    assert fonts.fit("short", 100, 12) == "short"
    cut = fonts.fit("a rather long text " * 9, 100, 12)
    assert cut.startswith("a rather")
    assert cut.endswith("…")
    assert fonts._length(cut, 12, False) <= 100
