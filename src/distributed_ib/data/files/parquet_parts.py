"""The files of a Parquet table: one file, a folder, a glob or a URL."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.fs as fs
import pyarrow.parquet as pq

from distributed_ib.data.files._column_names import check_names
from distributed_ib.errors import UserError, first_line

PARQUET_SUFFIXES = (".parquet", ".pq")
# Prefix of the row labels that pandas hides in a Parquet file.
_HIDDEN_INDEX = "__index_level_"
# A `Path` keeps only one of the slashes of a URL.
_URL = re.compile(r"([a-z][a-z0-9+]+):/+")
_WILDCARDS = "*?["


@dataclass(frozen=True, eq=False)
class ParquetPart:
    """A file of a table.

    Attributes:
        path: Its path in the file system.
        first_row: Number of rows in the files before it.
        metadata: Description of its row groups, from its footer.
        partition: Values of columns that its folders name, such as `year=2024`.
    """

    path: str
    first_row: int
    metadata: Any
    partition: Mapping[str, Any]

    @property
    def n_rows(self) -> int:
        """Number of rows of the file."""
        return int(self.metadata.num_rows)


@dataclass(frozen=True, eq=False)
class ParquetParts:
    """All files of a table, in the order of their paths, with the columns that they share.

    Attributes:
        place: Name of the table in messages.
        filesystem: Where the files are.
        parts: The files.
        schema: Columns of the first file; all others have the same.
        partition_names: Columns that folders name.
    """

    place: str
    filesystem: Any
    parts: tuple[ParquetPart, ...]
    schema: Any
    partition_names: tuple[str, ...]

    @classmethod
    def find(cls, location: str | Path) -> "ParquetParts":
        """Find the files and read their footers, which contain the number of rows.

        Args:
            location: A file, a folder with all files in it, a glob such as
                `data/year=*/part-*.parquet` (`**` stands for folders of any depth), or a URL of a
                file system that pyarrow supports, such as `s3://bucket/folder`.

        Raises:
            UserError: If there are no such files, one can't be read or is not Parquet, or their
                columns differ.
        """
        place = text_of(location)
        filesystem, base, paths = _paths(place)
        footers = [_footer(filesystem, path) for path in paths]
        schema = footers[0].schema.to_arrow_schema()
        fields = visible_names(schema)
        check_names(place if len(paths) == 1 else paths[0], fields)
        for path, footer in zip(paths[1:], footers[1:], strict=True):
            _check_same(paths[0], schema, path, footer.schema.to_arrow_schema())
        partitions = _partitions(filesystem, base, paths, fields)
        parts, first_row = [], 0
        for path, footer, partition in zip(paths, footers, partitions, strict=True):
            parts.append(ParquetPart(path, first_row, footer, partition))
            first_row += parts[-1].n_rows
        return cls(place, filesystem, tuple(parts), schema, tuple(partitions[0]))

    @property
    def names(self) -> tuple[str, ...]:
        """All columns: those of the files, then those that folders name."""
        return (*visible_names(self.schema), *self.partition_names)

    @property
    def n_rows(self) -> int:
        """Number of rows of all files."""
        return sum(part.n_rows for part in self.parts)


def text_of(location: str | Path) -> str:
    """A path as text, restoring the slashes of a URL, of which `Path` keeps only one.

    >>> text_of(Path("s3://bucket/folder")), text_of(Path("file:///a.parquet"))
    ('s3://bucket/folder', 'file:///a.parquet')
    """
    text = str(location)
    found = _URL.match(text)
    if found is None:
        return text
    return f"{found[1]}://{'/' if found[1] == 'file' else ''}{text[found.end() :]}"


def is_url(location: str | Path) -> bool:
    """Whether a location is a URL.

    >>> is_url("s3://bucket/a.parquet"), is_url("C:/a.parquet")
    (True, False)
    """
    return _URL.match(str(location)) is not None


def is_parquet(location: str | Path) -> bool:
    """Whether a location is read as Parquet: by its name, or as a folder, a glob or a URL.

    >>> is_parquet("a.parquet"), is_parquet("part-*.parquet"), is_parquet("a.csv")
    (True, True, False)
    """
    path = Path(location)
    return path.suffix.lower() in PARQUET_SUFFIXES or is_multi_file(location)


def is_multi_file(location: str | Path) -> bool:
    """Whether a location may contain several files: a folder, a glob or a URL.

    >>> is_multi_file("part-*.parquet"), is_multi_file("part-1.parquet")
    (True, False)
    """
    path = Path(location)
    is_glob = any(one in str(location) for one in _WILDCARDS) and not path.is_file()
    return is_glob or is_url(location) or path.is_dir()


def stem_of(location: str | Path) -> str:
    """A base name for results of a table: that of its file or folder, without wildcards.

    >>> stem_of("data/a.parquet"), stem_of("data/big/part-*.parquet"), stem_of("*.parquet")
    ('a', 'big', 'table')
    """
    names = [name for name in Path(location).parts if not any(one in name for one in _WILDCARDS)]
    return Path(names[-1]).stem if names else "table"


def visible_names(schema: Any) -> list[str]:
    """Columns of a file, without the row labels that pandas hides in it."""
    return [name for name in schema.names if _HIDDEN_INDEX not in name]


def _paths(place: str) -> tuple[Any, str, list[str]]:
    """File system, base folder of the partitions, and paths of the files in order."""
    filesystem, path = _filesystem(place)
    parts = path.split("/")
    wild = [any(one in part for one in _WILDCARDS) for part in parts]
    info = _info(filesystem, path, place)
    if info.type == fs.FileType.File:
        return filesystem, path.rpartition("/")[0], [path]
    if info.type == fs.FileType.Directory:
        found = sorted(_files_below(filesystem, path, place))
        _reject_other_files(place, found)
        base = path
    elif any(wild):
        base = "/".join(parts[: wild.index(True)]) or "/"
        pattern = parts[wild.index(True) :]
        found = sorted(
            one
            for one in _files_below(filesystem, base, place)
            if _matches(one.removeprefix(base).lstrip("/").split("/"), pattern)
        )
    else:
        raise UserError(f"there is no file {place}.")
    if not found:
        what = "no file matches" if any(wild) else "there is no Parquet file in"
        raise UserError(f"{what} {place}.")
    return filesystem, base, found


def _filesystem(place: str) -> tuple[Any, str]:
    if not is_url(place):
        return fs.LocalFileSystem(), str(Path(place).absolute())
    try:
        filesystem, path = fs.FileSystem.from_uri(place)
    except (pa.ArrowException, OSError, ImportError, ValueError) as error:
        raise UserError(f"{place} can't be read: {first_line(error)}.") from None
    return filesystem, path.rstrip("/")


def _info(filesystem: Any, path: str, place: str) -> Any:
    try:
        return filesystem.get_file_info(path)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{place} can't be read: {first_line(error)}.") from None


def _files_below(filesystem: Any, base: str, place: str) -> Iterator[str]:
    """Files in a folder and its subfolders, without hidden ones."""
    selector = fs.FileSelector(base, recursive=True, allow_not_found=True)
    try:
        infos = filesystem.get_file_info(selector)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{place} can't be read: {first_line(error)}.") from None
    for info in infos:
        names = info.path.removeprefix(base).lstrip("/").split("/")
        # Files that Spark and others write beside a table, such as _SUCCESS.
        is_hidden = any(name.startswith((".", "_")) for name in names)
        if info.type == fs.FileType.File and not is_hidden:
            yield info.path


def _reject_other_files(place: str, paths: Sequence[str]) -> None:
    """Check that a folder contains only Parquet files, since others may be part of the table.

    Raises:
        UserError: If not: names another file.
    """
    for path in paths:
        if not path.lower().endswith(PARQUET_SUFFIXES):
            raise UserError(
                f"{place} also contains {path}, whose name is not that of a Parquet file; remove "
                "it, or select the Parquet files with a pattern, such as "
                f"'{place.rstrip('/')}/*.parquet'."
            )


def _matches(names: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether the folders and the file of a path match a glob; `**` stands for any folders.

    >>> _matches(["a", "b", "c.pq"], ["**", "*.pq"]), _matches(["a", "c.pq"], ["*.pq"])
    (True, False)
    """
    if not pattern:
        return not names
    if pattern[0] == "**":
        return any(_matches(names[k:], pattern[1:]) for k in range(len(names) + 1))
    return bool(names) and fnmatchcase(names[0], pattern[0]) and _matches(names[1:], pattern[1:])


def _footer(filesystem: Any, path: str) -> Any:
    try:
        with filesystem.open_input_file(path) as file:
            return pq.read_metadata(file)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path} can't be read as Parquet: {first_line(error)}.") from None


def _check_same(first: str, schema: Any, path: str, other: Any) -> None:
    """Check that a file has the columns of the first one, in any order.

    Raises:
        UserError: If not: names both files and the column.
    """
    names, others = visible_names(schema), visible_names(other)
    remedy = "all files of a table must have the same columns; select files that belong together "
    "with a glob pattern"
    for name in names:
        if name not in others:
            raise UserError(f"{path} lacks the column {name!r} of {first}; {remedy}.")
        here, there = (_plain_type(one.field(name).type) for one in (schema, other))
        if here != there:
            raise UserError(
                f"column {name!r} has type {here} in {first} and {there} in {path}; write all "
                "files with the same type."
            )
    if new := [name for name in others if name not in names]:
        raise UserError(f"{path} has a column {new[0]!r}, which {first} does not have; {remedy}.")


def _plain_type(kind: Any) -> Any:
    """The type of the values, regardless of how they are stored."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.string() if pa.types.is_large_string(kind) else kind


def _partitions(
    filesystem: Any, base: str, paths: Sequence[str], names: Sequence[str]
) -> list[dict[str, Any]]:
    """The values that folders such as `year=2024` give each file.

    Raises:
        UserError: If only some files are in such a folder, or the files contain a column of the
            same name.
    """
    folders = [
        [unquote(folder.partition("=")[0]) for folder in path.split("/")[:-1] if "=" in folder]
        for path in (path.removeprefix(base) for path in paths)
    ]
    for path, found in zip(paths, folders, strict=True):
        if twice := set(found) & set(names):
            raise UserError(
                f"{path}: the column {min(twice)!r} is in the file and also in the name of its "
                "folder; remove one of them."
            )
        if different := set(found) ^ set(folders[0]):
            name = min(different)
            raise UserError(
                f"{path} and {paths[0]} differ: only one of them is in a folder that gives a value "
                f"of column {name!r}. Put all files into folders such as {name}=1, or select some "
                "of them with a glob pattern."
            )
    if not folders[0]:
        return [{} for _ in paths]
    import pyarrow.dataset as ds  # takes longer to import than most tables to open

    dataset = ds.dataset(
        list(paths),
        format="parquet",
        filesystem=filesystem,
        partitioning="hive",
        partition_base_dir=base,
    )
    by_path = {
        one.path: ds.get_partition_keys(one.partition_expression) for one in dataset.get_fragments()
    }
    return [{name: by_path[path][name] for name in folders[0]} for path in paths]
