"""The page: a clip and the choice of models at the left, what the models say at the right."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import gradio as gr

from humotion.app.results import results_of
from humotion.app.shelf import Shelf
from humotion.app.sides import Side
from humotion.errors import HumotionError
from humotion.serving.limits import Refused, ServeLimits
from humotion.serving.tidying import tidy

KEPT_SECONDS = 3600
"""So long a browser can fetch the files of an answer."""
_TIDY_EVERY = 600
_HEAD = "# humotion\nWhat trained models see in your clip. It stays on the machine on which this page runs."
_NO_SECOND = "none"

_logger = logging.getLogger(__name__)
_Step = TypeVar("_Step")

class ClipInput(gr.Video):
    """A video that was uploaded or recorded, and none that the server would have to fetch."""

    async def async_move_resource_to_block_cache(self, url_or_file_path: str | Path | None) -> str | None:
        """See `gradio.blocks.Block`."""
        if url_or_file_path is not None and "://" in str(url_or_file_path):
            raise _error("This page reads no addresses. Upload the clip.")
        found: str | None = await super().async_move_resource_to_block_cache(url_or_file_path)
        return found
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component

class Page:
    """The page as Gradio's blocks.

    Args:
        shelf: the models.
        limits: of a clip, and of those that wait.
        folder: for the files of answers until Gradio has them.
        examples: clips to try.
    """

    def __init__(self, shelf: Shelf, limits: ServeLimits, folder: Path, examples: Sequence[Path] = ()) -> None:
        self._shelf, self._limits, self._folder = shelf, limits, folder
        # torch keeps threads of its own for each thread that asks it, so there is one.
        self._thread = ThreadPoolExecutor(1, "humotion-models")
        with gr.Blocks(title="humotion", analytics_enabled=False, delete_cache=(_TIDY_EVERY, KEPT_SECONDS)) as blocks:
            gr.Markdown(_HEAD)
            with gr.Row():
                with gr.Column(scale=1, min_width=320):
                    inputs = self._questions(examples)
                    button = gr.Button("Show what the models see", variant="primary")
                    self._status = gr.Markdown(min_height=60)
                with gr.Column(scale=3), gr.Row():
                    self._sides = [Side(), Side()]
            button.click(
                self._answers,
                inputs,
                [self._status, *(one for side in self._sides for one in side.components)],
                show_progress_on=self._status,
                concurrency_limit=1,
                api_visibility="private",
            )
        blocks.queue(default_concurrency_limit=1, max_size=limits.waiting + 1)
        self.blocks = blocks

    def _questions(self, examples: Sequence[Path]) -> list[Any]:
        """The components at the left: the clip, and what to ask about it."""
        clip = ClipInput(
            label="Your clip",
            sources=["upload", "webcam"],
            height=300,
            include_audio=True,
            webcam_options=gr.WebcamOptions(mirror=False),
        )
        if examples:
            gr.Examples([[str(path)] for path in examples], [clip], label="Examples", examples_per_page=6)
        names = self._shelf.names
        first = gr.Dropdown(names, value=names[0], label="Model")
        second = gr.Dropdown([_NO_SECOND, *names], value=_NO_SECOND, label="Compare with")
        looks = gr.Checkbox(True, label="Show what the network looks at, if it can")
        return [clip, first, second, looks]

    def _answers(
        self,
        clip: str | None,
        first: str,
        second: str,
        with_looks: bool,
        progress: Any = gr.Progress(),  # noqa: B008 (Gradio finds it there)
    ) -> Iterator[dict[Any, Any]]:
        """Show what the chosen models say, as soon as each has said it."""
        if clip is None:
            raise _error("There is no clip yet. Upload one, or record one.")
        names = [name for name in dict.fromkeys((first, second)) if name != _NO_SECOND]
        start = time.monotonic()
        yield {self._status: "", **{part: change for side in self._sides for part, change in side.hidden().items()}}

        def report(share: float, text: str) -> None:
            progress(share, desc=text)

        try:
            with TemporaryDirectory(prefix="answer-", dir=self._folder) as folder:
                predictors = {name: self._work(self._shelf.predictor, name) for name in names}
                found = results_of(Path(clip), predictors, with_looks, Path(folder), self._limits, report)
                while (result := self._work(next, found, None)) is not None:
                    yield self._sides[names.index(result.name)].shown(result)
            self._work(tidy)
        except (Refused, HumotionError) as error:
            raise _error(str(error)) from None
        except Exception:
            _logger.exception("An answer for the page failed.")
            raise _error("Something is wrong with this program, not with your clip. Its log says what.") from None
        yield {self._status: f"Done in {time.monotonic() - start:.1f} s."}

    def _work(self, do: Callable[..., _Step], *arguments: Any) -> _Step:
        """Do something in the one thread in which models work."""
        return self._thread.submit(copy_context().run, do, *arguments).result()

def _error(text: str) -> Exception:
    error: Exception = gr.Error(text, duration=None, print_exception=False)
    return error
