"""The report's plots: from parts of the record to traces, each with its numbers in tooltips and as a table."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from plaudit.evaluation.report.words import Record, bars, cell, estimate, number
from plaudit.pages.blocks import Plot, Table
from plaudit.pages.curves import points, smoothed

SIDES = {"before": ("as it is", "@muted"), "after": ("calibrated", "@accent")}
MOST_STEPS = 1500
"""Steps of a training run that are drawn; of more, every so many."""


def reliability(found: Record) -> Plot:
    """Return confidence against the share that is right, before and after calibration."""
    diagonal = {"x": [0.5, 1], "y": [0.5, 1], "mode": "lines", "name": "as often right as it says"}
    traces: list[dict[str, Any]] = [{**diagonal, "line": {"color": "@faint", "width": 2}, "hoverinfo": "skip"}]
    for side, bins in found.items():
        name, color = SIDES[side]
        right = [one["right"] for one in bins]
        told = [[f"{one['comparisons']:,}", estimate(one["right"])] for one in bins]
        traces.append(
            {
                "x": [one["confidence"] for one in bins],
                "y": [one["value"] for one in right],
                "error_y": {**bars(right), "color": color},
                "mode": "lines+markers",
                "name": name,
                "line": {"color": color, "width": 2},
                "marker": {"size": 7},
                "customdata": told,
                "hovertemplate": "says %{x:.3f}<br>right %{customdata[1]}<br>"
                "%{customdata[0]} comparisons<extra></extra>",
            }
        )
    layout = {"xaxis": {"title": {"text": "what it says: confidence"}, "range": [0.49, 1.01]}}
    rows = [
        (SIDES[side][0], cell(one["confidence"]), cell(one["right"]), cell(one["comparisons"]))
        for side, bins in found.items()
        for one in bins
    ]
    return Plot(
        "How often it is right when it says so",
        traces,
        layout | {"yaxis": {"title": {"text": "share that is right"}}},
        "On the line it is right as often as it says; below it, it is too sure. Bars are 95 % intervals.",
        Table("Confidence and share that is right", ("probabilities", "says", "right", "comparisons"), rows),
    )


def histogram(found: Record, name: str, axis: str, caption: str, colors: Sequence[str] = ("@accent", "@muted")) -> Plot:
    """Return counts of one or two columns on the same bins."""
    edges = found["edges"]
    middles = [(low + high) / 2 for low, high in pairwise(edges)]
    ends = [[number(low), number(high)] for low, high in pairwise(edges)]
    traces = [
        {
            "type": "bar",
            "x": middles,
            "y": counts,
            "width": [high - low for low, high in pairwise(edges)],
            "name": side,
            "opacity": 0.62,
            "marker": {"color": color, "line": {"width": 0}},
            "customdata": ends,
            "hovertemplate": f"{side}: %{{y:,}}<br>from %{{customdata[0]}} to %{{customdata[1]}}<extra></extra>",
        }
        for (side, counts), color in zip(found["counts"].items(), colors, strict=False)
    ]
    layout = {
        "barmode": "overlay",
        "bargap": 0,
        "xaxis": {"title": {"text": axis}},
        "yaxis": {"title": {"text": "count"}},
    }
    rows = [
        (cell(low), cell(high), *(cell(counts[place]) for counts in found["counts"].values()))
        for place, (low, high) in enumerate(pairwise(edges))
    ]
    return Plot(name, traces, layout, caption, Table(name, ("from", "to", *found["counts"]), rows), 320)


def against_margin(found: Record, what: str) -> Plot:
    """Return ``loss`` or ``probability`` against the margin, with the tenths of this data's margins on the curve."""
    told = [[number(one["from"]), number(one["to"]), f"{one['comparisons']:,}"] for one in found["deciles"]]
    curve = {
        "x": found["curve"]["margin"],
        "y": found["curve"][what],
        "mode": "lines",
        "name": what,
        "line": {"color": "@muted", "width": 2},
        "hovertemplate": f"margin %{{x:.2f}}<br>{what} %{{y:.3f}}<extra></extra>",
    }
    tenths = {
        "x": [one["margin"] for one in found["deciles"]],
        "y": [one[what] for one in found["deciles"]],
        "mode": "markers",
        "name": "a tenth of these comparisons",
        "marker": {"color": "@accent", "size": 9},
        "customdata": told,
        "hovertemplate": f"mean margin %{{x:.3f}}<br>mean {what} %{{y:.3f}}<br>margins %{{customdata[0]}} to "
        "%{customdata[1]}<br>%{customdata[2]} comparisons<extra></extra>",
    }
    unit = "loss, nats" if what == "loss" else "probability of the chosen one"
    layout = {
        "xaxis": {"title": {"text": "margin: reward of chosen less rejected"}},
        "yaxis": {"title": {"text": unit}},
    }
    rows = [
        tuple(cell(one[name]) for name in ("from", "to", "margin", what, "comparisons")) for one in found["deciles"]
    ]
    heads = ("margin from", "to", "mean margin", f"mean {what}", "comparisons")
    titles = {"loss": "What a margin costs", "probability": "What a margin says"}
    captions = {
        "loss": "The loss of a comparison falls with its margin and grows without end where it is wrong.",
        "probability": "Bradley and Terry's probability that the chosen response wins.",
    }
    return Plot(titles[what], [curve, tenths], layout, captions[what], Table(titles[what], heads, rows), 320)


def percentiles(found: Record) -> Plot:
    """Return the rewards of all responses as a curve of percentiles with its bands."""
    levels = found["percentiles"]
    curve = {
        "x": levels,
        "y": list(range(len(levels))),
        "mode": "lines",
        "name": "percentile",
        "line": {"color": "@accent", "width": 2, "shape": "linear"},
        "hovertemplate": "reward %{x:.3f}<br>percentile %{y}<extra></extra>",
    }
    lines = [
        {
            "type": "line",
            "xref": "paper",
            "x0": 0,
            "x1": 1,
            "y0": at,
            "y1": at,
            "line": {"color": "@faint", "dash": "dot"},
        }
        for at in (5, 25, 75, 95)
    ]
    layout = {
        "xaxis": {"title": {"text": "reward"}},
        "yaxis": {"title": {"text": "percentile"}, "range": [0, 100]},
        "shapes": lines,
        "showlegend": False,
    }
    rows = [
        (one["band"], cell(one["from"]), cell(one["to"]), f"{one['percentiles'][0]} to {one['percentiles'][1]}")
        for one in found["bands"]
    ]
    return Plot(
        "Where a reward falls among the others",
        [curve],
        layout,
        f"Rewards of {found['responses']:,} responses. A reward has no meaning by itself; find it here.",
        Table("Bands of rewards", ("band", "reward from", "to", "percentiles"), rows),
    )


def lengths(found: Record) -> Plot:
    """Return reward against length, a dot a response, with the regression."""
    dots = {
        "x": found["lengths"],
        "y": found["rewards"],
        "mode": "markers",
        "name": "a response",
        "marker": {"color": "@muted", "size": 5, "opacity": 0.45},
        "hovertemplate": "%{x:,} characters<br>reward %{y:.3f}<extra></extra>",
    }
    traces: list[dict[str, Any]] = [dots]
    curve = found.get("curve", {"lengths": [], "rewards": []})
    if curve["lengths"]:
        fit = {
            "x": curve["lengths"],
            "y": curve["rewards"],
            "mode": "lines",
            "name": "expected at this length (LOWESS)",
        }
        told = {"hovertemplate": "%{x:,.0f} characters<br>expected %{y:.3f}<extra></extra>"}
        traces.append({**fit, **told, "line": {"color": "@accent", "width": 3}})
    layout = {
        "xaxis": {"title": {"text": "characters of the response"}, "type": "log"},
        "yaxis": {"title": {"text": "reward"}},
    }
    rows = [(cell(int(x)), cell(y)) for x, y in zip(curve["lengths"], curve["rewards"], strict=True)]
    of = f"{len(found['lengths']):,} of {found['responses']:,} responses, drawn at random"
    shown = of if len(found["lengths"]) < found["responses"] else f"{found['responses']:,} responses"
    table = Table("Reward expected at a length", ("characters", "reward"), rows)
    return Plot("Reward and length", traces, layout, shown, table, 400)


def risk_coverage(found: Record) -> Plot:
    """Return accuracy against the share of comparisons that are kept."""
    kept, right = found["coverages"], found["accuracies"]
    trace = {
        "x": [100 * one for one in kept],
        "y": [one["value"] for one in right],
        "error_y": {**bars(right), "color": "@accent"},
        "mode": "lines+markers",
        "name": "accuracy",
        "line": {"color": "@accent", "width": 2},
        "customdata": [estimate(one) for one in right],
        "hovertemplate": "%{x:.0f} % kept<br>right %{customdata}<extra></extra>",
    }
    layout = {
        "xaxis": {"title": {"text": "share kept, %, the surest first"}, "range": [103, 7]},
        "yaxis": {"title": {"text": "share that is right"}},
        "showlegend": False,
    }
    rows = [(cell(share, 2), cell(one)) for share, one in zip(kept, right, strict=True)]
    return Plot(
        "Accuracy when the least sure are left out",
        [trace],
        layout,
        f"By the size of the margin. Area under the curve of errors {estimate(found['area'])}; less than all errors by "
        f"{estimate(found['gain'])}.",
        Table("Accuracy by share kept", ("kept", "accuracy"), rows),
    )


def forest(findings: Sequence[Record]) -> Plot:
    """Return the standardised effect of each probe that applies, with its interval, the largest on top."""
    found = sorted(
        (one for one in findings if one["standardised"]), key=lambda one: float(one["standardised"]["value"])
    )
    effects = [one["standardised"] for one in found]
    worrying = [effect["low"] is not None and effect["low"] > one["tolerated"] for one, effect in zip(found, effects)]  # noqa: B905 - one is made of the other
    colors = ["@bad" if bad else "@muted" for bad in worrying]
    told = [[estimate(one["standardised"]), estimate(one["flipped"]), number(one["tolerated"], 2)] for one in found]
    trace = {
        "x": [one["value"] for one in effects],
        "y": [one["title"] for one in found],
        "error_x": {**bars(effects), "color": "@muted"},
        "mode": "markers",
        "marker": {"color": colors, "size": 9},
        "customdata": told,
        "hovertemplate": "%{y}<br>effect %{customdata[0]}<br>preferences flipped %{customdata[1]}<br>tolerated "
        "%{customdata[2]}<extra></extra>",
    }
    layout = {
        "xaxis": {"title": {"text": "change of reward, in standard deviations of margins"}, "zeroline": True},
        "yaxis": {"automargin": True},
        "showlegend": False,
    }
    rows = [(one["title"], cell(one["standardised"]), cell(one["flipped"]), cell(one["tolerated"], 2)) for one in found]
    table = Table("Effects of the probes", ("weakness", "effect", "flipped", "tolerated"), rows)
    caption = "More to the right is worse; bars are 95 % intervals. Red: clearly above what is tolerated."
    return Plot("What moves the reward without reason", [trace], layout, caption, table, 90 + 34 * max(len(found), 3))


def training(history: Sequence[Record], key: str, held_out: str, name: str) -> Plot | None:
    """Return one line of the training run with its held-out points, or None where the run does not have it."""
    steps, values = points(history, "step", key)
    at, found = points(history, "evaluation", held_out)
    if not steps and not at:
        return None
    every = 1 + len(steps) // MOST_STEPS
    hover = f"step %{{x:,}}<br>{name} %{{y:.4g}}<extra></extra>"
    raw = {"x": steps[::every], "y": values[::every], "mode": "lines", "name": "each step", "hovertemplate": hover}
    even = {"x": steps[::every], "y": smoothed(values)[::every], "mode": "lines", "name": "smoothed"}
    held = {"x": at, "y": found, "mode": "lines+markers", "name": "held out", "hovertemplate": hover}
    traces = [
        {**raw, "line": {"color": "@muted", "width": 1}, "opacity": 0.45 if held_out else 1.0},
        *([{**even, "line": {"color": "@muted", "width": 2}, "hovertemplate": hover}] if held_out else []),
        {**held, "line": {"color": "@accent", "width": 2}},
    ]
    layout = {"xaxis": {"title": {"text": "step"}}, "yaxis": {"title": {"text": name}, "exponentformat": "power"}}
    rows = [(cell(step), cell(value, 4)) for step, value in zip(at, found, strict=True)]
    table = Table(f"{name}, held out", ("step", name), rows) if rows else None
    return Plot(name.capitalize(), [one for one in traces if one["x"]], layout, numbers=table, height=280)
