"""One thread in which models work, and one forward pass for what several threads ask a model at the same time.

    video 1 --> clip --+
    video 2 --> clip --+--> questions that wait --> the models' thread --> one pass of all with one shape --> a row each
    video 3 --> clip --+

The thread takes what waits and never waits for more. So a single question is answered at once, and what comes while the
thread works is put together.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor

from humotion.prediction.predictor import Predictor

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class _Work:
    """Something to do with what is given; of one ``kind`` are batches (B, ...) that one pass can take together."""

    do: Callable[[Any], Any]
    given: Any
    result: Future[Any] = field(default_factory=Future)
    kind: Any = None

    @property
    def num_clips(self) -> int:
        """Clips of a batch; 0 if it is none."""
        return 0 if self.kind is None else len(next(iter(self.given.values())))

    def finish(self) -> None:
        """Do it; an error is that of the thread that waits for the result."""
        try:
            self.result.set_result(self.do(self.given))
        except BaseException as error:
            self.result.set_exception(error)


class Together:
    """The models' thread.

    torch keeps threads of its own for each thread that asks it, so there is one.

    Args:
        most: clips in one pass.
        tell: is called with the number of clips of each pass.
    """

    def __init__(self, most: int, tell: Callable[[int], None]) -> None:
        self._most, self._tell = most, tell
        self._waiting: list[_Work] = []
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="humotion-models")
        self._thread.start()

    @property
    def num_waiting(self) -> int:
        """Number of what waits."""
        return len(self._waiting)

    def take(self, predictor: Predictor) -> None:
        """Let the models of a predictor work here, whoever asks it."""
        for part in predictor.parts:
            part.task = cast(Any, _Here(part.task, self))

    def do(self, what: Callable[..., Any], *given: Any) -> Any:
        """Return the result of a function that runs in the thread."""
        return self._answer(_Work(lambda arguments: what(*arguments), given))

    def predict(self, task: Any, batch: Tensors) -> dict[str, Tensor]:
        """Return what ``task.predict_step`` returns for a batch, from a pass that may have other clips, too."""
        shapes = tuple((name, tensor.shape[1:], tensor.dtype) for name, tensor in sorted(batch.items()))
        found: dict[str, Tensor] = self._answer(_Work(task.predict_step, batch, kind=(id(task), shapes)))
        return found

    def close(self) -> None:
        """End the thread after the work that waits."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()

    def _answer(self, work: _Work) -> Any:
        with self._changed:
            self._waiting.append(work)
            self._changed.notify()
        return work.result.result()

    def _run(self) -> None:
        with torch.inference_mode():
            while works := self._next():
                if works[0].kind is not None:
                    self._tell(sum(work.num_clips for work in works))
                # If one batch is bad, each has a pass of its own, so that the others have their answers.
                if len(works) == 1 or not _finish_together(works):
                    for work in works:
                        work.finish()

    def _next(self) -> list[_Work]:
        """What has waited longest, with all that can be put together with it; nothing after the end."""
        with self._changed:
            while not self._waiting and not self._is_closed:
                self._changed.wait()
            if not self._waiting:
                return []
            first = self._waiting[0]
            chosen, room = [first], self._most - first.num_clips
            for work in self._waiting[1:]:
                if work.kind is not None and work.kind == first.kind and work.num_clips <= room:
                    chosen.append(work)
                    room -= work.num_clips
            self._waiting = [work for work in self._waiting if work not in chosen]
            return chosen


def _finish_together(works: Sequence[_Work]) -> bool:
    """Finish several batches by one pass; return whether that was possible."""
    try:
        joined = {name: torch.cat([work.given[name] for work in works]) for name in works[0].given}
        sizes = [work.num_clips for work in works]
        parts = {name: values.split(sizes) for name, values in works[0].do(joined).items()}
    except Exception:
        return False
    for number, work in enumerate(works):
        work.result.set_result({name: split[number] for name, split in parts.items()})
    return True


class _Here:
    """A task whose methods run in the models' thread."""

    def __init__(self, task: Any, together: Together) -> None:
        self._task, self._together = task, together

    def predict_step(self, batch: Tensors) -> dict[str, Tensor]:
        """See `Together.predict`."""
        return self._together.predict(self._task, batch)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._task, name)
        if callable(value) and not isinstance(value, torch.nn.Module):
            return lambda *given: self._together.do(value, *given)
        return value
