"""The base class of every section of params.yaml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A section of params.yaml: immutable, and without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)
