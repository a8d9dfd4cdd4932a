"""Near-duplicates in a dataset: the same footage in two groups, or on both sides of an official split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from humotion.exploration.hashes import MOST_BITS, Hashes, close_pairs
from humotion.exploration.measures import representative_frames, split_columns, split_roles
from humotion.figures.contact_sheet import Tile
from humotion.store.frames import FrameStore

MOST_LISTED, MOST_SHOWN = 10_000, 20  # pairs in near_duplicates.csv and on the contact sheet


def near_duplicates(statistics: pd.DataFrame, hashes: Hashes) -> pd.DataFrame:
    """Close pairs that matter, closest first: in two groups, or on both sides of an official split.

    Columns are ``distance``, ``video_a``, ``video_b``, ``label_*`` and ``group_*`` of both, ``across_groups``, and
    one per split, with "train/test" or "test/train" if the pair is on both sides of the split.
    ``hashes`` (N, T, 4) belong to the rows of ``statistics``. Close pairs within one group and on one side
    of every split are left out: groups exist for such pairs.
    """
    pairs, distances = close_pairs(hashes)
    table = pd.DataFrame({"distance": distances})
    for column in ("video_id", "label", "group"):
        for side, rows in zip("ab", pairs.T, strict=True):
            table[f"{column.removesuffix('_id')}_{side}"] = statistics[column].to_numpy()[rows]
    table["across_groups"] = table["group_a"].isna() | (table["group_a"] != table["group_b"])
    splits = split_columns(statistics)
    for column in splits:
        roles = split_roles(statistics, column).to_numpy(str)[pairs]  # (P, 2)
        sides = pd.Series(roles[:, 0], dtype=str) + "/" + pd.Series(roles[:, 1], dtype=str)
        table[column] = sides.where(sides.isin(["train/test", "test/train"]), None)
    matters = table["across_groups"] | table[splits].notna().any(axis=1)
    return table[matters].sort_values(["distance", "video_a", "video_b"], ignore_index=True)


def duplicate_facts(pairs: pd.DataFrame, hashes: Hashes) -> dict[str, Any]:
    """The numbers of data.json, from the table of `near_duplicates` and the hashes (N, T, 4) that it was made of."""
    splits = {}
    for column in split_columns(pairs):
        leaks = pairs[pairs[column].notna()]
        test = leaks["video_a"].where(leaks[column] == "test/train", leaks["video_b"])
        splits[column] = {
            "num_pairs": len(leaks),
            "num_pairs_across_groups": int(leaks["across_groups"].sum()),
            "num_test_videos": test.nunique(),
        }
    return {
        "most_bits": MOST_BITS,
        "num_not_compared": int((~hashes.any(axis=(1, 2))).sum()),
        "num_pairs_across_groups": int(pairs["across_groups"].sum()),
        "splits": splits,
    }


def pair_rows(pairs: pd.DataFrame, store: FrameStore) -> list[tuple[str, Sequence[Tile]]]:
    """The closest pair per two groups, with three frames of one video next to three of the other."""
    groups = pairs[["group_a", "group_b"]].astype(str)
    meetings = pd.Series([frozenset(row) for row in groups.itertuples(index=False)], dtype=object)
    shown = pairs[~meetings.duplicated()].sort_values("across_groups", ascending=False, kind="stable")
    rows: list[tuple[str, Sequence[Tile]]] = []
    for _, pair in shown.head(MOST_SHOWN).iterrows():
        kind = "two groups" if pair["across_groups"] else "one group"
        names = " | ".join(str(pair[f"video_{side}"]).rsplit("/", 1)[-1] for side in "ab")
        tiles = [tile for position in (0, 1) for tile in _tiles(pair, position, store)]
        rows.append((f"{pair['distance']} bits, {kind}: {names}", tiles))
    return rows


def _tiles(pair: pd.Series, position: int, store: FrameStore) -> list[Tile]:
    """Frames of the first or second video of a pair; its class and roles are below the first frame."""
    side = "ab"[position]
    roles: dict[str, list[str]] = {}
    for column in split_columns(pair.to_frame().T):
        if isinstance(pair[column], str):
            roles.setdefault(pair[column].split("/")[position], []).append(column)
    lines = [str(pair[f"label_{side}"]), *(f"{role} in {', '.join(columns)}" for role, columns in roles.items())]
    frames = representative_frames(store[str(pair[f"video_{side}"])])
    return [Tile(frame, () if number else lines) for number, frame in enumerate(frames)]
