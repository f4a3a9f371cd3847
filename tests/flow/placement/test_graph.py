"""The graph of ways, read and numbered."""

from __future__ import annotations

from convert.flow.placement.graph import read_graph
from tests.flow.placement.programs import Toy


def test_recursive_functions_reach_the_same() -> None:
    """What one of them reaches, all of them do, whichever the search meets first."""
    graph = read_graph(Toy({"f": "g", "g": "h $s", "h": "i $t", "i": "g j %p", "j": "$u"}))
    reached = {
        graph.nodes[number].function.name: bits.bit_count()
        for number, bits in enumerate(graph.exposed)
    }
    assert reached == {"f": 4, "g": 4, "h": 4, "i": 4, "j": 1}


def test_open_places_are_not_exposed() -> None:
    graph = read_graph(Toy({"f": "( %p ) %q"}))
    assert [
        sink.line for sink in graph.sinks if graph.exposed[0] >> graph.sinks.index(sink) & 1
    ] == [104]
