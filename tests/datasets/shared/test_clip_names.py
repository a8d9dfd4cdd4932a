from __future__ import annotations

from pathlib import Path

from humotion.datasets.shared.clip_names import FIELDS, parse_name


def test_fields_in_words() -> None:
    parsed = parse_name("AmericanGangster_walk_f_nm_np1_ba_med_72", "walk")
    assert parsed is not None
    assert parsed.in_words() == {
        "visible": "full body",
        "camera": "still",
        "people": "1",
        "view": "back",
        "quality": "medium",
    }


def test_every_real_name_tells_every_field(real_data: Path) -> None:
    """HMDB51's by its split files, JHMDB's by its videos; all values that there are have words."""
    names = [(path.parent.name, path.stem) for path in (real_data / "jhmdb" / "ReCompress_Videos").glob("*/*.avi")]
    for path in (real_data / "hmdb51" / "testTrainMulti_7030_splits").glob("*_test_split1.txt"):
        label = path.name.removesuffix("_test_split1.txt")
        lines = path.read_text(encoding="utf-8").splitlines()
        names += [(label, line.strip().rpartition(" ")[0]) for line in lines if line.strip()]
    assert len(names) > 6766
    parsed = [parse_name(name, label) for label, name in names]
    assert all(parsed)
    words = {(field, value) for name in parsed if name is not None for field, value in name.in_words().items()}
    for field, codes in FIELDS.items():
        assert {value for of, value in words if of == field} == set(codes.values()) or field == "people"
