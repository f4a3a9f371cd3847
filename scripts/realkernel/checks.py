"""What a check of the real run says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One statement about the run, whether it holds, and the facts behind it (a line each)."""

    statement: str
    holds: bool
    facts: tuple[str, ...] = ()
