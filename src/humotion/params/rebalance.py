"""The sections ``rebalance.<experiment>`` of params.yaml: heads re-trained on a model's embeddings."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from humotion.params.section import Section


class RebalanceParams(Section):
    """Comparison of heads on the embeddings of an experiment's frozen backbone."""

    seed: int = Field(0, ge=0, description="of the resampling and the bootstrap")
    k_neighbors: int = Field(5, ge=1, description="of SMOTE; fewer if the smallest class is smaller")
    l2: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (0.0001, 0.001, 0.01, 0.1, 1.0, 10.0), min_length=1, description="strengths that are tried on validation clips"
    )
    tau: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0), min_length=1, description="tried in the same way"
    )
    bootstrap: int = Field(2000, ge=100, description="resamples of the paired bootstrap over groups")
