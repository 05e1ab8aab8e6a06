"""Whether labels made of a crowd's votes are worth more than the votes: ``python -m benchmarks.crowd``.

Film reviews of `builtin:movie-ratings`, each with the ratings of 15 to 29 people. Simulated annotators compare pairs of
them: who knows draws a rating of either review, as one of its real raters gave it, and prefers the higher or says tie;
a share of the annotators answers at random. The truth is the order of the mean ratings.

Two questions, each with a paired interval:

- labels: how often is an aggregated label right, beside the majority's?
- rewards: how often does a linear Bradley-Terry model of words and pairs of words (a logistic regression of them)
  order reviews rightly that were in no training pair, from aggregated labels, beside one from the raw votes?
"""

import argparse
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from plaudit import config
from plaudit.evaluation.intervals import Estimate
from plaudit.labels.aggregate import aggregate
from plaudit.labels.bootstrap import estimate
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.preference import Comparison, Preference, Response
from plaudit.preferences.reading import read

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
FAST, ALL = ("dawid_skene", "noisy_bradley_terry"), ("dawid_skene", "noisy_bradley_terry", "mace", "glad")
STRENGTH, TEST_SHARE = 3.0, 0.5
"""Inverse of the ridge, for weights of mean 1 a pair, and the share of reviews that no model is trained on."""


@dataclass(frozen=True)
class Reviews:
    """Texts, the ratings of each, their features [N, F], and which are for training."""

    texts: tuple[str, ...]
    ratings: tuple[Floats, ...]
    features: csr_matrix
    training: Indices
    test: Indices

    @property
    def means(self) -> Floats:
        """Mean rating of each."""
        return np.array([ratings.mean() for ratings in self.ratings])


def reviews() -> Reviews:
    """Return the film reviews, half of them for the test."""
    responses = [one for record in read("builtin:movie-ratings") for one in record.responses]
    texts = tuple(str(one.content) for one in responses)
    features = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True).fit_transform(texts)
    order = np.array(sorted(range(len(texts)), key=lambda at: zlib.crc32(texts[at].encode())))
    cut = int(len(order) * TEST_SHARE)
    ratings = tuple(np.array(one.extra["votes"], np.float64) for one in responses)
    return Reviews(texts, ratings, csr_matrix(features), order[cut:], order[:cut])


@dataclass(frozen=True)
class Setting:
    """A crowd: pairs, annotators, votes a pair, and the share of annotators who answer at random."""

    pairs: int = 1200
    people: int = 30
    each: int = 5
    guessing: float = 0.3


def voted(held: Reviews, setting: Setting, seed: int) -> tuple[Preferences, Indices]:
    """Return the votes of a crowd on pairs of training reviews, and the pairs [P, 2]."""
    rng = np.random.default_rng(seed)
    pairs = rng.permutation(held.training)[: 2 * setting.pairs].reshape(-1, 2)
    bad = round(setting.guessing * setting.people)
    records = []
    for number, (one, other) in enumerate(pairs.tolist()):
        people = rng.choice(setting.people, setting.each, replace=False)
        said = [_says(held, one, other, rng, knows=person >= bad) for person in people]
        edges = tuple(
            Comparison(chosen=int(word < 0), rejected=int(word >= 0), tie=word == 0, annotator=f"p{person:02d}")
            for word, person in zip(said, people, strict=True)
        )
        both = tuple(Response(content=held.texts[at], id=str(at)) for at in (one, other))
        records.append(Preference(prompt="", responses=both, comparisons=edges, id=str(number)))
    return Preferences.of(records), pairs


def _says(held: Reviews, one: int, other: int, rng: np.random.Generator, *, knows: bool) -> int:
    """Return 1 for the one, -1 for the other, 0 for a tie."""
    if not knows:
        return int(rng.choice([1, -1]))
    return int(np.sign(rng.choice(held.ratings[one]) - rng.choice(held.ratings[other])))


def credited(labelled: Preferences, truth: Floats) -> Floats:
    """Return 1 where a label is right, 0 where it is wrong, and one half for a tie, float64 [P]."""
    found = [1 / 2 if (edge := one.comparisons[-1]).tie else float(edge.chosen == 0) for one in labelled]
    return np.where(truth > 0, found, 1 - np.array(found))


def trained(held: Reviews, labelled: Preferences, pairs: Indices) -> Floats:
    """Return the rewards of all reviews by a linear Bradley-Terry model of weighted comparisons; a tie is half."""
    rows = [(pair[edge.chosen], pair[edge.rejected], edge.weight, edge.tie)
            for one, pair in zip(labelled, pairs, strict=True) for edge in one.comparisons]  # fmt: skip
    chosen, rejected, weight, tie = (np.array(column) for column in zip(*rows, strict=True))
    apart = held.features[chosen] - held.features[rejected]
    weight = weight * len(pairs) / weight.sum()
    both = vstack([apart, -apart])
    shares = np.concatenate([weight * np.where(tie, 0.5, 1.0), weight * np.where(tie, 0.5, 0.0)])
    mirrored = vstack([both, -both])  # so that there are two classes, and no side is favoured
    model = LogisticRegression(C=STRENGTH, fit_intercept=False, max_iter=300)
    model.fit(mirrored, np.repeat([1, 0], shares.size), np.tile(shares, 2) / 2)
    return np.asarray(held.features @ model.coef_[0], np.float64)


def measured(held: Reviews, setting: Setting, seed: int, methods: tuple[str, ...]) -> tuple[dict[str, Floats], ...]:
    """Return credits of labels [P] and, for each test review beside all others, of rewards [T], by arm."""
    votes, pairs = voted(held, setting, seed)
    truth = held.means[pairs[:, 0]] - held.means[pairs[:, 1]]
    labels: dict[str, Floats] = {}
    rewards = {"votes": trained(held, votes, pairs)}
    for name in ("majority", *methods):
        method = config.build_kind("aggregation", {"name": name}, "aggregation")
        made = aggregate(votes, method, sides=False).preferences
        labels[name] = credited(made, truth)[truth != 0]
        rewards[name] = trained(held, made, pairs)
    return labels, {name: ordered(own[held.test], held.means[held.test]) for name, own in rewards.items()}


def ordered(rewards: Floats, means: Floats) -> Floats:
    """Return for each review the share of others that rewards put on the right side of it, a tie one half, [T]."""
    apart = (np.sign(rewards[:, None] - rewards) * np.sign(means[:, None] - means) + 1) / 2
    counted = means[:, None] != means
    return np.asarray((apart * counted).sum(1) / counted.sum(1), np.float64)


def beside(arms: Mapping[str, Floats], reference: str, *, of_pairs: bool = False) -> dict[str, dict[str, Estimate]]:
    """Return for each arm how often it is right, and how much oftener than the reference, with intervals.

    A mean over all pairs varies like twice the means of its members (Hoeffding): ``of_pairs`` says it is one.
    """
    found = {}
    for name, own in arms.items():
        less = own - arms[reference] if name != reference else None
        scale = 2 if of_pairs else 1
        found[name] = {"right": _mean(own, scale)} | ({} if less is None else {"gained": _mean(less, scale)})
    return found


def _mean(values: Floats, scale: int) -> Estimate:
    spread = values.mean() + scale * (values - values.mean())
    columns = np.stack([spread, np.ones_like(values)], axis=1)
    return estimate(columns, lambda sums: sums[..., 0] / sums[..., 1], np.arange(values.size))


def run(setting: Setting, seeds: int, methods: tuple[str, ...]) -> dict[str, Any]:
    """Return labels beside the majority and rewards beside those of raw votes, over several crowds.

    Labels of all crowds are one sample of pairs; rewards are averaged over crowds for each test review.
    """
    held = reviews()
    parts = [measured(held, setting, seed, methods) for seed in range(seeds)]
    labels = {name: np.concatenate([part[0][name] for part in parts]) for name in parts[0][0]}
    rewards = {name: np.mean([part[1][name] for part in parts], axis=0) for name in parts[0][1]}
    return {"labels": beside(labels, "majority"), "rewards": beside(rewards, "votes", of_pairs=True), "crowds": seeds}


def main() -> None:
    """Run, and print a line an arm."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=Setting.pairs)
    parser.add_argument("--guessing", type=float, default=Setting.guessing, help="share of annotators")
    parser.add_argument("--crowds", type=int, default=5, help="how many, each with a seed of its own")
    parser.add_argument("--all", action="store_true", help="MACE and GLAD as well, which take minutes")
    parser.add_argument("--output", type=Path, help="a JSON file")
    given = parser.parse_args()
    found = run(Setting(pairs=given.pairs, guessing=given.guessing), given.crowds, ALL if given.all else FAST)
    for part in ("labels", "rewards"):
        for name, figures in found[part].items():
            print(f"{part:8} {name:20} " + "  ".join(f"{word} {figure}" for word, figure in figures.items()))
    if given.output:
        given.output.write_text(json.dumps(found, default=lambda one: one.to_json(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
