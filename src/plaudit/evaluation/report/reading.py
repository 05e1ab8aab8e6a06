"""The report's texts: highest and lowest rewarded responses, the surest mistakes, and examples of probes."""

from collections.abc import Sequence

from plaudit.evaluation.report.words import Record, number, title
from plaudit.pages.blocks import Block, Paragraph, Passage, Passages, Section

KINDS = {"mistakes": "surest mistake", "highest": "highest reward", "lowest": "lowest reward"}


def section(record: Record) -> Section | None:
    """Return the texts to read, or None where no text is known."""
    found = record["texts"]
    passages = [_passage(kind, one) for kind in KINDS for one in found[kind]]
    if not passages:
        return None
    lead = "What it likes best, what it likes least, and where it is surest and wrong."
    remark = f"The texts of {found['known']:,} of {record['data']['responses']:,} responses are known."
    return Section("texts", "Texts to read", [Paragraph(remark, "quiet"), Passages("Responses", passages)], lead)


def _passage(kind: str, one: Record) -> Passage:
    labels = {"kind": KINDS[kind], **{title(name): label for name, label in one["slices"].items() if label}}
    if kind != "mistakes":
        facts = [("id", one["id"]), *_facts(one)]
        return Passage(labels, [("Response", one["response"])], facts, ("Prompt", one["prompt"]))
    chosen, rejected = one["chosen"], one["rejected"]
    facts = [("margin", number(one["margin"])), ("probability of the chosen one", number(one["probability"], 4))]
    texts = [
        (f"Chosen by people: reward {number(chosen['reward'])}", chosen["response"]),
        (f"Rejected by people: reward {number(rejected['reward'])}", rejected["response"]),
    ]
    facts += [("ids", f"{chosen['id']}, {rejected['id']}")]
    return Passage(labels, texts, facts, ("Prompt", chosen["prompt"]))


def _facts(one: Record) -> list[tuple[str, str]]:
    return [
        ("reward", number(one["reward"])),
        ("percentile", f"{one['percentile']:.0f} ({one['band']})"),
        ("characters", f"{one['length']:,}"),
    ]


def examples(findings: Sequence[Record]) -> list[Block]:
    """Return the pairs of each probe that changed most."""
    passages = [
        Passage(
            {"probe": one["title"]},
            [
                (f"Before: reward {number(own['reward_before'])}", own["before"]),
                (f"After: reward {number(own['reward_after'])}", own["after"]),
            ],
            [("change of reward", f"{own['reward_after'] - own['reward_before']:+.3f}")],
            ("Prompt", own["prompt"]),
        )
        for one in findings
        for own in one["examples"]
        if own["reward_before"] is not None and own["reward_after"] is not None
    ]
    return [Passages("Pairs that changed most", passages)] if passages else []
