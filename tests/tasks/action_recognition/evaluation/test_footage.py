"""Files of overlays, whatever the ids of the clips."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from humotion.prediction.video_file import DecodedVideo
from humotion.tasks.action_recognition.evaluation.footage import draw_overlays
from humotion.video.decode import decode_video


def test_every_clip_has_an_overlay_of_its_own(tmp_path: Path) -> None:
    long = "動画" * 40  # 240 bytes
    ids = ["walk/a", "walk_a", f"walk/{long}1", f"walk/{long}2"]
    shades = dict(zip(ids, (40, 90, 150, 210), strict=True))
    store = {id_: DecodedVideo(np.full((3, 16, 24, 3), shade, np.uint8), 25.0) for id_, shade in shades.items()}
    data: Any = SimpleNamespace(meta={"classes": ["walk", "run"]}, store=store)
    clips = pd.DataFrame({"clip_id": ids, "video_id": ids, "label": "walk", "label_id": 0})
    clips["frame_indices"] = [np.arange(3)] * 4
    said = draw_overlays(tmp_path, data, clips, np.array([[0.9, 0.1]] * 3 + [[0.2, 0.8]]), count=4)
    assert set(said) == set(ids)
    assert said[ids[3]] == "run 80% (wrong: walk)"
    overlays = sorted((tmp_path / "overlays").iterdir())
    assert [path.name.split("_")[0] for path in overlays] == ["right", "right", "right", "wrong"]
    found = sorted(round(decode_video(path).read_all()[:, :200].mean()) for path in overlays)
    np.testing.assert_allclose(found, sorted(shades.values()), atol=5)
