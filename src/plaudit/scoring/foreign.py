"""Checkpoints that plaudit did not write: their contract is worked out from what transformers would do with them."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast

from plaudit.encoding.choices import UnfitTokenizer, for_tokenizer
from plaudit.encoding.encoder import Encoder
from plaudit.encoding.encoder import Sequence as Tokens
from plaudit.encoding.padding import NoPadToken
from plaudit.models.frozen import freeze
from plaudit.models.headed import is_causal
from plaudit.scoring import canaries, fingerprints, parity
from plaudit.scoring.artifact import build, kernel_of, name_of
from plaudit.scoring.contract import PARITY, BadArtefact, Contract
from plaudit.scoring.verify import Artefact, Check, Report
from plaudit.scoring.weights import DTYPES, read_weights, stored_dtype

LONGEST = 8192
"""Tokens a sequence may have where the checkpoint does not say."""
OTHERS = {
    "as_given": "'verbatim' (its chat template for texts too) or 'plain'",
    "verbatim": "'as_given' or 'plain'",
    "plain": "'verbatim'",
}
"""What else a checkpoint of a text form may have been trained on."""


class Unverified(UserWarning):
    """A model without canaries: nothing shows that it is scored as it was trained."""


def open_foreign(folder: Path, dtype: str = "float32", device: str = "cpu", *, template: str | None = None) -> Artefact:
    """Open a checkpoint without a contract, as transformers scores with it, and warn that nothing vouches for it.

    Args:
        folder: a sequence-classification checkpoint with one label.
        dtype: of computing.
        device: where to compute.
        template: how it was trained: ``verbatim`` (its chat template as it is), ``plain`` (prompt, response and
            end-of-sequence token), or ``as_given``: texts plain, turns by its chat template, which is what TRL's
            RewardTrainer does. None takes ``as_given`` where there is a chat template; encoders read pairs.

    Raises:
        BadArtefact: weights or tokenizer cannot be used, it has several labels, or its class gives other rewards.
    """
    if not folder.is_dir():
        raise BadArtefact(folder, "files", "there is no such folder")
    _refuse_adapter(folder)
    classifier = read_weights(folder)
    labels = classifier.config.num_labels
    if labels != 1:
        raise BadArtefact(folder, "head", f"{labels} labels; a reward model has one")
    encoder = _encoder(folder, classifier, template)
    head, every = fingerprints.head(classifier), [one.sequence for one in canaries.encode(encoder)[0].values()]
    pooling, sequences = _pooling(classifier, every), [every[place] for place in canaries.few(every)]
    by_class = parity.class_logits(classifier, sequences)
    model = build(classifier, "scalar", {"pooling": pooling})
    difference = float(abs(canaries.at_dtype(model, sequences, "float32") - by_class).max())
    if not difference <= PARITY:
        raise BadArtefact(
            folder, "parity", f"its class gives other rewards, up to {difference:.3g} apart; not supported"
        )
    model.compute_dtype = DTYPES[dtype]
    freeze(model.to(device))
    contract = Contract(
        architecture=name_of(model),
        settings=model.settings,
        encoding=encoder.contract(),
        weights_dtype=stored_dtype(folder),
        attention=kernel_of(model),
        transformers_parity=True,
        parity_note="worked out from a checkpoint that plaudit did not write",
        fingerprints={"head": head},
    )
    _warn(folder, contract)
    report = Report(folder, dtype, (Check("canaries", True, "there are none: unverified"),))
    return Artefact(folder=folder, contract=contract, encoder=encoder, model=model, report=report)


def embedding_rows(classifier: PreTrainedModel) -> int:
    """Return how many token embeddings a model has: a bound on its pad id."""
    table: Any = classifier.get_input_embeddings().weight
    return int(table.shape[0])


def _refuse_adapter(folder: Path) -> None:
    if (folder / "adapter_config.json").is_file() and not (folder / "config.json").is_file():
        raise BadArtefact(folder, "adapter", "this is an adapter without its base model; merge it into the base first")


def _encoder(folder: Path, classifier: PreTrainedModel, template: str | None) -> Encoder:
    try:
        tokenizer = _tokenizer(folder)
        choice = template or _natural(tokenizer, causal=is_causal(classifier))
        rows = embedding_rows(classifier)
        return Encoder(tokenizer, for_tokenizer(tokenizer, choice), _longest(classifier, tokenizer), rows)
    except (OSError, UnfitTokenizer, NoPadToken) as error:
        raise BadArtefact(folder, "tokenizer", f"cannot be used: {error}") from error


def _tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    if not (folder / "tokenizer.json").is_file():
        raise UnfitTokenizer("tokenizer.json is missing, so no text can be scored")
    found: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(  # type: ignore[assignment]
        folder, local_files_only=True, trust_remote_code=False
    )
    return found


def _natural(tokenizer: PreTrainedTokenizerFast, *, causal: bool) -> str:
    if not causal:
        return "encoder"
    if not tokenizer.chat_template:
        return "plain"
    return "verbatim" if tokenizer.eos_token_id is None else "as_given"


def _longest(classifier: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> int:
    config: Any = classifier.config.get_text_config()
    limits = [getattr(config, name, None) for name in ("max_position_embeddings", "n_positions")]
    return int(min(filter(None, (*limits, tokenizer.model_max_length, LONGEST))))


def _pooling(classifier: PreTrainedModel, sequences: Sequence[Tokens]) -> str:
    """Return the pooling that gives what the class's own forward gives for sequences such as these."""
    config: Any = classifier.config.get_text_config()
    if not is_causal(classifier):
        return "mean" if getattr(config, "classifier_pooling", "cls") == "mean" else "first"
    pad, eos = config.pad_token_id, config.eos_token_id
    ends = {*(int(one.ids[-1]) for one in sequences), *(eos if isinstance(eos, list) else [eos])}
    return "hf_last_non_pad" if pad is not None and pad in ends else "last"


def _warn(folder: Path, contract: Contract) -> None:
    pooling, kind = contract.settings["pooling"], contract.encoding["kind"]
    text = f"{folder} has no canaries: unverified. Read as a checkpoint of text form {kind!r} with pooling {pooling!r}"
    if pooling == "hf_last_non_pad":
        text += "; its pad token is its end-of-sequence token, so transformers skips the final token and so does this"
    if kind == "as_given":
        text += ": texts are read as plain text, turns through its chat template, as TRL's RewardTrainer reads them"
    if other := OTHERS.get(kind):
        text += f". If it was trained on another form, pass template={other}"
    warnings.warn(f"{text}. `plaudit convert` makes an artefact of it", Unverified, stacklevel=3)
