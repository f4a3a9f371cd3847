"""Reads ``corpus/contracts``: what each wrapper call promises, for the interpreter to find out."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from convert.semantics.model import Contract
from tests.corpus.cases import CORPUS

CONTRACTS = CORPUS / "contracts"


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    call: str
    promises: list[str]
    context: str = "0"


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    header: str
    source: str
    contracts: list[_Row]


@dataclass(frozen=True)
class Promise:
    """A call as C, the task's flags while it runs (C, ``0`` for none), and its contract."""

    call: str
    context: str
    contract: Contract

    @property
    def words(self) -> str:
        """The promises that hold, in alphabetical order."""
        names = sorted(vars(self.contract))
        return " ".join(name for name in names if getattr(self.contract, name))


@dataclass(frozen=True)
class FamilyContracts:
    """The contracts of a wrapper family; ``header`` and ``source`` are paths below the corpus."""

    name: str
    header: str
    source: str
    promises: tuple[Promise, ...]


def read_contracts(path: Path) -> FamilyContracts:
    """One file. Raises pydantic's ValidationError for a wrong key, ValueError for a wrong word."""
    keys = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    names = set(vars(Contract()))
    promises = []
    for row in keys.contracts:
        if unknown := set(row.promises) - names:
            raise ValueError(f"{path.name}: {row.call}: no promise is called {min(unknown)}")
        contract = Contract(**{name: name in row.promises for name in names})
        promises.append(Promise(row.call, row.context, contract))
    return FamilyContracts(path.stem, keys.header, keys.source, tuple(promises))


def load_contracts() -> tuple[FamilyContracts, ...]:
    """All families, by name."""
    return tuple(read_contracts(path) for path in sorted(CONTRACTS.glob("*.toml")))
