"""Reading picture files into RGB pixels, with errors for files that can't be read."""

import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from distributed_ib._checks import whole_number
from distributed_ib._files import write_atomically
from distributed_ib.errors import UserError, first_line

# Checked in the header, before anything is decoded. Below the size at which Pillow warns about
# files that are small on disk and huge in memory.
MAX_MEGAPIXELS = 80
DEFAULT_SIZE = 600
_NAME, _NOTES = "Title", "Description"
_GREY16 = ("I;16", "I;16L", "I;16B", "I;16N")


@dataclass(frozen=True)
class Picture:
    """A relationship between position and colour.

    Attributes:
        name: Name of the picture.
        pixels: RGB, `[height, width, 3]`, 0 .. 255.
        notes: What was done to the file's picture, in words; empty if nothing.

    Raises:
        UserError: If there is nothing to learn from it: no pixel, a single pixel, or one colour.

    Example:
        >>> Picture("ramp", np.arange(12, dtype=np.uint8).reshape(2, 2, 3)).size_text
        '2 x 2'
    """

    name: str
    pixels: NDArray[np.uint8]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the pixels."""
        pixels = self.pixels
        if pixels.ndim != 3 or pixels.shape[-1] != 3 or pixels.dtype != np.uint8:
            raise UserError(
                "a picture must have pixels [height, width, 3] of type uint8, got "
                f"{list(pixels.shape)} of type {pixels.dtype}."
            )
        if pixels.shape[0] * pixels.shape[1] < 2:
            raise UserError(
                f"{self.name} has only {self.size_text} pixels, so there are no positions to learn "
                "from; use a larger picture."
            )
        if (pixels == pixels[0, 0]).all():
            raise UserError(
                f"{self.name} has the same colour everywhere, so there is nothing to learn; use a "
                "picture with several colours."
            )

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return int(self.pixels.shape[1])

    @property
    def size_text(self) -> str:
        """Width x height, such as "600 x 400"."""
        return f"{self.width} x {self.height}"

    def colors(self) -> NDArray[np.float32]:
        """RGB of every pixel, row by row, between -1 and 1: `[pixel, 3]`."""
        return (self.pixels.reshape(-1, 3) / np.float32(127.5) - 1).astype(np.float32)

    def shrunk(self, size: int) -> "Picture":
        """The same picture with at most `size` pixels along its longer side.

        Raises:
            UserError: If `size` is less than 2.
        """
        longest = max(self.height, self.width)
        if whole_number("size", size, 2) >= longest:
            return self
        width, height = (max(1, round(n * size / longest)) for n in (self.width, self.height))
        image = Image.fromarray(self.pixels).resize((width, height), Image.Resampling.LANCZOS)
        note = f"shrunk from {self.size_text} to {width} x {height} pixels"
        return Picture(self.name, np.asarray(image), (*self.notes, note))

    def save(self, path: Path) -> None:
        """Write a PNG file that includes name and notes; `load_stored` reads it."""
        texts = PngInfo()
        texts.add_itxt(_NAME, self.name)
        texts.add_itxt(_NOTES, "\n".join(self.notes))
        image = Image.fromarray(self.pixels)
        write_atomically(path, lambda target: image.save(target, pnginfo=texts))


def load_picture(path: str | Path, size: int | None = DEFAULT_SIZE) -> Picture:
    """Read a picture of any common format: grey or colour, of any size up to 80 megapixels.

    It is rotated by its EXIF orientation, transparent parts are put on white, and the longer side
    is shrunk to `size` pixels; `Picture.notes` lists what was done.

    Args:
        path: The file.
        size: Largest number of pixels along the longer side; None keeps all. The default is that
            of the paper, 600.

    Raises:
        UserError: If the file is missing, damaged, too large or not a picture, or if there is
            nothing to learn from it.
    """
    path = Path(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # Other warnings concern details of formats that don't change the pixels.
            warnings.simplefilter("ignore", UserWarning)
            with Image.open(path) as image:
                _check_size(path, image)
                pixels, notes = _decode(path, image)
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; give the path of a picture.") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; give the path of a picture.") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UserError(
            f"{path} has more than {MAX_MEGAPIXELS} megapixels, the maximum; reduce its size."
        ) from None
    except UnidentifiedImageError:
        what = "is empty" if path.stat().st_size == 0 else "is not a picture that Pillow can read"
        raise UserError(f"{path} {what}; give a picture, such as a PNG or JPEG file.") from None
    except Exception as error:  # a damaged file may raise anything
        raise UserError(f"{path} can't be read: {first_line(error)}.") from None
    picture = Picture(path.name, pixels, notes)
    return picture if size is None else picture.shrunk(size)


def load_stored(path: Path) -> Picture:
    """Read a picture that `Picture.save` wrote: the same pixels, name and notes.

    Raises:
        UserError: As for `load_picture`.
    """
    picture = load_picture(path, size=None)
    with Image.open(path) as image:
        texts = getattr(image, "text", {})
    notes = filter(None, str(texts.get(_NOTES, "")).split("\n"))
    return replace(picture, name=str(texts.get(_NAME, picture.name)), notes=tuple(notes))


def example_picture(size: int | None = DEFAULT_SIZE) -> Picture:
    """The example picture: a cup of coffee, 600 x 400.

    By Rachel Michetti, CC0; it is included in scikit-image.

    Raises:
        UserError: If scikit-image is not installed.
    """
    try:
        from skimage import data
    except ImportError:
        raise UserError(
            "the example picture is part of scikit-image, which is not installed; use your own "
            "picture, or install it: pip install 'distributed-ib[image]'."
        ) from None
    picture = Picture("coffee", np.asarray(data.coffee()))
    return picture if size is None else picture.shrunk(size)


def _check_size(path: Path, image: Image.Image) -> None:
    width, height = image.size
    if width < 1 or height < 1:
        raise UserError(
            f"{path} has {width} x {height} pixels, that is, none; use another picture."
        )
    if width * height > MAX_MEGAPIXELS * 1_000_000:
        raise UserError(
            f"{path} has {width * height / 1e6:.0f} megapixels ({width} x {height}), but the "
            f"maximum is {MAX_MEGAPIXELS}; reduce its size."
        )


def _decode(path: Path, image: Image.Image) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Pixels `[height, width, 3]` and notes on what was done to them."""
    notes = []
    if getattr(image, "n_frames", 1) > 1:
        notes.append(f"the first of {image.n_frames} frames")  # type: ignore[attr-defined]
    image.load()
    if image.getexif().get(0x0112, 1) != 1:
        notes.append("rotated by its EXIF orientation")
    turned: Image.Image = ImageOps.exif_transpose(image)
    if turned.mode in _GREY16:
        grey = np.round(np.asarray(turned, np.float64) / 257).astype(np.uint8)
        turned = Image.fromarray(grey)
        notes.append("reduced from 16 to 8 bits")
    if turned.mode in ("I", "F"):
        raise UserError(
            f"{path} has 32-bit pixels, for which the value of white is unknown; save it with 8 "
            "bits."
        )
    if turned.has_transparency_data:
        layers = turned.convert("RGBA")
        if np.asarray(layers)[..., 3].min() < 255:
            notes.append("transparent parts shown on white")
        white = Image.new("RGBA", layers.size, "white")
        turned = Image.alpha_composite(white, layers)
    return np.asarray(turned.convert("RGB")), tuple(notes)
