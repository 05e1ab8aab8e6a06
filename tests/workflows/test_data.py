"""The parts of a run's data: shares of nothing, sources of their own, and what was dropped."""

import json

import pytest

from plaudit.preferences.confidence import NoAgreement
from plaudit.workflows.data import BadData, Data, LeakedGroups, announce, prepare


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
    with pytest.warns(LeakedGroups):
        parts = prepare(source)
    weights = {part: sorted({edge.weight for one in parts[part] for edge in one.comparisons}) for part in parts}
    total = sum(edge.weight for one in parts["train"] for edge in one.comparisons)

    assert weights["test"] == [1.0]
    assert len(weights["train"]) == 2 and weights["train"][1] / weights["train"][0] == pytest.approx(3)
    assert total == pytest.approx(24)
    with pytest.raises(NoAgreement, match="confidence must be 'none'"):
        prepare(Data(train=[str(pairs)], confidence="agreement"))


@pytest.fixture
def leaky(tmp_path):
    """Write the sources of a run: 40 pairs to learn from, a test of 8 and a validation of 6 pairs that share some."""

    def write(name, numbers):
        rows = [{"prompt": f"Question {n}?", "chosen": "yes", "rejected": "no", "id": f"{name}{n}"} for n in numbers]
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return [str(path)]

    return {
        "train": write("train", range(40)),
        "test": write("test", range(37, 45)),
        "validation": write("validation", [0, 43, 100, 101, 102, 103]),
    }


def prompts_of(part):
    """Return the prompts of a part."""
    return {record.prompt for record in part}


def test_leaks_are_named_and_by_default_kept(leaky):
    """Each pair of parts that shares groups gets a warning of its own, with counts and an example; nothing goes."""
    with pytest.warns(LeakedGroups) as caught:
        parts = prepare(Data(**leaky))

    said = sorted(str(warning.message) for warning in caught)
    assert len(said) == 3
    assert said[0].startswith("1 groups of test are in validation too (1 records there, such as validation43)")
    assert said[1].startswith("1 groups of validation are in train too (1 records there, such as train0)")
    assert said[2].startswith("3 groups of test are in train too (3 records there, such as train37)")
    assert all("on_leak = 'drop'" in text for text in said)
    assert [len(part) for part in parts.values()] == [40, 6, 8]


def test_leaks_can_be_dropped(leaky):
    """They go from what is learned from, never from the test, and are counted by part."""
    parts = prepare(Data(**leaky, on_leak="drop"))

    assert [len(part) for part in parts.values()] == [36, 5, 8]
    assert not prompts_of(parts["train"]) & (prompts_of(parts["test"]) | prompts_of(parts["validation"]))
    assert not prompts_of(parts["validation"]) & prompts_of(parts["test"])
    assert parts["train"].drops == {"records with groups of validation": 1, "records with groups of test": 3}
    assert parts["validation"].drops == {"records with groups of test": 1}


def test_leaks_can_be_errors(leaky):
    """The first is named with what to do; where everything leaks, dropping is an error too."""
    with pytest.raises(BadData, match=r"1 groups of validation are in train too .*data.on_leak"):
        prepare(Data(**leaky, on_leak="error"))
    with pytest.raises(BadData, match="nothing is left of train"):
        prepare(Data(train=leaky["train"], test=leaky["train"], validation_share=0.0, on_leak="drop"))
    with pytest.raises(ValueError, match="on_leak"):
        Data(on_leak="ignore")


def test_shares_of_one_source_cannot_leak(leaky):
    """Parts that were split from one source are not compared again, and clean sources are silent."""
    clean = {**leaky, "validation": [], "test": []}
    assert set(prepare(Data(**clean))) == {"train", "validation", "test"}


def test_rated_responses_leak_by_themselves(tmp_path):
    """Without prompts a test's responses are taken out of the training records, and the rest is compared."""
    for name, numbers in (("train", range(30)), ("test", range(25, 40))):
        rows = [{"response": f"film {n}", "rating": n % 5, "id": str(n)} for n in numbers]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    sources = {name: [str(tmp_path / f"{name}.jsonl")] for name in ("train", "test")}
    parts = prepare(Data(**sources, validation_share=0.0, on_leak="drop"))

    learned = {response.content for record in parts["train"] for response in record.responses}
    assert learned == {f"film {n}" for n in range(25)}


def test_balancing_weighs_the_training_part_alone_and_says_so(tmp_path):
    """The longer response wins half of the training weight in the end; the test part keeps its weights."""
    rows = []
    for number in range(200):
        longer, shorter = "word " * (number % 7 + 4), "word " * (number % 3 + 1)
        sides = (longer, shorter) if number % 4 else (shorter, longer)
        rows.append({"prompt": f"question {number}", "chosen": sides[0] + "x", "rejected": sides[1] + "y"})
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    said: list[str] = []
    parts = prepare(Data(train=[str(path)], validation_share=0.0, test_share=0.2, balance="length"), said.append)

    weights = {True: 0.0, False: 0.0}
    for record in parts["train"]:
        chosen, rejected = (len(record.responses[place].content) for place in (0, 1))
        weights[chosen > rejected] += record.comparisons[0].weight
    assert weights[True] == pytest.approx(weights[False]) and sum(weights.values()) == pytest.approx(160)
    assert [record.comparisons[0].weight for record in parts["test"]] == [1.0] * 40
    [told] = [line for line in said if "balanced" in line]
    assert told.startswith("train: balanced by length: the longer response won 7") and "160 comparisons kept" in told
    with pytest.raises(ValueError, match="balance must be 'none' or 'length', not 'tokens'"):
        Data(balance="tokens")
