"""Compiled routines: neighbour list, energy and forces, and the L-BFGS minimiser.

Numba compiles them when it is installed (extra `glass`); without it they run as plain Python,
thousands of times slower, which is enough to check single states but not to simulate.
"""

from typing import Any

import numpy as np

from distributed_ib.studies.glass.simulation.potential import CUTOFF_RADIUS, INNER_RADIUS

try:
    from numba import njit  # type: ignore[import-untyped,import-not-found,unused-ignore]

    HAS_NUMBA = True
except ImportError:
    HAS_NUMBA = False

    def njit(**_options: Any) -> Any:  # type: ignore[no-redef,unused-ignore]
        """Return the function unchanged."""
        return lambda function: function


# The list contains pairs up to cutoff + skin. A wide skin gives few, long lists.
SKIN = 0.4
_RIN2, _RCUT2 = INNER_RADIUS**2, CUTOFF_RADIUS**2
_MEMORY = 12
# Inverse of a typical stiffness, for the first step, before any curvature is known.
_FIRST_STEP = 0.005


@njit(cache=True)
def build_pairs(
    positions: np.ndarray, box: np.ndarray, types: np.ndarray, reach: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """List of the pairs closer than `reach`, each pair once and nearest images only.

    Args:
        positions: `[n, 2]`, anywhere (no wrapping needed).
        box: `[2, 2]`, its columns are the edges of the periodic cell.
        types: `[n]`, 1 or 2.
        reach: Largest distance in the list; at most a third of the box's width.

    Returns:
        `start [n + 1]`, `other [pairs]`, `image [pairs, 2]` (whole cells to add to the second
        particle) and `row [pairs]` (of the coefficient table): the partners of particle i are
        `other[start[i]:start[i + 1]]`.
    """
    n = positions.shape[0]
    det = box[0, 0] * box[1, 1] - box[0, 1] * box[1, 0]
    cells_a = int(det / np.hypot(box[0, 1], box[1, 1]) / reach)
    cells_b = int(det / np.hypot(box[0, 0], box[1, 0]) / reach)
    whole = np.empty((n, 2))
    cell = np.empty((n, 2), dtype=np.int64)
    first = np.full((cells_a, cells_b), -1, dtype=np.int64)
    following = np.empty(n, dtype=np.int64)
    for i in range(n):
        a = (box[1, 1] * positions[i, 0] - box[0, 1] * positions[i, 1]) / det
        b = (-box[1, 0] * positions[i, 0] + box[0, 0] * positions[i, 1]) / det
        whole[i, 0] = np.floor(a)
        whole[i, 1] = np.floor(b)
        cell[i, 0] = min(int((a - whole[i, 0]) * cells_a), cells_a - 1)
        cell[i, 1] = min(int((b - whole[i, 1]) * cells_b), cells_b - 1)
        following[i] = first[cell[i, 0], cell[i, 1]]
        first[cell[i, 0], cell[i, 1]] = i
    room = 32 * n
    start = np.zeros(n + 1, dtype=np.int64)
    other = np.empty(room, dtype=np.int64)
    image = np.empty((room, 2))
    row = np.empty(room, dtype=np.int64)
    count = 0
    for i in range(n):
        for da in range(-1, 2):
            ca = cell[i, 0] + da
            wrap_a = 1 if ca >= cells_a else (-1 if ca < 0 else 0)
            for db in range(-1, 2):
                cb = cell[i, 1] + db
                wrap_b = 1 if cb >= cells_b else (-1 if cb < 0 else 0)
                j = first[ca - wrap_a * cells_a, cb - wrap_b * cells_b]
                # A cell's chain runs from its last particle to its first.
                while j > i:
                    ka = wrap_a + whole[i, 0] - whole[j, 0]
                    kb = wrap_b + whole[i, 1] - whole[j, 1]
                    dx = positions[j, 0] - positions[i, 0] + box[0, 0] * ka + box[0, 1] * kb
                    dy = positions[j, 1] - positions[i, 1] + box[1, 0] * ka + box[1, 1] * kb
                    if dx * dx + dy * dy < reach * reach:
                        if count == room:
                            room *= 2
                            other = np.concatenate((other, np.empty(count, dtype=np.int64)))
                            image = np.concatenate((image, np.empty((count, 2))))
                            row = np.concatenate((row, np.empty(count, dtype=np.int64)))
                        other[count] = j
                        image[count, 0] = ka
                        image[count, 1] = kb
                        row[count] = types[i] + types[j] - 2
                        count += 1
                    j = following[j]
        start[i + 1] = count
    return start, other[:count].copy(), image[:count].copy(), row[:count].copy()


@njit(cache=True, error_model="numpy")
def energy_forces(
    x: np.ndarray,
    start: np.ndarray,
    other: np.ndarray,
    offset: np.ndarray,
    row: np.ndarray,
    table: np.ndarray,
    gradient: np.ndarray,
) -> float:
    """Energy of a state; writes its gradient.

    Args:
        x: Positions `[n, 2]`.
        start: From `build_pairs`.
        other: From `build_pairs`.
        offset: Cartesian image offsets `[pairs, 2]`.
        row: From `build_pairs`.
        table: `coefficient_table()`.
        gradient: `[n, 2]`, overwritten with dU/dx.
    """
    n = x.shape[0]
    energy = 0.0
    gradient[:, :] = 0.0
    for i in range(n):
        xi = x[i, 0]
        yi = x[i, 1]
        gx = 0.0
        gy = 0.0
        for p in range(start[i], start[i + 1]):
            j = other[p]
            dx = x[j, 0] + offset[p, 0] - xi
            dy = x[j, 1] + offset[p, 1] - yi
            r2 = dx * dx + dy * dy
            if r2 >= _RCUT2:
                continue
            k = row[p]
            if r2 < _RIN2:
                inv = 1.0 / r2
                inv6 = inv * inv * inv
                high = table[k, 0] * inv6
                energy += inv6 * (high - table[k, 1]) - table[k, 2]
                pull = inv6 * (12.0 * high - 6.0 * table[k, 1]) * inv
            else:
                r = np.sqrt(r2)
                t = r - INNER_RADIUS
                c1, c2, c3, c4 = table[k, 3], table[k, 4], table[k, 5], table[k, 6]
                energy += table[k, 7] - t * (c1 + t * (c2 / 2 + t * (c3 / 3 + t * c4 / 4)))
                pull = (c1 + t * (c2 + t * (c3 + t * c4))) / r
            gx += pull * dx
            gy += pull * dy
            gradient[j, 0] -= pull * dx
            gradient[j, 1] -= pull * dy
        gradient[i, 0] += gx
        gradient[i, 1] += gy
    return energy


@njit(cache=True, error_model="numpy")
def shear_slope(
    x: np.ndarray,
    start: np.ndarray,
    other: np.ndarray,
    offset: np.ndarray,
    row: np.ndarray,
    table: np.ndarray,
    generator: np.ndarray,
) -> float:
    """dU/dgamma when all positions and the cell are deformed by `dr = dgamma * generator @ r`."""
    slope = 0.0
    for i in range(x.shape[0]):
        for p in range(start[i], start[i + 1]):
            j = other[p]
            dx = x[j, 0] + offset[p, 0] - x[i, 0]
            dy = x[j, 1] + offset[p, 1] - x[i, 1]
            r2 = dx * dx + dy * dy
            if r2 >= _RCUT2:
                continue
            k = row[p]
            if r2 < _RIN2:
                inv = 1.0 / r2
                inv6 = inv * inv * inv
                pull = inv6 * (12.0 * table[k, 0] * inv6 - 6.0 * table[k, 1]) * inv
            else:
                r = np.sqrt(r2)
                t = r - INNER_RADIUS
                pull = (table[k, 3] + t * (table[k, 4] + t * (table[k, 5] + t * table[k, 6]))) / r
            moved_x = generator[0, 0] * dx + generator[0, 1] * dy
            moved_y = generator[1, 0] * dx + generator[1, 1] * dy
            slope -= pull * (dx * moved_x + dy * moved_y)
    return slope


@njit(cache=True)
def _offsets(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    offset = np.empty_like(image)
    for p in range(image.shape[0]):
        offset[p, 0] = box[0, 0] * image[p, 0] + box[0, 1] * image[p, 1]
        offset[p, 1] = box[1, 0] * image[p, 0] + box[1, 1] * image[p, 1]
    return offset


@njit(cache=True, fastmath={"contract", "reassoc"})
def _dot(a: np.ndarray, b: np.ndarray) -> float:
    total = 0.0
    for i in range(a.shape[0]):
        total += a[i] * b[i]
    return total


@njit(cache=True)
def _add(target: np.ndarray, factor: float, step: np.ndarray) -> None:
    for i in range(target.shape[0]):
        target[i] += factor * step[i]


@njit(cache=True)
def _two_loop(
    gradient: np.ndarray, s: np.ndarray, y: np.ndarray, rho: np.ndarray, stored: int, newest: int
) -> np.ndarray:
    """The L-BFGS direction from `stored` pairs of steps and gradient changes."""
    memory = s.shape[0]
    q = -gradient
    alpha = np.zeros(memory)
    for back in range(stored):
        k = (newest - back) % memory
        alpha[k] = rho[k] * _dot(s[k], q)
        _add(q, -alpha[k], y[k])
    if stored > 0:
        q *= 1.0 / (rho[newest] * _dot(y[newest], y[newest]))
    else:
        q *= _FIRST_STEP
    for back in range(stored - 1, -1, -1):
        k = (newest - back) % memory
        _add(q, alpha[k] - rho[k] * _dot(y[k], q), s[k])
    return q


@njit(cache=True)
def minimise(
    positions: np.ndarray,
    box: np.ndarray,
    types: np.ndarray,
    table: np.ndarray,
    generator: np.ndarray,
    max_force: float,
    max_step: float,
    max_evaluations: int,
    floor: float,
) -> tuple[np.ndarray, float, float, float, int]:
    """Bring a state to its energy minimum by L-BFGS with capped steps.

    Args:
        positions: `[n, 2]`; not modified.
        box: `[2, 2]`, its columns are the edges of the cell.
        types: `[n]`.
        table: `coefficient_table()`.
        generator: `[2, 2]`, for the slope dU/dgamma that is returned.
        max_force: Stop when no force component exceeds this.
        max_step: Longest move of one coordinate in one iteration.
        max_evaluations: Give up after this many energy evaluations.
        floor: Stop early once the energy is below this.

    Returns:
        Positions `[n, 2]`, energy, dU/dgamma, the largest force component, evaluations used.
    """
    n = positions.shape[0]
    x = positions.copy()
    listed = x.copy()
    start, other, image, row = build_pairs(x, box, types, CUTOFF_RADIUS + SKIN)
    offset = _offsets(image, box)
    gradient = np.empty((n, 2))
    energy = energy_forces(x, start, other, offset, row, table, gradient)
    s = np.zeros((_MEMORY, 2 * n))
    y = np.zeros((_MEMORY, 2 * n))
    rho = np.zeros(_MEMORY)
    stored, newest, evaluations = 0, -1, 1
    trial = np.empty((n, 2))
    trial_gradient = np.empty((n, 2))
    largest = np.max(np.abs(gradient))
    while largest > max_force and evaluations < max_evaluations and energy >= floor:
        flat = gradient.copy().reshape(2 * n)
        direction = _two_loop(flat, s, y, rho, stored, newest)
        slope = _dot(direction, flat)
        if slope >= 0.0:
            direction = -_FIRST_STEP * flat
            slope = _dot(direction, flat)
            stored = 0
        reach = np.max(np.abs(direction))
        scale = min(1.0, max_step / reach)
        while True:
            trial[:, :] = x + (scale * direction).reshape((n, 2))
            moved = 0.0
            for i in range(n):
                mx = trial[i, 0] - listed[i, 0]
                my = trial[i, 1] - listed[i, 1]
                moved = max(moved, mx * mx + my * my)
            if moved > (0.5 * SKIN) ** 2:
                start, other, image, row = build_pairs(trial, box, types, CUTOFF_RADIUS + SKIN)
                offset = _offsets(image, box)
                listed[:, :] = trial
            trial_energy = energy_forces(trial, start, other, offset, row, table, trial_gradient)
            evaluations += 1
            # Changes below 1e-13 of the energy are lost in rounding; there the slope decides.
            noise = 1e-13 * abs(energy)
            if trial_energy <= energy + 1e-4 * scale * slope + noise:
                break
            scale *= 0.4
            if scale * reach < 1e-13 or evaluations >= max_evaluations:
                break
        step = (trial - x).reshape(2 * n)
        change = (trial_gradient - gradient).reshape(2 * n)
        curvature = _dot(step, change)
        if curvature > 1e-10 * _dot(step, step):
            newest = (newest + 1) % _MEMORY
            s[newest] = step
            y[newest] = change
            rho[newest] = 1.0 / curvature
            stored = min(stored + 1, _MEMORY)
        else:
            stored = 0
        x[:, :] = trial
        gradient[:, :] = trial_gradient
        energy = trial_energy
        largest = np.max(np.abs(gradient))
    slope_value = shear_slope(x, start, other, offset, row, table, generator)
    return x, energy, slope_value, largest, evaluations
