"""The report's people: the blind sample to judge, and what those who judged one said."""

from plaudit.evaluation.human import KIND
from plaudit.evaluation.report.words import Record, cell
from plaudit.pages.blocks import Block, Choice, Choices, Section, Table

ENDING = "Thank you. Save the answers, and give the file to plaudit audit with --human."


def section(record: Record) -> Section | None:
    """Return the sample and the agreement of those who judged one, or None where there is neither."""
    blocks: list[Block] = [_agreement(record["human"])] if "human" in record else []
    blocks += [_sample(record["blind"])] if record["blind"]["pairs"] else []
    lead = (
        "Pairs drawn at random and shown in a random order, without a word on what people or the model said. Judge "
        "some, save the answers, and the next report says how far you agree with the model and with the labels."
    )
    return Section("people", "Judge for yourself", blocks, lead) if blocks else None


def _agreement(people: Record) -> Table:
    rows = [
        (
            name,
            cell(one["judged"]),
            cell(one["ties"]),
            cell(one["skipped"]),
            cell(one["with_model"]),
            cell(one["with_labels"]),
            cell(one["model_with_labels"]),
        )
        for name, one in people.items()
    ]
    columns = ("who", "judged", "ties", "skipped", "agrees with the model", "with the labels", "model with the labels")
    unknown = sum(one["unknown"] for one in people.values())
    note = f"{unknown:,} verdicts name pairs that this data does not have." if unknown else "Ties count one half."
    return Table("People beside model and labels", columns, rows, note)


def _sample(blind: Record) -> Choices:
    pairs = [Choice(one["first"], one["second"], one["prompt"], tuple(one["texts"])) for one in blind["pairs"]]
    return Choices(
        identity=blind["identity"],
        question="Which response is better?",
        pairs=pairs,
        file=f"judgements-{blind['identity']}.json",
        heading="Prompt",
        ending=ENDING,
        stated={"kind": KIND},
    )
