"""Real tables that scikit-learn carries: how informative is each column about the target?

    python examples/tables.py breast_cancer
    python examples/tables.py wine
    python examples/tables.py diabetes

Writes `examples/figures/NAME-FIGURE.png` and prints what was found. Takes about half a minute each.
"""

import argparse
from pathlib import Path

import matplotlib
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from distributed_ib import DistributedIBClassifier, DistributedIBRegressor

FIGURES = Path(__file__).parent / "figures"
TABLES = {
    "breast_cancer": (load_breast_cancer, DistributedIBClassifier),
    "wine": (load_wine, DistributedIBClassifier),
    "diabetes": (load_diabetes, DistributedIBRegressor),
}


def main(name: str) -> None:
    """Fit one table with the defaults, print the findings, draw the figures."""
    matplotlib.use("Agg")
    load, estimator = TABLES[name]
    data = load(as_frame=True)
    target = data.target
    if hasattr(data, "target_names"):
        target = target.map(dict(enumerate(map(str, data.target_names))))
    model = estimator(random_state=0, verbose=True).fit(data.data, target)
    print(model.report(name.replace("_", " ")))
    FIGURES.mkdir(exist_ok=True)
    for kind, figure in model.figures().items():
        figure.savefig(FIGURES / f"{name}-{kind}.png", dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("name", choices=TABLES)
    main(parser.parse_args().name)
