from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from humotion.files import atomic_folder, atomic_path, move_into_place, read_json, write_json


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
