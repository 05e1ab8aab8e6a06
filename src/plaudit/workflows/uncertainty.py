"""Give a saved scalar model a variance, without training it again."""

from pathlib import Path

from plaudit.encoding.encode import OnUnfit, encode_all
from plaudit.models.architectures.laplace import Laplace
from plaudit.models.architectures.scalar import Scalar
from plaudit.models.laplace import Posterior
from plaudit.preferences.dataset import Preferences
from plaudit.scoring import artifact
from plaudit.scoring.passes import BUDGET
from plaudit.scoring.verify import load
from plaudit.training.settling import fit_laplace


class NotScalar(ValueError):
    """A model of another architecture than ``scalar``, which this is not for."""


def to_laplace(
    source: Path | str,
    train: Preferences,
    output: Path | str,
    *,
    prior_precision: float | None = None,
    on_unfit: OnUnfit = "error",
    device: str = "cpu",
) -> Posterior:
    """Save the scalar model at ``source`` at ``output`` as a ``laplace`` one: the same rewards, with variances.

    Args:
        source: an artefact of the architecture ``scalar``.
        train: the preferences that it was trained on; others would say how sure it should be of those.
        output: folder of the new artefact.
        prior_precision: of the last layer's weights; the one with the most evidence if None.
        on_unfit: what to do about a response that cannot be encoded, see `encode_all`.
        device: where to compute.

    Returns:
        The posterior, with the precision that was taken and its evidence.

    Raises:
        BadArtefact: ``source`` is not what was saved.
        NotScalar: it is of another architecture.
        NoCurvature: ``train`` holds no comparison to fit to.
    """
    opened = load(Path(source), device=device)
    if type(opened.model) is not Scalar:
        kind = opened.contract.architecture
        raise NotScalar(f"{source} is of the architecture {kind!r}; only 'scalar' can be given a Laplace covariance")
    prior = {} if prior_precision is None else {"prior_precision": prior_precision}
    model = Laplace(opened.model.classifier, **{**opened.model.settings, **prior})
    found = fit_laplace(model, encode_all(train, opened.encoder, on_unfit), token_budget=BUDGET)
    recipe = {**opened.contract.recipe, "laplace": {"data": train.fingerprint, "log_evidence": found.log_evidence}}
    artifact.save(output, model.eval(), opened.encoder, recipe)
    return found
