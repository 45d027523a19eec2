"""Writing files."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from distributed_ib._files import (
    create_folder,
    next_free_folder,
    write_atomically,
    write_text,
)
from distributed_ib._locks import lock_folder
from distributed_ib.errors import UserError


def test_a_failing_writer_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("old")

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_a_user_error(tmp_path: Path) -> None:
    def fail(temporary: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match=r"note\.txt: No space left"):
        write_atomically(tmp_path / "note.txt", fail)
    assert list(tmp_path.iterdir()) == []


def test_the_temporary_file_has_the_suffix_and_folder_of_the_last_one(tmp_path: Path) -> None:
    seen: list[Path] = []
    write_atomically(tmp_path / "a.nc", lambda p: seen.append(p))
    assert seen[0].parent == tmp_path
    assert seen[0].suffix == ".nc"
    assert not seen[0].exists()


@pytest.mark.parametrize(("mask", "expected"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_follow_the_umask(tmp_path: Path, mask: int, expected: int) -> None:
    before = os.umask(mask)
    try:
        write_text(tmp_path / "note.txt", "β\n")
        left = os.umask(mask)
    finally:
        os.umask(before)
    assert left == mask
    assert stat.S_IMODE((tmp_path / "note.txt").stat().st_mode) == expected
    assert (tmp_path / "note.txt").read_bytes() == "β\n".encode()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for path in (tmp_path / "file" / "note.txt", tmp_path / "nowhere" / "note.txt"):
        with pytest.raises(UserError, match=r"note\.txt"):
            write_text(path, "x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="folder"):
        write_text(tmp_path / "folder", "x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


def test_folders_are_made_with_their_parents_and_only_once(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b" / "c"
    assert create_folder(folder) == folder
    assert folder.is_dir()
    with pytest.raises(UserError, match=r"already exists.*--out"):
        create_folder(folder)


@pytest.mark.parametrize("below", ["run", "deep/run"])
def test_a_folder_below_a_file_is_not_said_to_exist(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"can't create the folder .*--out") as caught:
        create_folder(tmp_path / "file" / below)
    assert "already exists" not in str(caught.value)
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_file_or_dangling_link_of_that_name_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    for name in ("file", "link"):
        with pytest.raises(UserError, match="already exists"):
            create_folder(tmp_path / name)


def test_next_free_folder_skips_what_exists(tmp_path: Path) -> None:
    (tmp_path / "boolean-001").mkdir()
    (tmp_path / "boolean-002").write_text("")
    assert next_free_folder(tmp_path, "boolean") == tmp_path / "boolean-003"


def test_a_folder_is_held_by_one_process_until_it_ends(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from distributed_ib._locks import lock_folder\n"
        "with lock_folder(Path(sys.argv[1])):\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(UserError, match="in use by another process"), lock_folder(tmp_path):
            pass
        other.kill()  # the process cannot release anything
    with lock_folder(tmp_path), lock_folder(tmp_path.parent):
        pass
    with lock_folder(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_folder_that_is_not_there_can_not_be_held(tmp_path: Path) -> None:
    with lock_folder(tmp_path / "nowhere"):
        assert not (tmp_path / "nowhere").exists()
