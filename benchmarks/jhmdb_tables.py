"""The tables of `benchmarks.jhmdb_actions`, from the predictions of every test clip that `evaluate` has written.

A score is the mean over the splits, then over the seeds. Differences are between clips: of each, the share of the seeds
that were right. So they show chance in the choice of films, and the range over the seeds shows chance in training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.action_rows import gain_over
from benchmarks.intervals import with_doubt
from benchmarks.jhmdb_answers import Predicted, predicted
from benchmarks.jhmdb_rows import BLOCKS, ENSEMBLES, FUSIONS, LABELLED, MAJORITY, ROWS, Block
from humotion.figures.tables import markdown_table
from humotion.tasks.action_recognition.evaluation.scores import action_scores
from humotion.tasks.action_recognition.fusion.mixture import mixed

Floats = npt.NDArray[np.float64]
LEAST = 1e-6  # predictions.csv has six digits: a 0 there is not a class that the model ruled out


Trainings = dict[int, dict[str, Predicted]]
"""By seed, then by split; a seed is there if all splits are."""


def name_of(row: str, split: str, seed: int) -> str:
    """The name of an experiment."""
    return f"{row}_{split}_seed_{seed}"


def majority(name: str) -> Predicted | None:
    """The same test clips, as the largest class of the training clips answers."""
    model = predicted(name)
    if model is None:
        return None
    guess = np.zeros_like(model.probabilities)
    guess[:, model.majority] = 1
    return model._replace(probabilities=guess)


def fused(parts: Sequence[Predicted]) -> Predicted:
    """Late fusion: the mean of the log-probabilities, with equal weights, as probabilities."""
    clips = parts[0].clips
    orders = [part.clips.index.get_indexer(clips.index) for part in parts]
    members = [np.maximum(part.probabilities[order], LEAST) for part, order in zip(parts, orders, strict=True)]
    return parts[0]._replace(probabilities=mixed(members, [1 / len(members)] * len(members)))


def trainings_of(row: str, splits: Sequence[str], seeds: Sequence[int]) -> Trainings:
    """What is finished of a row, of a fusion, or of the baseline."""
    if row == MAJORITY:
        return _complete({seeds[0]: {split: _any_majority(split, seeds[0]) for split in splits}}, splits)
    if row in ENSEMBLES:
        return ensemble_of(trainings_of(ENSEMBLES[row].of, splits, seeds), seeds)
    if row in FUSIONS:
        return fused_trainings([trainings_of(part, splits, seeds) for part in FUSIONS[row].parts])
    drawn = seeds if ROWS[row].has_seeds else seeds[:1]
    return _complete(
        {seed: {split: predicted(name_of(row, split, seed)) for split in splits} for seed in drawn}, splits
    )


def _any_majority(split: str, seed: int) -> Predicted | None:
    found = (majority(name_of(row, split, seed)) for row in ROWS if row not in LABELLED.rows[:2])
    return next((one for one in found if one is not None), None)


def _complete(found: Mapping[int, Mapping[str, Predicted | None]], splits: Sequence[str]) -> Trainings:
    whole = {seed: {split: one for split in splits if (one := of[split]) is not None} for seed, of in found.items()}
    return {seed: of for seed, of in whole.items() if len(of) == len(splits)}


def fused_trainings(parts: Sequence[Trainings]) -> Trainings:
    """Fuse trainings of the same seed; a part with one seed is the same in all fusions."""
    if not all(parts):
        return {}
    found: Trainings = {}
    for seed in sorted(set().union(*parts)):
        of_seed = [part.get(seed) or (next(iter(part.values())) if len(part) == 1 else None) for part in parts]
        usable = [one for one in of_seed if one is not None]
        if len(usable) == len(parts):
            found[seed] = {split: fused([one[split] for one in usable]) for split in usable[0]}
    return found


def ensemble_of(trainings: Trainings, seeds: Sequence[int]) -> Trainings:
    """All seeds as one model; nothing if a seed is missing, or if there is only one."""
    if len(seeds) == 1 or trainings.keys() != set(seeds):
        return {}
    splits = trainings[seeds[0]]
    return {seeds[0]: {split: fused([of[split] for of in trainings.values()]) for split in splits}}


def scores_of(trainings: Trainings) -> pd.DataFrame:
    """Columns ``top1`` and ``macro_f1``, one row per seed: the mean over the splits."""
    rows = {}
    for seed, of in trainings.items():
        scores = [action_scores(one.probabilities, one.clips["label_id"].to_numpy(copy=True)) for one in of.values()]
        rows[seed] = {key: float(np.mean([score[key] for score in scores])) for key in ("top1", "macro_f1")}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["top1", "macro_f1"])


def clips_of(trainings: Trainings) -> pd.DataFrame:
    """Columns ``split``, ``group``, ``score`` (the share of seeds that were right), by split and clip."""
    by_seed = [
        pd.concat([one.clips.assign(split=split, score=one.right) for split, one in of.items()])
        for of in trainings.values()
    ]
    keyed = [table.set_index(["split", table.index], drop=False).rename_axis(["of", "clip"]) for table in by_seed]
    first = keyed[0][["split", "group"]]
    return first.assign(score=sum(table["score"].loc[first.index] for table in keyed) / len(keyed))


def tables(splits: Sequence[str], seeds: Sequence[int]) -> str:
    """All tables in Markdown, with the rows that are finished."""
    names = [MAJORITY, *ROWS, *FUSIONS, *ENSEMBLES]
    found = {name: one for name in names if (one := trainings_of(name, splits, seeds))}
    texts = [block_table(block, found) for block in BLOCKS]
    if "ddnet_labelled" in found:
        texts.append(block_table(LABELLED, on_clips_of(found, "ddnet_labelled")))
    return "\n\n".join(text for text in texts if text)


def on_clips_of(found: Mapping[str, Trainings], row: str) -> dict[str, Trainings]:
    """The trainings with the test clips of one row alone."""
    clips = {split: one.clips.index for split, one in next(iter(found[row].values())).items()}
    return {
        name: {seed: {split: one.only(clips[split]) for split, one in of.items()} for seed, of in trainings.items()}
        for name, trainings in found.items()
    }


def block_table(block: Block, found: Mapping[str, Trainings]) -> str:
    """One table; empty if none of its rows is finished."""
    present = [row for row in block.rows if row in found]
    peers = [peer for peer in block.peers if peer in found]
    over_parts = ["over the first", "over the last"] if block.over_parts else []
    header = (block.title, "top-1", "macro-F1", "seeds, top-1", *over_parts, *(f"over {title_of(p)}" for p in peers))
    clips = {name: clips_of(found[name]) for name in {*present, *peers}}
    for row in present:
        parts = FUSIONS[row].parts if block.over_parts else ()
        clips |= {part: clips_of(found[part]) for part in parts if part not in clips}
    rows = []
    for row in present:
        scores = scores_of(found[row])
        others = [*((FUSIONS[row].parts[0], FUSIONS[row].parts[-1]) if block.over_parts else ()), *peers]
        gains = [difference(clips[row], clips[other]) if other != row else "" for other in others]
        rows.append([title_of(row), *(f"{scores[key].mean():.3f}" for key in scores), spread(scores["top1"]), *gains])
    return markdown_table(header, rows) if rows else ""


def title_of(row: str) -> str:
    """What the tables call a row."""
    return "majority class" if row == MAJORITY else (ROWS | FUSIONS | ENSEMBLES)[row].title


def spread(top1: pd.Series[float]) -> str:
    """The lowest and the highest score of the seeds, each a mean over the splits; empty if there is one."""
    return f"{top1.min():.3f} to {top1.max():.3f} ({len(top1)})" if len(top1) > 1 else ""


def difference(mine: pd.DataFrame, other: pd.DataFrame) -> str:
    """The difference of two rows on the same clips, and whether it is more than chance."""
    return with_doubt(gain_over(mine, other))
