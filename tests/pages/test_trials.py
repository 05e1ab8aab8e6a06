"""The page of a search holds every trial, marks the best, and opens offline."""

import pytest

from plaudit.pages.trials import BEST, COLORS, counted, figure, so_far, write


def trial(number, state, nll, seconds, **settings):
    """Return one row."""
    evaluations = [] if nll is None else [{"nll": nll + 0.1}, {"nll": nll}]
    return {
        "number": number,
        "state": state,
        "nll": nll,
        "seconds": seconds,
        "settings": settings,
        "evaluations": evaluations,
    }


TRIALS = [
    trial(0, "complete", 0.6, 10.0, rate=1e-5, base="a"),
    trial(1, "failed", None, 1.0, rate=1e-3, base="b"),
    trial(2, "complete", 0.5, 12.0, rate=1e-4, base="b"),
    trial(3, "pruned", 0.69, 3.0, rate=1e-6, base="a"),
    trial(4, "complete", 0.55, 10.0, rate=3e-5, base="b"),
]


def test_the_best_so_far_never_rises():
    """Seconds add up over all trials, failed ones too; the value is the least of the complete ones by then."""
    assert so_far(TRIALS) == ([10.0, 23.0, 36.0], [0.6, 0.5, 0.5])
    assert so_far(TRIALS[1:2]) == ([], [])


def test_the_stair_ends_where_the_search_does():
    """Trials after the last complete one have cost time too: the line goes on to the end, and trials are counted."""
    drawn = figure(TRIALS[:4], 2, [])
    [stair] = [trace for trace in drawn.data if trace.line.shape == "hv"]

    assert (stair.x, stair.y) == ((10.0, 23.0, 26.0), (0.6, 0.5, 0.5))
    assert counted(TRIALS) == "5 trials: 3 complete, 1 pruned, 1 failed"
    assert counted(TRIALS[:4]) in drawn.layout.title.text


def test_every_trial_that_was_evaluated_is_drawn():
    """A curve a trial, one panel a setting, the best in its own colour, a logarithmic axis where asked for."""
    drawn = figure(TRIALS, 2, ["rate"])
    curves = [trace for trace in drawn.data if str(trace.name).startswith("trial")]
    dots = [trace for trace in drawn.data if trace.marker.symbol is not None]

    assert sorted(trace.name for trace in curves) == [
        "trial 0, complete",
        "trial 2, best",
        "trial 3, pruned",
        "trial 4, complete",
    ]
    assert [trace.x[:2] for trace in dots] == [(1e-5, 1e-4), ("a", "b")]
    assert dots[0].marker.color == (COLORS["complete"], BEST, COLORS["pruned"], COLORS["complete"])
    assert drawn.layout.xaxis3.type == "log"
    assert drawn.layout.xaxis4.type == "category"


@pytest.mark.parametrize("trials", [TRIALS, []], ids=["some", "none"])
def test_the_page_is_one_file_that_says_what_it_was_chosen_on(trials, tmp_path):
    """The page loads nothing from elsewhere, with trials or without any."""
    path = write(trials, 2 if trials else None, [], tmp_path / "search.html")
    assert path is not None
    text = path.read_text(encoding="utf-8")

    assert "chosen on" in text
    assert 'src="http' not in text
