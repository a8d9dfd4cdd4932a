"""The one place where a server's models work: some videos at a time, and a short line of those that wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from humotion.errors import HumotionError
from humotion.prediction.answers import answers_of, facts_of
from humotion.prediction.predictor import Predictor
from humotion.prediction.rows import plain
from humotion.prediction.timeline.watch import WindowSettings
from humotion.serving.limits import Refused, ServeLimits, read_strange, told
from humotion.serving.tidying import tidy
from humotion.serving.together import Together

_ANSWERS_BETWEEN_TIDYING = 100


class Desk:
    """Models, and the threads in which videos are read and answered.

    The models work in one thread for all of them: see `humotion.serving.together`.

    Args:
        predictors: the models; from now on, they answer only here.
        limits: of the server.
        tell: is called with the number of clips of each forward pass.
    """

    def __init__(self, predictors: Sequence[Predictor], limits: ServeLimits, tell: Callable[[int], None]) -> None:
        self.predictors, self.limits = predictors, limits
        self._together = Together(limits.batch, tell)
        for predictor in predictors:
            self._together.take(predictor)
        self._threads = ThreadPoolExecutor(limits.batch, "humotion-videos")
        self._lock = threading.Lock()
        self.num_waiting = 0
        self._num_answers = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place in the line while the block does: from the first byte of a video to its answer.

        So neither videos that wait nor those that are received can be more than the limit, also on the disk.

        Raises:
            Refused: all places are held.
        """
        with self._lock:
            if self.num_waiting >= self.limits.waiting + self.limits.batch:
                raise Refused("Too many videos wait. Try again later.", 503)
            self.num_waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self.num_waiting -= 1

    async def answer(self, path: Path, name: str) -> dict[str, Any]:
        """Return what the models say of a video file, under another name.

        Raises:
            Refused: the video cannot be read, or is too long or too large.
        """
        facts: dict[str, Any] = await asyncio.wrap_future(self._threads.submit(self._answer, path, name))
        return facts

    def close(self) -> None:
        """Finish the videos that are looked at, and no others."""
        self._threads.shutdown(cancel_futures=True)
        self._together.close()

    def _answer(self, path: Path, name: str) -> dict[str, Any]:
        with self._lock:
            self._num_answers += 1
            is_untidy = self._num_answers % _ANSWERS_BETWEEN_TIDYING == 0
        if is_untidy:
            tidy()
        try:
            video = read_strange(path, self.predictors, self.limits)
            answers = answers_of(video, self.predictors, WindowSettings())
            return {**plain(facts_of(video, self.predictors, answers)), "path": name}
        except HumotionError as error:
            raise Refused(told(error, path, name), 422) from error
