"""Lists from comparisons, against a plain search through every record."""

from itertools import pairwise, product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.encoding.orders import Orders, orders, orders_of, spans
from plaudit.testing import list_labels, pair_labels

Edge = tuple[int, int, int, bool, float]
"""Record, chosen, rejected, tie, weight."""

SIZE = 5
EDGES = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, SIZE - 1),
        st.integers(0, SIZE - 1),
        st.booleans(),
        st.sampled_from([0.0, 1, 3]),
    ).filter(lambda edge: edge[1] != edge[2]),
    max_size=24,
)


def made(edges: list[Edge]) -> Orders:
    """The lists of comparisons given one by one."""
    record, chosen, rejected, tie, weight = zip(*edges, strict=True) if edges else ((),) * 5
    whole = (torch.tensor(column, dtype=torch.int64) for column in (record, chosen, rejected))
    return orders(*whole, torch.tensor(tie, dtype=torch.bool), torch.tensor(weight, dtype=torch.float32))


def by_search(edges: list[Edge]) -> tuple[str, dict[int, int]]:
    """Whether one record is ordered, unordered or cyclic, and the level of each response, by trying every path."""
    nodes = sorted({node for edge in edges for node in edge[1:3]})
    least = {(a, b): 0 if a == b else None for a, b in product(nodes, nodes)}
    for _, a, b, tie, _ in edges:
        least[a, b] = max(least[a, b] or 0, 0 if tie else 1)
        if tie:
            least[b, a] = least[b, a] or 0
    for _ in nodes:
        for middle, a, b in product(nodes, nodes, nodes):
            if least[a, middle] is not None and least[middle, b] is not None:
                least[a, b] = min(SIZE + 1, max(least[a, b] or 0, least[a, middle] + least[middle, b]))
    if any(least[a, a] for a in nodes):
        return "cyclic", {}
    level = {b: max(least[a, b] or 0 for a in nodes) for b in nodes}
    known = all(least[a, b] is not None or least[b, a] is not None for a, b in product(nodes, nodes))
    return ("ordered" if known else "unordered"), level


@settings(max_examples=100, deadline=None)
@given(EDGES)
def test_agrees_with_a_search_through_all_paths(edges: list[Edge]) -> None:
    """Levels, and whether a record is ordered, unordered or cyclic, for any comparisons of three records."""
    found, counted = made(edges), [edge for edge in edges if edge[4] > 0]
    assert found.record.tolist() == sorted({edge[0] for edge in counted})
    for number, record in enumerate(found.record.tolist()):
        own = [edge for edge in counted if edge[0] == record]
        kind, level = by_search(own)
        assert bool(found.cyclic[number]) == (kind == "cyclic")
        assert bool(found.unordered[number]) == (kind == "unordered")
        assert bool(found.ordered[number]) == (kind == "ordered")
        entries = found.list == number
        assert found.response[entries].tolist() == sorted({node for edge in own for node in edge[1:3]})
        assert found.sizes[number] == entries.sum()
        if level:
            assert dict(zip(found.response[entries].tolist(), found.level[entries].tolist(), strict=True)) == level
            assert found.levels[number] == max(level.values()) + 1
        assert found.weight[number].item() == pytest.approx(sum(edge[4] for edge in own) / len(own))


@given(st.permutations(range(8)), st.randoms(use_true_random=False))
def test_any_hidden_order_is_found(order: list[int], random) -> None:
    """From comparisons of neighbours only, or from all pairs, in any sequence, one full order comes out."""
    neighbours = [(0, a, b, False, 1.0) for a, b in pairwise(order)]
    everything = [(0, a, b, False, 1.0) for place, a in enumerate(order) for b in order[place + 1 :]]
    for edges in (neighbours, everything):
        random.shuffle(edges)
        found = made(edges)
        assert found.ordered.tolist() == [True]
        assert found.level[torch.tensor(order)].tolist() == list(range(8))


def test_one_response_in_two_records_has_a_level_in_each() -> None:
    """Lists are apart from each other, however many responses they share."""
    found = made([(0, 0, 1, False, 1.0), (7, 1, 0, False, 3.0), (7, 0, 2, False, 1.0)])
    assert found.record.tolist() == [0, 7]
    assert found.list.tolist() == [0, 0, 1, 1, 1]
    assert found.response.tolist() == [0, 1, 0, 1, 2]
    assert found.level.tolist() == [0, 1, 1, 0, 2]
    assert found.weight.tolist() == [1, 2]
    assert found.ordered.all()


def test_keeping_some_lists_numbers_them_anew() -> None:
    """What is kept is as if the others had not been there."""
    found = orders_of(list_labels([0, 1, 2], [0, 0], [1, 0]))
    kept = found.kept(torch.tensor([True, False, True]))
    assert kept.record.tolist() == [0, 2]
    assert kept.list.tolist() == [0, 0, 0, 1, 1]
    assert kept.response.tolist() == [0, 1, 2, 5, 6]
    assert kept.level.tolist() == [0, 1, 2, 1, 0]
    assert kept.levels.tolist() == [3, 2]


def test_labels_without_comparisons_have_no_lists() -> None:
    """Nothing compared, nothing listed."""
    found = orders_of(pair_labels(0))
    assert len(found.record) == len(found.response) == len(found.weight) == 0
    assert len(found.kept(found.ordered).list) == 0


def test_a_chain_of_thousands_is_worked_out() -> None:
    """3,000 responses compared with their neighbours, and 3,000 tied one to the next: one step a level, few a tie."""
    order = torch.randperm(3000, generator=torch.Generator().manual_seed(0)).tolist()
    chain = made([(0, a, b, False, 1.0) for a, b in pairwise(order)])
    assert chain.level[torch.tensor(order)].tolist() == list(range(3000))
    tied = made([(0, a, b, True, 1.0) for a, b in pairwise(order)])
    assert tied.ordered.all()
    assert not tied.level.any()


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), max_size=6))
def test_spans(parts: list[tuple[int, int]]) -> None:
    """Ranges one after the other, empty ones among them."""
    begin, count = (torch.tensor([part[side] for part in parts], dtype=torch.int64) for side in (0, 1))
    assert spans(begin, count).tolist() == [number for b, c in parts for number in range(b, b + c)]
