from __future__ import annotations

from pathlib import Path

import pytest

from humotion.data_params import DatasetParams
from humotion.stages.register_card import footage, terms


def test_what_a_card_says_of_footage_and_terms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sample = DatasetParams(layout="hmdb51", root=Path("data/hmdb51"))
    assert "rendered" not in footage(sample), "without data.dvc it is somebody's own footage"
    Path("data.dvc").touch()
    assert "not real footage" in footage(sample)
    assert "CC BY" not in terms(sample), "the sample is not the public dataset"
    real = DatasetParams(layout="hmdb51", root=Path("/videos/hmdb51"))
    assert "rendered" not in footage(real)
    assert terms(real) == "see the dataset's terms (of the public hmdb51: CC BY 4.0, says its page)"
    assert terms(DatasetParams(layout="folder", root=Path("/videos/mine"))) == "see its terms"
