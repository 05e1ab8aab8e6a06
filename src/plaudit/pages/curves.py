"""The history of a training run as a page: loss, accuracy and learning rate against steps, with held-out points."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

Rows = Sequence[Mapping[str, Any]]

PANELS = (("loss", "nll", "loss, nats"), ("accuracy", "accuracy", "accuracy"), ("learning_rate", "", "learning rate"))
"""Key of the step rows, key of the evaluation rows, title."""


def write(history: Rows, path: Path) -> Path | None:
    """Write the page, one file that opens offline; None (and no file) where plotly is not installed.

    Args:
        history: rows with ``kind`` (``step`` or ``evaluation``), ``step`` and the keys of `PANELS`.
        path: of the HTML file.
    """
    if find_spec("plotly") is None:
        return None
    from plotly.subplots import make_subplots  # noqa: PLC0415 - an extra, see [report]

    figure = make_subplots(rows=len(PANELS), cols=1, shared_xaxes=True, subplot_titles=[title for *_, title in PANELS])
    for row, (trained, held_out, title) in enumerate(PANELS, start=1):
        for trace in _traces(history, trained, held_out, title):
            figure.add_trace(trace, row=row, col=1)
    figure.update_xaxes(title_text="step", row=len(PANELS), col=1)
    figure.update_layout(height=300 * len(PANELS), template="plotly_white", title_text="Training")
    figure.write_html(path, include_plotlyjs=True)
    return path


def _traces(history: Rows, trained: str, held_out: str, title: str) -> list[Any]:
    """Return one line of the step rows, its smoothed form for noisy keys, and markers of the held-out rows."""
    import plotly.graph_objects as go  # noqa: PLC0415 - an extra

    steps, values = points(history, "step", trained)
    traces = [go.Scatter(x=steps, y=values, mode="lines", name=f"{title}, a step", line={"width": 1}, opacity=0.5)]
    if held_out:
        traces.append(go.Scatter(x=steps, y=smoothed(values), mode="lines", name=f"{title}, smoothed"))
        at, found = points(history, "evaluation", held_out)
        traces.append(go.Scatter(x=at, y=found, mode="lines+markers", name=f"{held_out}, held out"))
    return traces


def points(history: Rows, kind: str, key: str) -> tuple[list[int], list[float]]:
    """Return steps and values of the rows of ``kind`` that have ``key``."""
    rows = [row for row in history if row.get("kind") == kind and row.get(key) is not None]
    return [int(row["step"]) for row in rows], [float(row[key]) for row in rows]


def smoothed(values: Sequence[float], keep: float = 0.9) -> list[float]:
    """Return the exponential moving average of ``values``, corrected for its start."""
    out, mean, weight = [], 0.0, 0.0
    for value in values:
        mean, weight = keep * mean + (1 - keep) * value, keep * weight + 1 - keep
        out.append(mean / weight)
    return out
