"""Opening an artefact: nothing is scored with before files, contract, tokenizer, weights and canaries are as saved."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from plaudit.calibration.shipped import Shipped
from plaudit.encoding.encoder import Encoder
from plaudit.encoding.encoder import Sequence as Tokens
from plaudit.encoding.turns import Unencodable
from plaudit.models.frozen import freeze
from plaudit.models.headed import Headed
from plaudit.scoring import canaries, fingerprints, shipping
from plaudit.scoring.artifact import build, put_extra
from plaudit.scoring.canaries import Canaries
from plaudit.scoring.contract import ADAPTER, CANARIES, CONTRACT, EXTRA, BadArtefact, Contract, read_contract
from plaudit.scoring.passes import NonFiniteReward
from plaudit.scoring.weights import DTYPES, read_extra, read_weights, require_safe, restore_bias, stored_dtype

STEPS = (
    "contract", "dtype", "tokenizer", "template", "encoding", "weights", "head", "extra", "ids", "rewards",
    "calibration",
)  # fmt: skip
"""What is looked at, in order; a step that has nothing to look at is left out of the report."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: its name, whether it is as saved, and what was found."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at in a folder, in order. The first checks to fail name the cause."""

    folder: Path
    dtype: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether everything is as saved."""
        return all(check.passed for check in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that did not pass."""
        return tuple(check for check in self.checks if not check.passed)

    def lines(self) -> list[str]:
        """Return the report as text, one line a check."""
        return [f"{'ok    ' if check.passed else 'FAILED'} {check.name}: {check.detail}" for check in self.checks]

    def require(self) -> None:
        """Raise `BadArtefact` if a check failed."""
        if self.failed:
            first, *others = self.failed
            also = "".join(f"; {check.name}: {check.detail}" for check in others)
            raise BadArtefact(self.folder, first.name, first.detail + also)


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """An opened model: what `Scorer` scores with. ``canaries`` is None for a folder that plaudit did not write.

    ``shipped`` is the calibration that lies in the folder, if any, and ``identity`` by what it knows the model.
    """

    folder: Path
    contract: Contract
    encoder: Encoder
    model: Headed
    report: Report
    canaries: Canaries | None = None
    shipped: Shipped | None = None
    identity: str = ""


def verify(path: Path | str, dtype: str = "float32", device: str = "cpu") -> Report:
    """Check the artefact at ``path`` against its contract and canaries, computing at ``dtype``."""
    try:
        return _begin(Path(path), dtype, device).report()
    except BadArtefact as error:
        return Report(Path(path), dtype, (Check(error.check, passed=False, detail=error.detail),))


def load(path: Path | str, dtype: str = "float32", device: str = "cpu") -> Artefact:
    """Open the artefact at ``path`` after checking it.

    Args:
        path: a folder that `artifact.save` wrote.
        dtype: of computing (the head stays in fp32). Others than fp32 are checked at their recorded tolerance.
        device: where to compute.

    Raises:
        BadArtefact: something is not as it was saved; names what, and what else.
    """
    return _begin(Path(path), dtype, device).artefact()


def _begin(folder: Path, dtype: str, device: str) -> "_Examination":
    """Return an examination of ``folder`` if all its files are there."""
    if not folder.is_dir():
        raise BadArtefact(folder, "files", "there is no such folder")
    contract, recorded = read_contract(folder), canaries.read(folder)
    require_safe(folder)
    if not (folder / "tokenizer.json").is_file():
        raise BadArtefact(folder, "tokenizer", "tokenizer.json is missing, so no text can be scored")
    if contract.adapter and not any((folder / ADAPTER).glob("adapter_model.*")):
        raise BadArtefact(folder, "adapter", f"{ADAPTER}/ with the adapter's weights is missing")
    return _Examination(folder, dtype, device, contract, recorded)


@dataclass(slots=True)
class _Examination:
    """Opens a folder step by step. A step that fails is noted; those that need its result are skipped."""

    folder: Path
    dtype: str
    device: str
    contract: Contract
    canaries: Canaries
    encoder: Encoder | None = None
    model: Headed | None = None
    sequences: list[Tokens] = field(default_factory=list)
    shipped: Shipped | None = None

    def report(self) -> Report:
        """Take all steps and return what they found; without the right dtype the later ones make no sense."""
        checks: list[Check] = []
        for name in STEPS:
            check = self._take(name)
            checks += [check] if check.detail else []
            if name == "dtype" and not check.passed:
                break
        return Report(self.folder, self.dtype, tuple(checks))

    def artefact(self) -> Artefact:
        """Take all steps and return the open model if all passed."""
        report = self.report()
        report.require()
        return Artefact(
            folder=self.folder,
            contract=self.contract,
            encoder=cast("Encoder", self.encoder),
            model=cast("Headed", self.model),
            report=report,
            canaries=self.canaries,
            shipped=self.shipped,
            identity=shipping.identity(self.folder),
        )

    def _take(self, name: str) -> Check:
        step: Callable[[], str] = getattr(self, f"_{name}")
        try:
            return Check(name, passed=True, detail=step())
        except BadArtefact as error:
            return Check(error.check, passed=False, detail=error.detail)

    def _bad(self, check: str, detail: str) -> BadArtefact:
        return BadArtefact(self.folder, check, detail)

    def _contract(self) -> str:
        now, then = self.contract.scoring(), self.canaries.contract
        changed = sorted(name for name in {*now, *then} if now.get(name) != then.get(name))
        if changed:
            parts = [f"{name}: {_shown(now.get(name))}, saved {_shown(then.get(name))}" for name in changed]
            raise self._bad("contract", f"{CONTRACT} is not the one in {CANARIES}: {'; '.join(parts[:4])}")
        return f"format {self.contract.format}, architecture {self.contract.architecture}"

    def _dtype(self) -> str:
        if self.dtype not in self.contract.tolerances:
            known = ", ".join(self.contract.tolerances)
            raise self._bad("dtype", f"{self.dtype} was not measured when this was saved; choose one of {known}")
        stored = stored_dtype(self.folder)
        if stored != self.contract.weights_dtype:
            raise self._bad("dtype", f"the weights on disk are {stored}, saved as {self.contract.weights_dtype}")
        return f"weights {stored}, computing {self.dtype}"

    def _tokenizer(self) -> str:
        if fingerprints.tokenizer(self.folder) != self.contract.fingerprints["tokenizer"]:
            raise self._bad("tokenizer", "tokenizer.json was changed: its vocabulary, merges or rules are others")
        return "tokenizer.json as saved"

    def _template(self) -> str:
        if fingerprints.template(self.folder) != self.contract.fingerprints["template"]:
            raise self._bad("template", "the chat template was edited since the model was saved")
        return "chat template as saved"

    def _encoding(self) -> str:
        try:
            self.encoder = Encoder.from_contract(self.folder, self.contract.encoding)
        except (ValueError, OSError, KeyError) as error:
            raise self._bad("encoding", f"the tokenizer does not follow the contract: {error}") from error
        return f"{self.contract.encoding['kind']}, up to {self.encoder.max_length} tokens"

    def _weights(self) -> str:
        classifier = read_weights(self.folder)
        settings = dict(self.contract.settings)
        self.model = build(classifier, self.contract.architecture, settings, DTYPES[self.dtype])
        return f"{type(classifier).__name__}, {sum(value.numel() for value in classifier.parameters()):,} parameters"

    def _head(self) -> str:
        if self.model is None:
            return ""
        classifier = self.model.classifier
        saved = self.contract.fingerprints["head"]
        difference = fingerprints.head_difference(saved, fingerprints.head(classifier))
        restore_bias(classifier, self.contract.reward_shift)
        if difference:
            raise self._bad("head", difference)
        return f"norm {saved['norm']:.6g}, as saved"

    def _extra(self) -> str:
        if self.model is None:
            return ""
        state, model = read_extra(self.folder), self.model
        saved = self.contract.fingerprints.get("extra", {})
        self.model = None
        if difference := fingerprints.beside_difference(saved, fingerprints.beside(state)):
            raise self._bad("extra", f"{EXTRA}: tensors {difference}")
        put_extra(self.folder, model, state)
        self.model = model.to(self.device)
        return f"{', '.join(sorted(saved))} as saved" if saved else ""

    def _ids(self) -> str:
        if self.encoder is None:
            return ""
        sequences, other = [], []
        for canary in self.canaries.canaries:
            try:
                sequence = self.encoder.encode(*canary.pair)
            except Unencodable as error:
                raise self._bad("ids", f"canary {canary.name!r} can no longer be written: {error}") from error
            other += [] if canary.written_as(sequence) else [canary.name]
            sequences += [sequence] if canary.rewards else []
        if other:
            raise self._bad("ids", f"other ids than saved for {len(other)} canaries: {', '.join(other)}")
        self.sequences = sequences
        return f"{len(self.canaries.canaries)} canaries have the ids they had"

    def _rewards(self) -> str:
        if self.model is None or not self.sequences:
            return ""
        freeze(self.model)
        try:
            found = canaries.at_dtype(self.model, self.sequences, self.dtype)
        except (NonFiniteReward, ValueError) as error:
            raise self._bad("rewards", str(error)) from error
        self._require_parts(found[:, 1:])
        differences = abs(found[:, 0] - self.canaries.rewards("float32"))
        worst, limit = int(np.argmax(differences)), self.contract.tolerances[self.dtype]
        if differences[worst] > limit:
            canary = self.canaries.scored[worst]
            apart = f"{found[worst, 0]:.6g}, saved {canary.rewards['float32']:.6g}; {differences[worst]:.3g} apart"
            allowed = f"{limit:.3g} is allowed at {self.dtype}; weights or configuration changed"
            raise self._bad("rewards", f"canary {canary.name!r} has {apart}, {allowed}")
        return f"{len(found)} canaries within {differences[worst]:.2g} (allowed {limit:.2g} at {self.dtype})"

    def _calibration(self) -> str:
        self.shipped = shipping.read(self.folder)
        if self.shipped is None:
            return ""
        adjusted = "without" if self.shipped.adjustment is None else "with"
        return f"of this model: {self.shipped.raw.calibrator.kind}, {adjusted} an adjustment for length"

    def _require_parts(self, found: NDArray[np.float64]) -> None:
        """Raise `BadArtefact` where a part or the variance of a canary is not as recorded."""
        names, recorded = self.contract.outputs[1:], self.canaries.parts("float32")
        if found.shape != recorded.shape or len(names) != found.shape[1]:
            raise self._bad("parts", f"the model gives {found.shape[1]} numbers after the reward, not {len(names)}")
        differences, limit = canaries.parts_apart(found, recorded), self.contract.parts_tolerances.get(self.dtype, 0.0)
        if differences.size and differences.max() > limit:
            row, column = np.unravel_index(int(np.argmax(differences)), differences.shape)
            raise self._bad(
                "parts",
                f"canary {self.canaries.scored[row].name!r} has {names[column]} {found[row, column]:.6g}, saved "
                f"{recorded[row, column]:.6g}; {limit:.3g} apart is allowed at {self.dtype}",
            )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"
