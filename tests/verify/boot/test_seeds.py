"""Sown faults are found by booting a real kernel; what is right stays silent.

`pytest -m boot tests/verify/boot`: Debian's linux-source-6.1, or the tree that KERNEL names. The
first run builds a kernel for some minutes, every fault takes two more.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from convert.tree.cache import cache_dir
from convert.verify.boot.checks import BootOutcome, BootRequest, boot_both, versions
from convert.verify.boot.profile import BootProfile, boot_profiles
from convert.verify.process import run
from scripts.boot import BRANCH, converted
from scripts.real import SUBJECT, find_kernel, mutter
from scripts.realkernel.kernels import IDENTITY, Kernel
from scripts.realkernel.subject import read_subject

pytestmark = pytest.mark.boot
SEEDS = tomllib.loads(Path(__file__).with_name("seeds.toml").read_text())["seed"]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    subject = read_subject(SUBJECT)
    found = find_kernel(os.environ.get("KERNEL"), cache_dir() / "real", subject)
    converted(found, subject, tmp_path_factory.mktemp("converted"))
    yield found


@pytest.fixture(scope="module")
def profile() -> BootProfile:
    return next(profile for profile in boot_profiles() if profile.filesystem == "xfs")


def booted(kernel: Kernel, profile: BootProfile, commit: str) -> BootOutcome:
    request = BootRequest(kernel.repository, kernel.base, commit, profile, cache=cache_dir())
    outcome = boot_both(request, versions(profile), mutter)
    assert isinstance(outcome, BootOutcome), outcome
    return outcome


def only(profile: BootProfile, name: str) -> BootProfile:
    """The profile with one phase alone."""
    boots = [
        boot.model_copy(update={"phase": phases})
        for boot in profile.boot
        if (phases := tuple(phase for phase in boot.phase if phase.name == name))
    ]
    assert boots, f"no phase {name}"
    return profile.model_copy(update={"boot": tuple(boots)})


def sow(kernel: Kernel, seed: Mapping[str, str], scratch: Path) -> str:
    """A commit on the converted branch with the fault; no branch or work tree is touched."""
    index = {"GIT_INDEX_FILE": str(scratch / "index"), **IDENTITY}

    def git(*words: str, stdin: str = "") -> str:
        done = run(["git", *words], kernel.repository, index, stdin, merge=False)
        assert done.code == 0, done.errors
        return done.output

    git("read-tree", BRANCH)
    text = git("cat-file", "blob", f":{seed['file']}")
    start = re.search(rf"^{seed['function']}\(", text, re.MULTILINE)
    assert start, f"no function {seed['function']}"
    end = text.index("\n}", start.start())
    body = text[start.start() : end]
    assert body.count(seed["old"]) == 1
    text = text[: start.start()] + body.replace(seed["old"], seed["new"]) + text[end:]
    blob = git("hash-object", "-w", "--stdin", stdin=text).strip()
    git("update-index", "--cacheinfo", f"100644,{blob},{seed['file']}")
    tree = git("write-tree").strip()
    return git("commit-tree", tree, "-p", BRANCH, "-m", seed["name"]).strip()


def test_the_conversion_shows_nothing_new(kernel: Kernel, profile: BootProfile) -> None:
    outcome = booted(kernel, profile, BRANCH)
    assert [str(finding) for finding in outcome.findings] == []
    assert all(phase.passed for phase in (*outcome.base.phases, *outcome.last.phases))


@pytest.mark.parametrize("seed", SEEDS, ids=[seed["name"] for seed in SEEDS])
def test_a_sown_fault_is_found(
    kernel: Kernel, profile: BootProfile, seed: Mapping[str, str], tmp_path: Path
) -> None:
    outcome = booted(kernel, only(profile, seed["phase"]), sow(kernel, seed, tmp_path))
    found = [str(finding) for finding in outcome.findings]
    assert any(seed["found"] in text for text in found), found


def test_the_guest_cannot_write_to_the_files_of_the_host(
    kernel: Kernel, profile: BootProfile, tmp_path: Path
) -> None:
    evil = tmp_path / "evil"
    (boot, *_) = only(profile, "v5").boot
    phase = replace(boot.phase[0], works=(f"?$ touch {evil}", "links:5"))
    boots = (boot.model_copy(update={"phase": (phase,)}),)
    outcome = booted(kernel, profile.model_copy(update={"boot": boots}), kernel.base)
    assert outcome.last.phases[-1].passed
    (note,) = outcome.last.phases[-1].notes
    assert "Read-only file system" in note
    assert not evil.exists()
