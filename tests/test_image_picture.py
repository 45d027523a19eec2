"""Pictures: read correctly, or rejected with one clear line."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from distributed_ib.errors import UserError
from distributed_ib.studies.image import Picture, example_picture, load_picture

RAMP = np.arange(24, dtype=np.uint8).reshape(2, 4, 3) * 10


def saved(folder: Path, image: Image.Image, name: str = "p.png", **options: object) -> Path:
    image.save(folder / name, **options)  # type: ignore[arg-type]
    return folder / name


def test_rgb_is_read_as_it_is(tmp_path: Path) -> None:
    picture = load_picture(saved(tmp_path, Image.fromarray(RAMP)))
    np.testing.assert_array_equal(picture.pixels, RAMP)
    assert (picture.name, picture.size_text, picture.notes) == ("p.png", "4 x 2", ())
    assert picture.colors().shape == (8, 3)
    assert picture.colors().min() >= -1 and picture.colors().max() <= 1


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "CMYK"])
def test_every_common_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    grey = Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8)).convert(mode)
    name = "p.tif" if mode == "CMYK" else "p.png"
    picture = load_picture(saved(tmp_path, grey, name))
    np.testing.assert_array_equal(picture.pixels[..., 1], [[0, 255], [255, 0]])
    assert picture.notes == ()


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    deep = np.array([[0, 32896], [65535, 257]], np.uint16)
    picture = load_picture(saved(tmp_path, Image.fromarray(deep)))
    assert picture.pixels[..., 0].tolist() == [[0, 128], [255, 1]]
    assert picture.notes == ("reduced from 16 to 8 bits",)


def test_transparent_parts_are_put_on_white_and_it_is_said(tmp_path: Path) -> None:
    layers = np.zeros((1, 3, 4), np.uint8)
    layers[0, :, 3] = (0, 51, 255)  # black: invisible, a fifth, whole
    picture = load_picture(saved(tmp_path, Image.fromarray(layers)))
    assert picture.pixels[0, :, 0].tolist() == [255, 204, 0]
    assert picture.notes == ("transparent parts shown on white",)
    layers[..., 3], layers[0, 0, 0] = 255, 9  # an opaque alpha channel needs no message
    assert load_picture(saved(tmp_path, Image.fromarray(layers))).notes == ()


def test_exif_orientation_is_honoured(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be rotated by 90 degrees clockwise
    path = saved(tmp_path, Image.fromarray(RAMP), exif=exif)
    picture = load_picture(path)
    np.testing.assert_array_equal(picture.pixels, np.rot90(RAMP, -1))
    assert picture.notes == ("rotated by its EXIF orientation",)


def test_large_pictures_are_shrunk_and_it_is_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = saved(tmp_path, Image.fromarray(rng.integers(0, 255, (30, 90, 3), dtype=np.uint8)))
    picture = load_picture(path, size=45)
    assert picture.size_text == "45 x 15"
    assert picture.notes == ("shrunk from 90 x 30 to 45 x 15 pixels",)
    assert load_picture(path, size=None).size_text == "90 x 30"
    with pytest.raises(UserError, match="size must be at least 2"):
        load_picture(path, size=1)


def test_the_first_frame_of_an_animation_is_taken_and_it_is_said(tmp_path: Path) -> None:
    frames = [Image.fromarray(RAMP[:, k : k + 2]) for k in range(3)]
    path = saved(tmp_path, frames[0], "p.gif", save_all=True, append_images=frames[1:])
    assert load_picture(path).notes == ("the first of 3 frames",)


def png_header(width: int, height: int) -> bytes:
    """A PNG file that declares a size but contains no pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def whole_png(folder: Path) -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    return saved(folder, Image.fromarray(noise), "whole.png").read_bytes()


BAD: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "truncated": (lambda folder: whole_png(folder)[:3000], "can't be read"),
    "empty": (lambda _: b"", "is empty"),
    "a text": (lambda _: b"once upon a time", "not a picture"),
    "zero wide": (lambda _: png_header(0, 4), "p.png"),
    "85 megapixels": (lambda _: png_header(10_000, 8_500), "85 megapixels"),
    "200 megapixels": (lambda _: png_header(20_000, 10_000), "more than 80 megapixels"),
    "a bomb": (lambda _: png_header(2**31 - 1, 2**31 - 1), "more than 80 megapixels"),
    "header only": (lambda _: png_header(4, 4), "can't be read"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_files_are_one_clear_line(tmp_path: Path, what: str) -> None:
    make, words = BAD[what]
    path = tmp_path / "p.png"
    path.write_bytes(make(tmp_path))
    with pytest.raises(UserError, match=words) as caught:
        load_picture(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def pixels(*shape: int) -> NDArray[np.uint8]:
    return np.full((*shape, 3), 7, np.uint8)


@pytest.mark.parametrize(("height", "width", "words"), [(1, 1, "1 x 1"), (5, 4, "same colour")])
def test_a_picture_of_nothing_is_refused(
    tmp_path: Path, height: int, width: int, words: str
) -> None:
    with pytest.raises(UserError, match=words):
        load_picture(saved(tmp_path, Image.fromarray(pixels(height, width))))


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.png does not exist"):
        load_picture(tmp_path / "nowhere.png")
    with pytest.raises(UserError, match="is a folder"):
        load_picture(tmp_path)


def test_arrays_of_another_form_are_refused() -> None:
    with pytest.raises(UserError, match="uint8"):
        Picture("floats", np.zeros((4, 4, 3)))  # type: ignore[arg-type]


def test_the_example_needs_no_network() -> None:
    assert example_picture().size_text == "600 x 400"
