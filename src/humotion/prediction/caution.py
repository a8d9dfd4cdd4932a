"""What a user must be told of a model before anything that it says: it was trained on rendered clips.

A model folder does not say what its videos were. But it has the md5 of ``frames.parquet``, and with it of every frame
of the training. Those of the embedded sample, with the settings of this repository, are known. A sample that was
extracted with other settings is not recognised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from humotion.prediction.text_box import text_box
from humotion.prediction.video_file import Frames

RENDERED = {
    "08c22d4a72843852035c6ba04bd2d888": "hmdb51",
    "b9cb43f77fc105d6f30a62638163c0ea": "penn_action",
    "ac6d3facc95762b24e3792e454b66636": "crowd",
    "727ede50ecd957825fda9328bcbd0381": "crowd_tracks",
}
"""The md5 of ``prepared/<dataset>/frames.parquet`` of the embedded sample, as dvc.lock has them.

Of the crowds, as the recipe ``crowd`` and docs/multi_person.md extract them.
"""
NOT_REAL = "trained on rendered clips, not on real footage"
_LEAST, _SHARE = 11, 30  # height of the text in pixels, and how often it fits into the height of a frame


def caution_of(data_md5: Mapping[str, str]) -> str:
    """Return the caution for a model that was trained on these inputs, by ``data_md5`` of its folder; empty if none."""
    return NOT_REAL if data_md5.get("frames") in RENDERED else ""


def joined(cautions: Iterable[str]) -> str:
    """Return the cautions of several models as one text, each once; empty if there is none."""
    return "; ".join(dict.fromkeys(caution for caution in cautions if caution))


def with_caution(frame: Frames, caution: str) -> Frames:
    """Return a frame (H, W, 3) with the caution in its upper left corner; the same frame if there is none.

    Timelines are at the lower edge.
    """
    if not caution:
        return frame
    label = text_box(caution, frame.shape[1], max(_LEAST, frame.shape[0] // _SHARE))[: frame.shape[0]]
    drawn = frame.copy()
    drawn[: label.shape[0], : label.shape[1]] = label
    return drawn
