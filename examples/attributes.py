"""A head for each rated attribute, and a gate that learns from comparisons which of them a prompt asks for."""

import sys

import torch

from plaudit.encoding.encode import encode_all
from plaudit.encoding.packing import collate_labels
from plaudit.objectives.bradley_terry import BradleyTerry
from plaudit.objectives.squared_error import SquaredError
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.groups import assign
from plaudit.preferences.preference import Comparison, Preference, Response
from plaudit.preferences.split import split
from plaudit.scoring import artifact
from plaudit.scoring.scorer import Scorer
from plaudit.training.features import CachedHead, cache_features
from plaudit.training.fit import fit
from plaudit.training.recipe import Recipe
from plaudit.training.step import train_step
from plaudit.workflows.evaluation import measure
from plaudit.workflows.model import Model, build

NAMES = ("helpfulness", "kindness")
ANSWERS = {  # and how they were rated
    "Dear friend, please oil it and it will be fine.": (1.0, 1.0), "Oil it.": (1.0, 0.0),
    "Dear friend, I am so sorry to hear that.": (0.0, 1.0), "No idea.": (0.0, 0.0),
}  # fmt: skip
things = ("bicycle", "kettle", "lamp", "tent", "violin", "scooter", "radio", "oven", "camera", "umbrella", "printer")
wishes = {"Be brief. ": 0, "Comfort me. ": 1, "Only facts. ": 0, "I feel sad. ": 1}  # the attribute that decides


def asked(wish: str, thing: str) -> Preference:
    """Return a prompt with its rated answers, and those comparisons that what was wished for decides."""
    rated, deciding = list(ANSWERS.values()), wishes[wish]
    pairs = [(i, j) for i, one in enumerate(rated) for j, other in enumerate(rated) if one[deciding] > other[deciding]]
    return Preference(
        prompt=f"{wish}My {thing} squeaks.",
        responses=tuple(
            Response(content=text, ratings=dict(zip(NAMES, said, strict=True))) for text, said in ANSWERS.items()
        ),
        comparisons=tuple(Comparison(chosen=chosen, rejected=rejected) for chosen, rejected in pairs),
    )


parts = split(
    assign(Preferences.of([asked(w, t) for w in wishes for t in things])), {"train": 0.5, "test": 0.5}, seed=0
)
base = sys.argv[1] if len(sys.argv) > 1 else "builtin:smollm2-135m-instruct"
built = build(Model(base=base, max_length=128, architecture="attributes", settings={"names": NAMES, "gate": True}))
model, encoded = built.model, encode_all(parts["train"], built.encoder)
recipe = Recipe(tune="head", epochs=20, batch_size=8, learning_rate=1e-2)  # the backbone stays as it is
fit(model, encoded, objective=SquaredError(attributes=NAMES, centre=0.5, scale=0.25), output="run", recipe=recipe)
gate = CachedHead(model, cache_features(model, encoded, token_budget=4096))
optimizer = torch.optim.Adam(model.get_submodule("gating").parameters(), lr=1e-2)  # of the gate alone
batch = collate_labels(encoded, range(len(encoded)))
losses = [train_step(gate, batch, objective=BradleyTerry(), optimizer=optimizer).loss for _ in range(60)]
print(f"the gate's loss: {losses[0]:.3f} at first, {losses[-1]:.3f} at last")
artifact.save("attributes-model", model, built.encoder, recipe={"attributes": NAMES})
print(measure(Scorer.load("attributes-model"), parts["test"])[0])
