"""`dib boolean`: analyses a Boolean circuit."""

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from distributed_ib.cli._execution import execute
from distributed_ib.errors import UserError

# JAX and Matplotlib take a second to import, so commands import what they need when they run.
if TYPE_CHECKING:
    from distributed_ib.studies.boolean import Circuit


class Direction(StrEnum):
    """How beta moves."""

    rising = "rising"
    falling = "falling"
    both = "both"


class Preset(StrEnum):
    """Named sets of training options."""

    quick = "quick"
    paper = "paper"


def boolean(
    circuit: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Circuit as a TOML file. Default: the paper's circuit."),
    ] = None,
    expression: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Circuit as a formula: 'a & (b ^ ~c)' or 'a AND b'."),
    ] = None,
    random: Annotated[
        int | None, typer.Option(metavar="N", help="A random circuit with N inputs.")
    ] = None,
    preset: Annotated[
        Preset, typer.Option(help="Training settings: quick (seconds) or those of the paper.")
    ] = Preset.quick,
    steps: Annotated[
        int | None, typer.Option(metavar="N", help="Number of training steps while beta changes.")
    ] = None,
    beta_start: Annotated[
        float | None,
        typer.Option(metavar="B", help="Smallest bottleneck strength."),
    ] = None,
    beta_end: Annotated[
        float | None,
        typer.Option(metavar="B", help="Largest bottleneck strength."),
    ] = None,
    seeds: Annotated[
        int, typer.Option(metavar="K", help="Number of independent repeats, trained in parallel.")
    ] = 1,
    direction: Annotated[
        Direction,
        typer.Option(
            help="Direction of the sweep. rising: beta increases and components drop out; falling: "
            "beta decreases and components come in; both: one sweep of each."
        ),
    ] = Direction.rising,
    seed: Annotated[
        int, typer.Option(metavar="S", help="Random seed, also of the circuit of --random.")
    ] = 0,
    refine: Annotated[
        bool,
        typer.Option(
            "--refine",
            help="After the sweep, train its subsets further at fixed beta, to approach the "
            "optimum.",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="New folder for the run. Default: runs/boolean-001, ..."),
    ] = None,
) -> None:
    """Which of a Boolean circuit's inputs matter, and in what order?

    A single sweep finds the scheme of approximations from input-output pairs alone (paper, Fig. 2).
    It is compared with an exhaustive search over all subsets of inputs and with the exact optimum
    of the objective. The run folder contains the scheme, figures and a summary; `dib show` and
    `dib plot` display them again, and `dib resume` continues a run that was stopped.
    """
    from distributed_ib.studies.boolean import BooleanStudy, circuit_to_toml

    chosen = _circuit(circuit, expression, random, seed)
    study = BooleanStudy.presets()[preset]
    low, high = study.train.beta
    train = replace(
        study.train,
        beta=(low if beta_start is None else beta_start, high if beta_end is None else beta_end),
        n_steps=study.train.n_steps if steps is None else steps,
        n_seeds=seeds,
        direction=direction.value,
    )
    text = "" if chosen is None else circuit_to_toml(chosen)
    execute(replace(study, circuit=text, refined=refine, train=train), out, seed=seed)


def _circuit(
    path: Path | None, expression: str | None, random: int | None, seed: int
) -> "Circuit | None":
    """Text of the chosen circuit; None for the paper's."""
    from distributed_ib.information.subset_information import check_exhaustive
    from distributed_ib.studies.boolean import (
        circuit_from_expression,
        load_circuit,
        random_circuit,
    )

    given = {"--circuit": path, "--expression": expression, "--random": random}
    chosen = [option for option, value in given.items() if value is not None]
    if len(chosen) > 1:
        raise UserError(f"{' and '.join(chosen)} each define a circuit; give only one of them.")
    if path is not None:
        return load_circuit(path)
    if expression is not None:
        return circuit_from_expression(expression)
    if random is not None:
        check_exhaustive(random)
        return random_circuit(random, seed)
    return None
