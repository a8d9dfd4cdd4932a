"""The table of class names: what it has, against vectors that were made elsewhere, and what it says of others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from humotion.errors import HumotionError
from humotion.models.hp_net.class_names import DIM, SHIPPED, read_vectors, vectors_of, words, write_vectors

PENN_ACTION = (
    *("baseball_pitch", "baseball_swing", "bench_press", "bowl", "clean_and_jerk", "golf_swing", "jump_rope"),
    *("jumping_jacks", "pullup", "pushup", "situp", "squat", "strum_guitar", "tennis_forehand", "tennis_serve"),
)
JHMDB = (
    *("brush_hair", "catch", "clap", "climb_stairs", "golf", "jump", "kick_ball", "pick", "pour", "pullup", "push"),
    *("run", "shoot_ball", "shoot_bow", "shoot_gun", "sit", "stand", "swing_baseball", "throw", "walk", "wave"),
)


def test_the_package_has_the_classes_of_its_datasets() -> None:
    known = read_vectors(SHIPPED)
    assert len(known) == 51 + 12  # three of Penn Action's 15 are classes of HMDB51
    assert len(JHMDB) == 21
    vectors = vectors_of([*PENN_ACTION, *JHMDB])
    assert vectors.shape == (36, DIM)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    for name in ("golf", "pushup"):  # not two rows of one vector, not unrelated ones
        near = {other: float(known[name] @ vector) for other, vector in known.items() if other != name}
        assert max(near, key=near.__getitem__) == {"golf": "golf swing", "pushup": "pullup"}[name]
        assert 0.6 < max(near.values()) < 0.95


def test_vectors_of_hmdb51_are_those_that_were_made_elsewhere(real_data: Path) -> None:
    with np.load(real_data / "blazepose" / "label_text_minilm_hmdb51.npz", allow_pickle=False) as made:
        names, expected = [str(name) for name in made["names"]], made["embedding"]
    np.testing.assert_allclose(vectors_of(names), expected, atol=3e-4)  # float16


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shake_hands", "shake hands"),
        ("Shake Hands", "shake hands"),
        ("ShakeHands", "shake hands"),
        ("ApplyEyeMakeup", "apply eye makeup"),
        ("jump-rope", "jump rope"),
        ("_walk ", "walk"),
    ],
)
def test_a_name_is_its_words(name: str, expected: str) -> None:
    assert words(name) == expected


def test_a_table_of_others_comes_first(tmp_path: Path) -> None:
    table = tmp_path / "others.safetensors"
    random = np.random.default_rng(0).normal(size=(2, DIM)).astype(np.float32)
    write_vectors(table, {"yo yo": random[0], "walk": random[1]})
    found = vectors_of(["walk", "YoYo", "run"], table)
    np.testing.assert_allclose(found[0], random[1] / np.linalg.norm(random[1]), atol=1e-3)
    np.testing.assert_allclose(found[1], random[0] / np.linalg.norm(random[0]), atol=1e-3)
    np.testing.assert_array_equal(found[2], vectors_of(["run"])[0])
    content = table.read_bytes()
    write_vectors(table, {"walk": random[1], "yo yo": random[0]})
    assert table.read_bytes() == content


def test_a_class_without_a_vector_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(HumotionError) as error:
        vectors_of(["walk", "ice skating", "YoYo"])
    said = str(error.value)
    assert "no vector of the class 'ice skating', 'YoYo' in the table of the package." in said
    assert "`humotion embed-classes 'ice skating' YoYo`" in said
    table = tmp_path / "others.safetensors"
    write_vectors(table, {"yo yo": np.ones(DIM, np.float32)})
    with pytest.raises(HumotionError, match=r"'ice skating' in the table of the package and .*others"):
        vectors_of(["ice skating", "YoYo"], table)


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.safetensors"
    with pytest.raises(HumotionError, match="There is no table of class names"):
        read_vectors(path)
    path.write_bytes(b"no table")
    with pytest.raises(HumotionError, match="is not a table of class names"):
        read_vectors(path)
    save_file({"vectors": np.ones((2, DIM), np.float16)}, path)
    with pytest.raises(HumotionError, match="is not a table of class names"):
        read_vectors(path)
    for broken in (np.ones((1, DIM - 1)), np.zeros((1, DIM)), np.full((1, DIM), np.nan)):
        save_file({"vectors": broken}, path, {"class_names": '{"names": ["walk"]}'})
        with pytest.raises(HumotionError, match="is not a table of class names: 1 names"):
            read_vectors(path)
