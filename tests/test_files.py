from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from humotion.files import (
    atomic_folder,
    atomic_path,
    move_into_place,
    read_json,
    write_json,
)
from humotion.system.names import file_stem, file_stems, short_name


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_the_old_one_until_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "table.csv"
    with atomic_path(path) as temporary:
        temporary.write_text("old")
        assert not path.exists()
        assert temporary.suffix == ".csv"  # writers choose their format by it
    assert path.read_text() == "old"
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert names(path.parent) == ["table.csv"]


def fail_in(context: object, path: Path) -> None:
    with atomic_path(path) if context is atomic_path else atomic_folder(path) as temporary:
        (temporary if context is atomic_path else temporary / "half").write_text("half")
        raise KeyboardInterrupt


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        fail_in(atomic_path, path)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["table.csv"]


def test_a_failed_write_leaves_the_old_folder_and_no_litter(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    with pytest.raises(KeyboardInterrupt):
        fail_in(atomic_folder, folder)
    assert names(tmp_path) == []
    folder.mkdir()
    (folder / "old").touch()
    with pytest.raises(KeyboardInterrupt):
        fail_in(atomic_folder, folder)
    assert names(tmp_path) == ["report"]
    assert names(folder) == ["old"]


def test_a_folder_replaces_the_old_one_whole(tmp_path: Path) -> None:
    for name in ("old", "new"):
        with atomic_folder(tmp_path / "report") as temporary:
            (temporary / name).touch()
    assert names(tmp_path / "report") == ["new"]
    assert names(tmp_path) == ["report"]


def test_move_into_place(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    move_into_place(tmp_path / "new", tmp_path / "old")
    assert names(tmp_path) == ["old"]
    assert names(tmp_path / "old") == ["new"]
    move_into_place(tmp_path / "old", tmp_path / "deep" / "folder")
    assert names(tmp_path / "deep" / "folder") == ["new"]


def test_several_processes_may_replace_a_folder_at_once(tmp_path: Path) -> None:
    place = tmp_path / "sweeps" / "report"

    def write(number: int) -> None:
        for attempt in range(40):
            with atomic_folder(place) as temporary:
                for name in ("a", "b"):
                    (temporary / name).write_text(f"{number} {attempt}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert names(place.parent) == ["report"]
    assert names(place) == ["a", "b"]
    assert (place / "a").read_text() == (place / "b").read_text()


def test_what_is_not_a_number_is_null_in_json(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    value = {"a": float("nan"), "b": [1.5, float("inf"), (2, -np.inf)], "c": {"d": np.float64("nan")}, "e": "é"}
    write_json(path, value)
    text = path.read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=pytest.fail) == {
        "a": None,
        "b": [1.5, None, [2, None]],
        "c": {"d": None},
        "e": "é",
    }
    assert read_json(path)["b"] == [1.5, None, [2, None]]
    assert text.endswith("}\n")
    assert list(read_json(path)) == ["a", "b", "c", "e"]  # in the order given


def test_what_is_no_json_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert read_json(path) == {"a": 1}
    assert names(tmp_path) == ["metrics.json"]


LONG = "長い名前の動画" * 40  # 280 letters, 840 bytes


@pytest.mark.parametrize(
    "name", ["x" * 251 + ".mp4", LONG[:83] + "a.mp4", "x." + "y" * 253, "x" * 255, "caf\udce9" * 50]
)
def test_a_name_of_any_length_that_exists_can_be_written(tmp_path: Path, name: str) -> None:
    assert 200 <= len(os.fsencode(name)) <= 255
    with atomic_path(tmp_path / name) as temporary:
        temporary.write_text("whole")
        assert len(os.fsencode(temporary.name)) <= 255
    assert names(tmp_path) == [name]
    (tmp_path / name).unlink()
    for content in ("old", "new"):
        with atomic_folder(tmp_path / name) as temporary:
            (temporary / content).touch()
    assert names(tmp_path) == [name]
    assert names(tmp_path / name) == ["new"]


@pytest.mark.parametrize("context", [atomic_path, atomic_folder])
def test_a_name_that_is_too_long_is_refused_before_the_work(tmp_path: Path, context: Any) -> None:
    with pytest.raises(OSError, match="too long"), context(tmp_path / (LONG + ".mp4")):
        pytest.fail("the block ran")
    assert names(tmp_path) == []


def test_a_long_name_keeps_its_start_and_gets_a_digest_that_never_changes() -> None:
    assert short_name("short") == "short"
    assert short_name("x" * 200) == "x" * 200
    assert short_name("x" * 201) == "x" * 191 + "~" + hashlib.sha256(b"x" * 201).hexdigest()[:8]
    found = [short_name(LONG + ending, 50) for ending in "abc"]
    assert len(set(found)) == 3
    for name in found:
        assert len(name.encode()) <= 50
        assert name.startswith(f"{LONG[:13]}~"), "letters of three bytes stay whole"


def test_file_names_of_clips_fit_with_what_is_around_them_and_are_unique() -> None:
    ids = ["walk/a", "walk_a", "Walk/A", f"walk/{LONG}1", f"walk/{LONG}2", "run/b"]
    stems = file_stems(ids)
    assert list(stems) == ids
    assert stems["run/b"] == "run_b"
    assert len({stem.casefold() for stem in stems.values()}) == len(ids), "also where case makes no difference"
    assert all(len(f"wrong_{stem}_channels.png".encode()) < 255 for stem in stems.values())
    assert stems == file_stems(ids)
    assert file_stem(ids[3]) == stems[ids[3]]
