from __future__ import annotations

import random

import pytest

from humotion.video.frame_names import NoOrderError, order_frames

ONE_TO_TWELVE = range(1, 13)
IN_ORDER = {
    "digits": [f"{i}.jpg" for i in ONE_TO_TWELVE],
    "padded": [f"{i:06d}.jpg" for i in ONE_TO_TWELVE],
    "from 0": [f"{i}.png" for i in range(12)],
    "ffmpeg": [f"frame_{i}.jpg" for i in ONE_TO_TWELVE],
    "Windows": [f"frame ({i}).jpg" for i in ONE_TO_TWELVE],
    "dash": [f"image-{i}.jpg" for i in ONE_TO_TWELVE],
    "other numbers before it": [f"v2_cam1-{i}.jpg" for i in ONE_TO_TWELVE],
    "text after it": [f"{i}_rgb.png" for i in ONE_TO_TWELVE],
    "mixed case": [f"IMG_{i}.JPG" if i % 2 else f"img_{i}.jpg" for i in ONE_TO_TWELVE],
    "dot": [f"shot2.{i}.jpg" for i in ONE_TO_TWELVE],
    "two that grow together": [f"frame_{i}_{40 * i}.jpg" for i in ONE_TO_TWELVE],
    "a count, and a number of no order": [f"{i}_x{i * 7 % 5}.jpg" for i in ONE_TO_TWELVE],
    "chapters": [f"GX{1 + i // 7}_{i}.jpg" for i in ONE_TO_TWELVE],
    "every fifth": [f"{i:06d}.jpg" for i in range(0, 60, 5)],
    "seconds": ["0.jpg", "0.04.jpg", "0.08.jpg", "0.4.jpg", "0.96.jpg", "1.jpg", "1.04.jpg", "10.0.jpg"],
    "clock times": [f"2024-05-01_{h:02d}-{m:02d}-{s:02d}.jpg" for h in (9, 10) for m in (0, 59) for s in (1, 4, 30)],
    "compact times": [f"20240501_1200{s:02d}.jpg" for s in (1, 2, 7, 8)],
    "nanoseconds": [f"17000000001{i}3456789.png" for i in (2, 3, 6, 7)],
    "one without a number": ["cover.jpg"],
    "none": [],
}


@pytest.mark.parametrize("names", IN_ORDER.values(), ids=IN_ORDER)
def test_numbers_order_the_frames_wherever_they_stand(names: list[str]) -> None:
    for seed in range(3):
        mixed = random.Random(seed).sample(names, len(names))
        found = order_frames(mixed)
        assert list(found.names) == names
        assert (found.gap, found.problem) == (None, None)


@pytest.mark.parametrize("text", ["{}.jpg", "img_{:05d}.jpg", "frame ({}).png", "{}_left.png"])
@pytest.mark.parametrize(("numbers", "gap"), [((1, 2, 3, 5, 6), 3), ((0, 5, 10, 20, 25), 3), ((7, 8, 10, 11, 12), 2)])
def test_a_missing_number_is_a_gap(text: str, numbers: tuple[int, ...], gap: int) -> None:
    names = [text.format(number) for number in numbers]
    found = order_frames(names[::-1])
    assert list(found.names) == names
    assert found.gap == gap
    assert found.problem is not None and f"the frame before {names[gap]} is missing" in found.problem


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["img_1.jpg", "img_2.jpg", "flow_x_1.jpg", "flow_x_2.jpg"], r"several series.*flow_x_\* \(2\), img_\* \(2\)"),
        (["cam1_1.jpg", "cam1_2.jpg", "cam2_1.jpg", "cam2_2.jpg"], r"several series.*cam1_\* \(2\), cam2_\* \(2\)"),
        (["1_rgb.png", "2_rgb.png", "1_depth.png", "2_depth.png"], r"\*_depth \(2\), \*_rgb \(2\)"),
        (["1.jpg", "2.jpg", "cover.jpg"], r"\* \(2\), cover \(1\)"),
        (["1.jpg", "1.png", "2.jpg", "2.png"], "same number: 1.jpg and 1.png"),
        (["001.jpg", "1.jpg"], "same number"),
        (["a.jpg", "b.jpg", "c.jpg"], "no number orders the images: a.jpg, b.jpg, c.jpg"),
    ],
)
def test_what_is_no_order_is_refused_by_name(names: list[str], told: str) -> None:
    with pytest.raises(NoOrderError, match=told):
        order_frames(names)


def test_labels_need_all_numbers_from_the_first() -> None:
    assert order_frames(["000001.jpg", "000002.jpg"], first=1).gap is None
    late = order_frames(["000002.jpg", "000003.jpg"], first=1)
    assert (late.gap, late.problem) == (0, "frame 1 is missing: the first is 000002.jpg")
    assert order_frames(["000001.jpg", "000006.jpg", "000011.jpg"], first=1).gap == 1  # labels are of every frame
