"""Symbols, boxes, formulas and their texts, without a model."""

import itertools
import json
import random
from collections.abc import Sequence
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from distributed_ib.data.target import Target
from distributed_ib.errors import UserError
from distributed_ib.plots import plot_readable
from distributed_ib.readable._agglomerate import merge_path
from distributed_ib.readable._boxes import as_bits, assigned, box_path, boxes_of
from distributed_ib.readable._cells import Mixing
from distributed_ib.readable._choosing_table import Table, simplified
from distributed_ib.readable._estimates import ratio_of_means
from distributed_ib.readable._moved_values import with_moved_values
from distributed_ib.readable._names import unknown_names
from distributed_ib.readable._rows import Fold, Reported, Rows
from distributed_ib.readable.atoms import Atoms, shortest_between
from distributed_ib.readable.boolean_logic import inputs_of, minimal_terms
from distributed_ib.readable.readable_approximation import ReadableApproximation
from distributed_ib.readable.table_making import InUse, read_rows, share_interval


def information_bits(p: np.ndarray, weight: np.ndarray) -> float:
    """I(S;Y) of symbols with predictions `p` `[symbol, class]` and shares `weight`."""

    def entropy(q: np.ndarray) -> np.ndarray:
        return -(q * np.log2(np.maximum(q, 1e-300))).sum(axis=-1)

    return float(entropy(weight @ p) - weight @ entropy(p))


def test_all_merges_together_lose_all_information() -> None:
    rng = np.random.default_rng(0)
    p, weight = rng.dirichlet([1, 1, 1], 9), rng.dirichlet(np.ones(9))
    for is_number in (False, True):
        path = merge_path(p[:, None], weight, is_number=is_number)
        assert sum(path.loss_bits) == pytest.approx(information_bits(p, weight))
        assert [int(labels.max()) for labels in path.labels] == list(range(9))


def test_levels_that_predict_the_same_are_merged_before_all_others() -> None:
    group = np.array([0, 1, 2, 0, 1, 2, 2, 1, 0, 0, 1, 2])
    p = np.array([[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]])[group]
    path = merge_path(p[:, None], np.full(12, 1 / 12), is_number=False)
    found = path.labels[2]
    assert all(
        (found[a] == found[b]) == (group[a] == group[b]) for a in range(12) for b in range(12)
    )


def test_values_whose_effect_depends_on_the_context_are_kept_apart() -> None:
    # y = a xor b: averaged over b, both values of a predict one half.
    p = np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]])
    assert merge_path(p, np.full(2, 0.5), is_number=False).loss_bits[0] == pytest.approx(1.0)


def test_far_values_of_a_number_may_be_one_symbol() -> None:
    night = np.isin(np.arange(24), [0, 1, 2, 3, 4, 5, 6, 23])
    p = np.where(night, 0.1, 0.8)
    path = merge_path(np.stack([p, 1 - p], 1)[:, None], np.full(24, 1 / 24), is_number=True)
    hours = Atoms.of_numbers("hour", np.arange(24.0))
    members = set(np.flatnonzero(path.labels[1] == path.labels[1][0]).tolist())
    assert hours.text(members) == "0-6, 23"


def test_cuts_are_short_numbers_that_part_the_rows() -> None:
    rng = np.random.default_rng(0)
    for values in (rng.normal(5, 2, 500), rng.lognormal(0, 3, 500), 1e9 + rng.random(300)):
        atoms = Atoms.of_numbers("x", values, most=10)
        codes = atoms.codes(values)
        order = np.argsort(values)
        assert (np.diff(codes[order]) >= 0).all()
        assert np.bincount(codes).min() > 0.5 * len(values) / 10
    assert shortest_between(12.962, 13.051) == 13.0


@pytest.mark.parametrize("seed", range(8))
def test_no_combination_is_in_two_boxes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_symbols = np.array([3, 2, 4])
    every = np.array(list(itertools.product(*map(range, n_symbols))))
    occur = every[rng.choice(len(every), 15, replace=False)]
    bits = as_bits(occur, n_symbols)
    path = box_path(bits, np.full(15, 1 / 15), rng.dirichlet([1, 1], 15))
    assert len(path.labels) > 5
    for labels in path.labels.values():
        boxes = boxes_of(bits, labels)
        holds = (bits[:, None] & ~boxes[None, :]) == 0
        assert (holds.sum(axis=1) == 1).all()
        assert assigned(bits, boxes).tolist() == labels.tolist()


@pytest.mark.parametrize("seed", range(8))
def test_simpler_words_say_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    symbols = tuple(np.sort(rng.integers(0, n, 9)) for n in (3, 2, 4))
    symbols = tuple(np.unique(labels, return_inverse=True)[1] for labels in symbols)
    rows = Rows(
        rng.integers(0, 9, (200, 3)), np.zeros((200, 1), int), np.ones(200), None, np.ones(200)
    )
    mixing = Mixing(1.0, np.eye(2))
    table = Table.of(symbols, np.zeros(0, np.uint64), mixing)
    bits = np.unique(table.combinations(rows.atoms))
    path = box_path(bits, np.ones(len(bits)), rng.dirichlet([1, 1], len(bits)))
    n_boxes = min(n for n in path.labels if n >= 3)
    table = replace(table, boxes=boxes_of(bits, path.labels[n_boxes]))
    simple = simplified(table, rows)
    before = assigned(table.combinations(rows.atoms), table.boxes)
    assert assigned(simple.combinations(rows.atoms), simple.boxes).tolist() == before.tolist()
    assert all(a.max() <= b.max() for a, b in zip(simple.symbols, table.symbols, strict=True))


def test_minimal_formulas_are_their_truth_tables() -> None:
    chosen = random.Random(0)
    for n in (1, 2, 3, 4):
        functions = (
            range(1 << (1 << n)) if n <= 2 else (chosen.getrandbits(1 << n) for _ in range(60))
        )
        for function in functions:
            rows = [row for row in range(1 << n) if function >> row & 1]
            terms = minimal_terms(n, rows)
            found = [r for r in range(1 << n) if any(r & care == value for care, value in terms)]
            assert found == rows
            for term in terms:  # no term is redundant
                others = [t for t in terms if t != term]
                assert any(all(r & care != value for care, value in others) for r in rows)


def test_parity_takes_all_its_terms_and_all_its_inputs() -> None:
    rows = [row for row in range(16) if row.bit_count() % 2]
    terms = minimal_terms(4, rows)
    assert len(terms) == 8
    assert inputs_of(terms, "abcd") == ("a", "b", "c", "d")


def test_the_error_of_a_ratio_is_that_of_new_rows() -> None:
    rng = np.random.default_rng(0)

    def rows() -> tuple[np.ndarray, np.ndarray]:
        below = rng.normal(1.0, 1.0, 400)
        return 0.8 * below + rng.normal(0, 0.5, 400), below

    values = [ratio_of_means(*rows(), np.ones(400)) for _ in range(400)]
    scatter = np.std([one.value for one in values])
    assert np.mean([one.error for one in values]) == pytest.approx(scatter, rel=0.1)


def test_share_intervals_have_90_percent_coverage() -> None:
    # The coverage varies with the share, as counts are discrete; its average is the level.
    rng = np.random.default_rng(0)
    shares = rng.uniform(0, 1, 4000)
    counts = rng.binomial(40, shares)
    ends = np.array([share_interval(int(k), 40) for k in counts])
    assert np.mean((ends[:, 0] <= shares) & (shares <= ends[:, 1])) == pytest.approx(0.9, abs=0.02)


def test_symbols_that_are_no_longer_in_use_leave_no_trace() -> None:
    # The last of four symbols was joined to the third, but still has its bit in the boxes.
    atoms = np.array([[0, 0], [1, 0], [2, 0], [3, 0]])
    rows = Rows(atoms, np.zeros((4, 1), int), np.ones(4), None, np.ones(4))
    symbols = (np.array([0, 1, 2, 2]), np.array([0]))
    boxes = np.array([0b10011, 0b11100], np.uint64)
    simple = simplified(Table(symbols, boxes, Mixing(1.0, np.eye(2)), (4, 1)), rows)
    assert [labels.tolist() for labels in simple.symbols] == [[0, 0, 1, 1], [0]]
    assert assigned(simple.combinations(rows.atoms), simple.boxes).tolist() == [0, 0, 1, 1]


GROUP = np.array([0, 1, 2, 0, 1, 2, 2, 1, 0, 0, 1, 2])


def rows_of_levels(chance: Sequence[float], seed: int) -> Rows:
    """1,000 rows of twelve levels in three groups, each with its own probability of Y = 1."""
    rng = np.random.default_rng(seed)
    level = rng.integers(0, 12, 1000)
    y = (rng.random(1000) < np.array(chance)[GROUP[level]]).astype(int)
    share = np.bincount(y) / 1000
    return Rows(level[:, None], y[:, None], np.ones(1000), None, -np.log2(share[y]))


def moved(labels: NDArray[np.int64], rows: Rows) -> NDArray[np.int64]:
    """The symbols of twelve levels, after levels were moved to fit the rows."""
    table = Table.of((labels,), np.array([1, 2, 4], np.uint64), Mixing(1.0, np.eye(2)))
    model = np.full((1000, 2), 0.5)
    return with_moved_values(table, [0], rows, model).symbols[0]


@pytest.mark.parametrize("level", range(12))
def test_a_level_that_is_in_the_wrong_symbol_goes_where_the_rows_say(level: int) -> None:
    wrong = GROUP.copy()
    wrong[level] = (wrong[level] + 1) % 3
    assert moved(wrong, rows_of_levels([0.05, 0.5, 0.95], level)).tolist() == GROUP.tolist()


def test_levels_that_tell_nothing_stay_where_they_are() -> None:
    changes = [
        int((moved(GROUP, rows_of_levels([0.5, 0.5, 0.5], seed)) != GROUP).sum())
        for seed in range(20)
    ]
    assert np.mean(changes) < 0.5


# A whole table from invented predictions --------------------------------------------------------


def made_up(n: int = 3000, seed: int = 0, scale: float = 1.0) -> ReadableApproximation:
    """A table of soft predictions for a y that depends on three groups of levels and on x > 0.3.

    The known bits of the approximation are `scale` times those of the predictions.
    """
    rng = np.random.default_rng(seed)
    group = np.array([0, 1, 2, 0, 1, 2, 2, 1, 0, 0, 1, 2])
    level, x = rng.integers(0, 12, n), rng.uniform(0, 1, n)
    chance = np.array([0.05, 0.5, 0.9])

    def likely(level: np.ndarray, x: np.ndarray, width: float) -> np.ndarray:
        high = 1 / (1 + np.exp(-(x - 0.3) / width)) if width else (x > 0.3)
        p = np.abs(high - chance[group[level]])
        return np.stack([1 - p, p], axis=-1)

    y = (rng.random(n) < likely(level, x, 0.0)[:, 1]).astype(int)
    soft = likely(level, x, 0.08)
    levels = Atoms.of_levels("level", [f"L{k}" for k in range(12)])
    numbers = Atoms.of_numbers("x", x)
    atoms = np.stack([level, numbers.codes(x)], axis=1)
    share = np.bincount(y) / n
    rows = Rows(atoms, y[:, None], np.ones(n), None, -np.log2(share[y]))
    train, choose, report = np.split(np.arange(n), [n // 2, 3 * n // 4])
    known = scale * (rows.marginal_bits + np.log2(soft[np.arange(n), y]))
    middle = np.array([x[atoms[:, 1] == k].mean() for k in range(numbers.n_atoms)])
    drawn = rng.integers(0, n, 40)
    paths = [
        merge_path(
            likely(np.arange(12)[:, None], x[drawn][None], 0.08), np.ones(12), is_number=False
        ),
        merge_path(
            likely(level[drawn][None], middle[:, None], 0.08),
            np.bincount(atoms[:, 1]).astype(float),
            is_number=True,
        ),
    ]
    part = [
        Rows(atoms[which], y[which, None], np.ones(len(which)), None, rows.marginal_bits[which])
        for which in (np.concatenate([train, choose]), report)
    ]
    fold = Fold(train, choose, soft[np.concatenate([train, choose])], known[choose])
    return read_rows(
        [InUse(levels, 1.0), InUse(numbers, 0.8)],
        paths,
        part[0],
        [fold],
        Reported(part[1], known[report], known[report], "held-out rows"),
        Target.fit(np.where(y == 1, "yes", "no")),
        beta=0.1,
        total_bits=1.8,
        max_rows=32,
    )


@pytest.fixture(scope="module")
def table() -> ReadableApproximation:
    return made_up()


def test_groups_of_levels_and_a_cut_are_found(table: ReadableApproximation) -> None:
    level = next(one for one in table.components if one.name == "level")
    group = np.array([0, 1, 2, 0, 1, 2, 2, 1, 0, 0, 1, 2])
    wanted = {tuple(f"L{k}" for k in np.flatnonzero(group == g)) for g in range(3)}
    assert {symbol.values for symbol in level.symbols} == wanted
    x = next(one for one in table.components if one.name == "x")
    (low, high) = x.symbols[0].intervals[0]
    assert low is None
    assert high is not None
    assert abs(high - 0.3) < 0.02


def test_the_table_keeps_more_than_soft_predictions_know(table: ReadableApproximation) -> None:
    assert 5 <= len(table.rows) <= 6
    assert table.kept_share > 1
    assert sum(row.share for row in table.rows) == pytest.approx(1.0)
    assert table.n_reported == 750


def test_negligible_known_bits_have_no_kept_share() -> None:
    # For example the remainder of channels that never close completely: 0.000 +- 0.000 bits.
    table = made_up(scale=1e-5)
    assert table.known_bits > 2 * table.known_error_bits
    assert np.isnan(table.kept_share) and "% of that" not in table.to_text()


def test_a_table_in_json_is_the_same_table(table: ReadableApproximation) -> None:
    text = json.dumps(table.to_dict(), allow_nan=False)
    assert ReadableApproximation.from_dict(json.loads(text)) == table


@pytest.mark.parametrize("damage", [{}, {"rows": 3}, {"components": []}, {"classes": None}, []])
def test_invalid_descriptions_of_tables_are_refused(
    table: ReadableApproximation, damage: object
) -> None:
    found = {**table.to_dict(), **damage} if damage and isinstance(damage, dict) else damage
    with pytest.raises(UserError, match="description of a readable table"):
        ReadableApproximation.from_dict(found)


def test_names_of_symbols_are_the_users(table: ReadableApproximation) -> None:
    x = next(one for one in table.components if one.name == "x").symbols
    named = table.named({"x": {x[0].text: "low", x[1].text: "high"}})
    assert "low" in named.to_text()
    assert f"low: {x[0].text}" in named.to_text()  # its meaning is given below the table
    with pytest.raises(UserError, match="named 'same'"):
        table.named({"x": {symbol.text: "same" for symbol in x}})
    sentences = unknown_names(table, {"x": {"< 9": "a"}, "z": {"1": "a"}})
    assert "no symbol '< 9'" in sentences[0]
    assert "component 'z' is not in this table" in sentences[1]


def test_hostile_names_are_plain_text_everywhere(table: ReadableApproximation) -> None:
    components = tuple(replace(one, name="a|b <i>\n50 % $_{x}") for one in table.components)
    hostile = replace(table, components=components)
    assert "| a\\|b &lt;i> 50 % $_{x} |" in hostile.to_markdown()
    comment, *lines = hostile.to_latex().splitlines()
    assert comment.startswith("%")
    head = next(line for line in lines if "a|b" in line)
    assert r"a|b $<$i$>$ 50 \% \$\_\{x\}" in head


def test_all_formats_have_all_rows(table: ReadableApproximation) -> None:
    n = len(table.rows)
    frame = table.to_frame()
    assert len(frame) == n
    assert np.allclose(frame["probability of no"] + frame["probability of yes"], 1.0)
    assert table.to_markdown().count("\n|") == n + 2
    assert table.to_latex().count(r"\\") == n + 1
    assert f"{table.n_reported} held-out rows" in table.to_text()


def test_a_figure_shows_every_row_on_the_axes_that_were_given(table: ReadableApproximation) -> None:
    _, ax = plt.subplots()
    assert plot_readable(table, ax) is ax
    texts = [text.get_text() for text in ax.texts]
    assert all(component.name in texts for component in table.components)
    drawn = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    bars = [patch for patch in drawn if patch.get_height() == pytest.approx(0.7)]
    assert len(bars) == len(table.rows) * len(table.classes)
    widths = np.array([patch.get_width() for patch in bars]).reshape(len(table.rows), -1)
    probabilities = [row.predictions[0].probabilities for row in table.rows]
    assert np.allclose(widths / widths.sum(axis=1, keepdims=True), probabilities)
    with pytest.raises(UserError, match="at most 32"):
        plot_readable(replace(table, rows=table.rows * 12), ax)
    plt.close("all")
