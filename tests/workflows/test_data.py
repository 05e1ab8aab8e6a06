"""The parts of a run's data: shares of nothing, sources of their own, and what was dropped."""

import json

import pytest

from plaudit.preferences.confidence import NoAgreement
from plaudit.workflows.data import BadData, Data, announce, prepare


@pytest.fixture
def other(tmp_path):
    """Three pairs of their own, one of them with an empty response."""
    rows = [{"prompt": f"Q{n}", "chosen": "yes", "rejected": "no" if n else ""} for n in range(3)]
    path = tmp_path / "other.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_shares_of_nothing_leave_all_to_learn_from(pairs, other):
    """With both shares 0 and a test source, there is no validation part and no training record is held out."""
    data = Data(train=[str(pairs)], test=[other], validation_share=0.0, test_share=0.0, limit=50, on_bad_row="drop")
    parts = prepare(data)

    assert list(parts) == ["train", "test"]
    assert [len(part) for part in parts.values()] == [50, 2]


def test_there_is_always_something_to_measure_on(pairs):
    """No test source and no share for it is refused, and so is a share that is none."""
    with pytest.raises(BadData, match="test_share"):
        prepare(Data(train=[str(pairs)], test_share=0.0))
    with pytest.raises(ValueError, match="validation_share must be"):
        Data(validation_share=-0.1)


@pytest.mark.parametrize("limit", [0, 2])
def test_what_reading_dropped_is_said(other, pairs, limit):
    """Rows dropped while reading are counted in the training part, once, however it is cut afterwards."""
    data = Data(train=[other], test=[str(pairs)], validation_share=0.0, on_bad_row="drop", limit=limit)
    part = prepare(data)["train"]
    said = []
    announce("train", part, said.append)

    assert sum(part.drops.values()) == 1
    assert "1 dropped" in said[-1]


@pytest.fixture
def voted(tmp_path):
    """Eight items of three votes each; on every other item one of the three is against."""
    rows = [
        {
            "item_id": str(item),
            "prompt": f"Q{item}",
            "response_a": f"yes {item}",
            "response_b": f"no {item}",
            "annotator": f"annotator {vote}",
            "label": "B" if item % 2 and vote == 2 else "A",
        }
        for item in range(8)
        for vote in range(3)
    ]
    path = tmp_path / "votes.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_confidence_weighs_the_training_part_alone(voted, pairs):
    """Unanimous comparisons weigh 3 times those with one against, the sum stays, and the test part is as it was."""
    source = Data(train=[voted], test=[voted], validation_share=0.0, confidence="agreement")
    parts = prepare(source)
    weights = {part: sorted({edge.weight for one in parts[part] for edge in one.comparisons}) for part in parts}
    total = sum(edge.weight for one in parts["train"] for edge in one.comparisons)

    assert weights["test"] == [1.0]
    assert len(weights["train"]) == 2 and weights["train"][1] / weights["train"][0] == pytest.approx(3)
    assert total == pytest.approx(24)
    with pytest.raises(NoAgreement, match="confidence must be 'none'"):
        prepare(Data(train=[str(pairs)], confidence="agreement"))
