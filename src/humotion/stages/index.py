"""Stage index: record what a dataset contains.

The stage reads the dataset's layout and official splits, and examines every file. It writes one row per video to
``prepared/<dataset>/videos.parquet``, and a report of what it found to ``index.json`` in the same folder.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from joblib import Parallel, delayed
from tqdm import tqdm

from humotion.datasets.shared.base import LabelError, Layout
from humotion.datasets.shared.omissions import find_omissions
from humotion.datasets.shared.open import open_dataset
from humotion.files import atomic_path, write_json
from humotion.params.document import Params
from humotion.video.probe import Probe, probe

_PROBED = {"fps": "float64", "width": "Int32", "height": "Int32", "num_frames_probed": "Int32"}

_Changes = dict[str, Mapping[str, int]]  # by video: how many frames have labels that are not as in the file, by kind
_logger = logging.getLogger(__name__)


def run(dataset: str, params: Params) -> None:
    """Write ``prepared/<dataset>/videos.parquet`` and ``index.json``.

    A video that is missing, damaged or wrongly labelled has a row with its status. Damage that only decoding shows
    is found later, by the stage extract.

    Raises:
        HumotionError: the dataset's layout or root does not exist, or the root has no videos.
    """
    settings = params.dataset(dataset)
    layout = open_dataset(settings.layout, settings.root)
    videos, changes = _with_probes(layout, max(1, params.machine.num_workers))
    folder = Path("prepared") / dataset
    with atomic_path(folder / "videos.parquet") as temporary:
        videos.to_parquet(temporary, index=False)
    facts = {"layout": settings.layout, **source_of(settings.root, layout)}
    told = _report_omissions(layout, videos, changes)
    write_json(folder / "index.json", {**facts, **report(videos), **told})


def _report_omissions(layout: Layout, videos: pd.DataFrame, changes: _Changes) -> dict[str, Any]:
    """What the layout did not take from its root, and what else the user should know: told once, kept in index.json."""
    omissions = find_omissions(layout.tree, videos["path"], layout.used)
    missing = videos[videos["status"] == "missing"]
    kept = [*layout.notes, *layout.tree.notes]
    notes = [*kept, *omissions.in_words(layout.spare)]
    if len(missing):
        first = missing.iloc[0]
        notes.append(f"{len(missing)} of {len(videos)} videos are missing: {first['path']} ({first['error']})")
    changed = _by_kind(changes)
    notes += [
        f"labels: {sum(counts.values())} frames of {len(counts)} videos have {kind} (index.json names the videos)"
        for kind, counts in changed.items()
    ]
    for note in notes:
        _logger.warning("%s: %s", layout.root, note)
    return {"notes": kept, "left_out": omissions.as_json(), "changed_labels": changed}


def _by_kind(changes: _Changes) -> dict[str, dict[str, int]]:
    """Numbers of frames by kind of change and video."""
    kinds = sorted({kind for counts in changes.values() for kind in counts})
    return {kind: {name: counts[kind] for name, counts in changes.items() if kind in counts} for kind in kinds}


def source_of(root: Path, layout: Layout) -> dict[str, str]:
    """Where the videos come from (``footage``) and their terms of use (``terms``), for the model card."""
    if root.parts[:1] == ("data",) and Path("data.dvc").exists():
        return {
            "footage": "The videos are the embedded sample: rendered clips of an articulated body, not real footage. "
            "**Its scores say nothing about real footage.**",
            "terms": "rendered by this project from the motion-capture clips of pybullet_data; see its terms",
        }
    known = f"see the dataset's terms (the public {layout.name}: {layout.terms})" if layout.terms else "see its terms"
    return {"footage": f"The videos are at `{root}`. Only their layout is known.", "terms": known}


def report(videos: pd.DataFrame) -> dict[str, Any]:
    """Counts of a video table by status, class and split, and a list of the damaged videos.

    Missing videos are counted but not listed.
    """
    by_class = {label: Counter(rows["status"]) for label, rows in videos.groupby("label")}
    splits = [column for column in videos.columns if "split_" in column]
    damaged = videos[~videos["status"].isin(["ok", "missing"])]
    return {
        "num_videos": len(videos),
        "status": _counts(videos["status"]),
        "classes": {label: dict(sorted(counts.items())) for label, counts in by_class.items()},
        "splits": {split: _counts(videos[split].fillna("unused")) for split in splits},
        "damaged": {row.video_id: f"{row.status}: {row.error}" for row in damaged.itertuples()},
    }


def _with_probes(layout: Layout, num_workers: int) -> tuple[pd.DataFrame, _Changes]:
    """The video table with what each file's header says, and the videos whose labels were changed."""
    table = layout.list_videos()
    # Threads, not processes: waiting for a file and FFmpeg both release the interpreter lock.
    work = Parallel(n_jobs=num_workers, prefer="threads", return_as="generator")
    rows = table[["video_id", "path", "status"]].itertuples(index=False, name=None)
    probes = work(delayed(_look)(layout, *row) for row in rows)
    found = list(tqdm(probes, total=len(table), desc="index", unit="video"))
    facts = [each for each, _ in found]
    changes = {name: counts for name, (_, counts) in zip(table["video_id"], found, strict=True) if counts}
    listed_ok = table["status"] == "ok"
    table["fps"] = [fact.fps for fact in facts]
    table["width"] = [fact.width for fact in facts]
    table["height"] = [fact.height for fact in facts]
    table["num_frames_probed"] = [fact.num_frames for fact in facts]
    table["status"] = table["status"].where(~listed_ok, [fact.status for fact in facts])
    table["error"] = table["error"].where(~listed_ok, pd.Series([fact.error for fact in facts], dtype="str"))
    first = [column for column in table.columns if column not in {*_PROBED, "status", "error"}]
    return table[[*first, *_PROBED, "status", "error"]].astype(_PROBED), changes


def _look(layout: Layout, video_id: str, path: str, status: str) -> tuple[Probe, Mapping[str, int]]:
    if status != "ok":
        return Probe(status), {}
    own = layout.own_probe(layout.root / path)
    facts = own or probe(layout.root / path, layout.first_frame, all_packets=True)
    facts = facts if facts.fps else replace(facts, fps=layout.fps(video_id))
    try:
        labels = layout.checked_pose(video_id)
    except LabelError as error:
        return Probe("corrupt", str(error)) if facts.status in ("ok", "truncated", "damaged") else facts, {}
    return facts, labels.changed if labels else {}


def _counts(values: pd.Series) -> dict[str, int]:
    return {str(key): int(count) for key, count in sorted(Counter(values).items())}
