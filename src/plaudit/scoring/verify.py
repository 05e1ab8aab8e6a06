"""Opening an artefact: nothing is scored with before files, contract, tokenizer, weights and canaries are as saved."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from plaudit.encoding.encoder import Encoder
from plaudit.encoding.encoder import Sequence as Tokens
from plaudit.encoding.turns import Unencodable
from plaudit.models.architectures.scalar import Scalar
from plaudit.scoring import canaries, fingerprints
from plaudit.scoring.artifact import build
from plaudit.scoring.canaries import Canaries
from plaudit.scoring.contract import ADAPTER, CANARIES, CONTRACT, BadArtefact, Contract, read_contract
from plaudit.scoring.passes import NonFiniteReward
from plaudit.scoring.weights import DTYPES, read_weights, restore_bias, stored_dtype


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
    """An opened model: what `Scorer` scores with. ``canaries`` is None for a folder that plaudit did not write."""

    folder: Path
    contract: Contract
    encoder: Encoder
    model: Scalar
    report: Report
    canaries: Canaries | None = None


def verify(path: Path | str, dtype: str = "float32", device: str = "cpu") -> Report:
    """Check the artefact at ``path`` against its contract and canaries, computing at ``dtype``."""
    return _Examination(Path(path), dtype, device).report()


def load(path: Path | str, dtype: str = "float32", device: str = "cpu") -> Artefact:
    """Open the artefact at ``path`` after checking it.

    Args:
        path: a folder that `artifact.save` wrote.
        dtype: of computing (the head stays in fp32). Others than fp32 are checked at their recorded tolerance.
        device: where to compute.

    Raises:
        BadArtefact: something is not as it was saved; names what, and what else.
    """
    return _Examination(Path(path), dtype, device).artefact()


@dataclass(slots=True)
class _Examination:
    """Opens a folder step by step. A step that fails is noted; those that need its result are skipped."""

    folder: Path
    dtype: str
    device: str
    checks: list[Check] = field(default_factory=list)
    contract: Contract | None = None
    canaries: Canaries | None = None
    encoder: Encoder | None = None
    model: Scalar | None = None
    sequences: list[Tokens] = field(default_factory=list)

    def report(self) -> Report:
        """Take all steps and return what they found."""
        steps = ("files", "contract", "dtype", "tokenizer", "template", "encoding", "weights", "head", "ids", "rewards")
        for name in steps:
            if not self._take(name) and name in ("files", "dtype"):
                break
        return Report(self.folder, self.dtype, tuple(self.checks))

    def artefact(self) -> Artefact:
        """Take all steps and return the open model if all passed."""
        report = self.report()
        report.require()
        assert self.contract and self.encoder and self.model
        return Artefact(
            folder=self.folder,
            contract=self.contract,
            encoder=self.encoder,
            model=self.model,
            report=report,
            canaries=self.canaries,
        )

    def _take(self, name: str) -> bool:
        step: Callable[[], str] = getattr(self, f"_{name}")
        try:
            detail = step()
        except BadArtefact as error:
            self.checks.append(Check(error.check, False, error.detail))
            return False
        if detail:
            self.checks.append(Check(name, True, detail))
        return True

    def _bad(self, check: str, detail: str) -> BadArtefact:
        return BadArtefact(self.folder, check, detail)

    def _files(self) -> str:
        if not self.folder.is_dir():
            raise self._bad("files", "there is no such folder")
        self.contract, self.canaries = read_contract(self.folder), canaries.read(self.folder)
        if not (self.folder / "tokenizer.json").is_file():
            raise self._bad("tokenizer", "tokenizer.json is missing, so no text can be scored")
        if self.contract.adapter and not any((self.folder / ADAPTER).glob("adapter_model.*")):
            raise self._bad(
                "adapter", f"{ADAPTER}/ is missing or holds no weights, and {CONTRACT} says that it lies here"
            )
        return "contract, canaries, tokenizer and weights are there"

    def _contract(self) -> str:
        assert self.contract and self.canaries
        now, then = self.contract.scoring(), self.canaries.contract
        changed = sorted(name for name in {*now, *then} if now.get(name) != then.get(name))
        if changed:
            parts = [f"{name}: {_shown(now.get(name))}, saved {_shown(then.get(name))}" for name in changed]
            raise self._bad("contract", f"{CONTRACT} is not the one in {CANARIES}: {'; '.join(parts[:4])}")
        return f"format {self.contract.format}, architecture {self.contract.architecture}"

    def _dtype(self) -> str:
        assert self.contract
        if self.dtype not in self.contract.tolerances:
            known = ", ".join(self.contract.tolerances)
            raise self._bad("dtype", f"{self.dtype} was not measured when this was saved; choose one of {known}")
        stored = stored_dtype(self.folder)
        if stored != self.contract.weights_dtype:
            raise self._bad("dtype", f"the weights on disk are {stored}, saved as {self.contract.weights_dtype}")
        return f"weights {stored}, computing {self.dtype}"

    def _tokenizer(self) -> str:
        assert self.contract
        if fingerprints.tokenizer(self.folder) != self.contract.fingerprints["tokenizer"]:
            raise self._bad("tokenizer", "tokenizer.json was changed: its vocabulary, merges or rules are others")
        return "tokenizer.json as saved"

    def _template(self) -> str:
        assert self.contract
        if fingerprints.template(self.folder) != self.contract.fingerprints["template"]:
            raise self._bad("template", "the chat template was edited since the model was saved")
        return "chat template as saved"

    def _encoding(self) -> str:
        assert self.contract
        try:
            self.encoder = Encoder.from_contract(self.folder, self.contract.encoding)
        except (ValueError, OSError, KeyError) as error:
            raise self._bad("encoding", f"the tokenizer does not follow the contract: {error}") from error
        return f"{self.contract.encoding['kind']}, up to {self.encoder.max_length} tokens"

    def _weights(self) -> str:
        assert self.contract
        classifier = read_weights(self.folder)
        settings = dict(self.contract.settings)
        self.model = build(classifier, self.contract.architecture, settings, DTYPES[self.dtype])
        return f"{type(classifier).__name__}, {sum(value.numel() for value in classifier.parameters()):,} parameters"

    def _head(self) -> str:
        if self.model is None or self.contract is None:
            return ""
        classifier = self.model.classifier
        saved = self.contract.fingerprints["head"]
        difference = fingerprints.head_difference(saved, fingerprints.head(classifier))
        restore_bias(classifier, self.contract.reward_shift)
        self.model.to(self.device)
        if difference:
            raise self._bad("head", difference)
        return f"norm {saved['norm']:.6g}, as saved"

    def _ids(self) -> str:
        if self.encoder is None or self.canaries is None:
            return ""
        sequences, other = [], []
        for canary in self.canaries.canaries:
            try:
                sequence = self.encoder.encode(*canary.pair)
            except Unencodable as error:
                raise self._bad("token ids", f"canary {canary.name!r} can no longer be written: {error}") from error
            other += [canary.name] if tuple(sequence.ids.tolist()) != canary.ids else []
            sequences += [sequence] if canary.rewards else []
        if other:
            raise self._bad("token ids", f"other ids than saved for {len(other)} canaries: {', '.join(other)}")
        self.sequences = sequences
        return f"{len(self.canaries.canaries)} canaries have the ids they had"

    def _rewards(self) -> str:
        if self.model is None or self.contract is None or self.canaries is None or not self.sequences:
            return ""
        try:
            found = canaries.at_dtype(self.model, self.sequences, self.dtype)
        except (NonFiniteReward, ValueError) as error:
            raise self._bad("rewards", str(error)) from error
        differences = abs(found - self.canaries.rewards("float32"))
        worst, limit = int(np.argmax(differences)), self.contract.tolerances[self.dtype]
        name = self.canaries.scored[worst].name
        if differences[worst] > limit:
            raise self._bad(
                "rewards", f"canary {name!r} has {found[worst]:.6g}, saved {self.canaries.rewards('float32')[worst]:.6g}: "
                f"{differences[worst]:.3g} apart, more than {limit:.3g} at {self.dtype}; weights or configuration changed"
            )  # fmt: skip
        return f"{len(found)} canaries within {differences[worst]:.2g} (allowed {limit:.2g} at {self.dtype})"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"
