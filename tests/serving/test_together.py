"""Clips of several requests in one forward pass: the same answers, and a bad one fails alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from humotion.prediction.predictor import load_predictor, read_video
from humotion.serving.together import Together
from tests.serving.conftest import Client
from tests.support.tiny_models import make_task, write_model_folder
from tests.support.trees import write_video


@contextmanager
def together(most: int) -> Iterator[tuple[Together, list[int], ThreadPoolExecutor]]:
    """The models' thread, the passes that it tells, and threads that ask."""
    passes: list[int] = []
    one = Together(most, passes.append)
    try:
        with ThreadPoolExecutor(8) as askers:
            yield one, passes, askers
    finally:
        one.close()


def at_once(one: Together, askers: ThreadPoolExecutor, asked: list[Callable[[], Any]]) -> list[Future[Any]]:
    """Ask while the models' thread is busy, in this order."""
    go = threading.Event()
    busy = askers.submit(one.do, go.wait, 60)
    futures = []
    for number, ask in enumerate(asked):
        futures.append(askers.submit(ask))
        while one.num_waiting < number + 1 or not busy.running():
            pass
    go.set()
    for future in futures:
        future.exception()
    return futures


class Echo:
    """A model that fails for a clip of a negative number."""

    def predict_step(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if (batch["x"] < 0).any():
            raise ValueError("negative")
        return {"same": batch["x"]}


def clip(*values: float) -> dict[str, Tensor]:
    return {"x": torch.tensor([values])}


def test_answers_are_those_without_others(tmp_path: Path) -> None:
    folder = write_model_folder(tmp_path / "model", make_task("action_recognition"), "action_recognition")
    videos = [read_video(write_video(tmp_path / f"{count}.mp4", num_frames=count)) for count in (3, 6, 9, 12)]
    alone = [load_predictor(folder).answer(video).values["probabilities"] for video in videos]
    predictor = load_predictor(folder)
    with together(8) as (one, passes, askers):
        one.take(predictor)
        found = at_once(one, askers, [lambda video=video: predictor.answer(video) for video in videos])  # type: ignore[misc]
        assert passes == [4]
        for expected, future in zip(alone, found, strict=True):
            assert future.result().values["probabilities"] == pytest.approx(expected, abs=1e-5)
    assert len({tuple(one.items()) for one in alone}) == 4, "answers that differ, so that a wrong row is seen"


def test_a_pass_has_no_more_clips_than_the_limit() -> None:
    echo = Echo()
    with together(2) as (one, passes, askers):
        found = at_once(one, askers, [lambda i=i: one.predict(echo, clip(i)) for i in range(5)])  # type: ignore[misc]
        assert [future.result()["same"].item() for future in found] == [0, 1, 2, 3, 4]
        assert passes == [2, 2, 1]


def test_only_the_bad_one_fails() -> None:
    echo = Echo()
    with together(8) as (one, passes, askers):
        found = at_once(one, askers, [lambda i=i: one.predict(echo, clip(i)) for i in (1, -2, 3)])  # type: ignore[misc]
        assert passes == [3]
        assert [future.result()["same"].item() for future in (found[0], found[2])] == [1, 3]
        with pytest.raises(ValueError, match="negative"):
            found[1].result()


def test_what_differs_is_not_put_together() -> None:
    echo, other = Echo(), Echo()
    asked = [(echo, clip(1)), (echo, clip(1, 2)), (other, clip(3)), (echo, clip(4))]
    with together(8) as (one, passes, askers):
        found = at_once(one, askers, [lambda pair=pair: one.predict(*pair) for pair in asked])  # type: ignore[misc]
        assert [future.result()["same"].tolist() for future in found] == [[[1]], [[1, 2]], [[3]], [[4]]]
        assert passes == [2, 1, 1], "another length and another model have a pass of their own"


def test_an_idle_model_waits_for_nobody() -> None:
    with together(8) as (one, passes, _):
        assert one.predict(Echo(), clip(1))["same"].item() == 1
        assert passes == [1]


def test_requests_at_once(served: Callable[..., Client], tmp_path: Path) -> None:
    clips = [write_video(tmp_path / f"{count}.mp4", num_frames=count) for count in (4, 5, 6, 7, 8)]
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"\0no video")
    one_by_one = [served(batch=1).upload(path) for path in clips]
    client = served(batch=4)
    with ThreadPoolExecutor(6) as clients:
        found = list(clients.map(client.upload, [*clips, bad] * 4))
    for number, (status, facts) in enumerate(found):
        if number % 6 == 5:
            assert status == 422 and "cannot be read" in facts["error"]
            continue
        expected = one_by_one[number % 6][1]
        assert status == 200 and facts["num_frames"] == expected["num_frames"]
        assert facts["predictions"][0]["probabilities"] == pytest.approx(
            expected["predictions"][0]["probabilities"], abs=1e-5
        )
    _, text = client.get("/metrics")
    assert "humotion_batch_clips_sum 20.0" in text and 'humotion_batch_clips_bucket{le="4.0"}' in text
