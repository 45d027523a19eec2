"""A run whose sweeps are trained by several processes together, each on its own devices."""

from collections.abc import Iterator, Mapping
from typing import Any

from distributed_ib.errors import UserError
from distributed_ib.scheme.fitting import run_sweeps_as_follower
from distributed_ib.study.one_part import PartPlace, measured_part, sweeps_of_part
from distributed_ib.study.run import PartResult
from distributed_ib.study.study import Study
from distributed_ib.training.devices import Devices
from distributed_ib.training.processes import broadcast_flag, leave_group
from distributed_ib.training.sweep_result import Status


def check_together(study: Study) -> None:
    """Check that processes without a run folder can train this study.

    Raises:
        UserError: If it first makes its data in the run folder.
    """
    if type(study).prepare is not Study.prepare:
        raise UserError(
            f"--distributed does not support {study.name}, because it makes its data in the run "
            "folder before training, where other processes do not see them; use --devices on one "
            "machine."
        )


def run_together(
    study: Study, seed: int, places: Mapping[str, PartPlace], problems: Mapping[str, Any]
) -> Iterator[tuple[str, PartResult]]:
    """Run a study as the first process of a group: all sweeps with the others, the rest alone.

    The arguments are those of `run_in_turn`.
    """
    parts, schemes = study.parts(), {}
    for name, part in parts.items():
        schemes[name] = sweeps_of_part(part, name, seed, places[name], problems.get(name))
        if schemes[name].status == "interrupted":
            break
    leave_group()
    for name, scheme in schemes.items():
        yield name, measured_part(parts[name], scheme, seed, places[name])


def run_study_as_follower(study: Study, seed: int, devices: Devices | None) -> Status:
    """Take part in the sweeps as another process of the group; writes nothing.

    Args:
        study: The study, with the same options as in the first process.
        seed: Seed of the run.
        devices: The same as in the first process.

    Returns:
        How the last sweep ended.
    """
    check_together(study)
    study.check()
    status: Status = "finished"
    for part in study.parts().values():
        # True if the first process has the scheme of this part already.
        if not broadcast_flag(False):
            problem = part.problem(seed)
            status = run_sweeps_as_follower(
                problem, part.model, part.train, seed=seed, devices=devices
            )
        if status == "interrupted":
            break
    leave_group()
    return status
