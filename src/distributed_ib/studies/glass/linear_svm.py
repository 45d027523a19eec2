"""Classifiers to compare with: a linear support vector machine, and single shells."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from distributed_ib.data.problem import Split
from distributed_ib.studies.glass.glass_examples import examples_of, reporting_rows

# Two values per decade.
C_GRID = tuple(float(c) for c in np.logspace(-4, 1, 11))
N_FOLDS = 5
Examples = tuple[NDArray[np.float32], NDArray[Any]]


@dataclass(frozen=True)
class SvmResult:
    """A linear SVM on all shells.

    Attributes:
        c: The chosen C.
        c_grid: All values of C that were tried, `[k]`.
        fold_accuracy: Mean accuracy over the folds of the training part for each C, `[k]`.
        training_accuracy: Accuracy on the training rows.
        test_accuracy: Accuracy on `reporting_rows`, by which nothing was chosen.
        weights: Weights of the standardised densities, `[100]`.
    """

    c: float
    c_grid: NDArray[np.float64]
    fold_accuracy: NDArray[np.float64]
    training_accuracy: float
    test_accuracy: float
    weights: NDArray[np.float64]


def fit_svm(
    split: Split, group: NDArray[np.int64], *, c_grid: tuple[float, ...] = C_GRID
) -> SvmResult:
    """Fit a linear SVM, with C chosen by five folds of whole samples within the training part.

    Args:
        split: A `glass_problem` and its split.
        group: Sample of each example, `[n]`; the training part needs at least two.
        c_grid: The values of C to choose from.
    """
    x, y = examples_of(split, split.train)
    samples = group[split.train]
    folds = list(GroupKFold(min(N_FOLDS, len(np.unique(samples)))).split(x, y, samples))
    accuracy = np.array(
        [
            [_machine(c).fit(x[rest], y[rest]).score(x[fold], y[fold]) for rest, fold in folds]
            for c in c_grid
        ]
    ).mean(axis=1)
    # The smallest of equally good values, which regularises most.
    best = c_grid[int(np.argmax(accuracy))]
    machine = _machine(best).fit(x, y)
    return SvmResult(
        c=best,
        c_grid=np.array(c_grid),
        fold_accuracy=accuracy,
        training_accuracy=float(machine.score(x, y)),
        test_accuracy=float(machine.score(*examples_of(split, reporting_rows(split)))),
        weights=machine.coef_[0].astype(float),
    )


def accuracy_of_shells(split: Split, shells: list[int], c: float) -> float:
    """Held-out accuracy of a linear SVM on some shells alone.

    Args:
        split: A `glass_problem` and its split.
        shells: Indices of the shells, at least one.
        c: Its C.
    """
    (x, y), (x_test, y_test) = _training_and_test(split)
    machine = _machine(c).fit(x[:, shells], y)
    return float(machine.score(x_test[:, shells], y_test))


def best_single_shell(split: Split) -> tuple[int, float]:
    """The shell most predictive by itself, chosen on the training part, and its accuracy.

    The rule is a decision tree on that one density: up to eight intervals, each with its own
    answer. It need not be monotone, so no approximation that uses one shell can do much better.

    Returns:
        Index of the shell, and held-out accuracy of its rule.
    """
    (x, y), (x_test, y_test) = _training_and_test(split)
    smallest = max(1, len(y) // 50)
    rules = [
        DecisionTreeClassifier(max_leaf_nodes=8, min_samples_leaf=smallest, random_state=0).fit(
            x[:, [shell]], y
        )
        for shell in range(x.shape[1])
    ]
    best = int(np.argmax([rule.score(x[:, [k]], y) for k, rule in enumerate(rules)]))
    return best, float(rules[best].score(x_test[:, [best]], y_test))


def _training_and_test(split: Split) -> tuple[Examples, Examples]:
    return examples_of(split, split.train), examples_of(split, reporting_rows(split))


def _machine(c: float) -> LinearSVC:
    # The primal problem has a unique solution, found without random numbers.
    return LinearSVC(C=c, dual=False, max_iter=10_000)
