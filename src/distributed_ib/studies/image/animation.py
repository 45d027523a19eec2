"""Animation of the approximations as beta rises."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from distributed_ib._files import write_atomically
from distributed_ib.errors import UserError
from distributed_ib.studies.image.painter import Reconstruction

MILLISECONDS_PER_FRAME = 200
# The first and last frames are shown longer.
MILLISECONDS_AT_ENDS = 1200
FORMATS = (".gif", ".webp")
_CAPTION_PIXELS = 34
_MIN_WIDTH = 180


def save_animation(path: Path, frames: Sequence[Reconstruction], components: Sequence[str]) -> None:
    """Write an animation with a caption of beta and bits under each frame.

    Args:
        path: The file; its ending, .gif or .webp, sets the format.
        frames: Reconstructions of one size, in order of beta.
        components: Names of the components.

    Raises:
        UserError: If there are no frames, the format is unknown, or the file can't be written.
    """
    if path.suffix not in FORMATS:
        raise UserError(
            f"{path.name} is not an animation; choose a name in {' or '.join(FORMATS)}."
        )
    if not frames:
        raise UserError("an animation needs at least one frame.")
    images = [_with_caption(frame, components) for frame in frames]
    durations = [MILLISECONDS_PER_FRAME] * len(images)
    durations[0] = durations[-1] = MILLISECONDS_AT_ENDS

    def write(target: Path) -> None:
        images[0].save(
            target, save_all=True, append_images=images[1:], duration=durations, loop=0, quality=80
        )

    write_atomically(path, write)


def _with_caption(frame: Reconstruction, components: Sequence[str]) -> Image.Image:
    picture = Image.fromarray(frame.pixels)
    width = max(picture.width, _MIN_WIDTH)
    canvas = Image.new("RGB", (width, picture.height + _CAPTION_PIXELS), "white")
    canvas.paste(picture, ((width - picture.width) // 2, 0))
    bits = "  ".join(
        f"{name} {value:.1f}" for name, value in zip(components, frame.conveyed_bits, strict=True)
    )
    if len(components) > 3:
        bits = f"{np.sum(frame.conveyed_bits > 0.1)} of {len(components)} components in use"
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(11)
    draw.text((4, picture.height + 3), f"beta {frame.beta:.2g}", fill="black", font=font)
    draw.text((4, picture.height + 17), f"conveyed (bits): {bits}", fill="black", font=font)
    return canvas
