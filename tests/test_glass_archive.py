"""The published archive of CSV files, and malicious archives."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from distributed_ib.errors import UserError
from distributed_ib.studies.glass.glass_sources import load_glass
from distributed_ib.studies.glass.published_archive import load_archive
from distributed_ib.studies.glass.structure_functions import structure_functions

ROOM = 9


def csv(rows: np.ndarray) -> str:
    return "\n".join(",".join(f"{value:g}" for value in row) for row in np.atleast_2d(rows)) + "\n"


def files(prefix: str = "GradualQuench") -> dict[str, str]:
    """Small files in the form of the archive, with 6 training and 2 validation rows."""
    generator = np.random.default_rng(2)
    made = {}
    for part, n in (("train", 6), ("val", 2)):
        counts = generator.integers(3, ROOM, n)
        positions = np.zeros((n, 2 * ROOM))
        types = np.zeros((n, ROOM))
        for row, count in enumerate(counts):
            positions[row, : 2 * count] = np.round(generator.uniform(-3, 3, 2 * count), 3)
            types[row, :count] = generator.integers(1, 3, count)
        positions[:, -1] = types[:, -1] = counts
        made[f"{prefix}_{part}_particle_positions.csv"] = csv(positions)
        made[f"{prefix}_{part}_types.csv"] = csv(types)
        made[f"{prefix}_{part}_is_loci.csv"] = csv(np.arange(n)[:, None] % 2)
    made[f"g_r_AA_{prefix}.csv"] = csv(np.arange(4)[:, None])
    made[f"g_r_AB_{prefix}.csv"] = csv(np.arange(4)[:, None] + 1)
    made["g_r_bins.csv"] = csv(np.linspace(0, 4, 5)[:, None])
    return made


def pack(path: Path, contents: dict[str, str], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, text in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path


@pytest.mark.parametrize(("ending", "mode"), [("tar", "w"), ("tar.gz", "w:gz"), ("tgz", "w:gz")])
def test_an_archive_is_read_as_it_was_written(tmp_path: Path, ending: str, mode: str) -> None:
    contents = files()
    path = pack(tmp_path / f"glass.{ending}", {f"data/{k}": v for k, v in contents.items()}, mode)
    (data,) = load_glass(path).values()
    assert data.name == "gradual"
    assert data.validation is not None
    assert data.validation.tolist() == [False] * 6 + [True] * 2
    assert data.is_locus.tolist() == [False, True] * 4
    row = [
        float(v)
        for v in contents["GradualQuench_train_particle_positions.csv"].split()[1].split(",")
    ]
    count = int(row[-1])
    positions, types = data.around.of(1)
    np.testing.assert_allclose(positions.ravel(), row[: 2 * count], rtol=1e-6)
    kinds = contents["GradualQuench_train_types.csv"].split()[1].split(",")[:count]
    assert types.tolist() == [int(v) for v in kinds]
    assert data.distribution.g_ab.tolist() == [1, 2, 3, 4]
    assert len(data.distribution.edges) == 5
    assert structure_functions(data.around).shape == (8, 100)


def test_both_protocols_are_found(tmp_path: Path) -> None:
    both = {**files("GradualQuench"), **files("RapidQuench")}
    assert set(load_archive(pack(tmp_path / "both.tar.gz", both))) == {"gradual", "rapid"}


def replaced(name: str, text: str) -> dict[str, str]:
    return {**files(), name: text}


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ({"../escape.csv": "1"}, "would be written outside"),
        ({"a/../../escape.csv": "1"}, "would be written outside"),
        ({"/etc/escape.csv": "1"}, "would be written outside"),
        ({"readme.txt": "nothing"}, "not the published glass archive"),
        (replaced("GradualQuench_val_types.csv", "a,b\n"), "not a table of numbers"),
        (replaced("GradualQuench_val_types.csv", "1,2\n"), "do not match"),
        (replaced("GradualQuench_val_is_loci.csv", "0\n2\n"), "not 0 or 1"),
        (replaced("GradualQuench_val_is_loci.csv", "0\nnan\n"), "not finite"),
        (replaced("g_r_bins.csv", "0\n1\n"), "one longer"),
        ({k: v for k, v in files().items() if "val_types" not in k}, "val_types.csv is missing"),
    ],
)
def test_bad_archives_are_refused_with_a_reason(
    tmp_path: Path, contents: dict[str, str], message: str
) -> None:
    path = pack(tmp_path / "bad.tar.gz", contents)
    with pytest.raises(UserError, match=message):
        load_archive(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["bad.tar.gz"]


def test_wrong_types_and_counts_are_refused(tmp_path: Path) -> None:
    name = "GradualQuench_train_types.csv"
    rows = [line.split(",") for line in files()[name].split()]
    rows[0][0] = "3"
    with pytest.raises(UserError, match="not 1 or 2"):
        load_archive(pack(tmp_path / "types.tar", replaced(name, csv(np.array(rows, float))), "w"))
    rows[0][0], rows[0][-1] = "1", str(ROOM)
    with pytest.raises(UserError, match="not numbers of particles"):
        load_archive(pack(tmp_path / "counts.tar", replaced(name, csv(np.array(rows, float))), "w"))


def test_decompression_bombs_are_refused(tmp_path: Path) -> None:
    bomb = pack(tmp_path / "bomb.tar.gz", {"g_r_bins.csv": "0\n" * 500_000})
    assert bomb.stat().st_size < 10_000
    with pytest.raises(UserError, match="too large"):
        load_archive(bomb, max_member_bytes=100_000)
    many = pack(tmp_path / "many.tar", {f"{k}.txt": "x" * 1000 for k in range(30)}, "w")
    with pytest.raises(UserError, match="too large"):
        load_archive(many, max_total_bytes=20_000)


def test_links_are_passed_over_and_broken_archives_refused(tmp_path: Path) -> None:
    path = tmp_path / "link.tar"
    with tarfile.open(path, "w") as archive:
        entry = tarfile.TarInfo("g_r_bins.csv")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
    with pytest.raises(UserError, match="not the published"):
        load_archive(path)
    good = pack(tmp_path / "good.tar.gz", files())
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(good.read_bytes()[:300])
    with pytest.raises(UserError, match="not a readable tar"):
        load_archive(broken)
    with pytest.raises(UserError, match="no such file"):
        load_archive(tmp_path / "absent.tar")
