"""The real kernel tree of tests marked ``real``; `make real` names it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def kernel_tree() -> Path:
    """The tree that the environment variable KERNEL names; the test is skipped without it."""
    name = os.environ.get("KERNEL")
    if not name:
        pytest.skip("KERNEL names no kernel tree (run by `make real`)")
    return Path(name)
