"""Keeping the consoles of finished boots, so that an unchanged kernel is not booted again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path

from convert.series.templates import template_root
from convert.tree.cache import write_atomic
from convert.verify.boot.launch import Booted
from convert.verify.boot.profile import BootProfile
from convert.verify.checks_model import ToolVersion

_HOST = ("launch.py",)  # files beside the guest's that decide what runs


def workload_key(profile: BootProfile, tools: Sequence[ToolVersion]) -> str:
    """Stands for all that a boot is made of beside the kernel: workload, profile, tools."""
    package = Path(str(files("convert.verify.boot")))
    sources = [package / name for name in _HOST]
    sources += sorted((package / "guest").glob("*.py"))
    sources.append(template_root() / "boot" / "init.sh.j2")
    whole = hashlib.sha256(profile.model_dump_json().encode())
    for source in sources:
        whole.update(source.read_bytes())
    whole.update("\0".join(f"{tool.name} {tool.version}" for tool in tools).encode())
    return whole.hexdigest()[:16]


def load_boots(file: Path) -> tuple[Booted, ...] | None:
    """Boots that were kept; None if there are none or the file is damaged."""
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
        return tuple(Booted(**row) for row in rows)
    except (OSError, ValueError, TypeError):
        return None


def save_boots(file: Path, booted: Sequence[Booted]) -> None:
    """Keep the boots."""
    write_atomic(file, json.dumps([asdict(boot) for boot in booted]).encode())
