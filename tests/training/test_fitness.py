"""Objectives and data that do not fit are refused before training, with the objectives that would."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from plaudit.encoding.batch import Labels
from plaudit.encoding.encoded import EncodedSet
from plaudit.encoding.facts import DataFacts
from plaudit.models.reward_model import Rewards, SpanLogits
from plaudit.objectives import Objective, Terms
from plaudit.objectives._members import EachMember
from plaudit.objectives.adjacent_ranking import AdjacentRanking
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.objectives.contrastive import Contrastive
from plaudit.objectives.disentangled import Disentangled
from plaudit.objectives.ordinal import Ordinal
from plaudit.objectives.plackett_luce import PlackettLuce
from plaudit.objectives.regularisers import Regularised, Unsuited
from plaudit.objectives.regularisers.l2 import L2
from plaudit.objectives.regularisers.span_supervision import SpanSupervision
from plaudit.objectives.squared_error import SquaredError
from plaudit.objectives.thurstone import Thurstone
from plaudit.training.fit import fit
from plaudit.training.fitness import NothingToLearn, reads_variance, require_learnable
from plaudit.training.recipe import Recipe
from tests.objectives.known import ranked
from tests.training.tiny import TinyModel, preferences

ONE = Rewards(torch.zeros(1, 1))
QUICK = Recipe(batch_size=6, learning_rate=0.05)


def rated(records: int = 12, *, names: tuple[str, ...] = ("quality",)) -> EncodedSet:
    """Records of two rated responses and no comparisons."""
    bare = preferences(records, comparisons=0)
    ratings = np.random.default_rng(0).integers(1, 6, (2 * records, len(names))).astype(np.float32)
    return replace(bare, ratings=ratings, rating_names=names)


def refusal(encoded: EncodedSet, objective: Objective, like: Rewards = ONE, outputs: tuple[str, ...] = ()) -> str:
    """The message with which the objective is refused."""
    with pytest.raises(NothingToLearn) as refused:
        require_learnable(encoded, objective, like, outputs=outputs)
    return str(refused.value)


@pytest.mark.parametrize("objective", [PlackettLuce(), AdjacentRanking()])
def test_pairs_are_no_lists(objective: Objective) -> None:
    """Two-response records under a listwise loss; pairwise objectives would fit."""
    message = refusal(preferences(10), objective)
    fitting = message.split("objectives that would fit: ")[1].split(", ")
    assert "10 compared records has three responses in order, only two" in message
    assert {"bradley_terry", "all_pairs", "contrastive"} <= set(fitting)
    assert not {"plackett_luce", "adjacent_ranking", "squared_error", "ordinal"} & set(fitting)


def test_an_open_order_is_named_by_its_record() -> None:
    """By name, where records have names."""
    encoded = preferences(6, comparisons=2, responses=4)
    with pytest.raises(NothingToLearn, match="records, the first of them pair-0, leave responses neither ordered"):
        require_learnable(encoded, PlackettLuce(), ONE, names=[f"pair-{number}" for number in range(6)])


@pytest.mark.parametrize("objective", [SquaredError(), Ordinal()])
def test_pairs_are_no_ratings(objective: Objective) -> None:
    """A rating loss on pairs."""
    message = refusal(preferences(10), objective)
    assert "it needs rated responses, and there are none" in message
    assert "bradley_terry" in message


@pytest.mark.parametrize("objective", [BradleyTerry(), Contrastive(), PlackettLuce()])
def test_ratings_are_no_comparisons(objective: Objective) -> None:
    """A comparison loss on ratings: those that learn from ratings would fit."""
    message = refusal(rated(), objective)
    assert "0 comparisons and the ratings quality" in message
    assert message.endswith("objectives that would fit: ordinal, squared_error")


def test_an_attribute_that_is_missing_everywhere_is_named() -> None:
    """So is one that is not there at all, and the choice where none was made."""
    encoded = rated(names=("brief", "quality"))
    ratings = encoded.ratings.copy()
    ratings[:, 0] = np.nan
    message = refusal(replace(encoded, ratings=ratings), SquaredError(attributes=("brief",)))
    assert "no response has a rating brief; ratings that there are: quality (24 responses)" in message
    assert "squared_error" in message.split("would fit")[1]
    assert "attributes must name which of the ratings" in refusal(encoded, SquaredError())
    assert "run from 1 to 5, beyond levels from 0 to 1" in refusal(rated(), Ordinal(levels=(0, 1)))


def test_several_attributes_need_a_model_with_as_many_columns() -> None:
    """Named as they are; then the objective fits, and is among those that would."""
    encoded, both = rated(names=("brief", "quality")), ("brief", "quality")
    assert "its columns are: 1 without names" in refusal(encoded, SquaredError(attributes=both))
    three = Rewards(torch.zeros(1, 3))
    require_learnable(encoded, SquaredError(attributes=both), three)
    require_learnable(encoded, Ordinal(attributes=both), three, outputs=("reward", *both))
    crossed = refusal(encoded, SquaredError(attributes=both), three, outputs=("reward", "quality", "brief"))
    assert "its columns are: reward, quality, brief" in crossed
    assert "squared_error (attributes = ['brief', 'quality'])" in refusal(encoded, BradleyTerry(), three)


def test_ties_and_weights_of_nothing_leave_nothing() -> None:
    """Where an objective needs nothing special, a term of weight above 0 is still needed."""
    encoded = preferences(4)
    tied = replace(encoded, tie=np.ones(4, bool))
    message = refusal(tied, Contrastive())
    assert "no term that it makes of them has a weight above 0" in message
    assert "bradley_terry" in message.split("would fit")[1]
    nothing = refusal(replace(encoded, weight=np.zeros(4, np.float32)), BradleyTerry())
    assert nothing.endswith("objectives that would fit: none")


def test_disentangled_needs_its_three_columns() -> None:
    """A model of two outputs is refused before training, and not offered to it; one and three are taken."""
    encoded = preferences(6)
    assert "this model has 2 outputs" in refusal(encoded, Disentangled(), Rewards(torch.zeros(1, 2)))
    for columns, offered in ((2, False), (3, True)):
        fitting = refusal(encoded, SquaredError(), Rewards(torch.zeros(1, columns))).split("that would fit: ")[1]
        assert ("disentangled" in fitting.split(", ")) is offered
    for columns in (1, 3):
        require_learnable(encoded, Disentangled(), Rewards(torch.zeros(1, columns)))


@pytest.mark.parametrize(
    ("objective", "reads"),
    [
        (Thurstone(), True),
        (Thurstone(use_variance=False), False),
        (BradleyTerry(), False),
        (Regularised(Thurstone(), (L2(),)), True),
        (Regularised(BradleyTerry(), (L2(),)), False),
    ],
)
def test_who_reads_a_variance(objective: Objective, *, reads: bool) -> None:
    """Whether a variance that a model predicts bears on the loss, through regularisers too."""
    like = Rewards(torch.zeros(1, 1), torch.ones(1))

    assert reads_variance(preferences(6), objective, like) is reads


def test_what_fits_is_not_refused() -> None:
    """Lists with ties and ratings, under every objective."""
    for objective in (BradleyTerry(), PlackettLuce(), AdjacentRanking(), Contrastive(), SquaredError(("quality",))):
        require_learnable(ranked(6), objective, ONE)


def test_an_objective_may_ask_for_anything_in_the_facts() -> None:
    """Of the data, and of the model."""

    class Picky:
        def __call__(self, rewards: Rewards, labels: Labels) -> Terms:
            return BradleyTerry()(rewards, labels)

        def requires(self, facts: DataFacts) -> str:
            return "" if facts.variance and facts.ties else f"it needs a variance and ties, not {facts.columns} column"

    assert "it needs a variance and ties, not 1 column" in refusal(ranked(6), Picky())
    require_learnable(ranked(6), Picky(), Rewards(torch.zeros(1, 1), torch.ones(1)))


def test_a_regulariser_without_its_data_is_refused_by_name() -> None:
    """No marks, marks on responses that nobody compared, and a model that reads no spans."""
    supervised, encoded = Regularised(BradleyTerry(), [SpanSupervision()]), preferences(4)
    for wrapped in (supervised, EachMember(supervised, (0,))):
        message = refusal(encoded, wrapped)
        assert "SpanSupervision learns from span feedback, and no compared response has any" in message
        assert "4 records were read" in message
    marked = replace(encoded, marks=np.ones(len(encoded.tokens), np.uint8))
    idle = replace(marked, weight=np.zeros(4, np.float32))
    assert "no compared response has any" in refusal(idle, supervised)
    with pytest.raises(Unsuited, match="'hierarchical'"):
        require_learnable(marked, supervised, ONE)
    none = torch.zeros(0)
    require_learnable(marked, supervised, replace(ONE, spans=SpanLogits(none, none.long(), none.long(), none.long())))


def test_ratings_alone_are_trained_and_validated_on(tmp_path: Path) -> None:
    """Without a single comparison: steps, epochs and validation have losses, and no accuracy."""
    recipe = replace(QUICK, monitor="loss", epochs=3)
    settings = {"objective": SquaredError(centre=3.0), "recipe": recipe, "listeners": ()}
    fitted = fit(TinyModel(), rated(), output=tmp_path / "run", validation=rated(5), **settings)
    losses = [row["loss"] for row in fitted.history if row["kind"] == "evaluation"]
    assert np.isfinite(losses).all()
    assert fitted.best_step is not None
    steps = [row for row in fitted.history if row["kind"] == "step"]
    assert {row["accuracy"] for row in steps} == {None}
    assert {row["comparisons"] for row in steps} == {0}
    assert fitted.history[-1]["kind"] != "step" or steps


def test_a_run_that_does_not_fit_leaves_nothing_to_resume(tmp_path: Path) -> None:
    """It is refused before its first step, and the same folder can be used for one that fits."""
    with pytest.raises(NothingToLearn, match="PlackettLuce finds nothing to learn from in 20 records"):
        fit(TinyModel(), preferences(20), objective=PlackettLuce(), output=tmp_path / "run", recipe=QUICK, listeners=())
    fitted = fit(
        TinyModel(), preferences(20), objective=BradleyTerry(), output=tmp_path / "run", recipe=QUICK, listeners=()
    )
    assert fitted.steps == 4
