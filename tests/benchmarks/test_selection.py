"""The selection benchmark: its head against another implementation, its figures on known curves, a whole small run."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import ttest_rel
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from statsmodels.stats.multitest import multipletests  # type: ignore[import-untyped]

from benchmarks.rated import Rated
from benchmarks.selection.__main__ import main
from benchmarks.selection.head import fit, information, most_probable
from benchmarks.selection.running import Comparisons, compared, measured, pairs
from benchmarks.selection.settings import STRATEGIES, Settings, from_arguments
from benchmarks.selection.summary import estimate, labels_needed, reached, rising, summarise, verdict
from plaudit import members

TINY = (
    "--base noise --limit 150 --pool 90 --rounds 2 --start 10 --batch 10 --seeds 6 --explored 3 --tested 80 "
    "--resamples 50"
)


def rows_and_votes(count: int = 120, width: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(count, width))
    return rows, (rng.random(count) < expit(rows @ np.arange(1.0, width + 1))).astype(float)


def test_weights_are_those_of_logistic_regression() -> None:
    """Under a fixed prior, as scikit-learn finds them; around another centre, the slope there is 0."""
    rows, votes = rows_and_votes()
    own = most_probable(rows, votes, 0.7, np.zeros(3))
    peer = LogisticRegression(C=1 / 0.7, fit_intercept=False, tol=1e-10, max_iter=1000).fit(rows, votes)
    centre = np.array([1.0, -1.0, 0.0])
    moved = most_probable(rows, votes, 0.7, np.zeros(3), centre)

    assert own == pytest.approx(peer.coef_[0], abs=1e-4)
    assert rows.T @ (votes - expit(rows @ moved)) == pytest.approx(0.7 * (moved - centre), abs=1e-4)


def test_the_covariance_is_the_inverse_of_what_is_known() -> None:
    """R Rᵀ times information plus prior is the identity, and the precision is a fixed point of MacKay's formula."""
    rows, votes = rows_and_votes()
    head = fit(rows, votes)
    known = information(rows, head.weights) + head.precision * np.eye(3)
    values = np.linalg.eigvalsh(information(rows, head.weights))
    effective = (values / (values + head.precision)).sum()

    assert head.root @ head.root.T @ known == pytest.approx(np.eye(3), abs=0.01)
    assert head.precision == pytest.approx(effective / (head.weights @ head.weights), rel=0.01)


def test_pairs_are_different_pairs_of_different_texts() -> None:
    """All there are, where all are asked for; more are refused."""
    found = pairs(np.arange(10, 15), 10, np.random.default_rng(0))

    assert {frozenset(pair) for pair in found.tolist()} == {
        frozenset((a, b)) for b in range(10, 15) for a in range(10, b)
    }
    with pytest.raises(ValueError, match="5 texts make fewer than 11 pairs"):
        pairs(np.arange(5), 11, np.random.default_rng(0))


def test_shares_are_of_all_ratings_against_all() -> None:
    """Counted by hand: ratings 1 and 3 against 2 and 3 win once, lose twice and tie once."""
    texts = Rated(np.eye(2), np.array([2.0, 2.5]), (np.array([1.0, 3.0]), np.array([2.0, 3.0])))
    found = compared(texts, np.array([[0, 1]]))

    assert found.shares.tolist() == [0.375]
    assert found.leads.tolist() == [-0.5]
    assert found.rows.tolist() == [[1.0, -1.0]]


def test_accuracy_leaves_out_what_is_close() -> None:
    """Of three pairs, one is too close; of the others one is right and one a tie; NLL counts all."""
    head = fit(*rows_and_votes(width=1))
    test = Comparisons(
        np.array([[2.0], [0.0], [5.0]]), np.array([1.0, 0.5, 0.0]), np.array([1.0, -1.0, 0.1]), np.zeros((3, 2), int)
    )
    margins = test.rows @ head.weights
    nll = -(test.shares * np.log(expit(margins)) + (1 - test.shares) * np.log(expit(-margins))).mean()

    assert measured(head, test, 0.5) == {"accuracy": 0.75, "nll": pytest.approx(nll)}


def test_intervals_are_students() -> None:
    """A paired difference's interval leaves out 0 exactly where the paired t-test is significant at 5 %."""
    rng = np.random.default_rng(0)
    for shift in np.linspace(0, 1.5, 12):
        own, other = rng.normal(shift, 1, 8), rng.normal(0, 1, 8)
        found = estimate(own - other)
        assert (found["low"] > 0 or found["high"] < 0) == (ttest_rel(own, other).pvalue < 0.05)


def test_labels_are_read_off_rising_curves() -> None:
    """A curve twice as fast needs half the labels; one that never gets there has no number and an open end."""
    settings = Settings(start=50, batch=50, rounds=7)
    budgets = np.array(settings.budgets, float)
    random = np.tile(0.5 + budgets / 1000, (8, 1))
    fast, slow = np.tile(0.5 + budgets / 500, (8, 1)), np.full((8, 8), 0.5)
    needs = labels_needed(settings, fast, random)

    assert [need["random"] for need in needs] == pytest.approx([100, 200, 300])
    assert [need["ratio"]["value"] for need in needs] == pytest.approx([0.5] * 3)
    assert labels_needed(settings, slow, random)[1]["labels"] is None
    assert labels_needed(settings, slow, random)[1]["ratio"] == {"value": None, "low": None, "high": None}
    assert [need["ratio"]["value"] for need in labels_needed(settings, random, random)] == [1.0] * 3


def test_a_curve_is_made_to_rise() -> None:
    """The closest rising curve pools what falls, and is read between budgets by a line."""
    assert rising(np.array([0.5, 0.7, 0.6, 0.8])).tolist() == pytest.approx([0.5, 0.65, 0.65, 0.8])
    budgets = np.array([10.0, 20.0, 30.0])
    assert reached(budgets, np.array([0.5, 0.6, 0.7]), 0.65) == pytest.approx(25)
    assert reached(budgets, np.array([0.5, 0.6, 0.7]), 0.4) == 10
    assert np.isinf(reached(budgets, np.array([0.5, 0.6, 0.7]), 0.71))


@pytest.mark.parametrize(
    ("gains", "sentence"),
    [
        ([(0.02, 0.06)], "No strategy can be told from random"),
        (
            [(0.02, 0.04), (-0.02, 0.01)],
            "Better than random over the whole curve: first (+2.00 points, p 0.04 after Holm). Worse: second",
        ),
        ([(-0.02, 0.01)], "None is better than random over the whole curve, as Gleave and Irving found. Worse: first"),
    ],
)
def test_the_verdict_goes_by_the_corrected_p(gains, sentence) -> None:
    """Better or worse only where the corrected p is at most 5 %, whatever the strategy's own interval says."""
    curves = {"random": (0.0, None), **dict(zip(("first", "second"), gains, strict=False))}
    summary = {name: {"whole_curve": {"accuracy": {"value": gain}}, "holm": p} for name, (gain, p) in curves.items()}
    assert verdict(summary).startswith(sentence)


def test_p_values_are_those_of_paired_tests_corrected() -> None:
    """SciPy's paired test over seeds of the mean over rounds; statsmodels' Holm."""
    rng = np.random.default_rng(0)
    settings = Settings(strategies=("random", "margin", "bald"), seeds=8, explored=0, start=10, batch=10, rounds=2)
    names = settings.strategies
    runs = [{name: {"accuracy": rng.normal(size=3), "nll": rng.normal(size=3)} for name in names} for _ in range(8)]
    found = summarise(settings, runs)
    means = {name: [run[name]["accuracy"][1:].mean() for run in runs] for name in names}
    p = [ttest_rel(means[name], means["random"]).pvalue for name in names[1:]]

    assert [found[name]["p"] for name in names[1:]] == pytest.approx(p)
    assert [found[name]["holm"] for name in names[1:]] == pytest.approx(multipletests(p, method="holm")[1])


def test_a_whole_run_writes_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON, a page and a plot; all strategies begin at the same figures, and the same command gives the same ones."""
    asked = [*TINY.split(), "--strategies", "random;margin;d_optimal", "--out"]
    assert main([*asked, str(tmp_path / "one")]) == 0
    assert main([*asked, str(tmp_path / "two")]) == 0
    one, two = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("one", "two"))
    page = (tmp_path / "one.md").read_text()

    assert one["runs"] == two["runs"]
    assert one["budgets"] == [10, 20, 30]
    for run in one["runs"]:
        assert len({run[name]["accuracy"][0] for name in run}) == 1
    assert page in capsys.readouterr().out
    assert "| d_optimal |" in page
    assert "3 fresh seeds (3 to 5)" in page and "Seeds 0 to 2 were run and looked at first" in page
    assert one["summary"] != one["exploratory"]
    assert (tmp_path / "one.html").stat().st_size > 1000


def test_strategies_are_selectors() -> None:
    """Each can be built."""
    for kind, settings in STRATEGIES.values():
        assert callable(members.load("selectors", kind)(**settings))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--strategies", "margin"], "--strategies takes random and any of"),
        (["--strategies", "random;best"], "not random, best"),
        (["--seeds", "10"], "--seeds must be 3 or more beside those --explored to have an interval, not 10 with 8"),
        (["--explored", "2"], "--explored must be 0, or 3 or more to have an interval, not 2"),
        (["--pool", "100"], "not ask for more labels than the --pool of 100 has"),
    ],
)
def test_wrong_arguments_are_refused(given: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The message names the argument and what it takes."""
    with pytest.raises(SystemExit):
        from_arguments(given)
    assert message in " ".join(capsys.readouterr().err.split())
