"""The published archive of glass data: a tar of CSV files, read without unpacking it to disk.

For each protocol and each part (train, val) there are three tables with one neighbourhood per
row, padded to equal length: positions (x, y pairs relative to the centre), types (1 = A, small;
2 = B, large) and labels. The last entry of a row of positions or types is the number of particles
in it. The archive also contains files of g(r).
"""

import io
import re
import tarfile
from pathlib import Path, PurePosixPath

import numpy as np

from distributed_ib.errors import UserError
from distributed_ib.studies.glass.glass_tables import GlassData, check_reach
from distributed_ib.studies.glass.neighbourhoods import TYPE_A, TYPE_B, Neighbourhoods, join
from distributed_ib.studies.glass.structure_functions import RadialDistribution

MAX_MEMBER_BYTES = 500_000_000
MAX_TOTAL_BYTES = 2_000_000_000
MAX_MEMBERS = 1000
ARCHIVE_NAMES = {"gradual": "GradualQuench", "rapid": "RapidQuench"}
_TABLE = re.compile(
    r"(GradualQuench|RapidQuench)_(train|val)_(particle_positions|types|is_loci)\.csv"
    r"|g_r_A[AB]_(GradualQuench|RapidQuench)\.csv|g_r_bins\.csv"
)


def load_archive(
    path: Path | str,
    *,
    max_member_bytes: int = MAX_MEMBER_BYTES,
    max_total_bytes: int = MAX_TOTAL_BYTES,
) -> dict[str, GlassData]:
    """Read the protocols in the archive, by name.

    Nothing is written to disk; unexpected members are ignored.

    Args:
        path: A `.tar`, `.tar.gz`, `.tar.bz2` or `.tar.xz` file.
        max_member_bytes: Largest accepted size of a file in it.
        max_total_bytes: Largest accepted size of the unpacked archive.

    Raises:
        UserError: If the archive is missing, damaged, too large or incomplete, or if the name of a
            member leads outside it.
    """
    path = Path(path)
    texts = _read_members(path, max_member_bytes, max_total_bytes)
    found = {}
    for name, prefix in ARCHIVE_NAMES.items():
        if any(member.startswith(f"{prefix}_") for member in texts):
            found[name] = _protocol(path, name, prefix, texts)
    if not found:
        raise UserError(
            f"{path}: it contains no file such as GradualQuench_train_particle_positions.csv, so "
            "it is not the published glass archive."
        )
    return found


def _read_members(path: Path, max_member: int, max_total: int) -> dict[str, bytes]:
    """Contents of the expected files, by name."""
    texts: dict[str, bytes] = {}
    total = 0
    try:
        # A stream: each member's size is checked before any of it is unpacked.
        with tarfile.open(path, mode="r|*") as archive:
            for count, member in enumerate(archive):
                name = PurePosixPath(member.name)
                if name.is_absolute() or ".." in name.parts:
                    raise UserError(
                        f"{path}: the member {member.name!r} would be written outside of the "
                        "archive's folder; the archive is not safe."
                    )
                total += member.size
                if member.size > max_member or total > max_total or count >= MAX_MEMBERS:
                    raise UserError(
                        f"{path}: too large ({count + 1} files, {total / 1e6:.0f} MB so far, one "
                        f"of {member.size / 1e6:.0f} MB); it is not the published glass archive."
                    )
                if not member.isfile() or not _TABLE.fullmatch(name.name):
                    continue
                if name.name in texts:
                    raise UserError(f"{path}: contains {name.name} twice.")
                handle = archive.extractfile(member)
                texts[name.name] = handle.read() if handle is not None else b""
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file.") from None
    except (tarfile.TarError, OSError, EOFError) as error:
        raise UserError(
            f"{path}: not a readable tar archive ({error}); download it again."
        ) from None
    return texts


def _table(path: Path, texts: dict[str, bytes], name: str) -> np.ndarray:
    """One CSV file as `[rows, columns]`."""
    if name not in texts:
        raise UserError(f"{path}: {name} is missing; download the archive again.")
    try:
        table = np.loadtxt(io.BytesIO(texts[name]), delimiter=",", ndmin=2)
    except ValueError as error:
        raise UserError(f"{path}: {name} is not a table of numbers ({error}).") from None
    if table.size == 0 or not np.all(np.isfinite(table)):
        raise UserError(f"{path}: {name} is empty or has entries that are not finite.")
    return table


def _part(
    path: Path, prefix: str, part: str, texts: dict[str, bytes]
) -> tuple[Neighbourhoods, np.ndarray]:
    """Neighbourhoods and labels `[n]` of one part of one protocol."""
    stem = f"{prefix}_{part}_"
    positions = _table(path, texts, f"{stem}particle_positions.csv")
    types = _table(path, texts, f"{stem}types.csv")
    labels = _table(path, texts, f"{stem}is_loci.csv").ravel()
    n, room = types.shape
    if positions.shape != (n, 2 * room) or labels.shape != (n,):
        raise UserError(
            f"{path}: the {stem}*.csv files do not match: positions {positions.shape}, types "
            f"{types.shape}, labels {labels.shape}."
        )
    counts = types[:, -1].astype(np.int64)
    if np.any(counts != types[:, -1]) or np.any(counts < 0) or np.any(counts > room - 1):
        raise UserError(
            f"{path}: the last entries of {stem}types.csv are not numbers of particles (0 to "
            f"{room - 1})."
        )
    if np.any(positions[:, -1] != counts):
        raise UserError(f"{path}: {stem}particle_positions.csv and _types.csv differ in counts.")
    filled = np.arange(room) < counts[:, None]
    kinds = types[filled]
    if not np.all(np.isin(kinds, (TYPE_A, TYPE_B))):
        raise UserError(f"{path}: {stem}types.csv has types that are not 1 or 2.")
    if not np.all(np.isin(labels, (0, 1))):
        raise UserError(f"{path}: {stem}is_loci.csv has labels that are not 0 or 1.")
    offsets = np.concatenate([[0], np.cumsum(counts)])
    around = Neighbourhoods(
        positions.reshape(n, room, 2)[filled].astype(np.float32), kinds.astype(np.int8), offsets
    )
    check_reach(f"{path}, {stem}particle_positions.csv", around)
    return around, labels.astype(bool)


def _protocol(path: Path, name: str, prefix: str, texts: dict[str, bytes]) -> GlassData:
    train, train_labels = _part(path, prefix, "train", texts)
    validation, validation_labels = _part(path, prefix, "val", texts)
    labels = np.concatenate([train_labels, validation_labels])
    edges = _table(path, texts, "g_r_bins.csv").ravel()
    g_aa = _table(path, texts, f"g_r_AA_{prefix}.csv").ravel()
    g_ab = _table(path, texts, f"g_r_AB_{prefix}.csv").ravel()
    if not len(g_aa) == len(g_ab) == len(edges) - 1:
        raise UserError(
            f"{path}: g_r_bins.csv must be one longer than g_r_AA_{prefix}.csv and "
            f"g_r_AB_{prefix}.csv, but they have {len(edges)}, {len(g_aa)} and {len(g_ab)} entries."
        )
    return GlassData(
        name=name,
        around=join([train, validation]),
        is_locus=labels,
        group=np.arange(len(labels)),
        validation=np.repeat([False, True], [len(train), len(validation)]),
        distribution=RadialDistribution(edges, g_aa, g_ab, np.full(len(g_aa), np.nan)),
        events={},
        about={"source": path.name},
    )
