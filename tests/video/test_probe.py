from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from humotion.video.probe import Probe, probe
from tests.support.trees import write_jpegs, write_video


def test_header_facts(tmp_path: Path) -> None:
    facts = probe(write_video(tmp_path / "a.avi", 12, b_frames=2))
    assert facts == Probe("ok", None, "avi", "mpeg4", 30.0, 64, 48, facts.num_frames, True)
    assert facts.num_frames in (12, 13)  # a hint: AVI counts packets
    assert probe(write_video(tmp_path / "b.mp4", 12)).has_b_frames is False


def test_a_folder_of_frames(tmp_path: Path) -> None:
    facts = probe(write_jpegs(tmp_path / "0001", 7))
    assert facts == Probe("ok", None, "images", "jpeg", None, 64, 48, 7, False)


def test_bad_files(tmp_path: Path) -> None:
    (tmp_path / "zero.avi").touch()
    (tmp_path / "noise.avi").write_bytes(np.random.default_rng(0).bytes(4000))
    write_video(tmp_path / "header.avi", 0)
    (tmp_path / "folder").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "000001.jpg").write_bytes(b"\xff\xd8 no image")
    write_sound(tmp_path / "sound.mp4")
    found = {path.name: probe(path) for path in [*tmp_path.iterdir(), tmp_path / "gone.mp4"]}
    assert {name: facts.status for name, facts in found.items()} == {
        "zero.avi": "empty",
        "noise.avi": "corrupt",
        "header.avi": "empty",
        "folder": "empty",
        "broken": "corrupt",
        "sound.mp4": "corrupt",
        "gone.mp4": "missing",
    }
    assert all(facts.error for facts in found.values())
    assert found["sound.mp4"].error == "there is no video stream in it"


def write_sound(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 16000, 0, Fraction(1, 16000)
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


@pytest.mark.parametrize("clip", ["AdvancedBoxing", "Golf_Tips"])
def test_real_untrimmed_clips_have_b_frames(clip: str, real_data: Path) -> None:
    (path,) = (real_data / "hmdb51" / "untrimmed").glob(f"{clip}*")
    facts = probe(path)
    assert (facts.status, facts.width, facts.height, facts.fps, facts.has_b_frames) == ("ok", 320, 240, 30, True)
