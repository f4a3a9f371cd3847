"""A scope proof in words: for reasons, evidence, reports and commit messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from convert.flow.scopes.model import Chain, Opener, ScopeEvidence, Verdict

_MOST = 3


def chain_words(chain: Chain) -> str:
    """A chain in one line: the root, then ``function@line`` down to the place."""
    steps = " > ".join(str(frame) for frame in chain.frames)
    return f"{root_words(chain)}: {steps}"


def root_words(chain: Chain) -> str:
    """Why the outside can start the first function of a chain."""
    root = chain.root
    detail = f" ({root.detail})" if root.detail else ""
    return f"{root.kind.value}{detail} at {root.place}"


def opener_words(openers: Iterable[Opener], most: int = _MOST) -> str:
    """What opens the scope: the called names, the commonest first, with one place each."""
    listed = list(openers)
    counts = Counter(opener.text for opener in listed)
    rows = []
    for text, number in counts.most_common(most):
        first = min(
            (opener for opener in listed if opener.text == text),
            key=lambda opener: (opener.place.path, opener.place.line),
        )
        more = f" and {number - 1} more" if number > 1 else ""
        rows.append(f"{call_words(text)} at {first.place}{more}")
    rest = len(counts) - most
    if rest > 0:
        rows.append(f"{rest} more")
    return ", ".join(rows)


def call_words(text: str) -> str:
    """The name of what is called, with parentheses."""
    name = text.split("(")[0].strip()
    return f"{name}()"


def why_words(evidence: ScopeEvidence) -> str:
    """Why a verdict does not allow a conversion, with the witness."""
    heads = {
        Verdict.MIXED: "the scope is open on some paths only",
        Verdict.UNSCOPED: "no path has the scope open",
        Verdict.DEAD: "no root reaches it, so nothing is known of its callers",
        Verdict.UNKNOWN: "whether the scope is open is not known",
        Verdict.PROVEN: "the scope is open on every path",
    }
    words = heads[evidence.verdict]
    if evidence.reason and evidence.verdict in (Verdict.UNKNOWN, Verdict.DEAD):
        words += f": {evidence.reason}"
    if evidence.witness is not None and evidence.verdict is not Verdict.PROVEN:
        words += f"; without it: {chain_words(evidence.witness)}"
    return words


def evidence_lines(evidence: ScopeEvidence) -> tuple[str, ...]:
    """The evidence as lines of a report."""
    lines = [f"scope {evidence.scope}: {evidence.verdict.value}"]
    chains = evidence.covered is not None or evidence.witness is not None
    if evidence.reason and (evidence.verdict is Verdict.UNKNOWN or not chains):
        lines.append(evidence.reason)  # else the chains say it
    if evidence.openers:
        lines.append(f"opened by {opener_words(evidence.openers)}")
    if evidence.covered is not None:
        lines.append(f"with the scope open: {chain_words(evidence.covered)}")
    if evidence.witness is not None:
        lines.append(f"without it: {chain_words(evidence.witness)}")
    if evidence.axioms:
        lines.append(f"axioms: {', '.join(evidence.axioms)}")
    return tuple(lines)
