"""Open a dataset by the name of its layout: a file in ``datasets/``, which defines one `Layout`."""

from __future__ import annotations

from pathlib import Path

from humotion import choices
from humotion.datasets.shared.base import Layout
from humotion.errors import HumotionError


def layout_class(name: str) -> type[Layout]:
    """The layout of that name; if there is none, raises HumotionError, which lists the layouts."""
    return choices.only_class(choices.load("datasets", name), Layout)  # type: ignore[type-abstract]


def open_dataset(layout: str, root: Path) -> Layout:
    """The dataset below ``root`` in the named layout.

    Raises:
        HumotionError: the layout or the root does not exist, or a link to a folder is below the root.
    """
    kind = layout_class(layout)
    if not root.is_dir():
        raise HumotionError(
            f"There is no folder {root}, which should be the root of a dataset with layout {layout!r}. "
            f"Expected in it: {kind.origin}. Set datasets.<name>.root to the right folder."
        )
    dataset = kind(root)
    _ = dataset.tree  # whatever the layout reads, DVC must see all of it
    return dataset
