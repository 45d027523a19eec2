"""Layout of a circuit drawing: layers from left to right with few crossings.

Every node is in a layer to the right of all nodes that it reads. A wire that passes through layers
takes a *lane* in each of them, so that no gate lies on it; all wires from one node share its lanes.
The vertices of each layer are then ordered for few crossings and moved to straighten the wires.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distributed_ib.studies.boolean.circuit import Circuit

PORT_SPACING = 0.3
BODY_WIDTH = 1.1
LEAD = 0.14  # straight piece of wire before and behind a gate

_LANE_WEIGHT = 20.0  # lanes are kept straight before gates are centred
_PASSES = 24


@dataclass(frozen=True)
class Vertex:
    """A place in a layer: an input, a gate, the label of the output, or a lane of a wire.

    Attributes:
        node: Name of the node; for a lane, of the node that drives the wire.
        layer: 0 for inputs, increasing to the right.
        kind: "input", "gate", "output" or "lane".
    """

    node: str
    layer: int
    kind: str


@dataclass(frozen=True)
class Layout:
    """A drawing's geometry, in units in which a gate is about one high.

    Attributes:
        x: Centre of each layer, from left to right.
        y: Vertical position of each vertex, increasing upwards.
        reads: For each vertex, the vertices in the previous layer that it reads, from top to bottom
            (one for every port of a gate, even if a gate reads a node twice).
    """

    x: tuple[float, ...]
    y: Mapping[Vertex, float]
    reads: Mapping[Vertex, tuple[Vertex, ...]]


def body_height(n_ports: int) -> float:
    """Height of a gate's body; gates with more ports get a straight bar beyond it."""
    return float(np.clip(PORT_SPACING * n_ports + 0.15, 0.85, 1.2))


def port_heights(n_ports: int) -> NDArray[np.float64]:
    """Heights `[n_ports]` of a gate's ports above its centre, from top to bottom."""
    return PORT_SPACING * ((n_ports - 1) / 2 - np.arange(n_ports, dtype=np.float64))


def lay_out(circuit: Circuit) -> Layout:
    """Position every input, gate and wire of a circuit."""
    reads = _vertices(circuit)
    layers = _ordered_layers(reads)
    y = _heights(layers, reads)
    top_down = {
        vertex: tuple(sorted(sources, key=lambda source: -y[source]))
        for vertex, sources in reads.items()
    }
    x = [0.0]
    for layer in layers[1:]:
        rise = max((abs(y[v] - y[s]) for v in layer for s in reads[v]), default=0.0)
        x.append(x[-1] + BODY_WIDTH + 2 * LEAD + float(np.clip(0.2 + 0.3 * rise, 0.4, 2.0)))
    return Layout(tuple(x), y, top_down)


def _vertices(circuit: Circuit) -> dict[Vertex, tuple[Vertex, ...]]:
    """All vertices, each with the vertices of the previous layer that it reads."""
    layer_of = dict.fromkeys(circuit.inputs, 0)
    for gate in circuit.sorted_gates:
        layer_of[gate.name] = 1 + max(layer_of[node] for node in gate.inputs)
    inputs = set(circuit.inputs)
    reads: dict[Vertex, tuple[Vertex, ...]] = {}

    def vertex_at(node: str, layer: int) -> Vertex:
        """The vertex that carries `node` in `layer`, with the lanes that lead there."""
        first = layer_of[node]
        start = Vertex(node, first, "input" if node in inputs else "gate")
        for passed in range(first + 1, layer + 1):
            lane = Vertex(node, passed, "lane")
            reads.setdefault(lane, (start,))
            start = lane
        return start

    for node in circuit.inputs:
        reads[Vertex(node, 0, "input")] = ()
    for gate in circuit.sorted_gates:
        layer = layer_of[gate.name]
        reads[Vertex(gate.name, layer, "gate")] = tuple(
            vertex_at(n, layer - 1) for n in gate.inputs
        )
    last = 1 + max(layer_of.values())
    reads[Vertex(circuit.output, last, "output")] = (vertex_at(circuit.output, last - 1),)
    return reads


def _ordered_layers(reads: Mapping[Vertex, Sequence[Vertex]]) -> list[list[Vertex]]:
    """The vertices of each layer from top to bottom, with few crossings.

    If every node is read once, a depth-first walk back from the output gives a drawing without
    crossings. If nodes are shared, it helps to put each vertex near the mean place of its
    neighbours and to exchange neighbours in a layer; the best order found is kept.
    """
    layers: list[list[Vertex]] = [[] for _ in range(1 + max(v.layer for v in reads))]
    seen: set[Vertex] = set()
    pending = sorted(reads, key=lambda v: v.layer)  # the output is last, so it is walked first
    while pending:
        vertex = pending.pop()
        if vertex not in seen:
            seen.add(vertex)
            layers[vertex.layer].append(vertex)
            pending.extend(reversed(reads[vertex]))

    readers = _readers(reads)
    best = [list(layer) for layer in layers]
    fewest = _crossings(best, reads)
    for sweep in range(_PASSES):
        if fewest == 0:
            break
        forward = sweep % 2 == 0
        near = reads if forward else readers
        place = {v: i for layer in layers for i, v in enumerate(layer)}
        for layer in layers if forward else reversed(layers):
            wanted = {v: _mean([place[n] for n in near[v]] or [place[v]]) for v in layer}
            layer.sort(key=wanted.__getitem__)
            place.update((v, i) for i, v in enumerate(layer))
        switched = [list(layer) for layer in layers]
        _switch_neighbours(switched, reads)
        crossings = _crossings(switched, reads)
        if crossings < fewest:
            fewest, best = crossings, switched
    return best


def _switch_neighbours(
    layers: Sequence[list[Vertex]], reads: Mapping[Vertex, Sequence[Vertex]]
) -> None:
    """Exchange adjacent vertices, in place, as long as this reduces the number of crossings."""
    readers = _readers(reads)
    place = {v: i for layer in layers for i, v in enumerate(layer)}

    def crossed(upper: Vertex, lower: Vertex) -> int:
        """Crossings between the wires of two vertices, `upper` above `lower`."""
        return sum(
            place[a] > place[b]
            for near in (reads, readers)
            for a in near[upper]
            for b in near[lower]
        )

    improved = True
    while improved:  # terminates, because every exchange leaves fewer crossings
        improved = False
        for layer in layers:
            for i in range(len(layer) - 1):
                upper, lower = layer[i], layer[i + 1]
                if crossed(lower, upper) < crossed(upper, lower):
                    layer[i], layer[i + 1] = lower, upper
                    place[upper], place[lower] = i + 1, i
                    improved = True


def _heights(
    layers: Sequence[Sequence[Vertex]], reads: Mapping[Vertex, Sequence[Vertex]]
) -> dict[Vertex, float]:
    """Height of every vertex: near its neighbours, in order, and without overlap in its layer."""
    readers = _readers(reads)
    offsets = {}
    y: dict[Vertex, float] = {}
    for layer in layers:
        half = np.array([_half_height(v, reads) for v in layer])
        offset = np.concatenate([[0.0], np.cumsum(half[:-1] + half[1:])])
        offsets[layer[0].layer] = offset
        y.update(zip(layer, (offset - offset.mean()).tolist(), strict=True))
    for number in range(_PASSES + 1):
        forward = number % 2 == 0
        near = reads if forward else readers
        for layer in layers if forward else reversed(layers):
            wanted = np.array([_mean([y[n] for n in near[v]] or [y[v]]) for v in layer])
            weight = np.array([_LANE_WEIGHT if v.kind == "lane" else 1.0 for v in layer])
            offset = offsets[layer[0].layer]
            placed = _non_decreasing(wanted - offset, weight) + offset
            y.update(zip(layer, placed.tolist(), strict=True))
    return {vertex: -height for vertex, height in y.items()}


def _half_height(vertex: Vertex, reads: Mapping[Vertex, Sequence[Vertex]]) -> float:
    """Half the height that a vertex needs in its layer."""
    if vertex.kind == "lane":
        return 0.14
    if vertex.kind != "gate":
        return 0.36
    n_ports = len(reads[vertex])
    return max(body_height(n_ports), PORT_SPACING * n_ports) / 2 + 0.14


def _readers(reads: Mapping[Vertex, Sequence[Vertex]]) -> dict[Vertex, list[Vertex]]:
    """For each vertex, the vertices of the next layer that read it."""
    readers: dict[Vertex, list[Vertex]] = {vertex: [] for vertex in reads}
    for vertex, sources in reads.items():
        for source in sources:
            readers[source].append(vertex)
    return readers


def _crossings(layers: Iterable[Sequence[Vertex]], reads: Mapping[Vertex, Sequence[Vertex]]) -> int:
    """Number of pairs of wires that cross."""
    layers = list(layers)
    place = {v: i for layer in layers for i, v in enumerate(layer)}
    total = 0
    for layer in layers:
        ends = np.array([(place[s], place[v]) for v in layer for s in reads[v]], dtype=np.int64)
        if len(ends):
            left, right = ends.T
            crossed = (left[:, None] < left) & (right[:, None] > right)
            total += int(crossed.sum())
    return total


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)  # a hundred times faster than np.mean for two values


def _non_decreasing(
    wanted: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weighted least-squares fit of non-decreasing values to `wanted` (pool adjacent violators).

    >>> _non_decreasing(np.array([1.0, 3.0, 1.0]), np.ones(3)).tolist()
    [1.0, 2.0, 2.0]
    """
    blocks: list[tuple[float, float, int]] = []  # (mean, weight, length)
    for value, mass in zip(wanted.tolist(), weight.tolist(), strict=True):
        block = (value, mass, 1)
        while blocks and blocks[-1][0] > block[0]:
            mean, other, length = blocks.pop()
            both = other + block[1]
            block = ((mean * other + block[0] * block[1]) / both, both, length + block[2])
        blocks.append(block)
    means = [block[0] for block in blocks]
    return np.repeat(means, [block[2] for block in blocks])
