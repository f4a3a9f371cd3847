"""Locks that one task takes and another one releases: they do not count as held."""

from __future__ import annotations

from convert.flow.graph.model import RootKind
from convert.flow.scopes.prove import Proof

# Workers, and what ends I/O: those that locks are handed to.
_TAKERS_OVER = (RootKind.WORK, RootKind.THREAD, RootKind.COMPLETION, RootKind.TIMER)


def handed_over(proof: Proof) -> frozenset[str]:
    """Locks that only workers release: who takes one hands it to them.

    Only semaphores and the like may be released by another task than the one that took them
    (include/linux/semaphore.h); no task returns to user space with a lock of its own held.
    """
    engine = proof.engine
    assert engine.locks is not None
    handed: set[str] = set()
    for code in proof.program.codes:
        for _, call in code.calls():
            for done in engine.locks.calls.get(call.name or "", ()):
                if done.other_task:
                    handed.add(done.lock(code, call)[0])
    tasks = _run_by_tasks(proof)
    released = {
        name
        for number, instances in engine.of_function.items()
        if number in tasks
        for instance in instances
        for bits, _ in instance.exits
        for name, *_ in bits[-1].freed
    }
    left = {
        name
        for instance, _ in proof.starts
        for bits, _ in instance.exits
        for name in ({held.name for held in bits[-1].held}.union(*bits[-1][3:]))
    }
    return frozenset(left & handed - released)


def _run_by_tasks(proof: Proof) -> set[int]:
    """The functions that something other than a worker or the end of I/O runs."""
    waiting = [one.function.number for one, root in proof.starts if root.kind not in _TAKERS_OVER]
    found = set(waiting)
    while waiting:
        for _, call in proof.program.codes[waiting.pop()].calls():
            new = [target for target in proof.program.targets(call) if target not in found]
            found.update(new)
            waiting += new
    return found
