"""The study of a sweep: its name (a digest of what is searched on which data), its sampler, pruner and trials."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import optuna
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, PercentilePruner
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, NSGAIISampler, QMCSampler, RandomSampler, TPESampler
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from humotion.errors import HumotionError
from humotion.models.common.hub import checkpoint_file
from humotion.params.document import AnyExperiment, Params
from humotion.params.sweep import (
    COSTS,
    CategoricalParams,
    ObjectiveParams,
    PrunerParams,
    SamplerParams,
    SweepParams,
)
from humotion.sweep.changes import without
from humotion.sweep.reading import only_reads, trained_model
from humotion.sweep.storage import Storage
from humotion.training.description import layer_files, training_settings
from humotion.training.task import task_class
from humotion.work import digest_of, digest_of_file

FINAL = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


@dataclass(frozen=True)
class Sweep:
    """What a process needs to know to take part in a sweep.

    Attributes:
        name: the experiment.
        params: all of params.yaml, with the fixed values of trials.
        storage: the database of the study.
    """

    name: str
    params: Params
    storage: Storage

    @property
    def settings(self) -> SweepParams:
        """``sweeps.<name>``."""
        return self.params.sweep(self.name)

    @property
    def experiment(self) -> AnyExperiment:
        """``experiments.<name>``, before any change."""
        return self.params.experiment(self.name)

    @property
    def objectives(self) -> tuple[ObjectiveParams, ...]:
        """The objectives in params.yaml; by default the main metric of the task."""
        main = ObjectiveParams(metric=task_class(self.experiment.task).main_metric)
        return self.settings.objectives or (main,)

    @property
    def reads(self) -> bool:
        """Whether trials read the outputs of the trained model in other ways, and none trains."""
        return only_reads(self.settings, self.name)

    @property
    def reported(self) -> str | None:
        """The metric to report after every epoch; None with several objectives, because Optuna accepts none then."""
        first, *others = self.objectives
        return None if others or first.metric in COSTS else first.metric

    @cached_property
    def study_name(self) -> str:
        """``ls_vit-0f3a...``: the digest covers everything that makes values comparable, and how they are searched.

        It leaves out the values in params.yaml of searched parameters, so that writing the best ones there does not
        start a new study. It also leaves out the limits.
        """
        settings = training_settings(self.experiment)
        swept = self.settings.space
        inputs = input_md5(self.name, self.experiment)
        if self.reads:
            inputs["model"] = digest_of_file(trained_model(self.name))
            settings["evaluate"] = {"decoding": self.experiment.evaluate.model_dump(mode="json").get("decoding")}
        if "model.weights" in swept:
            inputs.pop("weights", None)
        content = {
            "experiment": without(settings, swept),
            "sweep": self.settings.model_dump(mode="json", include={"space", "sampler", "pruner"}),
            "objectives": [objective.model_dump() for objective in self.objectives],
            "inputs": inputs,
        }
        return f"{self.name}-{digest_of(content)}"

    def create(self) -> Study:
        """Create the study, or load it if it exists."""
        storage = self.storage.open(self.settings.retries)
        with self.storage.locked():
            study = optuna.create_study(
                storage=storage,
                study_name=self.study_name,
                directions=[objective.direction for objective in self.objectives],
                load_if_exists=True,
            )
            study.set_metric_names([objective.metric for objective in self.objectives])  # for the dashboard
            return study

    def load(self) -> Study:
        """Load the study, with its pruner."""
        storage = self.storage.open(self.settings.retries)
        pruner = make_pruner(self.settings.pruner, self.experiment.trainer.epochs)
        return optuna.load_study(study_name=self.study_name, storage=storage, pruner=pruner)


def input_md5(name: str, experiment: AnyExperiment) -> dict[str, str]:
    """md5 of everything that a trial reads; ``frames.parquet`` has a digest of every video's frames.

    Raises:
        HumotionError: a stage before has not run, or the pretrained weights do not exist.
    """
    clips = Path("clips") / name
    inputs = {
        "frames": Path("prepared") / experiment.dataset / "frames.parquet",
        **layer_files(experiment.dataset, experiment.layer),
        **{file: clips / file for file in ("train.parquet", "val.parquet", "meta.json")},
    }
    for path in inputs.values():
        if not path.exists():
            raise HumotionError(f"{path} does not exist. Run `dvc repro sample@{name}` first.")
    if (weights := experiment.model.weights) is not None:
        inputs["weights"] = checkpoint_file(weights)
        if not inputs["weights"].is_file():
            raise HumotionError(f"{weights}, the value of experiments.{name}.model.weights, does not exist.")
    return {key: digest_of_file(path) for key, path in inputs.items()}


def make_sampler(params: SamplerParams, number: int) -> BaseSampler:
    """The sampler that proposes trial ``number``.

    Its seed depends on the trial. So workers propose different values, and a resumed sweep with one worker proposes the
    same values as without the interruption. QMC counts its points in the study.
    """
    seed = params.seed * 100_003 + number
    startup = params.startup_trials
    makers: dict[str, Callable[[], BaseSampler]] = {
        "tpe": lambda: TPESampler(seed=seed, n_startup_trials=startup),
        "gp": lambda: GPSampler(seed=seed, n_startup_trials=startup, warn_independent_sampling=False),
        "cmaes": lambda: CmaEsSampler(seed=seed, n_startup_trials=startup, warn_independent_sampling=False),
        "qmc": lambda: QMCSampler(
            seed=params.seed,
            scramble=True,
            independent_sampler=RandomSampler(seed=seed),
            warn_independent_sampling=False,
        ),
        "nsga2": lambda: NSGAIISampler(seed=seed),
        "random": lambda: RandomSampler(seed=seed),
    }
    return makers[params.name]()


def drawn_at_random(params: SamplerParams, space: Mapping[str, Any]) -> list[str]:
    """The searched parameters that the sampler cannot model, so that Optuna draws them at random without a word.

    ``space`` maps paths to their ranges. CMA-ES, GP and QMC know only parameters that every trial has, and CMA-ES knows
    only numbers.
    """
    if params.name not in ("cmaes", "gp", "qmc"):
        return []
    only_numbers = params.name == "cmaes"
    return [
        path
        for path, bounds in space.items()
        if bounds.when or (only_numbers and isinstance(bounds, CategoricalParams))
    ]


def make_pruner(params: PrunerParams, epochs: int) -> BasePruner:
    """The pruner; epochs count from 0 in reports, as Optuna's pruners expect."""
    if params.name == "hyperband":
        return HyperbandPruner(
            min_resource=max(1, params.warmup_epochs), max_resource=epochs, reduction_factor=params.reduction_factor
        )
    settings: dict[str, Any] = {"n_startup_trials": params.startup_trials, "n_warmup_steps": params.warmup_epochs}
    if params.name == "median":
        return MedianPruner(**settings)
    return PercentilePruner(params.percentile, **settings) if params.name == "percentile" else NopPruner()


def retried(trials: Iterable[FrozenTrial]) -> set[int]:
    """Numbers of the trials that another trial tries again."""
    return {number for trial in trials for number in RetryHeartbeatStaleTrialCallback.retry_history(trial)}


def counted(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """The trials that count; for a trial that was retried, only the last attempt."""
    left_out = retried(trials)
    return [trial for trial in trials if trial.number not in left_out]


def try_again(study: Study, trial: FrozenTrial) -> None:
    """Queue an interrupted trial again with the same parameters; it resumes from its checkpoint."""
    RetryHeartbeatStaleTrialCallback(inherit_intermediate_values=True)(study, trial)
