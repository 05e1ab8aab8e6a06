"""Squared error: against NumPy, with missing ratings, several attributes and responses that occur twice."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression  # type: ignore[import-untyped]

from plaudit.models.reward_model import Rewards
from plaudit.objectives import reduce
from plaudit.objectives.squared_error import SquaredError
from plaudit.testing import rating_labels
from tests.objectives.known import learned

NAN = float("nan")


def test_is_the_square_of_what_is_missing() -> None:
    """On the scale asked for, column 0, responses without a rating left out."""
    random = np.random.default_rng(0)
    rating = random.normal(size=12).astype(np.float32)
    rating[::4] = NAN
    values = random.normal(size=(12, 3))
    terms = SquaredError(centre=0.5, scale=2.0)(
        Rewards(torch.from_numpy(values)), rating_labels(quality=rating.tolist())
    )
    known = ~np.isnan(rating)
    np.testing.assert_allclose(terms.loss, (values[known, 0] - (rating[known] - 0.5) / 2) ** 2, rtol=1e-6)
    assert terms.weight.tolist() == [1] * 9


def test_attributes_have_columns_and_weights_of_their_own() -> None:
    """The first named is column 1, the second column 2, in whatever order they are known; column 0 is left alone."""
    labels = rating_labels(brief=[1.0, NAN], other=[9.0, 9.0], true=[3.0, 4.0])
    values = torch.tensor([[77.0, 2.5, 1.5], [77.0, 4.5, 0.0]], requires_grad=True)
    terms = SquaredError(attributes=("true", "brief"), weights=(2.0, 0.5))(Rewards(values), labels)
    assert terms.loss.tolist() == [0.25, 0.25, 0.25]
    assert terms.weight.tolist() == [2, 0.5, 2]
    terms.total().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [[0, -2, 0.5], [0, 2, 0]]


def test_one_attribute_of_several_is_the_reward() -> None:
    """Column 0, as when there is but one."""
    labels = rating_labels(brief=[1.0, NAN], true=[3.0, 4.0])
    terms = SquaredError(attributes=("brief",))(Rewards(torch.zeros(2, 1)), labels)
    assert terms.loss.tolist() == [1]


def test_a_linear_model_learns_what_least_squares_does() -> None:
    """Minimised over a linear reward, it is linear regression."""
    random = np.random.default_rng(1)
    features = random.normal(size=(80, 3))
    rating = features @ [1.0, -2.0, 0.5] + random.normal(size=80)
    theirs = LinearRegression(fit_intercept=False).fit(features, rating.astype(np.float32)).coef_
    ours = torch.zeros(3, 1, dtype=torch.float64, requires_grad=True)
    labels, inputs = rating_labels(quality=rating.tolist()), torch.from_numpy(features)
    optimizer = torch.optim.LBFGS([ours], max_iter=50, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = reduce(SquaredError()(Rewards(inputs @ ours), labels))
        loss.backward()
        return loss

    optimizer.step(closure)
    assert ours.detach()[:, 0].tolist() == pytest.approx(theirs.tolist(), abs=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scale": 0.0}, "scale must be a finite number above 0, not 0.0"),
        ({"scale": NAN}, "scale must be a finite number above 0, not nan"),
        ({"centre": NAN}, "centre must be a finite number, not nan"),
        ({"weights": (1.0, 2.0)}, "weights must be one number an attribute"),
        ({"attributes": ("a", "b"), "weights": (1.0, 0.0)}, "weights must be finite numbers above 0"),
        ({"attributes": ("a", "a")}, "attributes must differ, not a, a"),
    ],
)
def test_a_bad_setting_is_named_with_its_range(settings: dict[str, Any], message: str) -> None:
    """The message says which setting, what it was and what it may be."""
    with pytest.raises(ValueError, match=message):
        SquaredError(**settings)


def test_labels_or_rewards_that_do_not_fit_are_named() -> None:
    """An unknown attribute, several to choose from, too few columns."""
    labels, rewards = rating_labels(brief=[1.0], true=[2.0]), Rewards(torch.zeros(1, 2))
    with pytest.raises(ValueError, match="no rating is called kind; there are: brief, true"):
        SquaredError(attributes=("kind",))(rewards, labels)
    with pytest.raises(ValueError, match=r"there are 2 ratings .brief, true.; attributes must name"):
        SquaredError()(rewards, labels)
    with pytest.raises(ValueError, match="2 attributes need 3 columns of rewards, the reward itself first.* gives 2"):
        SquaredError(attributes=("brief", "true"))(rewards, labels)


@pytest.mark.parametrize(
    ("objective", "columns"),
    [
        (SquaredError(attributes=("quality",), centre=3.0), 1),
        (SquaredError(attributes=("length", "quality"), centre=3.0), 3),
    ],
)
def test_learns_from_ratings_alone(objective: SquaredError, columns: int) -> None:
    """Trained on ratings, the column for quality orders responses of other prompts."""
    assert learned(objective, columns=columns) > 0.85
