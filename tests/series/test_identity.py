from __future__ import annotations

from pathlib import Path

import pytest

from convert.errors import InputError
from convert.series.identity import Identity, Signature, read_identity
from tests.tree.repos import new_repository


@pytest.mark.parametrize(
    ("environment", "author", "committer"),
    [
        pytest.param({}, "1700000000 +0100", "1700000000 +0100", id="as pinned"),
        pytest.param(
            {"SOURCE_DATE_EPOCH": "5"}, "1700000000 +0100", "1700000000 +0100", id="git's own wins"
        ),
        pytest.param(
            {"GIT_AUTHOR_DATE": "", "SOURCE_DATE_EPOCH": "5", "GIT_COMMITTER_DATE": ""},
            "5 +0000",
            "5 +0000",
            id="reproducible builds",
        ),
        pytest.param(
            {"GIT_COMMITTER_DATE": ""}, "1700000000 +0100", "1700000000 +0100", id="author's"
        ),
        pytest.param(
            {"GIT_COMMITTER_DATE": "1800000000 +0000"},
            "1700000000 +0100",
            "1800000000 +0000",
            id="both given",
        ),
    ],
)
def test_dates(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    author: str,
    committer: str,
) -> None:
    for name, value in environment.items():
        if value:
            monkeypatch.setenv(name, value)
        else:
            monkeypatch.delenv(name)
    assert read_identity(tmp_path) == Identity(
        Signature("Ada Author <ada@example.org>", author),
        Signature("Carl Committer <carl@example.org>", committer),
    )


def test_configuration_of_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = new_repository(tmp_path / "repo")
    for variable in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL"):
        monkeypatch.delenv(variable)
    repository.git("config", "user.name", "Zoë <z> Repo")
    repository.git("config", "user.email", "zoe@example.org")
    signature = read_identity(repository.path).author
    assert signature.person == "Zoë z Repo <zoe@example.org>"  # git drops the brackets
    assert signature.environment("AUTHOR") == {
        "GIT_AUTHOR_NAME": "Zoë z Repo",
        "GIT_AUTHOR_EMAIL": "zoe@example.org",
        "GIT_AUTHOR_DATE": "@1700000000 +0100",
    }


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        pytest.param("GIT_AUTHOR_NAME", "", "author is .*run git config", id="empty name"),
        pytest.param("GIT_COMMITTER_NAME", "", "committer is .*run git", id="committer"),
        pytest.param("GIT_AUTHOR_DATE", "yesterdaze", "invalid date format", id="bad date"),
    ],
)
def test_what_git_does_not_accept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=reason):
        read_identity(tmp_path)


def test_bad_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GIT_AUTHOR_DATE")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "soon")
    with pytest.raises(InputError, match="SOURCE_DATE_EPOCH is 'soon'"):
        read_identity(tmp_path)


def test_never_guessed_from_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GIT_AUTHOR_EMAIL")
    with pytest.raises(InputError, match="no email was given"):
        read_identity(tmp_path)
