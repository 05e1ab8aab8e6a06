"""Rank candidate responses with a saved model: python rank_candidates.py path/to/artefact."""

import sys

from plaudit.scoring.scorer import Scorer

prompt = [
    {"role": "user", "content": "My tea is too hot."},
    {"role": "assistant", "content": "Wait a few minutes, or add a little cold water."},
    {"role": "user", "content": "And if I am in a hurry?"},
]
candidates = [
    "Then pour it from one cup into another and back: it cools quickly.",
    "Hurry is bad for you.",
    "Add an ice cube; it cools the tea at once, and one cube hardly thins it.",
]

scorer = Scorer.load(sys.argv[1])  # refuses a model that no longer scores as it did when it was saved
for place, ranked in enumerate(scorer.rank(prompt, candidates), start=1):
    print(f"{place}. {ranked.score.reward:+.3f}  candidate {ranked.index}: {ranked.response}")

best = scorer.best_of_n(prompt, candidates)[0]
print(f"best of {len(candidates)}: candidate {best.index}, {best.score.tokens} tokens, cut {best.score.cut}")
