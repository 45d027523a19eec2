"""Loading glass data: from the package, a simulation, or the published archive."""

import tarfile
from pathlib import Path

from distributed_ib.errors import UserError
from distributed_ib.studies.glass.glass_tables import (
    GlassData,
    load_folder,
    load_table,
    packaged_data,
)
from distributed_ib.studies.glass.published_archive import load_archive


def load_glass(path: Path | str | None = None) -> dict[str, GlassData]:
    """Data of one or both protocols, by name.

    Args:
        path: A folder with tables made by `simulate`; one such table (`.npz`); or the published
            archive (`.tar`, `.tar.gz`). None loads the data that come with the package.

    Raises:
        UserError: If there is nothing readable at `path`.
    """
    if path is None:
        return packaged_data()
    path = Path(path)
    if path.is_dir():
        return load_folder(path)
    if not path.is_file():
        raise UserError(f"{path}: there is no such file or folder.")
    if path.suffix == ".npz":
        data = load_table(path)
        return {data.name: data}
    if ".tar" in path.suffixes or path.suffix == ".tgz" or tarfile.is_tarfile(path):
        return load_archive(path)
    raise UserError(f"{path}: neither a folder, a .npz table nor a .tar archive of glass data.")
