"""The page of an audit: its record, section by section."""

import json
from collections.abc import Callable, Sequence

from plaudit.evaluation.report import people, plots, reading, robustness, tables
from plaudit.evaluation.report.words import Record, interval, number
from plaudit.pages.blocks import (
    Block,
    Figure,
    Figures,
    Folded,
    Notice,
    Notices,
    Page,
    Paragraph,
    Plot,
    Section,
    Sentences,
)

MOST_WORRIES = 3
"""Worries at the top of the page; the others are further down."""

ANCHORS = {
    "probes": "probes",
    "checks.length": "length",
    "checks": "calibration",
    "evaluation": "accuracy",
    "calibration": "calibration",
    "debiasing": "length",
    "gaps": "robustness",
    "attacked": "robustness",
}
"""How a path into the record begins, and the section that shows what stands there."""


def page(record: Record) -> Page:
    """Return the page of an audit's record."""
    data = record["data"]
    sources = ", ".join(data["sources"]) or "scores alone"
    counted = f"{data['comparisons']:,} comparisons of {data['responses']:,} responses"
    return Page(
        title=f"Audit of {record['model']['name']}",
        subtitle=" · ".join((counted, sources, record["made"])),
        sections=[_opening(record), *(section for make in SECTIONS if (section := make(record)))],
        footer=_footer(record),
    )


def _footer(record: Record) -> str:
    made = record["made_with"]
    return (
        f"Made by plaudit {made['plaudit']}. Intervals are 95 %, from {made['resamples']:,} resamples of "
        f"{record['evaluation']['unit']}, seed {made['seed']}. All numbers of this page are in audit.json."
    )


def _opening(record: Record) -> Section:
    told = record["verdict"]
    return Section(
        "verdict",
        told["title"],
        [_headline(record), Sentences(told["sentences"]), *_worries(record)],
    )


def _headline(record: Record) -> Figures:
    overall = record["evaluation"]["overall"]
    shown = [("accuracy", overall["metrics"].get("accuracy"))]
    shown += [("most any model can have", record["evaluation"].get("ceiling", {}).get("highest"))]
    best = max(overall["baselines"].items(), key=lambda one: one[1]["value"] or 0.0, default=("", None))
    shown += [(f"baseline: {best[0].replace('_', ' ')}", best[1])]
    shown += [("calibration error", overall["metrics"].get("expected_calibration_error"))]
    ways = record.get("debiasing", {}).get("ways", {})
    shown += [("correlation with length", ways.get("as it is", {}).get("correlation"))]
    found = [(label, one) for label, one in shown if one and one["value"] is not None]
    return Figures([Figure(label, number(one["value"]), interval(one)) for label, one in found])


def _worries(record: Record) -> list[Block]:
    if "worries" in record:
        notices = [_worry(one) for one in record["worries"][:MOST_WORRIES]]
        nothing = Notice("Nothing to worry about was found.", "No test of this audit found a weakness.", "good")
        shown = f"{len(notices)} things to worry about" if len(notices) > 1 else "One thing to worry about"
        title = [Paragraph(shown, "quiet")] if notices else []
        return [*title, Notices(notices or [nothing], numbered=len(notices) > 1)]
    flags = [
        Notice(one["code"].replace("_", " ").capitalize(), one["sentence"]) for one in record["evaluation"]["flags"]
    ]
    return [Paragraph("To know first", "quiet"), Notices(flags)] if flags else []


def _worry(one: Record) -> Notice:
    """Return a worry, with a link to the section that shows what it rests on."""
    weakness, _, seen = one["sentence"].partition(": ")
    title, text = (weakness, seen) if seen else (one["name"].replace("_", " "), weakness)
    anchors = [anchor for start, anchor in ANCHORS.items() if one["where"].startswith(start)]
    return Notice(title[:1].upper() + title[1:], text[:1].upper() + text[1:], "bad", anchors[0] if anchors else "")


def _gates(record: Record) -> Section | None:
    found = record.get("gates")
    if not found:
        return None
    broken = sum(not one["holds"] for one in found)
    lead = f"{broken} of {len(found)} bounds are broken." if broken else f"All {len(found)} bounds hold."
    return Section("gates", "Gates", [tables.gates(found)], lead)


def _other_worries(record: Record) -> Section | None:
    notices = [_worry(one) for one in record.get("worries", [])[MOST_WORRIES:]]
    return Section("more-worries", "Further worries", [Notices(notices)]) if notices else None


def _accuracy(record: Record) -> Section:
    found = record["evaluation"]
    blocks: list[Block] = [tables.metrics(found["overall"]), tables.baselines(found)]
    blocks += [tables.rankings(found["rankings"])] if found["rankings"] else []
    blocks += [tables.correlations(found["correlations"])] if found["correlations"] else []
    lead = "Ties count one half, for every scorer. Intervals come from resampling whole groups."
    return Section("accuracy", "Accuracy and its baselines", blocks, lead)


def _slices(record: Record) -> Section | None:
    found = record["evaluation"]
    shown = [tables.slices(name, of, found["discoveries"]) for name, of in found["slices"].items()]
    lead = (
        "Where it is better or worse than elsewhere. A star marks a part unlike the rest of its slice; at most 5 % of "
        "such calls should be wrong."
    )
    return Section("slices", "Slices", shown, lead) if shown else None


def _calibration(record: Record) -> Section:
    found = record["calibration"]
    blocks: list[Block] = [plots.reliability(record["reliability"])]
    if "overall" in found:
        blocks = [Paragraph(found["sentence"][:1].upper() + found["sentence"][1:] + "."), *blocks]
        blocks += [tables.before_and_after(found), tables.trials(found["trials"])]
    else:
        blocks.append(Paragraph(f"Not calibrated: {found['reason']}.", "quiet"))
    abstention = record["abstention"]
    if told := abstention.get("sentence") or abstention.get("reason"):
        blocks.append(Paragraph(f"Abstention: {told}."))
    blocks += [plots.against_margin(record["losses"], what) for what in ("probability", "loss")]
    return Section("calibration", "Probabilities", blocks, "Whether it is right as often as it says it is.")


def _rewards(record: Record) -> Section:
    rewards, margins = record["rewards"], record["margins"]
    blocks: list[Block] = []
    if rewards["edges"]:
        caption = "A response counts once for each comparison that it is in."
        blocks.append(plots.histogram(rewards, "Rewards of chosen and rejected responses", "reward", caption))
    if margins["edges"]:
        caption = "Left of 0 it prefers the rejected response."
        blocks.append(plots.histogram(margins, "Margins", "margin: reward of chosen less rejected", caption))
    if record["reference"]["bands"]:
        blocks.append(plots.percentiles(record["reference"]))
    return Section("rewards", "Rewards and margins", blocks)


def _length(record: Record) -> Section | None:
    found, debiasing = record["lengths"], record["debiasing"]
    if not any(found["lengths"]):
        return None
    blocks: list[Block] = [plots.lengths(found)]
    if "ways" in debiasing:
        blocks.append(tables.ways(debiasing))
    else:
        blocks.append(Paragraph(f"Not adjusted for length: {debiasing['reason']}.", "quiet"))
    return Section("length", "Length", blocks, "What length earns, and what is left when it is taken out.")


def _probes(record: Record) -> Section | None:
    found = list(record.get("probes", {}).get("findings", {}).values())
    if not found:
        return None
    blocks: list[Block] = [plots.forest(found)] if any(one["standardised"] for one in found) else []
    blocks += [tables.findings(found), *reading.examples(found)]
    lead = "Two texts that differ in one thing which should not matter, or should: what it does to the reward."
    return Section("probes", "Probes", blocks, lead)


def _certainty(record: Record) -> Section:
    found = record["evaluation"].get("selective")
    blocks: list[Block] = [plots.risk_coverage(record["risk_coverage"])]
    blocks += [tables.selective(found)] if found else []
    return Section("certainty", "Certainty", blocks, "Whether it is right more often where its margins are wider.")


def _training(record: Record) -> Section | None:
    wanted = (
        ("loss", "nll", "loss, nats"),
        ("accuracy", "accuracy", "accuracy"),
        ("learning_rate", "", "learning rate"),
    )
    drawn: list[Plot] = [plot for one in wanted if (plot := plots.training(record["history"], *one))]
    return Section("training", "Training", drawn) if drawn else None


def _comparison(record: Record) -> Section | None:
    found = record.get("comparison")
    if not found:
        return None
    lead = f"On the same {found['comparisons']:,} comparisons. Several pairs are corrected for together."
    return Section("models", "Beside other models", [tables.models(found), tables.contests(found)], lead)


def _recipe(record: Record) -> Section:
    recipe = record["model"]["recipe"]
    shown = {"model": recipe or "not known", "data": record["data"], "audit": record["made_with"]}
    blocks: Sequence[Block] = [Folded("The recipe as JSON", json.dumps(shown, indent=2, ensure_ascii=False))]
    data = record["data"]
    lead = (
        f"{record['model']['name']} ({record['model']['kind']}), on {', '.join(data['sources']) or 'scores alone'}"
        f"{', data fingerprint ' + data['fingerprint'] if data['fingerprint'] else ''}."
    )
    return Section("recipe", "Recipe", blocks, lead)


SECTIONS: Sequence[Callable[[Record], Section | None]] = (
    _gates,
    _other_worries,
    _accuracy,
    _slices,
    _calibration,
    _rewards,
    _length,
    _probes,
    robustness.section,
    _certainty,
    _training,
    _comparison,
    reading.section,
    people.section,
    _recipe,
)
"""In the order of the page; None where the record has nothing to show."""
