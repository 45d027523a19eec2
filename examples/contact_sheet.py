"""One sheet of the sweep figures of several pictures' runs, to compare them side by side.

python examples/contact_sheet.py SHEET.jpg RUN [RUN ...]
"""

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from distributed_ib._files import write_atomically
from distributed_ib.study.run_folder import read_config

WIDTH, MARGIN, TITLE = 900, 16, 36
TITLES = {
    "horizontal-vertical": "horizontal and vertical",
    "axes": "projections on axes",
    "points": "distances to points",
    "none": "the whole position: the standard bottleneck",
}


def panel(folder: Path) -> Image.Image:
    """The sweep figure of a run under the name of its decomposition."""
    figure = Image.open(folder / "figures" / "sweep.png").convert("RGB")
    figure = figure.resize((WIDTH, round(figure.height * WIDTH / figure.width)))
    canvas = Image.new("RGB", (WIDTH, figure.height + TITLE), "white")
    canvas.paste(figure, (0, TITLE))
    text = str(read_config(folder)["options"]["decomposition"])
    title = TITLES.get(text.partition(":")[0], text)
    ImageDraw.Draw(canvas).text((8, 6), title, fill="black", font=ImageFont.load_default(22))
    return canvas


def sheet(panels: list[Image.Image]) -> Image.Image:
    """The panels in two columns."""
    rows = [panels[k : k + 2] for k in range(0, len(panels), 2)]
    heights = [max(one.height for one in row) + MARGIN for row in rows]
    canvas = Image.new("RGB", (2 * WIDTH + MARGIN, sum(heights)), "white")
    for k, row in enumerate(rows):
        for column, one in enumerate(row):
            canvas.paste(one, (column * (WIDTH + MARGIN), sum(heights[:k])))
    return canvas


if __name__ == "__main__":
    target, *folders = (Path(argument) for argument in sys.argv[1:])
    made = sheet([panel(folder) for folder in folders])
    write_atomically(target, lambda path: made.save(path, "JPEG", quality=82))
