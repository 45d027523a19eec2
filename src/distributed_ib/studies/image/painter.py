"""Pictures painted by an approximation: the colour that it predicts for every position."""

from dataclasses import dataclass
from typing import Literal, get_args

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from distributed_ib._checks import whole_number
from distributed_ib.data.distinct_values import distinct_rows
from distributed_ib.errors import UserError
from distributed_ib.scheme.approximation import Approximation
from distributed_ib.studies.image.decompositions import PositionDecomposition, pixel_positions
from distributed_ib.studies.image.picture import Picture

Rule = Literal["likeliest", "expected"]
# Large enough that encoding the distinct values anew in every block costs little, and small enough
# that a block of probabilities takes 64 MiB.
BLOCK_ROWS = 16_384
N_CODEBOOK = 1024


@dataclass(frozen=True)
class Reconstruction:
    """A picture painted by an approximation.

    Attributes:
        pixels: RGB, `[height, width, 3]`, 0 .. 255.
        psnr_db: Peak signal-to-noise ratio against the same pixels of the picture, in decibels.
        beta: Bottleneck strength of the approximation.
        conveyed_bits: What each component of the approximation conveys, `[component]`.
        predictive_bits: Information of the approximation about the colour: a lower bound, from
            InfoNCE.
    """

    pixels: NDArray[np.uint8]
    psnr_db: float
    beta: float
    conveyed_bits: NDArray[np.float64]
    predictive_bits: float


class Painter:
    """Paints a picture by the approximations of its scheme.

    The colour of each position is chosen from a codebook of colours drawn at random from the
    picture, by the probabilities that the approximation gives to them.

    Attributes:
        pixels: The picture's pixels at the painted positions, `[height, width, 3]`, against which
            errors are measured.
        codebook: RGB of the colours to choose from, `[color, 3]`, 0 .. 255.
    """

    def __init__(
        self,
        picture: Picture,
        decomposition: PositionDecomposition,
        *,
        step: int = 1,
        n_colors: int = N_CODEBOOK,
        seed: int = 0,
    ) -> None:
        """Set up the grid of positions and draw the codebook.

        Args:
            picture: The picture whose colours are in the codebook.
            decomposition: The decomposition of the scheme.
            step: Paint every `step`-th pixel of every `step`-th row, which is a fair sample of the
                picture and of its error, and faster.
            n_colors: Number of colours in the codebook; the paper has 1024.
            seed: Seed of the random choice of colours.

        Raises:
            UserError: If `step` or `n_colors` is not positive.
        """
        rng = np.random.default_rng(seed)
        colors = picture.pixels.reshape(-1, 3)
        drawn = rng.integers(0, len(colors), whole_number("n_colors", n_colors, 1))
        self.codebook = colors[drawn]
        self._scaled = jnp.asarray(picture.colors()[drawn])
        whole_number("step", step, 1)
        self.pixels = picture.pixels[::step, ::step]
        rows = np.arange(picture.height * picture.width).reshape(picture.height, picture.width)
        positions = pixel_positions(picture.width, picture.height)[rows[::step, ::step].ravel()]
        self._x = distinct_rows(decomposition.components(positions), BLOCK_ROWS)

    def paint(
        self,
        approximation: Approximation,
        rule: Rule = "likeliest",
        *,
        n_draws: int = 16,
        seed: int = 0,
    ) -> Reconstruction:
        """Paint the picture that an approximation predicts.

        Args:
            approximation: An approximation from the scheme of the picture.
            rule: "likeliest": the colour of maximum probability, as in the paper; "expected": the
                mean of all colours, weighted by their probabilities.
            n_draws: Draws of the channels' noise over which probabilities are averaged. All
                positions share them, so that few draws cause no grain. With 0 there is no noise:
                the centre of each channel is used, which shows more than is transmitted.
            seed: Seed of the noise.

        Raises:
            UserError: If `rule` is unknown or `n_draws` negative.
        """
        if rule not in get_args(Rule):
            raise UserError(f"the rule {rule!r} is unknown; choose {', '.join(get_args(Rule))}.")
        whole_number("n_draws", n_draws, 0)
        n_pixels = self.pixels.shape[0] * self.pixels.shape[1]
        painted = np.empty((n_pixels, 3), np.uint8)
        for start in range(0, n_pixels, BLOCK_ROWS):
            stop = min(start + BLOCK_ROWS, n_pixels)
            # The last block is padded, so that all blocks run the same compiled program.
            rows = np.arange(start, start + min(BLOCK_ROWS, n_pixels)) % n_pixels
            chances = approximation.candidate_probabilities(
                self._x.take(rows), self._scaled, n_samples=n_draws, seed=seed
            )
            found = _choose(chances, jnp.asarray(self.codebook), rule)
            painted[start:stop] = np.asarray(found)[: stop - start]
        pixels = painted.reshape(self.pixels.shape)
        return Reconstruction(
            pixels=pixels,
            psnr_db=psnr_db(pixels, self.pixels),
            beta=approximation.beta,
            conveyed_bits=approximation.conveyed_bits,
            predictive_bits=approximation.predictive_bits,
        )


def psnr_db(painted: NDArray[np.uint8], picture: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio of 8-bit pictures, in decibels; infinite if they are equal.

    Example:
        >>> flat = np.full((4, 4, 3), 100, np.uint8)
        >>> round(psnr_db(flat, flat + np.uint8(10)), 2)
        28.13
    """
    error = np.mean((painted.astype(np.float64) - picture.astype(np.float64)) ** 2)
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(255.0**2 / error))


@eqx.filter_jit
def _choose(chances: Array, codebook: Array, rule: str) -> Array:
    """RGB of each position, `[row, 3]`."""
    if rule == "likeliest":
        return codebook[jnp.argmax(chances, axis=1)]
    mean = jnp.matmul(chances, codebook.astype(chances.dtype), precision="highest")
    return jnp.clip(jnp.round(mean), 0, 255).astype(jnp.uint8)
