"""The paintings on the page of a picture's run."""

from collections.abc import Sequence
from typing import Any

from distributed_ib.report.page.own_views import Frame, pictures_view
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.studies.image.painter import Reconstruction
from distributed_ib.studies.image.picture import Picture


def painting_view(
    scheme: ApproximationScheme, picture: Picture, painted: Sequence[Reconstruction]
) -> dict[str, Any]:
    """The picture as painted by each approximation.

    Args:
        scheme: The scheme.
        picture: The picture that was analysed.
        painted: Its paintings, in any order.
    """
    frames = [
        Frame(one.beta, one.pixels, f"as approximated: PSNR {one.psnr_db:.1f} dB")
        for one in painted
    ]
    step = max(1, max(picture.width, picture.height) // max(painted[0].pixels.shape[:2]))
    return pictures_view(
        "painting",
        "The picture as approximated",
        "For every position the colour that the approximation predicts, from nothing but what the "
        "components may tell about the position. PSNR, the peak signal-to-noise ratio, is higher "
        "the closer the colours are.",
        scheme,
        frames,
        truth=picture.pixels[::step, ::step],
        truth_label=picture.name,
    )
