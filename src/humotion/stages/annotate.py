"""Stage annotate: one tool looks at every frame of a dataset, once, and writes a layer.

The stage reads the frame store and writes ``layers/<dataset>/<layer>/`` (see `humotion.store.layers`). Shards are made
in parallel in a work folder. After an interruption, finished shards are kept and the stage resumes.
"""

from __future__ import annotations

import logging
import shutil

import pandas as pd

from humotion.annotation.shared.contract import load_tool, skeleton_of
from humotion.annotation.shared.shards import Source, make_layer
from humotion.errors import HumotionError
from humotion.files import atomic_path, move_into_place
from humotion.params.document import Params
from humotion.params.layer import LayerParams
from humotion.store.layers import TABLE, LayerFacts, folder_of_layer, write_facts
from humotion.work import digest_of, digest_of_code, digest_of_file, owned_work

_logger = logging.getLogger(__name__)


def run(name: str, params: Params) -> None:
    """Write ``layers/<dataset>/<name>/``, and print how many videos and frames have a person.

    The bytes depend only on the frames, the settings and the tool's weights, not on the number of workers. A video
    without frames is a table row with ``row`` -1 and its status.

    Raises:
        HumotionError: there is no such layer, its dataset is not extracted, the layer that its tool reads is not made,
            a file of weights or a package is missing, or no video has a frame.
    """
    settings = params.layer(name)
    tool = load_tool(settings.tool)
    md5 = {file: digest_of_file(path) for file, path in tool.weights(settings).items()}
    source = Source.of_layer(settings)
    skeleton = skeleton_of(settings, source.skeleton())
    code = digest_of_code("annotate", chosen=settings.model_dump(mode="json"))
    digest = digest_of([settings.model_dump(mode="json"), tool.VERSION, md5, source.digest(), code])
    with owned_work("annotate", digest) as work:
        folder = work / "layer"
        table = make_layer(source, settings, folder, work / "tables", params.machine)
        with atomic_path(folder / TABLE) as temporary:
            table.to_parquet(temporary, index=False)
        counts = _counts(table)
        facts = LayerFacts(settings.tool, tool.VERSION, settings.settings(), md5, skeleton, counts)
        write_facts(folder, facts)
        _report(name, settings, table, counts)
        move_into_place(folder, folder_of_layer(settings.dataset, name))
        shutil.rmtree(work)


def _counts(table: pd.DataFrame) -> dict[str, int]:
    return {
        "videos": len(table),
        "videos_with_frames": int((table["num_frames"] > 0).sum()),
        "videos_with_somebody": int((table["num_found"] > 0).sum()),
        "frames": int(table["num_frames"].sum()),
        "frames_with_somebody": int(table["num_found"].sum()),
    }


def _report(name: str, settings: LayerParams, table: pd.DataFrame, counts: dict[str, int]) -> None:
    """Say how much was found, and name what could not be read."""
    damaged = table[(table["row"] >= 0) & (table["status"] != "ok")]
    for video in damaged.itertuples():
        _logger.warning("%s: %s: %s. Nobody counts as found there.", video.video_id, video.status, video.error)
    videos, frames = counts["videos_with_frames"], counts["frames"]
    if not frames:
        raise HumotionError(f"No video of {settings.dataset!r} has a frame, so the layer {name!r} would be empty.")
    print(
        f"{name}: somebody in {counts['frames_with_somebody']} of {frames} frames "
        f"({counts['frames_with_somebody'] / frames:.1%}), and in {counts['videos_with_somebody']} of {videos} videos. "
        f"{len(table) - videos} videos have no frames."
    )
