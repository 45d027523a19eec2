"""The pool of a table on disk: which rows it contains and draws, and when they are replaced."""

from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import pytest
from scipy.stats import chi2

from big_tables import frame, pool_of, streamed, write
from distributed_ib.data.pool_batches import PoolBatches
from distributed_ib.data.refresh_schedule import RefreshSchedule
from distributed_ib.data.row_group_pool import RowGroupPool
from distributed_ib.data.streamed_statistics import StreamedTable, measured_rows_of
from distributed_ib.errors import UserError
from distributed_ib.training._fingerprint import describe

N_ROWS = 1200


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> StreamedTable:
    """1,200 rows sorted by Y, in row groups of 70 with a smaller one at the end of a file."""
    folder = tmp_path_factory.mktemp("big")
    return streamed(write(folder, frame(N_ROWS), row_group_size=70))


def batches(pool: RowGroupPool, n_repeats: int = 2, seed: int = 5) -> PoolBatches:
    """A source whose repeats have no measured row in common."""
    rows = [np.arange(25 * k, 25 * (k + 1)) for k in range(n_repeats)]
    return PoolBatches(pool, rows, 32, seed=seed, steps_per_transfer=256)


def test_measured_rows_are_a_uniform_sample_and_always_the_same() -> None:
    rows = measured_rows_of(1_000_000, 20_000)
    np.testing.assert_array_equal(rows, measured_rows_of(1_000_000, 20_000))
    assert len(np.unique(rows)) == 20_000 and rows.max() < 1_000_000
    counts = np.bincount(rows // 100_000, minlength=10)
    assert ((counts - 2000) ** 2 / 2000).sum() < chi2.isf(1e-4, 9)


def test_every_block_has_its_share_of_places_and_no_measured_row(table: StreamedTable) -> None:
    pool = pool_of(table, 300)
    pool.advance_to(np.zeros(pool.n_blocks, np.int64))
    numbers, is_yes = pool.arrays
    assert pool.n_rows == N_ROWS - 50 and abs(pool.n_places - 300) <= pool.n_blocks / 2
    inside = numbers[: pool.n_places]
    assert len(np.unique(inside)) == pool.n_places
    assert not np.isin(inside, table.measured).any()
    np.testing.assert_array_equal(numbers[pool.n_places :], table.measured)
    ends = np.cumsum([block.n_rows for block in table.blocks])
    counts = np.bincount(np.searchsorted(ends, inside, "right"), minlength=len(ends))
    np.testing.assert_array_equal(counts, pool.n_places_of)
    np.testing.assert_allclose(counts, pool.n_rows_of * 300 / pool.n_rows, atol=0.5)
    np.testing.assert_array_equal(is_yes, (frame(N_ROWS)["y"] == "yes")[numbers])


def test_every_training_row_is_equally_likely_though_the_table_is_sorted(
    table: StreamedTable,
) -> None:
    """Chi-square test over all rows, with many fillings of a pool that holds an eighth of them."""
    counts = np.zeros(N_ROWS)
    n_each = 0
    for seed in range(12):
        pool = pool_of(table, 150, seed=seed)
        numbers = pool.arrays[0]
        source = batches(pool, n_repeats=1, seed=seed)
        places = source.places(0, 200, 1).ravel()
        for draw in range(4):  # as after this many cycles
            pool.advance_to(np.full(pool.n_blocks, draw))
            counts += np.bincount(numbers[places], minlength=N_ROWS)
            n_each += len(places)
    outside = np.setdiff1d(np.arange(N_ROWS), table.measured)
    trained = np.concatenate([outside, table.measured[:25]])
    assert counts[np.setdiff1d(np.arange(N_ROWS), trained)].sum() == 0
    expected = n_each / len(trained)
    # Rows in the pool at the same time are drawn together: a row is in each of the 48 fillings
    # with probability 1/8, so that its count varies as in 48 trials, not as in independent draws.
    held = counts[outside] / expected
    variance = 7 / 48 + 1 / expected
    assert ((held - 1) ** 2).sum() / variance == pytest.approx(len(outside), rel=0.2)
    # Averaged over tenths of the table, which differ in Y, draws are as of independent rows.
    parts = [part.mean() for part in np.array_split(held, 10)]
    assert np.abs(np.array(parts) - 1).max() < 0.06
    share = counts[table.measured[:25]].sum() / n_each
    assert share == pytest.approx(25 / len(trained), rel=0.1)


def test_places_give_every_row_the_same_probability_whatever_the_rounding(
    table: StreamedTable,
) -> None:
    pool = pool_of(table, 40)  # about two places for each block of 70 rows
    hits = np.bincount(pool.places(np.arange(pool.n_rows)), minlength=pool.n_places)
    starts = np.cumsum(pool.n_places_of) - pool.n_places_of
    np.testing.assert_array_equal(np.add.reduceat(hits, starts), pool.n_rows_of)


def test_batches_do_not_depend_on_stretches_or_on_what_came_before(table: StreamedTable) -> None:
    source = batches(pool_of(table, 150))
    assert source.schedule(2).n_before(200) > 2 * source.pool.n_blocks  # several cycles
    whole = source.prepare(0, 200, 2)
    other = batches(pool_of(table, 150))
    for first, count in [(190, 10), (0, 3), (3, 64), (67, 1), (68, 100)]:
        part = other.prepare(first, count, 2)
        for one, two in zip(jax.tree.leaves(whole), jax.tree.leaves(part), strict=True):
            np.testing.assert_array_equal(one[first : first + count], two[:count])
    assert not np.array_equal(whole[0][:, 0], whole[0][:, 1])
    again = batches(pool_of(table, 150), seed=6).prepare(0, 200, 2)
    assert not np.array_equal(whole[0], again[0])


def test_rows_of_the_pool_are_replaced_as_scheduled(table: StreamedTable) -> None:
    source = batches(pool_of(table, 300))
    pool, schedule = source.pool, source.schedule(2)
    numbers = pool.arrays[0]
    source.prepare(0, 1, 2)
    before = numbers[: pool.n_places].copy()
    step = schedule.step_of(0)
    assert schedule.n_before(step - 1) == 0 and schedule.n_before(step) >= 1
    source.prepare(step - 1, 1, 2)
    np.testing.assert_array_equal(numbers[: pool.n_places], before)
    source.prepare(step, 1, 2)
    block, draw = schedule.block_of(0)
    starts = np.cumsum(pool.n_places_of) - pool.n_places_of
    owner = np.searchsorted(starts, np.arange(pool.n_places), "right") - 1
    changed = numbers[: pool.n_places] != before
    assert draw == 1 and set(owner[changed]) == {block}
    new = pool.read(block, 1)[0]
    np.testing.assert_array_equal(numbers[: pool.n_places][owner == block], new)


@pytest.mark.parametrize(("n_places", "lifetime"), [(600, 2400), (50, 1000)])
def test_how_long_a_row_stays(n_places: int, lifetime: int) -> None:
    """A row stays for four draws; a small pool reads no more rows than it draws."""
    schedule = RefreshSchedule.of_pool(10, n_places, 1000, draws_per_step=100, seed=0)
    assert schedule.n_before(lifetime // 100) == 10
    assert schedule.draws_at(lifetime // 100).tolist() == [1] * 10
    for number in range(50):
        step = schedule.step_of(number)
        assert schedule.n_before(step) > number >= schedule.n_before(step - 1)
        before, after = schedule.draws_at(step - 1), schedule.draws_at(step)
        assert schedule.block_of(number)[0] in np.flatnonzero(after - before)


def test_a_pool_that_holds_the_whole_table_is_read_once(table: StreamedTable) -> None:
    source = batches(pool_of(table, 5000))
    assert source.pool.n_places == source.pool.n_rows == N_ROWS - 50
    source.prepare(10_000, 4, 2)
    source.pool.read = _reject  # type: ignore[method-assign, assignment]
    numbers = source.prepare(0, 256, 2)[0]
    assert len(np.unique(numbers)) > 0.99 * N_ROWS - 50


def _reject(*_: object) -> None:
    raise AssertionError("it is read again")


def test_reading_is_told_and_errors_of_other_threads_come_through(
    table: StreamedTable, tmp_path: Path
) -> None:
    reports: list[tuple[str, int, int]] = []
    note: Callable[[str, int, int], None] = lambda *now: reports.append(now)  # noqa: E731
    pool = pool_of(table, 300, on_read=note)
    pool.advance_to(np.zeros(pool.n_blocks, np.int64))
    assert reports[-1] == ("filling the pool from", pool.n_rows, pool.n_rows)
    own = write(tmp_path / "own", frame(N_ROWS), row_group_size=70)
    source = batches(pool_of(streamed(own), 150))
    source.prepare(0, 1, 2)
    for path in own.iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"the file .*part-\d.parquet no longer exists"):
        source.prepare(1, 200, 2)


def test_a_pool_of_a_table_that_has_changed_is_refused(tmp_path: Path) -> None:
    """A sweep can only be resumed with the same pool."""
    folder = write(tmp_path, frame(N_ROWS), row_group_size=70)
    first = describe(batches(pool_of(streamed(folder), 150)))
    assert first == describe(batches(pool_of(streamed(folder), 150)))
    assert first != describe(batches(pool_of(streamed(folder), 151)))
    write(tmp_path, frame(N_ROWS, seed=1), row_group_size=70)
    assert first != describe(batches(pool_of(streamed(folder), 150)))
    with pytest.raises(UserError, match="there are rows for 2 repeats, but 3"):
        batches(pool_of(streamed(folder), 150)).prepare(0, 1, 3)
