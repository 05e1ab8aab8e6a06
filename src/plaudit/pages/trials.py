"""The trials of a search as a page: learning curves, the best over time, and each setting against held-out nll."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path
from typing import Any

Trials = Sequence[Mapping[str, Any]]
"""Rows with ``number``, ``state``, ``nll``, ``seconds``, ``settings`` (label to value) and ``evaluations``."""

COLORS = {"complete": "#1f77b4", "pruned": "#b0b0b0", "failed": "#d62728", "unfinished": "#ff7f0e"}
BEST = "#2ca02c"
TITLE = "held-out nll, nats (chosen on: no estimate for new data)"


def write(trials: Trials, best: int | None, logarithmic: Sequence[str], path: Path) -> Path | None:
    """Write the page, one file that opens offline; None (and no file) where plotly is not installed.

    Args:
        trials: by number.
        best: number of the best one.
        logarithmic: settings that are drawn on a logarithmic axis.
        path: of the HTML file.
    """
    if find_spec("plotly") is None:
        return None
    figure(trials, best, logarithmic).write_html(path, include_plotlyjs=True)
    return path


def figure(trials: Trials, best: int | None, logarithmic: Sequence[str]) -> Any:
    """Return the plotly figure of the page."""
    from plotly.subplots import make_subplots  # noqa: PLC0415 - an extra, see [report]

    names = list(dict.fromkeys(name for trial in trials for name in trial["settings"]))
    titles = ["each trial while training", "the best so far", *names]
    rows = (len(titles) + 1) // 2
    drawn = make_subplots(rows=rows, cols=2, subplot_titles=titles, vertical_spacing=0.28 / rows)
    panels = [_curves(trials, best), _so_far(trials), *(_against(name, trials, best) for name in names)]
    for place, traces in enumerate(panels):
        for trace in traces:
            drawn.add_trace(trace, row=place // 2 + 1, col=place % 2 + 1)
    drawn.update_yaxes(title_text="nll", title_standoff=4)
    drawn.update_xaxes(title_text="evaluation", row=1, col=1)
    drawn.update_xaxes(title_text="seconds of all trials", row=1, col=2)
    for place, name in enumerate(names, start=2):
        kind = "log" if name in logarithmic else None if _numeric(name, trials) else "category"
        drawn.update_xaxes(type=kind, exponentformat="power", row=place // 2 + 1, col=place % 2 + 1)
    drawn.update_layout(
        height=380 * rows,
        template="plotly_white",
        title_text=f"{TITLE}<br><sup>{counted(trials)}</sup>",
        legend={"groupclick": "toggleitem"},
    )
    return drawn


def so_far(trials: Trials) -> tuple[list[float], list[float]]:
    """Return seconds spent and the least nll of the complete trials by then, from the first of them on."""
    spent = list(accumulate(float(trial["seconds"]) for trial in trials))
    done = [
        (second, float(trial["nll"]))
        for second, trial in zip(spent, trials, strict=True)
        if trial["state"] == "complete"
    ]
    return [second for second, _ in done], list(accumulate((nll for _, nll in done), min))


def counted(trials: Trials) -> str:
    """Return how many trials there are of each state: ``5 trials: 3 complete, 1 pruned, 1 failed``."""
    states = [trial["state"] for trial in trials]
    return f"{len(states)} trials: " + ", ".join(f"{states.count(one)} {one}" for one in COLORS if one in states)


def _curves(trials: Trials, best: int | None) -> list[Any]:
    """Return one line a trial; the best is drawn last and thick."""
    import plotly.graph_objects as go  # noqa: PLC0415 - an extra

    ordered = sorted(trials, key=lambda trial: trial["number"] == best)
    return [
        go.Scatter(
            x=list(range(1, len(trial["evaluations"]) + 1)),
            y=[row["nll"] for row in trial["evaluations"]],
            mode="lines+markers",
            name=_name(trial, best),
            line={"width": 3 if trial["number"] == best else 1},
            marker={"color": _color(trial, best), "size": 5},
            line_color=_color(trial, best),
            hovertext=_settings(trial),
        )
        for trial in ordered
        if trial["evaluations"]
    ]


def _so_far(trials: Trials) -> list[Any]:
    """Return each complete trial as a dot where it ended, and the least nll by then as a stair."""
    import plotly.graph_objects as go  # noqa: PLC0415 - an extra

    seconds, least = so_far(trials)
    found = [float(trial["nll"]) for trial in trials if trial["state"] == "complete"]
    dots = go.Scatter(x=seconds, y=found, mode="markers", marker={"color": COLORS["complete"]}, showlegend=False)
    end = sum(float(trial["seconds"]) for trial in trials)
    stair = {"shape": "hv", "color": BEST}
    x, y = [*seconds, end], [*least, *least[-1:]]
    return [dots, go.Scatter(x=x, y=y, mode="lines", line=stair, showlegend=False)]


def _against(name: str, trials: Trials, best: int | None) -> list[Any]:
    """Return every trial that has nll and the setting as a dot."""
    import plotly.graph_objects as go  # noqa: PLC0415 - an extra

    shown = [trial for trial in trials if trial["nll"] is not None and name in trial["settings"]]
    return [
        go.Scatter(
            x=[trial["settings"][name] for trial in shown],
            y=[trial["nll"] for trial in shown],
            mode="markers",
            marker={
                "color": [_color(trial, best) for trial in shown],
                "size": [14 if trial["number"] == best else 8 for trial in shown],
                "symbol": ["circle" if trial["state"] == "complete" else "x" for trial in shown],
            },
            hovertext=[f"{_name(trial, best)}: {_settings(trial)}" for trial in shown],
            showlegend=False,
        )
    ]


def _numeric(name: str, trials: Trials) -> bool:
    found = [trial["settings"][name] for trial in trials if name in trial["settings"]]
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in found)


def _name(trial: Mapping[str, Any], best: int | None) -> str:
    return f"trial {trial['number']}, {'best' if trial['number'] == best else trial['state']}"


def _color(trial: Mapping[str, Any], best: int | None) -> str:
    return BEST if trial["number"] == best else COLORS[trial["state"]]


def _settings(trial: Mapping[str, Any]) -> str:
    return "<br>".join(f"{name} = {value}" for name, value in trial["settings"].items())
