"""One side of the page: what one model says of the clip."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from humotion.app.results import Result

MOST_CLASSES = 5
_HEIGHT = 380  # pixels of a video
STYLE = ".picture img { max-height: 520px; object-fit: contain }"
PLAY_AGAIN = "document.querySelectorAll('.annotated video').forEach(one => { one.currentTime = 0; one.play() })"
"""JavaScript that plays the annotated videos together."""


class Side:
    """The components of a side, which are made where it is constructed; empty parts are not shown."""

    def __init__(self) -> None:
        with gr.Column(visible=False, min_width=360) as self.column:
            self.head = gr.Markdown()
            self.video = gr.Video(
                show_label=False, height=_HEIGHT, loop=True, autoplay=True, interactive=False, elem_classes="annotated"
            )
            self.notes = gr.Markdown()
            self.text = gr.HTML(label="Answer", show_label=True, container=True, padding=True)
            self.label = gr.Label(label="Most likely", num_top_classes=MOST_CLASSES)
            self.timeline = _picture()
            with gr.Accordion(open=True) as self.look:
                self.look_text = gr.Markdown()
                self.film = gr.Video(show_label=False, loop=True, autoplay=True, interactive=False)
                self.pictures = [_picture(), _picture()]
            self.files = gr.Files(label="Files", interactive=False)

    @property
    def components(self) -> list[Any]:
        """All components, as outputs of an event."""
        return [
            *(self.column, self.head, self.video, self.notes, self.text, self.label, self.timeline),
            *(self.look, self.look_text, self.film, *self.pictures, self.files),
        ]

    def hidden(self) -> dict[Any, Any]:
        """The changes by which the side shows nothing, also nothing of an earlier clip."""
        empty = (self.video, self.label, self.timeline, self.film, *self.pictures, self.files)
        return {self.column: gr.update(visible=False), **{one: gr.update(value=None) for one in empty}}

    def shown(self, result: Result) -> dict[Any, Any]:
        """The changes by which the side shows a result."""
        changes: dict[Any, Any] = {
            self.column: gr.update(visible=True),
            self.head: f"### {result.name}\n{result.about}",
            self.video: str(result.video),
            self.notes: gr.update(value="\n\n".join(f"⚠ {note}" for note in result.notes), visible=bool(result.notes)),
            self.text: _as_it_is(result.text),
            self.label: gr.update(value=dict(result.probabilities or {}) or None, visible=bool(result.probabilities)),
            self.timeline: gr.update(value=_path(result.timeline), visible=result.timeline is not None),
            self.look: gr.update(visible=result.look is not None),
            self.files: [str(file) for file in result.files],
        }
        if result.look is not None:
            changes |= {
                self.look: gr.update(visible=True, label=result.look.title),
                self.look_text: result.look.text,
                self.film: str(result.look.film),
            }
            drawn = [str(picture) for picture in result.look.pictures]
            for number, picture in enumerate(self.pictures):
                is_there = number < len(drawn)
                changes[picture] = gr.update(value=drawn[number] if is_there else None, visible=is_there)
        return changes


def _as_it_is(text: str) -> str:
    """Text as HTML, with its lines and blanks."""
    return f'<div style="white-space: pre-wrap">{escape(text)}</div>'


def _picture() -> Any:
    return gr.Image(show_label=False, interactive=False, buttons=["fullscreen"], elem_classes="picture")


def _path(path: object) -> str | None:
    return None if path is None else str(path)
