"""The report's robustness: gaps between sets of preferences, and what an attack could buy."""

from collections.abc import Mapping, Sequence

from plaudit.evaluation.distributions import histogram
from plaudit.evaluation.report import plots
from plaudit.evaluation.report.words import Record, cell, number, title
from plaudit.pages.blocks import Block, Cell, Paragraph, Passage, Passages, Section, Table, Tone

TONES: Mapping[str, Tone] = {"worse": "bad", "lower": "bad", "better": "good", "higher": "good"}


def section(record: Record) -> Section | None:
    """Return gaps and attacks, or None where the record has neither."""
    blocks: list[Block] = [_gaps(record["gaps"])] if "gaps" in record else []
    attacked = record.get("attacked", {})
    for one in attacked.get("attacks", ()):
        blocks += _attack(one)
    blocks += [Paragraph(f"{name}: {reason}.", "quiet") for name, reason in attacked.get("refused", {}).items()]
    lead = "How it does on other kinds of data, and how much reward can be bought without quality."
    return Section("robustness", "Robustness", blocks, lead) if blocks else None


def _gaps(found: Record) -> Table:
    """Return a line for each set: its numbers, and how far each is from that of the reference."""
    names = list(dict.fromkeys(name for row in found["rows"] for name in row["metrics"]))
    rows = []
    for row in found["rows"]:
        cells = [cell(row["comparisons"]), cell(row["groups"])]
        for name in names:
            gap = row["gaps"].get(name)
            told = Cell("the reference" if row["name"] == found["reference"] else "", tone="quiet")
            cells += [
                cell(row["metrics"].get(name)),
                cell(gap, tone=TONES.get(gap["verdict"], "plain")) if gap else told,
            ]
        rows.append([Cell(row["name"]), *cells])
    heads = [head for name in names for head in (title(name), "gap")]
    note = f"A gap is the number less that of {found['reference']}, or of the counterpart of an attacked set."
    return Table("Gaps between sets", ("set", "comparisons", "groups", *heads), rows, note)


def _attack(one: Record) -> list[Block]:
    """Return what one search bought: verdict, suffixes, rewards before and after, and texts."""
    rows = [
        (found["suffix"], cell(found["gain"]), cell(found["standardised"]), cell(found["overtaken"]))
        for found in one["found"]
    ]
    name = title(one["search"])
    note = (
        f"Searched on {one['searched_on']:,} comparisons, judged on {one['judged_on']:,} others; {one['spent']:,} of "
        f"{one['budget']:,} conversations scored."
    )
    columns = ("suffix", "gain in reward", "in deviations", "lifted above the chosen one")
    blocks: list[Block] = [Paragraph(f"{name.capitalize()}: {one['verdict']}")] if one.get("verdict") else []
    blocks += [Table(f"Suffixes that buy reward, {name}", columns, rows, note)] if rows else []
    sides = {"rejected, attacked": one["after"], "chosen": one["chosen"]}
    if all(sides.values()):
        caption = "Rewards of rejected responses with the first suffix after them, beside the chosen ones."
        blocks.append(plots.histogram(histogram(sides), f"Rewards under attack, {name}", "reward", caption))
    return blocks + _examples(one["examples"], name)


def _examples(examples: Sequence[Record], name: str) -> list[Block]:
    passages = [
        Passage(
            {},
            [(f"Rejected by people, attacked: reward {number(one['attacked'])}", _spoken(one["response"]))],
            [
                ("reward before", number(one["before"])),
                ("chosen one", number(one["chosen"])),
                ("suffix", one["suffix"]),
            ],
            ("Prompt", _spoken(one["prompt"])),
        )
        for one in examples
    ]
    return [Passages(f"Responses that the suffix lifts most, {name}", passages)] if passages else []


def _spoken(content: str | Sequence[Record]) -> str:
    if isinstance(content, str):
        return content
    return "\n\n".join(f"{turn['role']}: {turn['content']}" for turn in content)
