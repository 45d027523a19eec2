"""Structure around particles: radial density structure functions, and g(r)."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from distributed_ib.errors import UserError
from distributed_ib.studies.glass._cell import cell_width, nearest_images
from distributed_ib.studies.glass.neighbourhoods import TYPE_A, TYPE_B, Neighbourhoods

N_SHELLS = 50
SHELL_RADII = np.linspace(0.25, 4.0, N_SHELLS)
# Half the distance between shells.
SHELL_WIDTH = float(0.5 * (SHELL_RADII[1] - SHELL_RADII[0]))
# Number of neighbourhoods handled at once; limits the memory to about 60 MB.
_CHUNK = 2000


def shell_names(radii: np.ndarray = SHELL_RADII) -> list[str]:
    """Names of the structure functions, in their order: all of type A, then all of type B.

    >>> shell_names()[0], shell_names()[-1]
    ('A r=0.25', 'B r=4.00')
    """
    return [f"{kind} r={radius:.2f}" for kind in "AB" for radius in radii]


def structure_functions(
    around: Neighbourhoods,
    *,
    radii: np.ndarray = SHELL_RADII,
    width: float = SHELL_WIDTH,
) -> np.ndarray:
    """Radial densities of each type around each centre (Eq. 6 of the paper).

    G_X(r) = sum over the particles of type X, at distances R, of exp(-(R - r)^2 / (2 width^2)).

    Args:
        around: The neighbourhoods of `n` centres.
        radii: Shell radii `[k]`; the default is the paper's, 50 from 0.25 to 4.
        width: Width of a shell; the default is half the distance between shells.

    Returns:
        `[n, 2 k]`: the k shells of type A, then those of type B.

    Raises:
        UserError: If the width is not positive.

    >>> import numpy as np
    >>> pair = Neighbourhoods(np.array([[0.25, 0.0]]), np.array([2]), np.array([0, 1]))
    >>> structure_functions(pair)[0, [0, 50]].tolist()
    [0.0, 1.0]
    """
    if not width > 0:
        raise UserError(f"The width of the shells must be above 0, got {width:g}.")
    result = np.empty((len(around), 2, len(radii)))
    for begin in range(0, len(around), _CHUNK):
        end = min(begin + _CHUNK, len(around))
        rows = slice(around.offsets[begin], around.offsets[end])
        distance = np.linalg.norm(np.asarray(around.positions[rows], dtype=float), axis=1)
        shells = np.exp(-((distance[:, None] - radii) ** 2) / (2 * width**2))  # [particles, k]
        sizes = np.diff(around.offsets[begin : end + 1])
        centre = np.repeat(np.arange(end - begin), sizes)
        slot = 2 * centre + (around.types[rows] == TYPE_B)
        count = len(slot)
        gather = sparse.csr_array(
            (np.ones(count), (slot, np.arange(count))), shape=(2 * (end - begin), count)
        )
        result[begin:end] = (gather @ shells).reshape(end - begin, 2, len(radii))
    return result.reshape(len(around), 2 * len(radii))


@dataclass(frozen=True)
class RadialDistribution:
    """g(r), the density around particles relative to the mean density; it is 1 far away.

    Attributes:
        edges: `[bins + 1]`, edges of the bins of distance.
        g_aa: `[bins]`, type A around type A.
        g_ab: `[bins]`, type B around type A.
        g_bb: `[bins]`, type B around type B; NaN if the source does not give it.
    """

    edges: np.ndarray
    g_aa: np.ndarray
    g_ab: np.ndarray
    g_bb: np.ndarray

    @property
    def radii(self) -> np.ndarray:
        """`[bins]`: the middles of the bins."""
        return (self.edges[1:] + self.edges[:-1]) / 2


def default_edges(box: np.ndarray) -> np.ndarray:
    """Bin edges 0.02 apart up to 6, or up to half the cell's width if that is less."""
    return np.arange(0.0, min(6.0, cell_width(box) / 2) + 1e-9, 0.02)


def radial_distribution(
    states: list[tuple[np.ndarray, np.ndarray, np.ndarray]], edges: np.ndarray | None = None
) -> RadialDistribution:
    """g(r) of each pair of types, averaged over full periodic states.

    Each bin's count is divided by the count expected at uniform density.

    Args:
        states: Positions `[n, d]`, types `[n]` and box `[d, d]` of each state.
        edges: Bin edges, none beyond half the width of any cell.

    Raises:
        UserError: If there is no state, a type is missing, or `edges` reach too far.
    """
    if not states:
        raise UserError("g(r) needs at least one state.")
    if edges is None:
        edges = min((default_edges(box) for _, _, box in states), key=len)
    pairs = [(TYPE_A, TYPE_A), (TYPE_A, TYPE_B), (TYPE_B, TYPE_B)]
    counts = {pair: np.zeros(len(edges) - 1) for pair in pairs}
    expected = {pair: 0.0 for pair in pairs}
    for positions, types, box in states:
        if edges[-1] > cell_width(box) / 2 + 1e-9:
            raise UserError(
                f"g(r) up to {edges[-1]:g} needs a cell wider than twice that, "
                f"not {cell_width(box):.3g}."
            )
        relative = nearest_images(positions[:, None] - positions[None], box)
        distance = np.linalg.norm(relative, axis=2)
        np.fill_diagonal(distance, np.inf)
        volume = abs(float(np.linalg.det(box)))
        for first, second in pairs:
            block = distance[np.ix_(types == first, types == second)]
            if block.size == 0 or (first == second and len(block) < 2):
                raise UserError(
                    "g(r) needs particles of both types, 1 (small) and 2 (large), in each state."
                )
            counts[first, second] += np.histogram(block, edges)[0]
            n_pairs = block.size - (len(block) if first == second else 0)
            expected[first, second] += n_pairs / volume
    dimension = states[0][0].shape[1]
    ball = {2: np.pi, 3: 4 * np.pi / 3}[dimension]
    shells = ball * np.diff(edges**dimension)
    g_aa, g_ab, g_bb = (counts[pair] / (expected[pair] * shells) for pair in pairs)
    return RadialDistribution(edges, g_aa, g_ab, g_bb)
