"""Several filesystems have one result a commit; a kernel that does not build is a failure."""

from __future__ import annotations

import pytest

from convert.verify.boot.checks import NoKernel, results
from convert.verify.boot.together import together
from convert.verify.checks_model import (
    Checked,
    CheckFinding,
    CheckResult,
    Failed,
    NotRun,
    Passed,
    ToolVersion,
)
from tests.verify.boot.test_compare import PROFILE

OTHER = PROFILE.model_copy(update={"filesystem": "other"})
FINDING = CheckFinding("", None, "WARNING: x", "one")


@pytest.mark.parametrize(
    ("one", "two", "wanted"),
    [
        pytest.param(
            Passed("boot", 1, 2.0, "a", True, ("n",)),
            Passed("boot", 1, 3.0, "b", False),
            Passed("boot", 1, 5.0, "toy: a; other: b", False, ("n",)),
            id="both pass",
        ),
        pytest.param(
            Passed("boot", 1, 2.0, "a"),
            Failed("boot", 1, (FINDING,), 3.0, "b"),
            Failed("boot", 1, (FINDING,), 5.0, "toy: a; other: b"),
            id="one fails",
        ),
        pytest.param(
            Passed("boot", 1, 2.0, "a"),
            NotRun("boot", 1, "mkfs.other is missing", "otherprogs"),
            NotRun("boot", 1, "mkfs.other is missing", "otherprogs"),
            id="one is not run",
        ),
        pytest.param(
            NotRun("boot", 1, "mkfs.toy is missing"),
            Failed("boot", 1, (FINDING,), 3.0, "b"),
            Failed(
                "boot", 1, (FINDING,), 3.0, "other: b", False, ("not run: mkfs.toy is missing",)
            ),
            id="one is not run, one fails",
        ),
    ],
)
def test_two_filesystems_have_one_result(
    one: CheckResult, two: CheckResult, wanted: CheckResult
) -> None:
    tool = ToolVersion("gcc", "12")
    found = together((PROFILE, OTHER), (Checked((one,), (tool,)), Checked((two,), (tool,))), 1)
    assert found == Checked((wanted,), (tool,))


def test_one_filesystem_has_its_own_result() -> None:
    checked = Checked((Passed("boot", 1, 2.0),))
    assert together((PROFILE,), (checked,), 1) is checked


@pytest.mark.parametrize("of_base", [True, False], ids=["base", "commit"])
def test_a_kernel_that_does_not_build_is_a_failure(of_base: bool) -> None:
    first, *rest = results(NoKernel(of_base, ("a.c:1: error: x",), 4.0), 3)
    assert isinstance(first, Failed)
    assert (first.commit, [str(finding) for finding in first.findings]) == (
        0 if of_base else 3,
        ["a.c:1: error: x [UML]"],
    )
    assert [type(result) for result in rest] == ([NotRun] if of_base else [])
