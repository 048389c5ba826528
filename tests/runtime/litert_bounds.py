"""How far apart LiteRT's results and ours may be: the table of docs/integer_semantics.md, "Beside LiteRT"."""

from support import ROOT

ROUNDINGS = ("exact", "litert")
# Steps, where no row of the table says otherwise.
DEFAULT_BOUNDS = {"exact": 1, "litert": 0}


def documented_bounds():
    """{pattern of case ids: {rounding: steps}}"""
    text = (ROOT / "docs" / "integer_semantics.md").read_text()
    section = text.split("\n## Beside LiteRT\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): dict(zip(ROUNDINGS, map(int, row[1:3]))) for row in rows}


BOUNDS = documented_bounds()


def bound_of_operator(op, dtype, rounding):
    """The widest of the rows about an operator, whatever its operands: op as in a file, dtype as in the table."""
    rows = [bounds for pattern, bounds in BOUNDS.items()
            if pattern.split()[0].rstrip("*") == op.lower() and pattern.endswith(f"-> {dtype}")]
    return max([DEFAULT_BOUNDS[rounding], *(row[rounding] for row in rows)])
