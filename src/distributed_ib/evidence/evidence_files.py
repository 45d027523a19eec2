"""Evidence on disk: `evidence.json` beside the scheme."""

import json
from pathlib import Path

from distributed_ib._checksums import check_files, record_checksums
from distributed_ib._files import write_text
from distributed_ib._run_files import EVIDENCE
from distributed_ib.errors import UserError, first_line
from distributed_ib.evidence.evidence import Evidence, evidence_text

LIMIT_BYTES = 1 << 26


def save_evidence(folder: Path, evidence: Evidence) -> None:
    """Write `evidence.json` into a folder, with its checksum."""
    write_text(folder / EVIDENCE, evidence_text(evidence))
    record_checksums(folder, [EVIDENCE])


def load_evidence(folder: Path) -> Evidence | None:
    """Read the file that `save_evidence` wrote; None if there is none.

    Raises:
        UserError: If the file is damaged.
    """
    path = folder / EVIDENCE
    if not path.is_file():
        return None
    if path.stat().st_size > LIMIT_BYTES:
        raise UserError(f"{path} is too large to be the evidence of a run.")
    check_files(folder, [EVIDENCE])
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} can't be read: {first_line(error)}.") from None
    return Evidence.from_dict(values)
