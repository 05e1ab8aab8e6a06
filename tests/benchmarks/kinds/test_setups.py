"""What is in the table: every member of the open sets, with a setup that can be built."""

import pytest

from benchmarks.kinds.running import key_of
from benchmarks.kinds.settings import DATA, SIZES, Settings, from_arguments
from benchmarks.kinds.setups import ARCHITECTURES, OBJECTIVES, VARIANTS, Line, lines, setup_of
from benchmarks.kinds.training import recipe_of
from benchmarks.kinds.truth import FORMS
from plaudit import members
from plaudit.workflows.model import Model, chosen
from plaudit.workflows.objective import build_objective

LINES = [line for line in lines((0,)) if line.set != "baselines"]


def test_every_member_has_a_setup_of_its_own():
    """A new kind is in the table without one; how it is best shown is still to be said here."""
    assert set(OBJECTIVES) == set(members.names("objectives"))
    assert set(ARCHITECTURES) == set(members.names("architectures"))
    assert set(VARIANTS) <= set(OBJECTIVES)


@pytest.mark.parametrize("data", DATA)
def test_every_member_is_a_line(data):
    """Of each data set, once."""
    for kind_set in ("objectives", "architectures"):
        found = [line.kind for line in LINES if (line.set, line.data, line.variant) == (kind_set, data, "")]
        assert found == members.names(kind_set)


def test_a_member_that_nobody_told_of_is_tried(monkeypatch):
    """A file more in the folder is a line more, tried with its defaults on several forms or backbones."""
    names = members.names
    monkeypatch.setattr(members, "names", lambda kind_set: [*names(kind_set), "brand_new"])
    new = [line for line in lines((0, 1)) if line.kind == "brand_new"]

    assert len(new) == 2 * 2 * 2
    objective = setup_of(Line("objectives", "brand_new", "synthetic", 0))
    architecture = setup_of(Line("architectures", "brand_new", "synthetic", 0))
    assert objective.objective == {"name": "brand_new"}
    assert len(objective.forms) > 1
    assert architecture.architecture == "brand_new"
    assert architecture.backbones == ("causal", "encoder")


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.id)
def test_every_setup_can_be_built(line):
    """Objective, architecture and recipe take the settings they are given; forms are known."""
    setup = setup_of(line)

    build_objective(setup.objective)
    chosen(Model(architecture=setup.architecture, settings=dict(setup.settings)))
    assert recipe_of(line, SIZES["small"]).monitor == "loss"
    assert set(setup.forms) <= set(FORMS)


def test_lines_have_names_of_their_own():
    """No two lines share an id or a key."""
    whole = list(lines((0, 1)))

    assert len({line.id for line in whole}) == len({key_of(line, Settings()) for line in whole}) == len(whole)


def test_another_size_is_another_key():
    """What is done at one size is not done at another."""
    line = Line("objectives", "hinge", "synthetic", 0)

    assert key_of(line, Settings(size="tiny")) != key_of(line, Settings(size="small"))
    assert key_of(line, Settings(threads=1)) == key_of(line, Settings(threads=2))


@pytest.mark.parametrize(
    ("only", "wanted"),
    [
        ((), True),
        (("hinge",), True),
        (("objectives/synthetic",), True),
        (("scalar", "hinge/synthetic"), True),
        (("objectives/movie-ratings",), False),
        (("architectures",), False),
        (("hing",), False),
    ],
)
def test_lines_are_chosen_by_whole_words(only, wanted):
    """A term names a line if all of its words do; one of several terms is enough."""
    assert Line("objectives", "hinge", "synthetic", 0).wanted(only) == wanted


def test_a_variant_is_named_by_what_is_different():
    """By itself; its kind names it too."""
    variant = Line("objectives", "bradley_terry", "synthetic", 0, "ties dropped")

    assert variant.wanted(("ties dropped/synthetic",))
    assert variant.wanted(("bradley_terry",))
    assert not variant.wanted(("ties dropped/movie-ratings",))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--size", "huge"], "--size must be one of smoke, tiny, small, full, not 'huge'"),
        (["--seeds", "1,1"], "different whole numbers"),
        (["--seeds", "one"], "invalid literal"),
        (["--threads", "0"], "--threads must be 1 or more"),
        (["--out", "table.md"], "--out must name a .json file"),
    ],
)
def test_arguments_that_cannot_be_are_refused(arguments, words, capsys):
    """With a line that says what would be right."""
    with pytest.raises(SystemExit):
        from_arguments(arguments)

    assert words in capsys.readouterr().err


def test_arguments_are_taken():
    """By commas; the table goes beside the JSON file."""
    found = from_arguments(["--only", "hinge, scalar", "--seeds", "0,3", "--out", "here/kinds.json", "--resume"])

    assert (found.only, found.seeds, found.resume) == (("hinge", "scalar"), (0, 3), True)
    assert str(found.page) == "here/kinds.md"
