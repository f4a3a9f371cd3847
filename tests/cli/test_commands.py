"""The commands as a whole: all are there, each imports what it needs and no more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from convert.choices import SIMPLIFICATIONS
from convert.rules.simplify.stages import RULES
from tests.support import run

COMMANDS = (
    "apply", "assert", "contracts", "explain", "inventory", "report", "review", "scopes", "series",
    "verify",
)  # fmt: skip
SCRIPT = """
import sys
from convert.cli import main
try:
    main()
finally:
    print(*sorted(name for name in sys.modules if name.startswith("convert.")), file=sys.stderr)
"""


def test_the_help_lists_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, "--help").out
    listed = [line.split()[0] for line in text.split("Commands:\n")[1].splitlines()]
    assert tuple(listed) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, command, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: kmem-convert {command} ")


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "convert")
    assert ran.code == 2
    assert "No such command 'convert'" in ran.err


def test_the_simplifications_are_the_rules() -> None:
    assert tuple(rule.name for rule in RULES) == SIMPLIFICATIONS


def test_a_kept_plan_needs_nothing_that_makes_plans(plain: Path) -> None:
    words = [sys.executable, "-c", SCRIPT, "report", str(plain), "fs/minfs", "--format", "json"]
    imported = []
    for _ in range(2):
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), done.stderr
        imported.append(set(done.stderr.split()))
    heavy = {"convert.pipeline", "convert.rules.exact", "convert.semantics.interpreter.build"}
    assert heavy <= imported[0]
    assert not heavy & imported[1]
