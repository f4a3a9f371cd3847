"""What the simulation never reached though the call graph says it is live; inferred effects."""

from __future__ import annotations

from collections.abc import Iterator

from convert.flow.graph.model import Place
from convert.flow.scopes.code import Call
from convert.flow.scopes.engine import Engine
from convert.flow.scopes.held import Locks
from convert.flow.scopes.reach import Reach
from convert.flow.scopes.results import Coverage, InferredEffect
from convert.flow.scopes.setup import Program
from convert.flow.scopes.values import NEGATIVE, NONZERO, POSITIVE, ZERO


def coverage_of(program: Program, reach: Reach) -> Iterator[Coverage]:
    """Live functions that were never entered, and calls in entered ones that were never reached."""
    live = _live(program)
    relevant = program.summary.relevant
    for number in sorted(live):
        code = program.codes[number]
        if not relevant[number]:
            continue
        place = Place(code.routine.path, code.routine.item.line)
        nodes = reach.nodes.get(number)
        if not nodes:
            yield Coverage(place, f"{code.routine.key.name}()", _why_not_entered(number, program))
            continue
        instances = {node.instance for node in nodes}
        for index, call in code.calls():
            if any(instance.at(index) for instance in instances):
                continue
            if call.name is not None and not _matters(call, program):
                continue
            where = Place(code.routine.path, call.line)
            what = f"{call.name or 'indirect call'} in {code.routine.key.name}()"
            yield Coverage(where, what, "no path leads here under the facts that callers hand over")
    for refusal in program.graph.unparsed:
        yield Coverage(
            Place(refusal.path, refusal.line),
            refusal.name,
            f"could not be parsed ({refusal.construct}); what it calls counts as unscoped",
        )


def _matters(call: Call, program: Program) -> bool:
    return program.is_site(call) or any(
        program.summary.relevant[target] for target in program.targets(call)
    )


def _live(program: Program) -> set[int]:
    """The functions that roots reach in the call graph, whatever the facts."""
    found: set[int] = set()
    waiting = [n for key in program.graph.roots for n in program.numbers.get(key, ())]
    while waiting:
        number = waiting.pop()
        if number in found:
            continue
        found.add(number)
        for _, call in program.codes[number].calls():
            waiting += program.targets(call)
    return found


def _why_not_entered(number: int, program: Program) -> str:
    name = program.codes[number].routine.key.name
    for code in program.codes:
        for _, call in code.calls():
            if number in program.targets(call):
                place = Place(code.routine.path, call.line)
                return f"no path leads to the calls of {name}(), such as the one at {place}"
    return "nothing that was read calls it"


_RESULTS = {
    ZERO: "when it returns 0 or NULL",
    NEGATIVE: "when it returns an error",
    POSITIVE: "when it returns a valid pointer",
    NONZERO: "when it does not return 0",
    ZERO | POSITIVE: "when it returns no error",
    NEGATIVE | ZERO: "when it returns no valid pointer",
}


def effects_of(program: Program, engine: Engine) -> Iterator[InferredEffect]:
    """The functions that leave another scope behind than they found."""
    for number in sorted(engine.of_function):
        phrases: dict[str, None] = {}
        for instance in engine.of_function[number]:
            for (bits, mask), _ in instance.exits.items():
                for bit in bits:
                    if bit != "E" and not isinstance(bit, Locks):
                        when = _RESULTS.get(mask, "")
                        phrases[f"{_effect(bit)} {when}".strip()] = None
        if phrases:
            routine = program.codes[number].routine
            place = Place(routine.path, routine.item.line)
            yield InferredEffect(routine.key.name, place, "; ".join(sorted(phrases)))


def _effect(bit: object) -> str:
    if bit == "1":
        return "opens it"
    if bit == "0":
        return "closes it"
    if isinstance(bit, tuple):
        return f"restores it from {bit[1]}"
    return "leaves it in a state that is not known"
