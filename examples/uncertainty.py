"""Three models that say how sure they are, and what it is worth to reject the comparisons they are least sure of."""

import sys
from pathlib import Path

import numpy as np

from plaudit.evaluation.selective import curve
from plaudit.predictions import Predictions
from plaudit.scoring.scorer import Scorer
from plaudit.workflows.training import train_and_evaluate

base = sys.argv[1] if len(sys.argv) > 1 else "builtin:minilm-l6"
kept = (1.0, 0.75, 0.5)
for architecture, settings, objective in (
    ("gaussian", {}, "thurstone"),  # a head for the variance, learned
    ("ensemble", {"members": 5}, "bradley_terry"),  # five heads that may disagree
    ("laplace", {}, "bradley_terry"),  # what the training comparisons leave open, fitted afterwards
):
    configuration = {
        "data": {"train": ["builtin:movie-ratings"], "limit": 500, "test_share": 0.3},
        "model": {"base": base, "max_length": 256, "architecture": architecture, "settings": settings},
        "objective": {"name": objective},
        "training": {"tune": "head", "epochs": 5, "learning_rate": 3e-3},  # the backbone is run once
        "evaluation": {"resamples": 500, "slices": []},
    }
    done = train_and_evaluate(configuration, Path("runs", architecture), say=lambda _: None)
    predictions = Predictions.load(Path("runs", architecture, "predictions.npz"))
    found = curve(predictions, "ratio", kept, resamples=500)  # surest first: margin over its standard deviation
    shown = (f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]" for one in found.accuracies)
    steps = (f"{share:.0%} kept: {accuracy}" for share, accuracy in zip(kept, shown, strict=True))
    print(f"{architecture}: {', '.join(steps)}; {found.verdict}")

scorer = Scorer.load(done.artefact)
reviews = ["A gripping, generous, beautifully acted film.", "Two hours of nothing.", "Nothing in two hours is dull."]
scores = scorer.score(reviews, deviations=True)
for first, second in ((0, 1), (0, 2), (1, 2)):
    margin = float(scores[first]) - float(scores[second])
    deviation = float(np.linalg.norm(scores[first].deviations - scores[second].deviations))
    verdict = "rejected: ask a person" if abs(margin) < 2 * deviation else "decided"
    print(f"review {first} over {second}: margin {margin:+.2f} ± {deviation:.2f}, {verdict}")
