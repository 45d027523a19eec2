"""A made-up table of bicycle rentals, of which it is known what matters.

    python examples/rentals.py rentals.csv
    dib fit rentals.csv --target rentals

Working days have two peaks, at 8 and at 17 o'clock, and weekends one wide hill, so that hour and
weekday are informative together. Warmth adds to it. Clear, hazy and cloudy skies are all the same,
and so are rain and storm; drizzle lies between. `docs/figures.md` shows what is found.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

N_ROWS = 4000
SHARE_OF_SKY = {
    "clear": 1.0,
    "hazy": 1.0,
    "cloudy": 1.0,
    "drizzle": 0.6,
    "rain": 0.2,
    "storm": 0.2,
}


def rentals_table(seed: int = 0) -> pd.DataFrame:
    """The table, an hour a row."""
    rng = np.random.default_rng(seed)
    hour, weekday = rng.integers(0, 24, N_ROWS), rng.integers(0, 7, N_ROWS)
    temperature = rng.normal(14.0, 8.0, N_ROWS).round(1)
    sky = rng.choice(list(SHARE_OF_SKY), N_ROWS)
    working = np.exp(-((hour - 8) ** 2) / 4) + np.exp(-((hour - 17) ** 2) / 8)
    demand = np.where(weekday < 5, working, 0.7 * np.exp(-((hour - 14) ** 2) / 20))
    expected = 300 * demand * np.clip(0.3 + temperature / 20, 0.1, 2.0)
    expected *= np.array([SHARE_OF_SKY[name] for name in sky])
    rentals = np.maximum(expected + 20 + 12 * rng.normal(size=N_ROWS), 0).round()
    return pd.DataFrame(
        {
            "hour": hour,
            "weekday": weekday,
            "temperature": temperature,
            "sky": sky,
            "rentals": rentals.astype(int),
        }
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0], allow_abbrev=False)
    parser.add_argument("path", type=Path)
    rentals_table().to_csv(parser.parse_args().path, index=False)
