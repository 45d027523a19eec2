"""What the channels of a pattern's scheme really transmit."""

from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from distributed_ib.errors import UserError, first_line
from distributed_ib.files import write_atomically
from distributed_ib.information.bounds import information_bounds
from distributed_ib.scheme.scheme import ApproximationScheme
from distributed_ib.studies.patterns.batches import as_components
from distributed_ib.studies.patterns.patterns import HALF_SIDE

# The bounds part by 1.44 * 2^I / n bits: 0.003 bit at 1 bit, 0.09 bit at 6.
N_POSITIONS = 1024
_FILE = "information.nc"
_FILE_LIMIT_BYTES = 1 << 24
_OVER = ("snapshot", "component")


@dataclass(frozen=True)
class TransmittedInformation:
    """Bounds on I(U_i; X_i) of every channel at every snapshot of a scheme.

    Attributes:
        beta: Bottleneck strength, `[snapshot]`.
        lower_bits: Lower bound, `[snapshot, component]`.
        upper_bits: Upper bound, likewise.
    """

    beta: NDArray[np.float64]
    lower_bits: NDArray[np.float64]
    upper_bits: NDArray[np.float64]

    @property
    def middle_bits(self) -> NDArray[np.float64]:
        """Halfway between the bounds, `[snapshot, component]`; never below zero."""
        return np.maximum(0.5 * (self.lower_bits + self.upper_bits), 0.0)


def transmitted_information(
    scheme: ApproximationScheme, n_positions: int = N_POSITIONS, *, seed: int = 0
) -> TransmittedInformation:
    """Measure what each channel transmits, on positions drawn at random.

    Args:
        scheme: From `sweep_pattern`.
        n_positions: Positions to draw; at most log2 of that many bits can be certified.
        seed: Seed of positions and noise.
    """
    n_components = len(scheme.components)
    position = np.random.default_rng(seed).uniform(-HALF_SIDE, HALF_SIDE, (n_positions, 2))
    x = as_components(position.astype(np.float32), n_components)
    beta = scheme.snapshots.beta
    bounds = []
    for strength in beta:
        channel = scheme.at(beta=float(strength)).encode(x)
        # [component, position, embedding]
        mean, log_variance = (
            np.swapaxes(array, 0, 1) for array in (channel.mean, channel.log_variance)
        )
        bounds.append(information_bounds(mean, log_variance, key=jax.random.key(seed)))
    shape = (len(beta), n_components)
    return TransmittedInformation(
        beta=np.asarray(beta, np.float64),
        lower_bits=np.array([b.lower_bits for b in bounds]).reshape(shape),
        upper_bits=np.array([b.upper_bits for b in bounds]).reshape(shape),
    )


def save_information(folder: Path, information: TransmittedInformation) -> None:
    """Write `information.nc` into a folder, made if need be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"can't make {folder}: {error.strerror or error}.") from None
    dataset = xr.Dataset(
        {
            "information_lower_bits": (_OVER, information.lower_bits),
            "information_upper_bits": (_OVER, information.upper_bits),
        },
        coords={"beta": ("snapshot", information.beta)},
    )
    write_atomically(folder / _FILE, lambda path: dataset.to_netcdf(path, engine="h5netcdf"))


def load_information(folder: Path) -> TransmittedInformation:
    """Read what `save_information` wrote.

    Raises:
        UserError: If the file is missing or damaged.
    """
    path = folder / _FILE
    try:
        if path.stat().st_size > _FILE_LIMIT_BYTES:
            raise UserError(f"{path} is too large to be what a run wrote.")
        with xr.open_dataset(path, engine="h5netcdf") as stored:
            if stored.nbytes > _FILE_LIMIT_BYTES:
                raise UserError(f"{path} declares {stored.nbytes:,} bytes of numbers; too many.")
            return TransmittedInformation(
                beta=stored["beta"].values.astype(np.float64),
                lower_bits=stored["information_lower_bits"].values.astype(np.float64),
                upper_bits=stored["information_upper_bits"].values.astype(np.float64),
            )
    except UserError:
        raise
    except Exception as error:  # a damaged file fails in as many ways as there are bytes
        raise UserError(f"{path} can't be read: {first_line(error)}.") from None
