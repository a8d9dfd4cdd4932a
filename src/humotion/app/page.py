"""The page: a clip and the choice of models at the left, what the models say at the right."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import gradio as gr

from humotion.app.progress import Report
from humotion.app.results import Asked, results_of
from humotion.app.shelf import Shelf
from humotion.app.sides import PLAY_AGAIN, Side
from humotion.app.uploads import Uploads
from humotion.errors import HumotionError
from humotion.serving.limits import Refused, ServeLimits
from humotion.serving.tidying import tidy

KEPT_SECONDS = 3600
"""So long a browser can fetch the files of an answer."""
_TIDY_EVERY = 600
_MOST_VISITORS = 32
"""So many visitors' states are kept, 0.4 MB each; Gradio would keep 10,000. One who was forgotten starts again."""
_HEAD = "# humotion\nWhat trained models see in your clip. It stays on the machine on which this page runs."
_NO_SECOND = "none"

_logger = logging.getLogger(__name__)
_Step = TypeVar("_Step")


class Stopped(Exception):
    """The visitor wants no answer any more."""


class Page:
    """The page as Gradio's blocks.

    Args:
        shelf: the models.
        limits: of a clip, and of those that wait.
        folder: for the files of answers until Gradio has them.
        uploads: Gradio's folder, with uploaded clips and with what is shown.
        examples: clips to try.
    """

    def __init__(
        self, shelf: Shelf, limits: ServeLimits, folder: Path, uploads: Uploads, examples: Sequence[Path] = ()
    ) -> None:
        self._shelf, self._limits, self._folder, self._uploads = shelf, limits, folder, uploads
        # torch keeps threads of its own for each thread that asks it, so there is one.
        self._thread = ThreadPoolExecutor(1, "humotion-models")
        self._stops: dict[str | None, threading.Event] = {}  # of the answers that are made now, by their visitors
        with gr.Blocks(title="humotion", analytics_enabled=False, delete_cache=(_TIDY_EVERY, KEPT_SECONDS)) as blocks:
            gr.Markdown(_HEAD)
            with gr.Row():
                with gr.Column(scale=1, min_width=320):
                    inputs = self._questions(examples, uploads)
                    button = gr.Button("Show what the models see", variant="primary")
                    self._stop_button = gr.Button("Stop", variant="stop", visible=False)
                    self._status = gr.Markdown()
                    self._progress = gr.Markdown(min_height=60)
                with gr.Column(scale=3):
                    self._together = gr.Button("Play both from the start", size="sm", visible=False)
                    with gr.Row():
                        self._sides = [Side(), Side()]
            own = [self._status, self._progress, self._together, self._stop_button]
            self._together.click(None, js=f"() => {{ {PLAY_AGAIN} }}")
            button.click(
                self._answers,
                inputs,
                [*own, *(one for side in self._sides for one in side.components)],
                show_progress_on=self._progress,
                concurrency_limit=1,
                api_visibility="private",
            )
            self._stop_button.click(self._stop, queue=False, show_progress="hidden", api_visibility="private")
            blocks.unload(self._stop)
        blocks.queue(default_concurrency_limit=1, max_size=limits.waiting + 1)
        blocks.state_session_capacity = _MOST_VISITORS
        self.blocks = blocks
        uploads.keep()

    def _questions(self, examples: Sequence[Path], uploads: Uploads) -> list[Any]:
        """The components at the left: the clip, and what to ask about it."""
        clip = gr.Video(
            label="Your clip",
            sources=["upload", "webcam"],
            height=300,
            include_audio=True,
            webcam_options=gr.WebcamOptions(mirror=False),
        )
        _take_only_from(uploads, clip)
        if examples:
            gr.Examples([[str(path)] for path in examples], [clip], label="Examples", examples_per_page=6)
        names = self._shelf.names
        first = gr.Dropdown(names, value=names[0], label="Model")
        second = gr.Dropdown([_NO_SECOND, *names], value=_NO_SECOND, label="Compare with")
        looks = gr.Checkbox(True, label="Show what the network looks at, if it can")
        guesses = gr.Checkbox(False, label="Of long clips, also show what a model is not sure of")
        return [clip, first, second, looks, guesses]

    def _answers(
        self,
        clip: str | None,
        first: str,
        second: str,
        with_looks: bool,
        with_guesses: bool,
        request: gr.Request,
        progress: Any = gr.Progress(),  # noqa: B008 (Gradio finds it there)
    ) -> Iterator[dict[Any, Any]]:
        """Show what the chosen models say, as soon as each has said it."""
        names = [name for name in dict.fromkeys((first, second)) if name != _NO_SECOND]
        asked = Asked(with_looks, 0.0 if with_guesses else None)
        start = time.monotonic()
        hidden = {part: change for side in self._sides for part, change in side.hidden().items()}
        shown, no_stop = gr.update(visible=True), {self._stop_button: gr.update(visible=False)}
        yield {self._status: "", self._together: gr.update(visible=len(names) > 1), self._stop_button: shown, **hidden}
        stop = self._stops[request.session_hash] = threading.Event()

        def report(share: float, text: str) -> None:
            if stop.is_set():
                raise Stopped
            progress(share, desc=text)

        try:
            if clip is None:
                raise Refused("There is no clip yet. Upload one, or record one.")
            yield from self._steps(Path(clip), names, asked, report)
            yield {self._status: f"Done in {time.monotonic() - start:.1f} s.", **no_stop}
            return
        except Stopped:
            yield {self._status: "Stopped.", **no_stop, **hidden}
            return
        except (Refused, HumotionError) as error:
            said = str(error)
        except Exception:
            _logger.exception("An answer for the page failed.")
            said = "Something is wrong with this program, not with your clip. Its log says what."
        finally:
            self._stops.pop(request.session_hash, None)
        yield {self._status: _as_error(said), **no_stop}  # a message of Gradio goes away after some seconds
        raise gr.Error(escape(said), print_exception=False)

    def _stop(self, request: gr.Request) -> None:
        """End the work for a visitor at the next frame: Stop was pressed, or the page was closed."""
        if (stop := self._stops.get(request.session_hash)) is not None:
            stop.set()

    def close(self) -> None:
        """End the work for all visitors."""
        for stop in list(self._stops.values()):
            stop.set()
        self._thread.shutdown()

    def _steps(self, clip: Path, names: Sequence[str], asked: Asked, report: Report) -> Iterator[dict[Any, Any]]:
        """Yield the changes by which the sides show each result."""
        self._uploads.forget(KEPT_SECONDS)
        with TemporaryDirectory(prefix="answer-", dir=self._folder) as folder:
            predictors = {name: self._work(self._shelf.predictor, name) for name in names}
            found = results_of(clip, predictors, asked, Path(folder), self._limits, report)
            while (result := self._work(next, found, None)) is not None:
                yield self._sides[names.index(result.name)].shown(result)
        self._work(tidy)

    def _work(self, do: Callable[..., _Step], *arguments: Any) -> _Step:
        """Do something in the one thread in which models work."""
        return self._thread.submit(copy_context().run, do, *arguments).result()


def _take_only_from(uploads: Uploads, clip: Any) -> None:
    """Let a component take what was uploaded, and neither addresses nor other files.

    Gradio fetches addresses, and it checks paths only for a page that it serves itself. A class of its own would be a
    custom component, which needs JavaScript of its own.
    """
    usual = clip.async_move_resource_to_block_cache

    async def take(path: Any) -> Any:
        if path is not None and not uploads.holds(str(path)):
            raise gr.Error("The page reads clips that were uploaded to it, and nothing else.", print_exception=False)
        return await usual(path)

    clip.async_move_resource_to_block_cache = take


def _as_error(text: str) -> str:
    """A sentence in Markdown; of its letters, none is a sign of Markdown or HTML."""
    return f"<b>{escape(text)}</b>"
