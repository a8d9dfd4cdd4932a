"""The content of a training epoch: the balanced plan and the compiled policy of an experiment."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from humotion.clips.augment import Policy
from humotion.clips.balance import make_plan
from humotion.clips.input import load_input
from humotion.clips.table import PLAN_SCHEMA, write_table
from humotion.params.document import AnyExperiment


def write_plan(folder: Path, experiment: AnyExperiment, clips: pd.DataFrame) -> tuple[pd.DataFrame, Policy]:
    """Write ``train.parquet`` and ``policy.json`` for the training clips, and return plan and policy.

    Raises:
        HumotionError: the policy cannot be built.
    """
    augment = experiment.augment
    policy = compile_policy(experiment)
    plan = make_plan(clips, augment.balance, augment.replicas, experiment.seed)
    write_table(folder / "train.parquet", plan, PLAN_SCHEMA)
    policy.save(folder / "policy.json")
    return plan, policy


def compile_policy(experiment: AnyExperiment) -> Policy:
    """Build the augmentation policy of an experiment, which also moves joints if the input has them.

    Raises:
        HumotionError: the policy cannot be built.
    """
    augment = experiment.augment
    return Policy.compile(augment.policy, augment.size, load_input(experiment.input).HAS_JOINTS)
