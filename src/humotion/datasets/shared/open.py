"""A dataset by the name of its layout."""

from __future__ import annotations

from pathlib import Path

from humotion.datasets.folder import Folder
from humotion.datasets.hmdb51 import HMDB51
from humotion.datasets.jhmdb import JHMDB
from humotion.datasets.penn_action import PennAction
from humotion.datasets.shared.base import Layout
from humotion.datasets.table import Table
from humotion.errors import HumotionError

LAYOUTS: dict[str, type[Layout]] = {
    "hmdb51": HMDB51,
    "penn_action": PennAction,
    "jhmdb": JHMDB,
    "folder": Folder,
    "table": Table,
}


def open_dataset(layout: str, root: Path) -> Layout:
    """The dataset below ``root`` in a named layout; raises HumotionError if either does not exist."""
    if layout not in LAYOUTS:
        raise HumotionError(f"Unknown dataset layout {layout!r}. Known layouts: {', '.join(LAYOUTS)}.")
    if not root.is_dir():
        raise HumotionError(
            f"There is no folder {root}, the root of a dataset in layout {layout!r}. "
            f"Expected in it: {LAYOUTS[layout].origin}. Set datasets.<name>.root to where it lies."
        )
    return LAYOUTS[layout](root)
