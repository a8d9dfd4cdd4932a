"""The sections ``sweeps.<experiment>`` of params.yaml: what a sweep searches, how and how long."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from humotion.params.section import Section

Scalar = bool | int | float | str | None


class RangeParams(Section):
    """What every searched parameter may have: a condition.

    ``when`` maps paths in the experiment to values. The parameter is searched only in trials that have all these
    values. In other trials it keeps its value in params.yaml.
    """

    when: dict[str, Scalar] = Field({}, description="searched only in trials with these values")


class NumberParams(RangeParams):
    """A number between two bounds, both included; ``log`` searches on a logarithmic scale."""

    low: float
    high: float
    log: bool = False
    step: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _bounds_fit(self) -> NumberParams:
        if self.low > self.high:
            raise ValueError("low must not be above high")
        if self.log and self.low <= 0:
            raise ValueError("log needs a low above 0")
        if self.log and self.step is not None:
            raise ValueError("log and step exclude each other")
        return self


class FloatParams(NumberParams):
    """A real number."""

    type: Literal["float"]


class IntParams(NumberParams):
    """A whole number."""

    type: Literal["int"]
    low: int
    high: int
    step: int | None = Field(None, ge=1)


class CategoricalParams(RangeParams):
    """One of several values."""

    type: Literal["categorical"]
    choices: tuple[Scalar, ...] = Field(min_length=1)


AnyRange = Annotated[FloatParams | IntParams | CategoricalParams, Field(discriminator="type")]


class ObjectiveParams(Section):
    """A number to maximise or minimise: a metric of the chosen epoch, or a cost of the model.

    Metrics have their names in MLflow (``val/top1``). The costs are ``cost/latency_ms`` and ``cost/parameters``.
    Latency is the median time of one validation clip through the model, on the machine that trained it.
    """

    metric: str
    direction: Literal["maximize", "minimize"] = "maximize"

    @field_validator("metric")
    @classmethod
    def _known_or_validation(cls, value: str) -> str:
        if value not in COSTS and not value.startswith("val/"):
            raise ValueError(f"must be a validation metric (val/...) or one of {', '.join(COSTS)}")
        return value


COSTS = ("cost/latency_ms", "cost/parameters")


class SamplerParams(Section):
    """What proposes the next trial. The first ``startup_trials`` are drawn at random (tpe, gp, cmaes)."""

    name: Literal["tpe", "gp", "cmaes", "qmc", "nsga2", "random"] = "tpe"
    seed: int = Field(0, ge=0)
    startup_trials: int = Field(10, ge=1)


class PrunerParams(Section):
    """What stops trials that are worse than others, by their validation metric after each epoch."""

    name: Literal["none", "hyperband", "median", "percentile"] = "none"
    warmup_epochs: int = Field(1, ge=0, description="no trial is stopped before it has trained this number of epochs")
    startup_trials: int = Field(
        5, ge=1, description="median and percentile stop nothing before this number of finished trials"
    )
    percentile: float = Field(
        25.0, gt=0, lt=100, description="percentile: this percentage of trials, the best ones, continues"
    )
    reduction_factor: int = Field(3, ge=2, description="hyperband: one in this number of trials continues")


class SweepParams(Section):
    """A search over the parameters of one experiment."""

    trials: int = Field(20, ge=1, description="a trial that was interrupted and retried counts once")
    timeout: timedelta | None = Field(None, description="seconds or HH:MM:SS; no trial starts after it")
    retries: int = Field(2, ge=0, description="how often a trial is tried again after its process died")
    sampler: SamplerParams = SamplerParams()
    pruner: PrunerParams = PrunerParams()
    objectives: tuple[ObjectiveParams, ...] = Field((), description="none: the task's main metric")
    fixed: dict[str, Scalar] = Field({}, description="values of every trial, instead of those of the experiment")
    space: dict[str, AnyRange] = Field(min_length=1, description="paths in the experiment")

    @model_validator(mode="after")
    def _fixed_is_not_searched(self) -> SweepParams:
        if both := sorted(self.fixed.keys() & self.space.keys()):
            raise ValueError(f"{both[0]} is both fixed and searched")
        return self

    @model_validator(mode="after")
    def _pruning_has_a_curve(self) -> SweepParams:
        if self.pruner.name == "none":
            return self
        if len(self.objectives) > 1:
            raise ValueError("a sweep with several objectives cannot prune: set pruner.name to none")
        if self.objectives and self.objectives[0].metric in COSTS:
            raise ValueError(
                f"{self.objectives[0].metric} has no value per epoch, so it cannot prune: set pruner.name to none"
            )
        return self
