"""The scheme of approximations: everything that a sweep finds about a relationship."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from distributed_ib.errors import UserError
from distributed_ib.information.sweep_information import measure_information
from distributed_ib.model.encoding import Inputs
from distributed_ib.scheme._choosing import chosen_record
from distributed_ib.scheme._joining import join_repeats, some_repeats
from distributed_ib.scheme._pooling import pool_members
from distributed_ib.scheme._records import dataset_of_sweep
from distributed_ib.scheme._storage import load_scheme, save_scheme
from distributed_ib.scheme.approximation import Approximation
from distributed_ib.scheme.best_record import best_record
from distributed_ib.scheme.choice import Choice
from distributed_ib.scheme.measure import VARIABLES, Measure, chosen_measure
from distributed_ib.scheme.repeats import (
    Frontier,
    SubsetFrequency,
    best_of_all,
    subset_frequencies,
)
from distributed_ib.scheme.splits import choosing_split, scoring_split
from distributed_ib.scheme.subsets_in_use import Subset, subsets_in_use
from distributed_ib.training.sweep_result import Snapshots, SweepResult


class ApproximationScheme:
    """How much each component conveys and how well Y is predicted, at every bottleneck strength.

    The numbers are an `xarray.Dataset` (`to_xarray`) with dimensions `seed` (repeat), `step`
    (record), `component` and `split`:

    - `beta` `[step]`: bottleneck strength;
    - `kl_bits` `[seed, step, component]`: KL to the prior, an upper bound on the information;
    - `information_bits` `[seed, step, component]`: information transmitted, between
      `information_lower_bits` and `information_upper_bits`, with the standard error
      `information_error_bits`; only after `with_information`;
    - `prediction_error_bits` and `predictive_information_bits` `[seed, step, split]`: loss of the
      prediction of Y, and the loss without X minus this loss; `accuracy` if Y has classes;
    - `training_step` `[step]`, or `[seed, step]` if repeats differ, and `pretraining_error_bits`.

    Each record averages the training steps since the previous record. Models of several starts or
    resamples are measured after the sweep, and have `known_bits` and `averaged_known_bits` `[step]`
    with standard errors, the latter for predictions that average over noise and repeats; and
    `best_share` and `simplest_share`: how often bootstraps of the validation rows select a step.

    Example:
        >>> import numpy as np, distributed_ib as dib
        >>> x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
        >>> y = x[:, 0] ^ x[:, 1]
        >>> def model(key):
        ...     return dib.DistributedBottleneck(
        ...         dib.BinaryEncoder(2), dib.BernoulliPredictor(2, hidden=(16,), key=key))
        >>> result = dib.sweep(model, dib.ArrayBatches((x, y), 64),
        ...                    dib.BetaSchedule(1e-3, 1.0, n_steps=400, n_pretraining_steps=400),
        ...                    learning_rate=1e-2)
        >>> scheme = dib.ApproximationScheme.from_sweep(result, ["a", "b"],
        ...                                             baseline_entropy_bits=1.0)
        >>> scheme.subsets()[0].components
        ('a', 'b')
        >>> scheme.at(beta=1e-3).predict(x).tolist()
        [0, 1, 1, 0]
    """

    def __init__(self, dataset: xr.Dataset, snapshots: Snapshots) -> None:
        """Wrap a data set of this form and the models that belong to it."""
        self._dataset = dataset
        self._snapshots = snapshots

    @classmethod
    def from_sweep(
        cls,
        result: SweepResult,
        components: Sequence[str],
        *,
        baseline_entropy_bits: float,
        baseline: str = "entropy of Y",
        held_out_baseline_bits: Mapping[str, float] | None = None,
    ) -> "ApproximationScheme":
        """Turn the records of a sweep into a scheme, in bits and in ascending order of beta.

        Args:
            result: Returned by `sweep`.
            components: Names of the components, in the order of the model.
            baseline_entropy_bits: Prediction error without X; the entropy H(Y) if Y is discrete.
            baseline: Description of that number.
            held_out_baseline_bits: Error of the same prediction on each held-out split, by its
                name; by default `baseline_entropy_bits` for all.

        Raises:
            UserError: If the number of names is wrong, or a name occurs twice.
        """
        dataset, snapshots = dataset_of_sweep(
            result, components, baseline_entropy_bits, baseline, held_out_baseline_bits or {}
        )
        return cls(dataset, snapshots)

    @classmethod
    def joined(cls, schemes: Sequence["ApproximationScheme"]) -> "ApproximationScheme":
        """Join the repeats of several schemes, such as those of a rising and a falling sweep.

        The coordinate `direction` contains the direction of each repeat. Models are kept at the
        records at which all schemes have one; sweeps with the same settings have the same records.

        Raises:
            UserError: If the schemes differ in components or records, or have no records with
                models in common.
        """
        if not schemes:
            raise UserError("there are no schemes to join.")
        return cls(*join_repeats([s._dataset for s in schemes], [s._snapshots for s in schemes]))

    @property
    def components(self) -> tuple[str, ...]:
        """Names of the components of X."""
        return tuple(str(name) for name in self._dataset["component"].values)

    @property
    def n_seeds(self) -> int:
        """Number of independent repeats."""
        return int(self._dataset.sizes["seed"])

    @property
    def directions(self) -> tuple[str, ...]:
        """How beta moved in each repeat: "rising" or "falling"."""
        if "direction" not in self._dataset:
            return ("rising",) * self.n_seeds
        return tuple(str(name) for name in self._dataset["direction"].values)

    def of_direction(self, direction: str) -> "ApproximationScheme":
        """The repeats in which beta moved in this direction, "rising" or "falling", as a scheme.

        Raises:
            UserError: If there are none.
        """
        chosen = np.flatnonzero(np.array(self.directions) == direction)
        if not len(chosen):
            raise UserError(f"beta was {direction!r} in none of the repeats of this scheme.")
        return ApproximationScheme(*some_repeats(self._dataset, self._snapshots, chosen))

    def by_direction(self) -> dict[str, "ApproximationScheme"]:
        """The repeats of each direction as a scheme, by direction."""
        return {name: self.of_direction(name) for name in dict.fromkeys(self.directions)}

    @property
    def baseline_entropy_bits(self) -> float:
        """Prediction error without X, such as the entropy of Y."""
        return float(self._dataset.attrs["baseline_entropy_bits"])

    @property
    def scoring_split(self) -> str:
        """The split on which what is known is measured: "test", else "validation", else "train"."""
        return scoring_split(self._dataset)

    @property
    def choosing_split(self) -> str:
        """The split on which approximations are chosen: "validation", else "train"."""
        return choosing_split(self._dataset)

    @property
    def best_beta(self) -> float:
        """Bottleneck strength of the models that predict best; see docs/fidelity.md."""
        return self._beta_of("best_step") or best_record(self._dataset)

    @property
    def simplest_beta(self) -> float:
        """The largest bottleneck strength whose loss is within a standard error of the best one's.

        It is `best_beta` if the standard error was not measured.
        """
        return self._beta_of("simplest_step") or self.best_beta

    @property
    def status(self) -> str:
        """How the sweep ended: "finished", "interrupted" or "diverged"."""
        return str(self._dataset.attrs["status"])

    @property
    def message(self) -> str:
        """How the sweep ended: the rest of a sentence that begins with "The sweep"."""
        return str(self._dataset.attrs["message"])

    @property
    def is_empty(self) -> bool:
        """Whether the sweep ended before its first record."""
        return self._dataset.sizes["step"] == 0

    @property
    def snapshots(self) -> Snapshots:
        """The models along the sweep."""
        return self._snapshots

    def to_xarray(self) -> xr.Dataset:
        """A copy of the numbers as an `xarray.Dataset`."""
        return self._dataset.copy(deep=True)

    @property
    def measure(self) -> Measure:
        """The measure in figures and tables: "information" if it was measured, else "kl"."""
        return chosen_measure(self._dataset, None)

    def conveyed_bits(self, measure: Measure | None = None) -> xr.DataArray:
        """What each component conveys, `[seed, step, component]`, in bits.

        Args:
            measure: "information" or "kl"; by default the information if it was measured.

        Raises:
            UserError: If there is no such measure, or the information was not measured.
        """
        return self._dataset[VARIABLES[chosen_measure(self._dataset, measure)]].copy(deep=True)

    def with_information(
        self,
        x: Inputs,
        *,
        weights: ArrayLike | None = None,
        complete: bool = False,
        n_inputs: int = 1024,
        n_records: int | None = 60,
        n_rows: int | None = None,
        seed: int = 0,
    ) -> "ApproximationScheme":
        """This scheme with the information that its channels transmit, in addition to the KL.

        Adds `information_bits` with its bounds and standard error. A component that takes at most
        64 values in `x`, each in 16 rows or more on average, is measured exactly: the bounds are
        equal, and the error is that of an integral. For any other, the bounds are InfoNCE (at most
        log2 of `n_inputs`) and the smaller of the leave-one-out bound and the KL, and
        `information_bits` is their midpoint. Records between those measured are interpolated along
        the KL; the coordinates `information_measured` and `information_exact` mark what was
        measured, and measured exactly.

        Args:
            x: Inputs from the data as the encoder takes them, `[n, component, ...]` or a tree.
            weights: Weight of each row, `[n]`; by default all are equal.
            complete: Whether `x` contains all possible rows, as a truth table does, and is not a
                sample; then few rows are enough for an exact result.
            n_inputs: Number of inputs N of the bounds. Time grows as its square; the bounds are
                close to each other up to about log2(N) - 3 bits.
            n_records: Largest number of models to measure, evenly spaced along the sweep, besides
                `best` and `simplest`; None for all.
            n_rows: Number of rows of the data, of which `x` may be a sample. Information is at most
                log2 of it. None, the default, for unlimited data.
            seed: Seed of the noise and of the rows that are drawn.

        Raises:
            UserError: If an option is out of range, the inputs don't fit, or no model was kept.
        """
        dataset = measure_information(
            self._dataset,
            self._snapshots,
            x,
            weights=weights,
            complete=complete,
            n_inputs=n_inputs,
            n_records=n_records,
            n_rows=n_rows,
            seed=seed,
        )
        return ApproximationScheme(dataset, self._snapshots)

    def subsets(
        self, threshold_bits: float = 0.1, *, seed: int = 0, measure: Measure | None = None
    ) -> list[Subset]:
        """The subsets of components in use, in order of beta, each with its range of beta.

        What is known about Y is measured on held-out rows if there are any.

        Args:
            threshold_bits: A component is in use if it conveys more than this.
            seed: Which repeat.
            measure: "information" or "kl"; by default the information if it was measured.
        """
        run = self._dataset.isel(seed=self._repeat(seed)).sel(split=self.scoring_split)
        return subsets_in_use(
            run["beta"].values,
            run[VARIABLES[chosen_measure(run, measure)]].values,
            run["predictive_information_bits"].values,
            self.components,
            threshold_bits,
        )

    def subset_frequencies(
        self, threshold_bits: float = 0.1, *, measure: Measure | None = None
    ) -> list[SubsetFrequency]:
        """How many of the repeats found each subset of components, the most frequent first.

        Args:
            threshold_bits: A component is in use if it conveys more than this.
            measure: "information" or "kl"; by default the information if it was measured.
        """
        repeats = range(self.n_seeds)
        return subset_frequencies(
            [self.subsets(threshold_bits, seed=seed, measure=measure) for seed in repeats]
        )

    def frontier(
        self, split: str | None = None, *, concave: bool = False, measure: Measure | None = None
    ) -> Frontier:
        """The best approximations of all repeats: the most known about Y for the bits conveyed.

        The best of many records is slightly optimistic, by about the scatter of the curves.

        Args:
            split: Name of a split; by default the held-out rows, if there are any.
            concave: Whether to keep only the concave hull: what is best at some price of a bit.
            measure: "information" or "kl"; by default the information if it was measured.

        Raises:
            UserError: If there is no such split or measure.
        """
        splits = self._dataset["split"].values.tolist()
        if split is not None and split not in splits:
            raise UserError(f"there is no split {split!r}; this scheme has {', '.join(splits)}.")
        known = self._dataset["predictive_information_bits"].sel(split=split or self.scoring_split)
        total_bits = self.conveyed_bits(measure).sum("component")
        return best_of_all(
            total_bits.values, known.values, self._dataset["beta"].values, concave=concave
        )

    def at(
        self,
        *,
        beta: float | None = None,
        bits: float | None = None,
        n_components: int | None = None,
        seed: int = 0,
        threshold_bits: float = 0.1,
        measure: Measure | None = None,
    ) -> Approximation:
        """One approximation of the scheme, ready to predict.

        It is chosen on validation rows, and what is known about Y is measured on test rows, if
        there are any. Give exactly one of `beta`, `bits` and `n_components`.

        Args:
            beta: Choose the model with the nearest beta, on a logarithmic scale.
            bits: Choose the model that knows most about Y among those whose components convey at
                most this many bits in total.
            n_components: Choose the model that knows most about Y among those that use at most
                this many components.
            seed: Which repeat.
            threshold_bits: A component is used if it conveys more than this.
            measure: Whether `bits` and `threshold_bits` refer to "information" or to "kl"; by
                default to the information if it was measured.

        Raises:
            UserError: If not exactly one is given, or there is no model that small.
        """
        if len(self._snapshots.record) == 0:
            raise UserError("the sweep ended before it kept any model; run it again for longer.")
        run = self._dataset.isel(seed=self._repeat(seed), step=self._snapshots.record)
        measure = chosen_measure(run, measure)
        choice = Choice(beta, bits, n_components)
        index = chosen_record(run, self._snapshots.beta, choice, threshold_bits, measure)
        known = run["predictive_information_bits"].sel(split=self.scoring_split)
        return Approximation(
            model=self._snapshots.model(index, seed),
            components=self.components,
            beta=float(self._snapshots.beta[index]),
            kl_bits=run["kl_bits"].values[index],
            predictive_bits=float(known.values[index]),
            split=self.scoring_split,
            information_bits=(
                run[VARIABLES["information"]].values[index]
                if VARIABLES["information"] in run
                else None
            ),
            measure=measure,
        )

    @property
    def is_ladder(self) -> bool:
        """Whether the repeats are members of a ladder, whose predictions are averaged."""
        return "known_bits" in self._dataset

    def pooled(self) -> "ApproximationScheme":
        """The mean of all repeats as one repeat, with the models of the first.

        Means are taken of what components convey and of what is known.
        """
        return ApproximationScheme(*pool_members(self._dataset, self._snapshots))

    def all_at(self, choice: Choice) -> list[Approximation]:
        """The approximations of all repeats, whose predictions are averaged.

        The repeats of a ladder are all taken at the same bottleneck strength; in other schemes, the
        choice is made for each repeat.

        Args:
            choice: Which approximation; by default the best.

        Raises:
            UserError: As for `at`.
        """
        if len(self._snapshots.record) and not choice.is_given:
            choice = Choice(beta=self.best_beta)
        elif self.is_ladder:
            choice = Choice(beta=self.pooled().at(**vars(choice)).beta)
        return [self.at(**vars(choice), seed=seed) for seed in range(self.n_seeds)]

    def models(self, snapshot: int) -> list[Any]:
        """The models of all repeats at one snapshot."""
        return [self._snapshots.model(snapshot, repeat) for repeat in range(self.n_seeds)]

    def save(self, folder: str | Path) -> None:
        """Write `scheme.nc` and `snapshots/` into `folder`, which is made if necessary.

        Raises:
            UserError: If `folder` already contains any of these files or can't be written.
        """
        save_scheme(Path(folder), self._dataset, self._snapshots)

    @classmethod
    def load(cls, folder: str | Path) -> "ApproximationScheme":
        """Read what `save` wrote, e.g. from a run folder. Nothing in it is ever executed.

        Raises:
            UserError: If a file is missing or damaged.
        """
        return cls(*load_scheme(Path(folder)))

    def _beta_of(self, attribute: str) -> float | None:
        """Bottleneck strength of a step that is named in the attributes; None if it is not."""
        step = self._dataset.attrs.get(attribute)
        return None if step is None else float(self._dataset["beta"].values[int(step)])

    def _repeat(self, seed: int) -> int:
        if not 0 <= seed < self.n_seeds:
            raise UserError(f"there is no repeat {seed}; they count from 0 to {self.n_seeds - 1}.")
        return seed

    def _repr_html_(self) -> str | None:
        """The curves as a page in a notebook; None, for the text, if the scheme is empty."""
        from distributed_ib.report.page.in_notebooks import scheme_in_notebook

        return None if self.is_empty else scheme_in_notebook(self)

    def __repr__(self) -> str:
        n = self._dataset.sizes
        numbers = f"{n['component']} components, {n['seed']} seeds, {n['step']} records"
        return f"ApproximationScheme({numbers}, {self.status})"
