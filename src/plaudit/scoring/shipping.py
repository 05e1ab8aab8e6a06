"""Shipping: a model's calibration lies in its artefact as one file, bound to that model; it can be put, read, removed.

The file appears whole or not at all and changes nothing else: weights, contract and canaries stay as they are, so who
loads the folder with transformers gets the rewards that were there before. The model is known by the hash of its
canaries' file, which holds the contract, the head's hash, and the rewards that opening the artefact checks the weights
against; so no more has to be read to know that a calibration is another model's.
"""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

from plaudit.calibration.adjustment import ADJUSTED
from plaudit.calibration.shipped import Shipped, described
from plaudit.predictions import Predictions
from plaudit.replacing import replace_file, sync
from plaudit.scoring.contract import CALIBRATION, CANARIES, CONTRACT, BadArtefact, read_contract, read_json

CARD = "README.md"
BEGIN, END = "<!-- plaudit: calibration -->", "<!-- plaudit: end of calibration -->"
"""Between these lines the card tells of the calibration."""


_SECTION = """## Calibration

`{file}` holds what was fitted to held-out predictions of this model. It is used by plaudit alone: the weights are as
they were, and `AutoModelForSequenceClassification` gives the same rewards with it and without it.

{what}

`Scorer.compare(prompt, first, second)` and `plaudit rank` give probabilities that are {probabilities}. Rewards are in
their own order unless `Scorer.load(path, adjust="length")` or `--adjust length` asks for the other."""


class OtherModel(ValueError):
    """The predictions were made by another model, or from rewards that were adjusted already."""


def identity(folder: Path) -> str:
    """Return by what a calibration knows the model in ``folder``, 32 hex digits.

    Raises:
        BadArtefact: there is no artefact, or its canaries cannot be read.
    """
    content = json.dumps(read_json(folder, CANARIES), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def require_own(folder: Path, predictions: Predictions) -> str:
    """Return the identity of the model in ``folder`` after checking that it made the predictions, where they say so.

    Raises:
        OtherModel: another model made them, or their rewards are adjusted for length already.
        BadArtefact: there is no artefact.
    """
    if not (folder / CONTRACT).is_file():
        raise BadArtefact(folder, "files", f"{CONTRACT} is missing, so it is no artefact; `plaudit convert` makes one")
    read_contract(folder)
    own = identity(folder)
    if predictions.model.endswith(ADJUSTED):
        raise OtherModel("the rewards are adjusted for length already; save those of `evaluate` without --adjust")
    if predictions.model not in ("", own):
        raise OtherModel(
            f"the predictions are not of the model in {folder} ({own}) but of {predictions.model}; save them anew: "
            f"plaudit evaluate {folder} … --save predictions.npz"
        )
    return own


def put(folder: Path, shipped: Shipped) -> None:
    """Write a calibration into an artefact, in place of one that is there, and tell of it in the card.

    Raises:
        BadArtefact: it is another model's.
        OSError: the folder cannot be written to.
    """
    _require_bound(folder, shipped)
    replace_file(folder / CALIBRATION, json.dumps(shipped.record(), indent=1, allow_nan=False) + "\n")
    _tell(folder, section(shipped))


def read(folder: Path) -> Shipped | None:
    """Return the calibration of the model in ``folder``, or None where there is none.

    Raises:
        BadArtefact: it cannot be read, was edited, or is another model's.
    """
    if not (folder / CALIBRATION).exists():
        return None
    try:
        shipped = Shipped.of_record(read_json(folder, CALIBRATION))
    except ValueError as error:
        detail = error.detail if isinstance(error, BadArtefact) else str(error)
        raise BadArtefact(folder, "calibration", f"{CALIBRATION}: {detail}; {_way_out(folder)}") from error
    _require_bound(folder, shipped)
    return shipped


def remove(folder: Path) -> bool:
    """Take the calibration out of an artefact, whatever state it is in; return whether there was one.

    Raises:
        BadArtefact: there is no artefact.
        OSError: the folder cannot be written to.
    """
    if not (folder / CONTRACT).is_file():
        raise BadArtefact(folder, "files", f"{CONTRACT} is missing, so it is no artefact")
    there = (folder / CALIBRATION).exists()
    (folder / CALIBRATION).unlink(missing_ok=True)
    sync(folder)
    _tell(folder, "")
    return there


def section(shipped: Shipped) -> str:
    """Return what the card says of a calibration."""
    what = "\n".join(f"- {line.strip()}" for line in shipped.lines())
    return _SECTION.format(file=CALIBRATION, what=what, probabilities=described(shipped.raw.calibrator.kind))


def told(card: str, text: str) -> str:
    """Return a card that tells ``text`` of the calibration, in place of what it told before; nothing if it is empty."""
    before, begin, rest = card.partition(BEGIN)
    after = rest.partition(END)[2] if begin else ""
    plain = before.rstrip("\n") + "\n" + after.lstrip("\n")
    return f"{plain}\n{BEGIN}\n{text}\n{END}\n" if text else plain


def marked(predictions: Predictions, model: str, *, adjusted: bool) -> Predictions:
    """Return predictions that say which model made them, and whether from adjusted rewards."""
    return replace(predictions, model=model + ADJUSTED if model and adjusted else model)


def _require_bound(folder: Path, shipped: Shipped) -> None:
    if shipped.model != (own := identity(folder)):
        detail = f"{CALIBRATION} was fitted to another model ({shipped.model}); this one is {own}"
        raise BadArtefact(folder, "calibration", f"{detail}; {_way_out(folder)}")


def _way_out(folder: Path) -> str:
    return f"take it out with `plaudit calibrate --remove {folder}`"


def _tell(folder: Path, text: str) -> None:
    path = folder / CARD
    if path.is_file():
        replace_file(path, told(path.read_text(encoding="utf-8"), text))
