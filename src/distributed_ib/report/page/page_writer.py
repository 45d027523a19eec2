"""The page of a run as one HTML file, made from its report, schemes and page content."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from distributed_ib.report.page.packed_data import to_json
from distributed_ib.report.page.scheme_curves import scheme_curves
from distributed_ib.report.page.without_rows import content_without_rows
from distributed_ib.report.quantity import Quantity
from distributed_ib.report.report import Report, Section, Table, cell_text
from distributed_ib.scheme.approximation_scheme import ApproximationScheme

THRESHOLD_BITS = 0.1
# In order of dependence.
SCRIPTS = (
    "data.js",
    "places.js",
    "texts.js",
    "channel.js",
    "model.js",
    "drawing.js",
    "downloads.js",
    "curve_views.js",
    "evidence_views.js",
    "value_views.js",
    "whatif_view.js",
    "prediction_views.js",
    "reading_view.js",
    "report_views.js",
    "page.js",
)
_VERSIONS = {"python": "Python", "jax": "JAX"}
_IMPORT = re.compile(r"^import [^;]*;\n", flags=re.M)
_EXPORT = re.compile(r"^export ", flags=re.M)


@dataclass(frozen=True)
class PagePart:
    """One part of a run, for its page.

    Attributes:
        name: Its name; empty for a run with a single part.
        scheme: Its scheme, which is not empty.
        content: Output of `page_content`; None if the run did not store it.
    """

    name: str
    scheme: ApproximationScheme
    content: Mapping[str, Any] | None = None


def page_html(report: Report, parts: Sequence[PagePart], *, with_rows: bool = True) -> str:
    """The page as HTML text.

    The page loads nothing: its content security policy forbids all connections and allows only the
    script and style with the stated checksums. Names from the data are embedded as JSON and shown
    as text.

    Args:
        report: The report of the run.
        parts: The parts of the run.
        with_rows: Whether to show single rows; otherwise every number is of at least ten rows.
    """
    data = {
        "title": report.title,
        "head": _head(parts),
        "threshold_bits": THRESHOLD_BITS,
        "with_rows": with_rows,
        "sections": [_section(section) for section in report.sections],
        "made": _made(report, with_rows),
        "parts": [
            {
                "name": part.name,
                "curves": scheme_curves(part.scheme),
                "content": _content(part.content, with_rows),
                "evidence": _evidence(report.values, part.name),
            }
            for part in parts
        ],
    }
    return fill_template(to_json(data))


def fill_template(data_json: str) -> str:
    """The page template, filled with style, script and data."""
    style, script = _asset("page.css"), page_script()
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src 'sha256-{_checksum(script)}'",
            f"style-src 'sha256-{_checksum(style)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )
    parts = {"POLICY": policy, "STYLE": style, "SCRIPT": script, "DATA": data_json}
    # In one pass, so that nothing in the data is mistaken for a placeholder.
    return re.sub(r"@(POLICY|STYLE|SCRIPT|DATA)@", lambda at: parts[at[1]], _asset("page.html"))


def page_script() -> str:
    """All modules of the page as one script, without their imports and exports."""
    bodies = [_EXPORT.sub("", _IMPORT.sub("", _asset(name))) for name in SCRIPTS]
    return '"use strict";\n(() => {\n' + "\n".join(bodies) + "\n})();\n"


def in_frame(page: str, height_px: int = 900) -> str:
    """A page in a sandboxed frame for a notebook, without access to the notebook or network."""
    escaped = page.replace("&", "&amp;").replace('"', "&quot;")
    return (
        '<iframe sandbox="allow-scripts allow-downloads" width="100%" '
        f'height="{height_px}" style="border:1px solid #ccc" srcdoc="{escaped}"></iframe>'
    )


def _asset(name: str) -> str:
    text = files("distributed_ib.report.page").joinpath("assets", name).read_text("utf-8")
    return text.rstrip("\n") + "\n" if name.endswith(".js") else text


def _checksum(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _content(content: Mapping[str, Any] | None, with_rows: bool) -> Any:
    if content is None:
        return None
    if not with_rows:
        return content_without_rows(content)
    values = content["values"]
    return {**content, "values": values["single"]}


def _evidence(values: Mapping[str, Any], name: str) -> Any:
    """The evidence of a part in the format of `summary.json`; None if there is none."""
    own = values.get("parts", {}).get(name, {}) if name else values
    if not isinstance(own.get("evidence"), Mapping):
        return None
    simplest = own.get("simplest", {})
    return {
        "evidence": own["evidence"],
        "components": own["components"],
        "simplest": {"evidence": simplest.get("evidence")},
        "references": own.get("references", []),
    }


def _head(parts: Sequence[PagePart]) -> str:
    """The amount of data analysed, in one line."""
    if not parts:
        return ""
    scheme, content = parts[0].scheme, parts[0].content or {}
    n_rows, n_components = content.get("n_rows"), len(scheme.components)
    data = scheme.to_xarray()
    said = [
        f"{n_rows:,} rows" if n_rows else "",
        f"{n_components} component{'s' if n_components > 1 else ''}",
        f"{len(set(data['resample'].values.tolist()))} resamples" if "resample" in data else "",
        f"{len(parts)} parts" if len(parts) > 1 else "",
    ]
    return " · ".join(filter(None, said))


def _made(report: Report, with_rows: bool) -> list[list[str]]:
    """How the run was made, as pairs of name and text."""
    about = {str(key): str(value) for key, value in report.about.items() if value not in ("", None)}
    version = about.pop("distributed_ib", "")
    others = [f"{name} {about.pop(key)}" for key, name in _VERSIONS.items() if key in about]
    rows = (
        "This page shows single held-out rows; dib report --no-rows makes one without them."
        if with_rows
        else "This page shows no single row: every number is of at least ten rows."
    )
    cite = (
        f"distributed-ib {version}; the method: K. A. Murphy and D. S. Bassett, The Distributed "
        "Information Bottleneck reveals the explanatory structure of complex systems"
    )
    lines = [[key.replace("_", " "), value] for key, value in about.items()]
    versions = ", ".join([f"distributed-ib {version}", *others])
    return [*lines, ["versions", versions], ["rows", rows], ["to cite", cite]]


def _section(section: Section) -> dict[str, Any]:
    return {
        "title": section.title,
        "findings": [{"text": one.text, "kind": one.kind} for one in section.findings],
        "tables": [_table(table) for table in section.tables],
        "notes": section.notes.replace("**", ""),
    }


def _table(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "title": table.title,
        "columns": list(table.columns),
        "rows": [[cell_text(cell) for cell in row] for row in table.rows],
        "values": [
            [cell.value if isinstance(cell, Quantity) else cell for cell in row]
            for row in table.rows
        ],
        "notes": table.notes,
    }
