"""The command `humotion probe`: read each video and show what was found, as a table or as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from humotion.errors import HumotionError
from humotion.figures.tables import text_table
from humotion.inspection.examine import Report, examine
from humotion.inspection.reference import TOLERANCE, find_ffmpeg
from humotion.inspection.sources import find_videos, folder_names

_HEADER = ("video", "codec", "container", "size", "fps", "header", "frames", "read by", "status")


def probe_videos(
    arguments: Sequence[Path], frames: Path | None = None, verify: bool = False, as_json: bool = False
) -> tuple[str, bool]:
    """Read files and folders; return the text to print, and whether all videos are good.

    Args:
        arguments: video files, folders of them, and folders of frames.
        frames: the frames of each video are written to ``frames/<name>/000000.png`` and so on.
        verify: compare every frame with that of the ffmpeg command.
        as_json: return one JSON document instead of a table.

    Raises:
        HumotionError: a folder has no video, there is no ffmpeg command, or frames would replace something.
    """
    videos = find_videos(arguments)
    if verify:
        find_ffmpeg()
    folders = _new_folders(frames, videos)
    progress = tqdm(zip(videos, folders, strict=True), total=len(videos), desc="probe", unit="video", leave=False)
    reports = [examine(video, folder, verify) for video, folder in progress]
    text = _json(reports) if as_json else _table(reports)
    return text, all(report.is_good for report in reports)


def _new_folders(frames: Path | None, videos: Sequence[Path]) -> Sequence[Path | None]:
    if frames is None:
        return [None] * len(videos)
    folders = [frames / name for name in folder_names(videos)]
    there = [folder for folder in folders if folder.exists() or folder.is_symlink()]
    if there:
        raise HumotionError(
            f"{there[0]} already exists{f' (and {len(there) - 1} more)' if there[1:] else ''}. "
            "Frames never replace anything: remove it, or choose another folder with --frames."
        )
    return folders


def _json(reports: Sequence[Report]) -> str:
    document = {
        "num_videos": len(reports),
        "num_good": sum(report.is_good for report in reports),
        "status": dict(Counter(report.status for report in reports)),
        "methods": dict(Counter(report.method for report in reports if report.method)),
        "videos": [report.as_json() for report in reports],
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)


def _table(reports: Sequence[Report]) -> str:
    is_verified = any(report.comparison for report in reports)
    header = _HEADER + (("as ffmpeg",) if is_verified else ())
    rows = [_row(report) + ((_verdict(report),) if is_verified else ()) for report in reports]
    errors = [f"{report.path}: {text}" for report in reports for text in _said(report)]
    return "\n".join([text_table(header, rows), *([""] if errors else []), *errors, "", *_summary(reports)])


def _said(report: Report) -> list[str]:
    found = report.comparison
    by_ffmpeg = [] if found is None else [found.error, found.log and f"ffmpeg says: {found.log}"]
    return [text for text in (report.error, *by_ffmpeg) if text]


def _row(report: Report) -> tuple[str, ...]:
    facts = report.facts
    size = f"{facts.width}x{facts.height}" if facts.width else "-"
    fps = f"{facts.fps:.6g}" if facts.fps else "-"
    counts = (str(facts.num_frames or "-"), str(report.num_frames))
    names = (str(report.path), facts.codec or "-", (facts.container or "-").split(",")[0])
    return (*names, size, fps, *counts, report.method or "-", report.status)


def _verdict(report: Report) -> str:
    found = report.comparison
    if found is None:
        return "-"
    if found.is_equal:
        return f"yes, max {found.max_difference}"
    return f"NO, from frame {found.first_difference} (ffmpeg has {found.num_frames}, max {found.max_difference})"


def _summary(reports: Sequence[Report]) -> list[str]:
    states = ", ".join(f"{number} {status}" for status, number in Counter(r.status for r in reports).items())
    methods = Counter(report.method for report in reports if report.method)
    lines = [f"{len(reports)} videos: {states}; {sum(report.num_frames for report in reports)} frames."]
    lines += [f"Read by {', '.join(f'{method} ({number})' for method, number in methods.items())}."] * bool(methods)
    found = [report.comparison for report in reports if report.comparison]
    if found:
        largest = max((comparison.max_difference or 0) for comparison in found)
        num_equal = sum(comparison.is_equal for comparison in found)
        lines.append(
            f"{num_equal} of {len(found)} equal the ffmpeg command frame for frame (at most {TOLERANCE} level of 255 "
            f"allowed); largest difference {largest}."
        )
    return lines
