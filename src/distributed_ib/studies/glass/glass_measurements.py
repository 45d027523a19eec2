"""Measurements of one glass after its sweep; they take time, so they are made once and stored."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distributed_ib.data.problem import RowIndex, Split
from distributed_ib.errors import UserError
from distributed_ib.scheme.approximation import Approximation
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.studies.glass.glass_examples import reporting_rows, validation_rows
from distributed_ib.studies.glass.linear_svm import SvmResult, best_single_shell, fit_svm

N_DRAWS = 16
_SVM = "svm_"


@dataclass(frozen=True)
class GlassMeasurements:
    """The linear SVM, the best single shell, and the accuracy of each snapshot.

    Attributes:
        svm: The linear SVM on all shells.
        single_shell: Index of the shell most predictive by itself, chosen on the training part.
        single_accuracy: Held-out accuracy of the best rule on it.
        accuracy: Accuracy of each snapshot from one draw of the noise per example, on
            `reporting_rows`, `[seed, snapshot]`.
        validation_accuracy: The same on `validation_rows`.
        averaged_accuracy: Accuracy of predictions averaged over the noise, on `reporting_rows`,
            `[seed, snapshot]`.
        averaged_validation_accuracy: The same on `validation_rows`.
        density_mean: Mean subtracted from each structure function, `[100]`.
        density_scale: Scale by which each was divided, `[100]`.
    """

    svm: SvmResult
    single_shell: int
    single_accuracy: float
    accuracy: NDArray[np.float64]
    validation_accuracy: NDArray[np.float64]
    averaged_accuracy: NDArray[np.float64]
    averaged_validation_accuracy: NDArray[np.float64]
    density_mean: NDArray[np.float64]
    density_scale: NDArray[np.float64]

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """All fields as arrays by name, for `from_arrays`."""
        own = {name: getattr(self, name) for name in _NAMES}
        svm = {f"{_SVM}{name}": value for name, value in vars(self.svm).items()}
        return {name: np.asarray(value) for name, value in {**own, **svm}.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "GlassMeasurements":
        """Make the object from the result of `to_arrays`.

        Raises:
            UserError: If an array is missing.
        """
        wanted = {*_NAMES, *(f"{_SVM}{field.name}" for field in fields(SvmResult))}
        if missing := wanted - set(arrays):
            raise UserError(
                f"the results of the glass lack {min(missing)}; run the analysis again."
            )
        # Arrays without axes become numbers.
        plain: dict[str, Any] = {name: arrays[name][()] for name in wanted}
        svm = {name.removeprefix(_SVM): plain.pop(name) for name in wanted - set(_NAMES)}
        return cls(SvmResult(**svm), **plain)


_NAMES = tuple(field.name for field in fields(GlassMeasurements) if field.name != "svm")


def measure_glass(
    scheme: ApproximationScheme,
    split: Split,
    group: NDArray[np.int64],
    standardised: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> GlassMeasurements:
    """Make all measurements.

    Args:
        scheme: The scheme of the sweep.
        split: Training rows and held-out rows.
        group: Sample of each example, `[n]`.
        standardised: Result of `standardisation`.
    """
    single, single_accuracy = best_single_shell(split)
    return GlassMeasurements(
        fit_svm(split, group),
        single,
        single_accuracy,
        accuracies(scheme, split, reporting_rows(split)),
        accuracies(scheme, split, validation_rows(split)),
        averaged_accuracies(scheme, split, reporting_rows(split)),
        averaged_accuracies(scheme, split, validation_rows(split)),
        *standardised,
    )


def accuracies(scheme: ApproximationScheme, split: Split, rows: RowIndex) -> NDArray[np.float64]:
    """Accuracy of every snapshot from single draws of the noise, averaged over 16 draws.

    Every example has its own noise: with few shells in use, the accuracy from shared draws would
    depend more on these draws than on the model.

    Args:
        scheme: The scheme of the sweep.
        split: The examples.
        rows: Rows to test on.

    Returns:
        `[seed, snapshot]`.
    """
    x, y, _ = split.problem.rows(rows)
    return _of_every_model(
        scheme, lambda model: float(model.scores(x, y, n_samples=N_DRAWS)["accuracy"])
    )


def averaged_accuracies(
    scheme: ApproximationScheme, split: Split, rows: RowIndex, *, seed: int = 0
) -> NDArray[np.float64]:
    """Accuracy of every snapshot when predictions are averaged over 16 draws of the noise.

    It is the best that a model can do with many draws.

    Args:
        scheme: The scheme of the sweep.
        split: The examples.
        rows: Rows to test on.
        seed: Seed of the noise.

    Returns:
        `[seed, snapshot]`.
    """
    x, y, _ = split.problem.rows(rows)
    return _of_every_model(
        scheme, lambda model: float((model.predict(x, n_samples=N_DRAWS, seed=seed) == y).mean())
    )


def _of_every_model(
    scheme: ApproximationScheme, measure: Callable[[Approximation], float]
) -> NDArray[np.float64]:
    """A measure of every snapshot, `[seed, snapshot]`."""
    found = np.zeros((scheme.n_seeds, len(scheme.snapshots.record)))
    for repeat, index in np.ndindex(found.shape):
        found[repeat, index] = measure(
            scheme.at(beta=float(scheme.snapshots.beta[index]), seed=repeat)
        )
    return found
