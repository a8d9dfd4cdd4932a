"""One line of the doctor's report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One line of the report: what was checked, its status, what was found, and what to do about a problem."""

    check: str
    status: Status
    found: str
    advice: str = ""
