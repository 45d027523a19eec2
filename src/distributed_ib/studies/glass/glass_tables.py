"""The data of one quench protocol: loci, negatives, their neighbourhoods, and g(r)."""

import json
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import numpy as np

from distributed_ib._arrays import MAX_BYTES, load_arrays, save_arrays
from distributed_ib.errors import UserError
from distributed_ib.studies.glass.neighbourhoods import (
    NEIGHBOURHOOD_RADIUS,
    TYPE_A,
    TYPE_B,
    Neighbourhoods,
)
from distributed_ib.studies.glass.structure_functions import RadialDistribution

MIN_LOCI = 50
FORMAT = "distributed-ib glass table 1"
_EVENT_COLUMNS = (
    "sample",
    "direction",
    "strain_onset",
    "strain_gap",
    "eigenvalue",
    "energy_drop",
    "share",
)


@dataclass(frozen=True)
class GlassData:
    """Examples of one protocol, to be classified: which centre is a locus?

    Example `i` of the first half is the locus of event `i`; example `i` of the second half is the
    negative of the same event. Data from elsewhere may be in any order: trust `is_locus`.

    Attributes:
        name: The protocol, such as 'gradual'.
        around: Neighbourhoods of the `n` centres, all of type A.
        is_locus: `[n]`, true for loci, false for negatives.
        group: `[n]`, the sample of each example; rows must be split by it, so that no sample is in
            both parts.
        validation: `[n]`, true for the validation part, if the source fixes the split; otherwise
            None.
        distribution: g(r) of the states of the examples.
        events: Further data of each event, one array `[events]` per name; empty for data from
            elsewhere. `sample`; `direction` (index into `about["direction_names"]`);
            `strain_onset`; `strain_gap` (the onset is at most this much later); `eigenvalue` of
            the critical mode; `energy_drop`; `share` of the locus in the mode.
        about: Settings, versions and counts, as in JSON.
    """

    name: str
    around: Neighbourhoods
    is_locus: np.ndarray
    group: np.ndarray
    validation: np.ndarray | None
    distribution: RadialDistribution
    events: dict[str, np.ndarray]
    about: dict[str, object]

    @property
    def n_loci(self) -> int:
        """Number of loci."""
        return int(self.is_locus.sum())


def check_enough(data: GlassData, min_loci: int = MIN_LOCI) -> None:
    """Check that there are enough data to learn from.

    Raises:
        UserError: If there are fewer than `min_loci` loci or negatives, or particles of one type
            only.
    """
    negatives = len(data.is_locus) - data.n_loci
    if data.n_loci < min_loci or negatives < min_loci:
        raise UserError(
            f"{data.name}: {data.n_loci} loci and {negatives} negatives are too few; simulate at "
            f"least {min_loci} loci (dib glass simulate --loci N)."
        )
    for kind, word in ((TYPE_A, "A (1, small)"), (TYPE_B, "B (2, large)")):
        if not np.any(data.around.types == kind):
            raise UserError(
                f"{data.name}: there is no particle of type {word} in any neighbourhood; types "
                "must be 1 (small) and 2 (large)."
            )


def in_single_precision(data: GlassData) -> GlassData:
    """The data with positions rounded as in a stored table."""
    positions = data.around.positions.astype(np.float32)
    return replace(data, around=replace(data.around, positions=positions))


def save_table(data: GlassData, path: Path) -> None:
    """Write data as one `.npz` file, positions in single precision, replacing any older file."""
    arrays: dict[str, np.ndarray] = {
        "format": np.array(FORMAT),
        "name": np.array(data.name),
        "about": np.array(json.dumps(data.about, sort_keys=True)),
        "positions": in_single_precision(data).around.positions,
        "types": data.around.types.astype(np.int8),
        "sizes": np.diff(data.around.offsets).astype(np.int32),
        "is_locus": data.is_locus.astype(bool),
        "group": data.group.astype(np.int32),
        "g_r_edges": data.distribution.edges,
        "g_aa": data.distribution.g_aa,
        "g_ab": data.distribution.g_ab,
        "g_bb": data.distribution.g_bb,
    }
    if data.validation is not None:
        arrays["validation"] = data.validation.astype(bool)
    for column, values in data.events.items():
        arrays[f"event_{column}"] = values
    save_arrays(path, arrays)


def load_table(path: Path | str, *, max_bytes: int = MAX_BYTES) -> GlassData:
    """Read and check a table written by `save_table`.

    Args:
        path: A `.npz` file.
        max_bytes: Largest accepted size of the unpacked file.

    Raises:
        UserError: If the file is missing, damaged or too large, needs pickle, or is no such table.
    """
    path = Path(path)
    stored = load_arrays(path, max_bytes=max_bytes)
    if str(stored.get("format", "")) != FORMAT:
        raise UserError(
            f"{path}: not a glass table of this version ({FORMAT}); make one with "
            "dib glass simulate."
        )
    try:
        return _assembled(path, stored)
    except (KeyError, ValueError, IndexError) as error:
        raise UserError(
            f"{path}: the table is damaged ({error}); simulate it again, or restore it."
        ) from None


def _assembled(path: Path, stored: dict[str, np.ndarray]) -> GlassData:
    offsets = np.concatenate([[0], np.cumsum(stored["sizes"], dtype=np.int64)])
    around = Neighbourhoods(stored["positions"], stored["types"], offsets)
    n = len(around)
    edges = stored["g_r_edges"]
    distribution = RadialDistribution(edges, stored["g_aa"], stored["g_ab"], stored["g_bb"])
    events = {
        column: stored[f"event_{column}"]
        for column in _EVENT_COLUMNS
        if f"event_{column}" in stored
    }
    validation = stored.get("validation")
    faults = {
        "sizes of neighbourhoods are negative": np.any(stored["sizes"] < 0),
        "positions and types differ in number": around.positions.shape
        != (offsets[-1], around.positions.shape[-1])
        or around.types.shape != (offsets[-1],),
        "labels differ in number": stored["is_locus"].shape != (n,)
        or stored["group"].shape != (n,)
        or (validation is not None and validation.shape != (n,)),
        "positions are not finite": not np.all(np.isfinite(around.positions)),
        "types are not 1 or 2": not np.all(np.isin(around.types, (TYPE_A, TYPE_B))),
        "g(r) does not fit its bins": any(
            g.shape != (len(edges) - 1,) for g in (distribution.g_aa, distribution.g_ab)
        ),
    }
    for fault, found in faults.items():
        if found:
            raise ValueError(fault)
    check_reach(str(path), around)
    return GlassData(
        name=str(stored["name"]),
        around=around,
        is_locus=stored["is_locus"].astype(bool),
        group=stored["group"].astype(np.int64),
        validation=validation,
        distribution=distribution,
        events=events,
        about=json.loads(str(stored["about"])),
    )


def check_reach(where: str, around: Neighbourhoods, limit: float = 100.0) -> None:
    """Check that no particle is implausibly far from its centre.

    Raises:
        UserError: If one is more than `limit` away, for example because boxes were not unwrapped.
    """
    if around.positions.size:
        largest = float(np.max(np.linalg.norm(around.positions, axis=1)))
        if largest > limit:
            raise UserError(
                f"{where}: a particle lies {largest:.3g} from its centre; positions must be "
                f"relative to the centre, in units of sigma_AB (about {NEIGHBOURHOOD_RADIUS} "
                "at most)."
            )


def packaged_data() -> dict[str, GlassData]:
    """The data that come with the package: both protocols, 'gradual' first."""
    folder = resources.files("distributed_ib.studies.glass") / "tables"
    with resources.as_file(folder) as path:
        return load_folder(path)


def load_folder(folder: Path) -> dict[str, GlassData]:
    """The tables `gradual.npz` and `rapid.npz` of a folder, as far as they exist.

    Raises:
        UserError: If there is none.
    """
    found = {
        name: load_table(folder / f"{name}.npz")
        for name in ("gradual", "rapid")
        if (folder / f"{name}.npz").exists()
    }
    if not found:
        raise UserError(
            f"{folder}: the folder contains neither gradual.npz nor rapid.npz; make them with dib "
            f"glass simulate --out {folder}."
        )
    return found
