"""A report in Markdown, the content of `summary.md`."""

from collections.abc import Sequence

from distributed_ib.report.report import Finding, Report, Section, Table

_PARAGRAPH = 3  # at most this many sentences form a paragraph; more form a list


def to_markdown(report: Report) -> str:
    """The whole report as Markdown text."""
    parts = [f"# {report.title}"]
    for section in report.sections:
        parts += _section(section)
    return "\n\n".join(parts) + "\n"


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    r"""A table in Markdown; bars in cells are escaped.

    >>> print(markdown_table(["a", "b"], [["1", "x|y"]]))
    | a | b |
    | --- | --- |
    | 1 | x\|y |
    """
    lines = [list(columns), ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _section(section: Section) -> list[str]:
    parts = [f"## {section.title}"] if section.title else []
    if section.findings:
        parts.append(_sentences(section.findings))
    for table in section.tables:
        parts += _table(table)
    if section.notes:
        parts.append(section.notes.strip())
    return parts


def _sentences(findings: Sequence[Finding]) -> str:
    texts = [
        f"**Warning:** {finding.text}" if finding.kind == "warning" else finding.text
        for finding in findings
    ]
    if len(texts) <= _PARAGRAPH:
        return " ".join(texts)
    return "\n".join(f"- {text}" for text in texts)


def _table(table: Table) -> list[str]:
    title = [f"**{table.title}**"] if table.title else []
    notes = [table.notes.strip()] if table.notes else []
    return [*title, markdown_table(table.columns, table.texts()), *notes]


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
