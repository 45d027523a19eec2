"""Structure functions, neighbourhoods and g(r), from states and from particle files."""

from pathlib import Path

import numpy as np
import pytest

from distributed_ib.errors import UserError
from distributed_ib.studies.glass import structure_functions as structure
from distributed_ib.studies.glass.neighbourhoods import Neighbourhoods, join, neighbourhoods_in
from distributed_ib.studies.glass.simulation.particles import read_particles
from distributed_ib.studies.glass.simulation.shear import deformation
from test_glass_potential import jittered_state


def slow_structure_functions(around: Neighbourhoods) -> np.ndarray:
    """Eq. 6 of the paper literally, one particle and one shell at a time."""
    rows = []
    for index in range(len(around)):
        positions, types = around.of(index)
        row = []
        for kind in (1, 2):
            for radius in structure.SHELL_RADII:
                total = 0.0
                for position, type_ in zip(positions, types, strict=True):
                    if type_ == kind:
                        distance = float(np.hypot(*position))
                        width = structure.SHELL_WIDTH
                        total += np.exp(-((distance - radius) ** 2) / (2 * width**2))
                row.append(total)
        rows.append(row)
    return np.array(rows)


def random_neighbourhoods(n: int = 7) -> Neighbourhoods:
    generator = np.random.default_rng(1)
    # Neighbourhood 3 is empty, neighbourhood 5 has only one kind of particle.
    sizes = np.array([12, 30, 5, 0, 18, 9, 25])[:n]
    total = int(sizes.sum())
    types = generator.integers(1, 3, total).astype(np.int8)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    types[offsets[5] : offsets[6]] = 1
    return Neighbourhoods(generator.uniform(-3, 3, (total, 2)), types, offsets)


def test_structure_functions_equal_a_slow_reference() -> None:
    around = random_neighbourhoods()
    fast = structure.structure_functions(around)
    np.testing.assert_allclose(fast, slow_structure_functions(around), atol=1e-12)


def test_structure_functions_do_not_depend_on_the_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    around = random_neighbourhoods()
    whole = structure.structure_functions(around)
    monkeypatch.setattr(structure, "_CHUNK", 2)
    np.testing.assert_array_equal(structure.structure_functions(around), whole)


def test_the_shells_are_those_of_the_paper() -> None:
    assert len(structure.SHELL_RADII) == 50
    assert (structure.SHELL_RADII[0], structure.SHELL_RADII[-1]) == (0.25, 4.0)
    assert pytest.approx(3.75 / 49 / 2) == structure.SHELL_WIDTH
    assert len(set(structure.shell_names())) == 100


def test_structure_functions_see_neither_rotation_nor_order() -> None:
    around = random_neighbourhoods()
    angle = 0.7
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = Neighbourhoods(around.positions @ rotation.T, around.types, around.offsets)
    np.testing.assert_allclose(
        structure.structure_functions(turned),
        structure.structure_functions(around),
        atol=1e-12,
    )


def test_taking_and_joining_neighbourhoods_keeps_them() -> None:
    around = random_neighbourhoods()
    back = join([around.take(np.array([4, 5, 6])), around.take(np.array([0, 1, 2, 3]))])
    back = back.take(np.array([3, 4, 5, 6, 0, 1, 2]))
    np.testing.assert_array_equal(back.positions, around.positions)
    np.testing.assert_array_equal(back.offsets, around.offsets)


def test_neighbourhoods_in_a_sheared_cell_are_those_of_many_images() -> None:
    positions, types, box = jittered_state(n=200)
    matrix = deformation("simple+", 0.1)
    positions, box = positions @ matrix.T, matrix @ box
    centre = 17
    around = neighbourhoods_in(positions, types, box, np.array([centre]))
    images = np.array([[a, b] for a in (-1, 0, 1) for b in (-1, 0, 1)]) @ box.T
    every = (positions[None] + images[:, None] - positions[centre]).reshape(-1, 2)
    distance = np.linalg.norm(every, axis=1)
    expected = np.sort(distance[(distance < 4.5) & (distance > 0)])
    found = np.sort(np.linalg.norm(around.positions, axis=1))
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("strain", [0.0, 0.1])
@pytest.mark.parametrize("dimension", [2, 3])
def test_g_of_an_ideal_gas_is_one(strain: float, dimension: int) -> None:
    generator = np.random.default_rng(4)
    box = 12 * np.eye(dimension)
    box[0, 1] = 12 * strain
    types = np.repeat([1, 2], [120, 80])
    states = [(generator.random((200, dimension)) @ box.T, types, box) for _ in range(60)]
    edges = np.linspace(1.0, 5.0, 9)
    found = structure.radial_distribution(states, edges)
    for g in (found.g_aa, found.g_ab, found.g_bb):
        np.testing.assert_allclose(g, 1.0, atol=0.06)


def test_g_refuses_one_type_and_small_cells() -> None:
    positions, types, box = jittered_state()
    with pytest.raises(UserError, match="both types"):
        structure.radial_distribution([(positions, np.ones_like(types), box)])
    with pytest.raises(UserError, match="wider"):
        structure.radial_distribution([(positions, types, box)], np.linspace(0, 9, 10))
    with pytest.raises(UserError, match="at least one state"):
        structure.radial_distribution([])


def extended_xyz(positions: np.ndarray, types: np.ndarray, box: np.ndarray) -> str:
    cell = f"{box[0, 0]} {box[1, 0]} 0 {box[0, 1]} {box[1, 1]} 0 0 0 1"
    lines = [f"{len(types)}", f'Lattice="{cell}" Properties=species:S:1:pos:R:3 pbc="T T F"']
    names = {1: "H", 2: "He"}
    lines += [
        f"{names[kind]} {x!r} {y!r} 0.0"
        for kind, (x, y) in zip(types.tolist(), positions.tolist(), strict=True)
    ]
    return "\n".join(lines) + "\n"


def wrapped_state() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    positions, types, box = jittered_state()
    return np.mod(positions, box[0, 0]), types, box


def test_extended_xyz_gives_the_same_structure_functions(tmp_path: Path) -> None:
    positions, types, box = wrapped_state()
    matrix = deformation("simple+", 0.05)
    positions, box = positions @ matrix.T, matrix @ box
    path = tmp_path / "state.extxyz"
    path.write_text(extended_xyz(positions, types, box) * 2)
    frames = read_particles(path)
    assert len(frames) == 2
    np.testing.assert_array_equal(frames[0].types, types)
    centres = np.flatnonzero(types == 1)
    expected = structure.structure_functions(neighbourhoods_in(positions, types, box, centres))
    np.testing.assert_allclose(frames[1].structure_functions(), expected, atol=1e-9)
    np.testing.assert_array_equal(read_particles(path, type_a="He")[0].types, 3 - types)


def test_a_dump_of_lammps_is_read_with_its_types_and_its_tilted_cell(tmp_path: Path) -> None:
    positions, types, box = wrapped_state()
    matrix = deformation("simple+", 0.05)
    positions, box = positions @ matrix.T, matrix @ box
    length, tilt, origin = box[0, 0], box[0, 1], -3.0
    lines = ["ITEM: TIMESTEP", "0", "ITEM: NUMBER OF ATOMS", f"{len(types)}"]
    lines += ["ITEM: BOX BOUNDS xy xz yz pp pp pp"]
    lines += [f"{origin} {origin + length + tilt} {tilt}", f"{origin} {origin + length} 0"]
    lines += ["-0.5 0.5 0", "ITEM: ATOMS id type x y z"]
    lines += [
        f"{k + 1} {types[k]} {positions[k, 0] + origin} {positions[k, 1] + origin} 0"
        for k in range(len(types))
    ]
    path = tmp_path / "state.dump"
    path.write_text("\n".join(lines) + "\n")
    (frame,) = read_particles(path)
    np.testing.assert_array_equal(frame.types, types)
    np.testing.assert_allclose(frame.box, box, atol=1e-9)
    np.testing.assert_allclose(frame.positions, positions, atol=1e-9)


def test_bad_particle_files_are_refused_with_a_reason(tmp_path: Path) -> None:
    positions, types, box = wrapped_state()
    good = extended_xyz(positions, types, box)
    outside = positions.copy()
    outside[5] += 2 * box[0, 0]
    cases = {
        "outside.xyz": (extended_xyz(outside, types, box), "1 particles are outside the cell"),
        "single.xyz": (extended_xyz(positions, np.ones_like(types), box), "exactly two"),
        "broken.xyz": (good[:200], "can't be read as extxyz"),
        "open.xyz": (good.replace('pbc="T T F"', 'pbc="F F F"'), "periodic"),
    }
    for name, (text, message) in cases.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(UserError, match=message):
            read_particles(tmp_path / name)
    with pytest.raises(UserError, match="must end in"):
        read_particles(tmp_path / "state.pdb")
    with pytest.raises(UserError, match="no such file"):
        read_particles(tmp_path / "absent.xyz")
    (tmp_path / "good.xyz").write_text(good)
    with pytest.raises(UserError, match="no species Li"):
        read_particles(tmp_path / "good.xyz", type_a="Li")
    with pytest.raises(UserError, match="more than the"):
        read_particles(tmp_path / "good.xyz", max_bytes=100)
