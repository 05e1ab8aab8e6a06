"""What `save` writes is whole, plain transformers, and gives the model's rewards."""

import errno
import json
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from plaudit.models.architectures.scalar import Scalar
from plaudit.scoring import canaries
from plaudit.scoring.artifact import save
from plaudit.scoring.canaries import Canaries
from plaudit.scoring.contract import BadArtefact, Contract
from plaudit.scoring.passes import rewards_of
from plaudit.scoring.scorer import Scorer
from plaudit.scoring.verify import load, verify
from plaudit.scoring.writing import CannotSave
from plaudit.training import adapters
from tests.scoring.tiny import PAIRS, RECIPE, saved, tiny

Artefacts = Callable[[str], Path]
FAMILIES = ("llama", "gpt2", "gemma2", "bert")
SIDES = [(name, side) for name in FAMILIES for side in ("left", "right") if (name, side) != ("bert", "left")]
"""BERT's class pools the first token, which is a pad when padded on the left."""


def test_folder_is_plain_transformers(artefact_of: Artefacts) -> None:
    """One label (reward), regression, fp32 tensors, a proper pad; tokenizer, contract, canaries, card and history."""
    folder = artefact_of("llama")
    config = json.loads((folder / "config.json").read_text())
    tokenizer = AutoTokenizer.from_pretrained(folder)

    assert config["architectures"] == ["LlamaForSequenceClassification"]
    assert (config["problem_type"], config["id2label"], config["dtype"]) == ("regression", {"0": "reward"}, "float32")
    assert config["pad_token_id"] == tokenizer.pad_token_id != tokenizer.eos_token_id
    assert {value.dtype for value in load_file(folder / "model.safetensors").values()} == {torch.float32}
    assert load_file(folder / "model.safetensors")["score.weight"].shape == (1, 32)
    assert json.loads((folder / "history.json").read_text())["rows"] == [{"step": 1, "loss": 0.69}]
    assert json.loads((folder / "plaudit.json").read_text())["recipe"] == RECIPE
    assert "Scorer.load" in (folder / "README.md").read_text()
    assert not list(folder.parent.glob(".*writing*"))


def test_canaries_are_many_and_various(artefact_of: Artefacts) -> None:
    """At least eight have rewards; long, multi-turn, system, non-ASCII and cut ones are among them."""
    found = canaries.read(artefact_of("llama"))
    texts = json.dumps([[c.prompt, c.response] for c in found.scored], ensure_ascii=False)

    assert len(found.scored) >= 8
    assert max(len(c.ids) for c in found.scored) > 300
    assert max(len(c.prompt) for c in found.scored if not isinstance(c.prompt, str)) >= 5
    assert any(ord(character) > 0xFFFF for character in texts)
    assert [c.name for c in found.canaries if not c.rewards] == ["overlong"]
    assert len(found.canaries[-1].ids) <= 768 < len(json.dumps(found.canaries[-1].prompt))
    assert found.rewards("float32").std() > 10 * 1e-3
    assert np.abs(found.rewards("bfloat16") - found.rewards("float32")).max() > 0


@pytest.mark.parametrize("size", [1, 2, 8])
@pytest.mark.parametrize(("name", "side"), SIDES)
def test_plain_transformers_gives_the_scorers_rewards(artefact_of: Artefacts, name: str, size: int, side: str) -> None:
    """AutoModel, fp32, batches of 1, 2 and 8, padded on either side: within 1e-4 of the Scorer on the same ids."""
    folder = artefact_of(name)
    scorer, model = Scorer.load(folder), AutoModelForSequenceClassification.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side=side)
    pairs = [*PAIRS, ("Say hello.", "Good day to you, and to everybody else who reads this."), ("Bye.", "Bye!")]
    rows = []
    for pair in pairs:
        sequence = scorer.artefact.encoder.encode(*pair)
        types = sequence.token_type_ids
        rows.append(
            {"input_ids": sequence.ids.tolist()} | ({} if types is None else {"token_type_ids": types.tolist()})
        )
    found: list[float] = []
    with torch.no_grad():
        for begin in range(0, len(rows), size):
            batch = tokenizer.pad(rows[begin : begin + size], return_tensors="pt")
            if side == "left" and name == "gpt2":  # learned positions: the class would count pads
                batch["position_ids"] = (batch["attention_mask"].cumsum(1) - 1).clamp(min=0)
            found += model(**batch).logits[:, 0].tolist()

    assert np.abs(np.array(found) - scorer.rewards(pairs)).max() < 1e-4
    assert np.std(found) > 1e-3 or name == "bert"
    assert scorer.artefact.contract.transformers_parity


@pytest.mark.parametrize("name", FAMILIES)
def test_loaded_model_gives_the_saved_models_rewards(artefact_of: Artefacts, name: str) -> None:
    """Rewards after a round trip equal those of the model in memory, to 1e-6."""
    model, encoder = tiny(name)

    expected = rewards_of(model, [encoder.encode(*pair) for pair in PAIRS])

    assert np.abs(expected - Scorer.load(artefact_of(name)).rewards(PAIRS)).max() < 1e-6


def test_string_path_gives_the_scorers_ids(artefact_of: Artefacts) -> None:
    """Chat families: template applied, text tokenised without special tokens, as GRPO does, gives the recorded ids."""
    for name in ("llama", "gemma2"):
        folder = artefact_of(name)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        for canary in canaries.read(folder).scored:
            if isinstance(canary.prompt, list):
                text = tokenizer.apply_chat_template([*canary.prompt, *canary.response], tokenize=False)
                assert tokenizer(text, add_special_tokens=False)["input_ids"] == list(canary.ids), canary.name
        assert load(folder).contract.string_parity


REWRITES = {
    "drops thoughts": ("message['content']", "message['content'].split('</think>')[-1]"),
    "strips": ("message['content']", "message['content'].strip()"),
    "adds a preamble": ("{%- for message in messages -%}", "{{- 'Be safe. ' -}}{%- for message in messages -%}"),
    "adds a line": ("{%- endfor -%}", "{%- endfor -%}{{- '\n' -}}"),
}


@pytest.mark.parametrize("change", REWRITES)
def test_a_template_that_rewrites_is_never_silent(tmp_path: Path, change: str) -> None:
    """Where the tokenizer's chat template drops or adds text, the contract says that strings give other ids."""
    model, encoder = tiny()
    assert not save(tmp_path / "as it is", model, encoder, RECIPE).parity_note
    template = str(encoder.tokenizer.chat_template)
    encoder.tokenizer.chat_template = template.replace(*REWRITES[change])
    assert encoder.tokenizer.chat_template != template
    contract = save(tmp_path / "changed", model, encoder, RECIPE)

    assert not contract.string_parity
    assert "chat template gives other ids" in contract.parity_note
    assert "Scorer.load(path).trl_reward" in (tmp_path / "changed" / "README.md").read_text()
    with pytest.raises(BadArtefact, match="chat template"):
        load(tmp_path / "changed")


@pytest.mark.parametrize("name", ["gpt2", "bert"])
def test_card_names_the_callable_where_strings_cannot_match(artefact_of: Artefacts, name: str) -> None:
    """Plain texts and encoders: the contract says so, and the card names the callable to pass instead."""
    folder = artefact_of(name)

    assert not load(folder).contract.string_parity
    assert "Scorer.load(path).trl_reward" in (folder / "README.md").read_text()


def test_pooling_that_the_class_lacks_is_stated(tmp_path: Path) -> None:
    """A BERT pooled by the mean is saved, but the contract and the card say that its class gives other rewards."""
    model, encoder = tiny("bert", pooling="mean")

    contract = save(tmp_path / "mean", model, encoder, RECIPE)

    assert not contract.transformers_parity
    assert "pooling 'mean'" in contract.parity_note
    assert "gives other rewards" in (tmp_path / "mean" / "README.md").read_text()
    assert Scorer.load(tmp_path / "mean").rewards(PAIRS[:1]) == pytest.approx(
        rewards_of(model, [encoder.encode(*PAIRS[0])]).tolist(), abs=1e-6
    )


@pytest.mark.parametrize("bias", [0.0, 0.75])
def test_head_bias_becomes_a_shift(tmp_path: Path, bias: float) -> None:
    """GPT-2 with a biased head: the standard layout holds no bias; another than 0 is stated, and the Scorer adds it."""

    def give_bias(model: Scalar) -> None:
        score = model.classifier.get_submodule("score")
        assert isinstance(score, nn.Linear)
        score.bias = nn.Parameter(torch.tensor([bias]))

    model, encoder = tiny("gpt2")
    give_bias(model)
    expected = rewards_of(model, [encoder.encode(*pair) for pair in PAIRS])
    contract = saved(tmp_path / "biased", "gpt2", give_bias)
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path / "biased")
    ids = torch.tensor(encoder.encode(*PAIRS[0]).ids.tolist())[None]

    assert contract.reward_shift == bias
    assert contract.transformers_parity == (bias == 0)
    assert "score.bias" not in load_file(tmp_path / "biased" / "model.safetensors")
    assert Scorer.load(tmp_path / "biased").rewards(PAIRS) == pytest.approx(expected.tolist(), abs=1e-6)
    assert plain(ids).logits.item() + bias == pytest.approx(expected[0], abs=1e-5)


def test_adapter_is_kept_beside_merged_weights(tmp_path: Path) -> None:
    """The adapter's folder is copied; without it the artefact is refused."""
    (tmp_path / "lora").mkdir()
    (tmp_path / "lora" / "adapter_model.safetensors").write_bytes(b"weights")
    model, encoder = tiny()

    save(tmp_path / "model", model, encoder, RECIPE, adapter=tmp_path / "lora")

    assert verify(tmp_path / "model").passed
    (tmp_path / "model" / "adapter" / "adapter_model.safetensors").unlink()
    assert verify(tmp_path / "model").failed[0].name == "adapter"


@pytest.mark.parametrize("name", ["llama", "gpt2", "bert"])
def test_merged_adapters_load_without_peft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Trained adapters, saved beside and merged, then moved: without peft, rewards as before merging, to 1e-5."""
    model, encoder = tiny(name)
    adapters.attach(model, adapters.Lora(rank=2))
    with torch.no_grad():
        for part, parameter in model.named_parameters():
            if "lora_B" in part:
                parameter.normal_(std=0.2)
    expected = rewards_of(model.eval(), [encoder.encode(*pair) for pair in PAIRS])
    adapters.save_adapter(model, tmp_path / "adapter", base="somewhere")
    adapters.merge(model)
    save(tmp_path / "model", model, encoder, RECIPE, adapter=tmp_path / "adapter")
    (tmp_path / "elsewhere").mkdir()
    moved = (tmp_path / "model").rename(tmp_path / "elsewhere" / "moved")
    monkeypatch.setitem(sys.modules, "peft", None)

    scorer, plain = Scorer.load(moved), AutoModelForSequenceClassification.from_pretrained(moved)
    first = scorer.artefact.encoder.encode(*PAIRS[0])
    types = (
        {} if first.token_type_ids is None else {"token_type_ids": torch.tensor(first.token_type_ids.tolist())[None]}
    )

    assert np.abs(np.array(scorer.rewards(PAIRS)) - expected).max() < 1e-5
    assert plain(torch.tensor(first.ids.tolist())[None], **types).logits.item() == pytest.approx(expected[0], abs=1e-5)
    assert (moved / "adapter" / "adapter_model.safetensors").is_file()


def test_training_mode_is_left_alone(tmp_path: Path) -> None:
    """Saving in the middle of training leaves the model in training mode, with its gradients and weights."""
    model, encoder = tiny()
    model.train()
    before = [parameter.clone() for parameter in model.parameters()]

    save(tmp_path / "model", model, encoder, RECIPE)

    assert model.training
    assert model.compute_dtype == torch.float32
    assert all(torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))


def test_existing_folder_is_refused_unless_asked(tmp_path: Path) -> None:
    """An existing folder stays as it is; overwriting replaces it whole."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    model, encoder = tiny()

    with pytest.raises(CannotSave, match="exists already"):
        save(folder, model, encoder, RECIPE)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]

    save(folder, model, encoder, RECIPE, overwrite=True)
    assert verify(folder).passed
    assert not (folder / "notes.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@contextmanager
def _files_of_at_most(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [1_000, 20_000])
def test_full_disk_leaves_nothing_half_written(tmp_path: Path, size: int) -> None:
    """When the file system takes no more, the artefact that was there stays and no other appears."""
    folder = tmp_path / "model"
    saved(folder)
    model, encoder = tiny()

    with _files_of_at_most(size), pytest.raises(CannotSave, match="nothing half-written"):
        save(folder, model, encoder, {"seed": 1}, overwrite=True)

    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert verify(folder).passed
    assert load(folder).contract.recipe == RECIPE


def test_failed_rename_puts_the_old_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the last step fails, the folder that was to be replaced is back in its place."""
    folder = tmp_path / "model"
    saved(folder)
    model, encoder = tiny()
    rename = Path.rename

    def failing(path: Path, target: Path) -> Path:
        if "writing" in path.name:
            raise OSError(errno.EROFS, "Read-only file system")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(CannotSave, match="Read-only"):
        save(folder, model, encoder, {"seed": 1}, overwrite=True)

    assert verify(folder).passed
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("place", ["/proc/plaudit/model", "file/model"])
def test_place_that_cannot_be_written(tmp_path: Path, place: str) -> None:
    """A place where no folder can be made is named."""
    (tmp_path / "file").write_text("a file, no folder")
    model, encoder = tiny()

    with pytest.raises(CannotSave, match="could not save to"):
        save(tmp_path / place, model, encoder, RECIPE)


def test_pad_that_is_not_the_tokenizers_is_refused(tmp_path: Path) -> None:
    """A model whose configuration pads with the scored token would be scored elsewhere by transformers."""
    model, encoder = tiny()
    model.classifier.config.pad_token_id = encoder.scored_id

    with pytest.raises(BadArtefact, match="pad_token_id=encoder"):
        save(tmp_path / "model", model, encoder, RECIPE)
    assert not (tmp_path / "model").exists()


def test_unmerged_weights_are_refused(tmp_path: Path) -> None:
    """A model whose forward is not what its state says (weights changed by a hook) is found before it is published."""
    model, encoder = tiny()
    model.classifier.get_submodule("score").register_forward_hook(lambda module, given, out: out + 1)

    with pytest.raises(BadArtefact, match="rewards differ by 1"):
        save(tmp_path / "model", model, encoder, RECIPE)
    assert list(tmp_path.iterdir()) == []


def test_unmerged_adapters_are_refused(tmp_path: Path) -> None:
    """Adapters still in the model are named, with the folder that was asked for, and nothing is written."""
    import peft

    model, encoder = tiny()
    peft.inject_adapter_in_model(peft.LoraConfig(target_modules=["q_proj"], r=2), model.classifier)

    with pytest.raises(BadArtefact, match="adapters must be merged") as caught:
        save(tmp_path / "model", model, encoder, RECIPE)

    assert caught.value.folder == tmp_path / "model"
    assert list(tmp_path.iterdir()) == []


def test_remarks_tell_what_was_measured(artefact_of: Artefacts) -> None:
    """After saving, the effect of bfloat16 is told as it is in the canaries: difference, and ties among all pairs."""
    contract, found = load(artefact_of("llama")).contract, canaries.read(artefact_of("llama"))
    rough = found.rewards("bfloat16")
    ties = sum(rough[a] == rough[b] for a in range(len(rough)) for b in range(a))
    pairs = len(rough) * (len(rough) - 1) // 2

    assert contract.measured["bfloat16"]["difference"] == abs(rough - found.rewards("float32")).max()
    assert (contract.measured["bfloat16"]["ties"], contract.measured["bfloat16"]["pairs"]) == (ties, pairs)
    assert f"{ties} of {pairs} pairs tied" in contract.remarks()[0]


def test_bfloat16_export_says_so(tmp_path: Path) -> None:
    """A bfloat16 export has a bfloat16 head, states it in contract and card, and verifies against its own canaries."""
    model, encoder = tiny()

    contract = save(tmp_path / "half", model, encoder, RECIPE, weights_dtype="bfloat16")

    weights = load_file(tmp_path / "half" / "model.safetensors")
    assert {value.dtype for value in weights.values()} == {torch.bfloat16}
    assert contract.weights_dtype == "bfloat16"
    assert "its reward head is bfloat16" in (tmp_path / "half" / "README.md").read_text()
    assert json.loads((tmp_path / "half" / "config.json").read_text())["dtype"] == "bfloat16"
    assert verify(tmp_path / "half").passed
    assert next(model.parameters()).dtype == torch.float32


def test_tolerance_covers_what_was_measured() -> None:
    """Another dtype's tolerance is four times the largest difference, and fp32's is 1e-3."""
    entries = [
        canaries.Canary(
            name=str(n), prompt="", response="x", ids=(n,), rewards={"float32": n, "bfloat16": n + 0.01 * n}
        )
        for n in range(3)
    ]

    found = canaries.tolerances(Canaries(canaries=tuple(entries)))

    assert found == {"float32": 1e-3, "bfloat16": pytest.approx(0.08)}


def test_contract_survives_json(artefact_of: Artefacts) -> None:
    """The contract read back is the one that was returned, field by field."""
    folder = artefact_of("gemma2")
    contract = load(folder).contract

    assert isinstance(contract, Contract)
    assert contract.settings["pooling"] == "last"
    assert contract.scored_tokens == (load(folder).encoder.scored_id,)
    assert contract.attention == "prompt_trees"
