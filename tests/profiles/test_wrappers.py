"""Which profiles of wrappers there are."""

from __future__ import annotations

import re

import pytest

from convert.errors import InputError
from convert.profiles.wrappers import load_profile, load_profiles


def test_all_profiles_of_wrappers_are_found() -> None:
    names = [profile.name for profile in load_profiles()]
    assert names == sorted(names) and names
    assert [load_profile(name).name for name in names] == names


@pytest.mark.parametrize("name", ["none", "locks", "../profiles/locks", ""])
def test_other_names_are_refused_with_those_that_exist(name: str) -> None:
    known = ", ".join(profile.name for profile in load_profiles())
    with pytest.raises(InputError, match=re.escape(f"no profile {name!r}; there are: {known}")):
        load_profile(name)
