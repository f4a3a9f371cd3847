"""Profiles of filesystems: those that come with the tool, and what is wrong with others."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from convert.errors import InputError
from convert.verify.boot.guest.plan import GuestPlan
from convert.verify.boot.guest.works import WORKS
from convert.verify.boot.profile import BootProfile, boot_profiles, profiles_for, read_profile

GOOD = """\
filesystem = "toy"
paths = ["fs/toy"]
enable = ["TOY_FS"]
disk_mb = [64]
fsck = ["fsck.toy", "{device}"]
tool = [{ command = "fsck.toy", package = "toyprogs" }]

[[boot]]
name = "main"
memory_mb = 256
seconds = 60
phase = [{ name = "one", works = ["links"] }]
"""


@pytest.mark.parametrize("profile", boot_profiles(), ids=lambda profile: profile.filesystem)
def test_every_phase_of_a_profile_can_be_run(profile: BootProfile) -> None:
    phases = [phase for boot in profile.boot for phase in boot.phase]
    names = [phase.name for phase in phases]
    assert len(names) == len(set(names))
    tools = {tool.command for tool in profile.tool} | {"xfs_scrub", "xfs_growfs"}
    for phase in phases:
        assert not phase.mkfs or phase.mkfs[0] in tools
        for work in (work.removeprefix("?") for work in phase.works):
            if work.startswith("$"):
                assert shlex.split(work[1:])[0] in tools
            else:
                name, _, amount = work.partition(":")
                assert name in WORKS
                assert not amount or int(amount) > 0


@pytest.mark.parametrize("profile", boot_profiles(), ids=lambda profile: profile.filesystem)
def test_a_plan_survives_the_way_to_the_guest(profile: BootProfile, tmp_path: Path) -> None:
    for boot in profile.boot:
        plan = GuestPlan(profile.filesystem, "/dev/ubda", "/mnt", boot.phase)
        plan.save(tmp_path / "plan.json")
        assert GuestPlan.load(tmp_path / "plan.json") == plan


@pytest.mark.parametrize(
    ("paths", "wanted"),
    [
        pytest.param(["fs/xfs"], ["xfs"], id="the folder"),
        pytest.param(["fs/xfs/libxfs/xfs_bmap.c"], ["xfs"], id="a file in it"),
        pytest.param(["fs/xfs/", "fs/jbd2/commit.c"], ["ext4", "xfs"], id="two filesystems"),
        pytest.param(["fs/xfsomething/a.c"], [], id="a name that starts alike"),
        pytest.param(["fs"], [], id="the folder above"),
        pytest.param([], [], id="nothing"),
    ],
)
def test_profiles_for(paths: list[str], wanted: list[str]) -> None:
    assert [profile.filesystem for profile in profiles_for(paths, boot_profiles())] == wanted


def test_a_good_profile(tmp_path: Path) -> None:
    file = tmp_path / "toy.toml"
    file.write_text(GOOD)
    (boot,) = read_profile(file).boot
    assert [phase.name for phase in boot.phase] == ["one"]
    assert boot.phase[0].fsck is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("seconds = 60", "", "boot.0.seconds", id="key missing"),
        pytest.param("seconds = 60", "second = 60", "boot.0", id="key misspelt"),
        pytest.param("works =", "work =", "boot.0.phase.0.work", id="key of a phase misspelt"),
        pytest.param("[64]", "[]", "disk_mb", id="no disk"),
        pytest.param("= 256", "= 2", "boot.0.memory_mb", id="too little memory"),
        pytest.param('name = "one"', 'name = "one", faults = "x"', "faults", id="faults"),
        pytest.param("[64]", '[64]\nexpected = ["("]', "expected: '\\('", id="bad expression"),
        pytest.param("[64]", "[64", r"toy\.toml: ", id="no TOML"),
    ],
)
def test_a_bad_profile_is_refused_by_name(tmp_path: Path, old: str, new: str, message: str) -> None:
    file = tmp_path / "toy.toml"
    file.write_text(GOOD.replace(old, new))
    with pytest.raises(InputError, match=message) as caught:
        read_profile(file)
    assert str(file) in str(caught.value)


def test_a_profile_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*none\.toml: No such file"):
        read_profile(tmp_path / "none.toml")
