"""Drawings of circuits: they are complete, without overlaps or unnecessary crossings of wires."""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

import matplotlib
import pytest

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.colors import to_hex
from matplotlib.patches import PathPatch

from distributed_ib.errors import UserError
from distributed_ib.studies.boolean import (
    Circuit,
    Gate,
    circuit_from_expression,
    paper_circuit,
    plot_circuit,
    random_circuit,
)
from distributed_ib.studies.boolean._circuit_layout import Layout, lay_out

SHARED = circuit_from_expression(
    "(~a & (b ^ c)) | ((b ^ c) & ~(d | e | f | a | g | h | k)) ^ ~(a & d)", name="shared"
)
NEGATED = Circuit(
    ("a", "b", "c"),
    (
        Gate("n", "NAND", ("a", "b")),
        Gate("m", "NOR", ("n", "c", "a")),
        Gate("p", "XNOR", ("n", "m")),
        Gate("q", "NOT", ("p",)),
        Gate("Y", "XOR", ("q", "n", "b", "c", "m")),
    ),
    "Y",
    "negated",
)
CIRCUITS = [
    paper_circuit(),
    random_circuit(2, seed=5),
    random_circuit(16, seed=3),
    random_circuit(20, seed=5),
    SHARED,
    NEGATED,
    Circuit(("a", "b"), (), "b", "no gates"),
    Circuit(("a",), (Gate("Y", "XOR", ("a", "a")),), "Y", "one node twice"),
    Circuit(("a", "b"), (Gate("g", "OR", ("a", "b")), Gate("h", "NOT", ("g",))), "g", "dead gate"),
    Circuit(("$x$", "a"), (Gate("Y", "OR", ("$x$", "a")),), "Y", "no mathematics"),
]


@pytest.fixture(autouse=True)
def _closed_figures() -> Iterator[None]:
    yield
    plt.close("all")


def crossings(layout: Layout) -> int:
    """Pairs of wires between the same two layers whose ends are in opposite orders."""
    wires = [(source, vertex) for vertex, sources in layout.reads.items() for source in sources]
    return sum(
        (layout.y[a] - layout.y[c]) * (layout.y[b] - layout.y[d]) < 0
        for (a, b), (c, d) in combinations(wires, 2)
        if a.layer == c.layer
    )


@pytest.mark.parametrize("circuit", CIRCUITS, ids=lambda circuit: circuit.name)
def test_every_name_and_gate_is_there_and_no_text_overlaps(circuit: Circuit) -> None:
    ax = plot_circuit(circuit)
    ax.figure.canvas.draw()
    expected = Counter([*circuit.inputs, *(gate.op for gate in circuit.gates), circuit.output])
    assert Counter(text.get_text() for text in ax.texts) == expected
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    frame = ax.get_window_extent()
    assert all(frame.x0 <= b.x0 and b.x1 <= frame.x1 for b in boxes)
    assert all(frame.y0 <= b.y0 and b.y1 <= frame.y1 for b in boxes)


@pytest.mark.parametrize("circuit", CIRCUITS, ids=lambda circuit: circuit.name)
def test_wires_run_right_and_vertices_keep_apart(circuit: Circuit) -> None:
    layout = lay_out(circuit)
    assert list(layout.x) == sorted(layout.x)
    for vertex, sources in layout.reads.items():
        assert all(source.layer == vertex.layer - 1 for source in sources)
    for one, other in combinations(layout.y, 2):
        if one.layer == other.layer:
            room = 0.8 if {one.kind, other.kind} == {"gate"} else 0.27
            assert abs(layout.y[one] - layout.y[other]) >= room


@pytest.mark.parametrize("seed", range(8))
def test_circuits_that_read_each_node_once_have_no_crossings(seed: int) -> None:
    assert crossings(lay_out(random_circuit(4 + 2 * seed, seed))) == 0
    assert crossings(lay_out(paper_circuit())) == 0


def test_shared_nodes_cross_little() -> None:
    assert crossings(lay_out(SHARED)) <= 3


def test_colours_reach_names_and_wires_of_the_inputs() -> None:
    colors = {f"X{i}": to_hex(plt.get_cmap("tab10")(i)) for i in range(9)}  # X9 left out
    ax = plot_circuit(paper_circuit(), colors={**colors, "no input": "red"})
    names = {text.get_text(): text for text in ax.texts}
    wires = {to_hex(p.get_edgecolor()) for p in ax.patches if isinstance(p, PathPatch)}
    for name, color in colors.items():
        assert to_hex(names[name].get_color()) == color
        assert color in wires
    assert names["X9"].get_color() == names["Y"].get_color()


def test_given_axes_are_used_and_text_fits_them() -> None:
    figure, axes = plt.subplots(1, 2, figsize=(9, 3))
    assert plot_circuit(paper_circuit(), ax=axes[1]) is axes[1]
    assert not axes[0].texts
    assert len(plt.get_fignums()) == 1
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in axes[1].texts]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    assert all(float(text.get_fontsize()) < 12 for text in axes[1].texts)


def test_long_names_are_cut() -> None:
    name = "temperature_of_the_outer_wall"
    circuit = Circuit((name, "b"), (Gate("Y", "AND", (name, "b")),), "Y")
    labels = [text.get_text() for text in plot_circuit(circuit).texts]
    assert "temperature_of_the_oute…" in labels


def test_the_same_circuit_is_drawn_the_same() -> None:
    assert lay_out(SHARED) == lay_out(SHARED)


def test_too_large_circuits_are_refused() -> None:
    gates = [Gate("g0", "NOT", ("a",))]
    gates += [Gate(f"g{i}", "NOT", (f"g{i - 1}",)) for i in range(1, 101)]
    with pytest.raises(
        UserError, match="has 101 gates and 1 inputs; drawings are limited to 100 of each"
    ):
        plot_circuit(Circuit(("a",), tuple(gates), "g100"))
