"""The report's tables."""

from collections.abc import Sequence

from plaudit.evaluation.report.words import NONE, Record, cell, number, title
from plaudit.pages.blocks import Cell, Table

Row = Sequence[Cell | str]

OF_SLICES = {"accuracy": "accuracy", "log_likelihood": "log-likelihood", "expected_calibration_error": "ECE"}
"""Metrics of a slice, and their headings."""


def gates(found: Sequence[Record]) -> Table:
    """Return a line for each bound."""
    rows: list[Row] = [
        (
            one["path"],
            one["of"],
            one["bound"],
            cell(one["found"], 4),
            Cell("holds", tone="good") if one["holds"] else Cell(one["reason"], tone="bad"),
        )
        for one in found
    ]
    return Table("Bounds that this model has to keep", ("number", "of", "bound", "found", "verdict"), rows)


def metrics(overall: Record) -> Table:
    """Return every metric of all comparisons."""
    found = overall["metrics"]
    remarks = any(one["reason"] for one in found.values())
    rows: list[Row] = [
        (title(name), cell(one), *([Cell(one["reason"], tone="quiet")] if remarks else []))
        for name, one in found.items()
    ]
    shares = f"{overall['ties']:.1%} ties, {overall['equal_rewards']:.1%} with equal rewards".replace("%", " %")
    note = f"{overall['comparisons']:,} comparisons in {overall['groups']:,} groups; {shares}."
    columns = ("metric", "value and 95 % interval", *(["remark"] if remarks else []))
    return Table("All comparisons", columns, rows, note)


def baselines(evaluation: Record) -> Table:
    """Return the model's accuracy between what reading nothing gets and what no model can exceed."""
    overall = evaluation["overall"]
    rows: list[Row] = [("this model", cell(overall["metrics"]["accuracy"]))] if "accuracy" in overall["metrics"] else []
    rows += [(f"baseline: {title(name)}", cell(one)) for name, one in overall["baselines"].items()]
    found = evaluation.get("ceiling")
    if found:
        rows += [("agreement of two people", cell(found["agreement"])), ("ceiling", cell(found["highest"]))]
    note = (
        f"The ceiling comes from {found['votes']:,} votes on {found['pairs']:,} pairs that were judged more than once."
        if found
        else "No two responses were judged twice, so there is no ceiling to hold it against."
    )
    return Table("Accuracy beside baselines and ceiling", ("who", "accuracy"), rows, note)


def rankings(found: Sequence[Record]) -> Table:
    """Return how well responses of one prompt are put in order."""
    rows: list[Row] = [
        (
            title(one["truth"]),
            cell(one["prompts"]),
            cell(one["spearman"]),
            cell(one["kendall"]),
            cell(one["best_of_n"]),
            cell(one["chance"]),
        )
        for one in found
    ]
    columns = ("by", "prompts", "Spearman", "Kendall", "best of n", "chance")
    return Table("Order within prompts, mean over prompts", columns, rows)


def correlations(found: Sequence[Record]) -> Table:
    """Return the correlations of rewards and parts with ratings."""
    rows: list[Row] = [
        (one["rating"], one["output"], cell(one["responses"]), cell(one["spearman"]), cell(one["pearson"]))
        for one in found
    ]
    return Table("Correlation with ratings", ("rating", "with", "responses", "Spearman", "Pearson"), rows)


def slices(name: str, parts: Record, discoveries: Sequence[Record]) -> Table:
    """Return a line for each label of a slice; a star where its accuracy is unlike the rest."""
    tested = {one["label"]: one for one in discoveries if one["slice"] == name}
    rows: list[Row] = []
    for label, part in parts.items():
        found = tested.get(label)
        mark = " ★" if found and found["differs"] else ""
        difference = cell(found["difference"]) if found else Cell(NONE)
        q = cell(found["q"]) if found else Cell("too few groups", tone="quiet")
        values = [cell(part["metrics"].get(one)) for one in OF_SLICES]
        rows.append((f"{label}{mark}", cell(part["comparisons"]), *values, difference, q))
    columns = (title(name), "comparisons", *OF_SLICES.values(), "less the rest", "q")
    return Table(f"By {title(name)}", columns, rows)


def before_and_after(calibration: Record) -> Table:
    """Return NLL, ECE and Brier score before and after, overall and per slice."""
    parts = {("all", ""): calibration["overall"]}
    parts |= {(title(name), label): part for name, of in calibration["slices"].items() for label, part in of.items()}
    rows: list[Row] = [
        (
            slice_ + (f": {label}" if label else ""),
            cell(part["comparisons"]),
            *(cell(part[side][name]) for name in ("nll", "ece", "brier") for side in ("before", "after")),
        )
        for (slice_, label), part in parts.items()
    ]
    heads = [f"{title(name)} {side}" for name in ("nll", "ece", "Brier") for side in ("before", "after")]
    note = "After: probabilities of fits that have not seen the group. Where no calibrator helps, after is before."
    return Table("Before and after calibration", ("comparisons of", "how many", *heads), rows, note)


def trials(found: Sequence[Record]) -> Table:
    """Return every calibrator that was tried."""
    rows: list[Row] = [
        (
            one["kind"],
            cell(one["nll"], 4),
            cell(one["change"], 4),
            Cell("helps", tone="good") if one["helps"] else Cell("stands aside", tone="quiet"),
        )
        for one in found
    ]
    return Table("Calibrators, cross-fitted", ("kind", "NLL", "change of NLL", "verdict"), rows)


def ways(debiasing: Record) -> Table:
    """Return accuracy and length of rewards as they are, adjusted for length and divided by it."""
    names = ("accuracy", "change", "correlation", "at_equal_verdict")
    rows: list[Row] = [(name, *(cell(way[one]) for one in names)) for name, way in debiasing["ways"].items()]
    columns = ("reward", "accuracy", "change of accuracy", "correlation with length", "at equal verdict")
    return Table("Rewards freed of length", columns, rows, debiasing["refused"])


def findings(found: Sequence[Record]) -> Table:
    """Return every probe, those too that do not apply, with the reason."""
    rows: list[Row] = [
        (
            one["title"],
            cell(one["effect"]),
            cell(one["standardised"]),
            cell(one["flipped"]),
            Cell(NONE if one["p"] is None else f"{one['p']:.3g}", one["p"]),
            cell(one["n"]),
            Cell(one["reason"] or one["done"], tone="quiet"),
        )
        for one in found
    ]
    columns = ("weakness", "effect on reward", "in deviations", "flipped", "p", "pairs", "what was compared")
    return Table("All probes", columns, rows)


def selective(found: Record) -> Table:
    """Return accuracy at each coverage by every order that the model's variances allow."""
    columns = ("by", *(f"{share:.0%}".replace("%", " %") for share in found["coverages"]), "verdict")
    rows: list[Row] = [
        (title(name), *(cell(one) for one in curve["accuracies"]), curve["verdict"])
        for name, curve in found["curves"].items()
    ]
    note = f"{found['comparisons']:,} comparisons have a variance of their margin, {found['without']:,} have none."
    return Table("Accuracy by share kept, the surest first", columns, rows, note)


def models(comparison: Record) -> Table:
    """Return the models side by side."""
    names = list(dict.fromkeys(name for own in comparison["models"].values() for name in own))
    rows: list[Row] = [(model, *(cell(own.get(name)) for name in names)) for model, own in comparison["models"].items()]
    left_out = {name: count for name, count in comparison["left_out"].items() if count}
    note = "; ".join(f"{count:,} comparisons of {name} left out" for name, count in left_out.items())
    return Table("Models side by side", ("model", *map(title, names)), rows, note)


def contests(comparison: Record) -> Table:
    """Return every two models with the verdict on each metric."""
    rows: list[Row] = [
        (
            f"{one['first']} less {one['second']}",
            title(name),
            cell(judged),
            number(judged["p"], 3),
            Cell(judged["verdict"], tone={"better": "good", "worse": "bad"}.get(judged["verdict"], "quiet")),  # type: ignore[arg-type]
            cell(judged["detectable"]["paired"]),
        )
        for one in comparison["contests"]
        for name, judged in one["metrics"].items()
    ]
    columns = ("models", "metric", "difference", "p", "verdict on the first", "smallest that could be found")
    return Table("Differences", columns, rows)
