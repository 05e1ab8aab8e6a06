"""Each way of changing an artefact is refused, and named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from plaudit.models.architectures.attributes import Attributes
from plaudit.models.architectures.gaussian import Gaussian
from plaudit.models.backbone import add_head_bias
from plaudit.scoring.artifact import save
from plaudit.scoring.contract import EXTRA, BadArtefact
from plaudit.scoring.convert import convert
from plaudit.scoring.scorer import Scorer
from plaudit.scoring.verify import load, verify
from tests.scoring.tiny import PAIRS, RECIPE, tiny_of

Copied = Callable[[str], Path]


def _edit_json(path: Path, change: Callable[[Any], None]) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def _edit_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _permute_head(folder: Path) -> None:
    _edit_weights(folder, lambda w: w.update({"score.weight": w["score.weight"].roll(1, dims=1).contiguous()}))


def _scale_head(folder: Path) -> None:
    _edit_weights(folder, lambda w: w.update({"score.weight": w["score.weight"] * 1.01}))


def _replace_head(folder: Path) -> None:
    _edit_weights(folder, lambda w: w.update({"score.weight": torch.ones_like(w["score.weight"])}))


def _change_backbone(folder: Path) -> None:
    _edit_weights(folder, lambda w: w["model.layers.0.mlp.up_proj.weight"].mul_(1.5))


def _break_backbone(folder: Path) -> None:
    _edit_weights(folder, lambda w: w["model.norm.weight"].fill_(torch.nan))


def _drop_tensor(folder: Path) -> None:
    _edit_weights(folder, lambda w: w.pop("score.weight"))


def _add_tensor(folder: Path) -> None:
    _edit_weights(folder, lambda w: w.update({"score.bias": torch.ones(1)}))


def _round_weights(folder: Path) -> None:
    _edit_weights(folder, lambda w: w.update({name: value.bfloat16() for name, value in w.items()}))


def _cut_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def _garble_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\xff" * 4096)


def _pickle_weights(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")


def _remove_merge(folder: Path) -> None:
    _edit_json(folder / "tokenizer.json", lambda c: c["model"]["merges"].pop())


def _change_template(folder: Path) -> None:
    path = folder / "chat_template.jinja"
    path.write_text(path.read_text(encoding="utf-8").replace("user", "human"), encoding="utf-8")


def _change_pooling(folder: Path) -> None:
    _edit_json(folder / "plaudit.json", lambda c: c["settings"].update(pooling="mean"))


def _change_pooling_everywhere(folder: Path) -> None:
    _change_pooling(folder)
    _edit_json(folder / "canaries.json", lambda c: c["contract"]["settings"].update(pooling="mean"))


def _claim_adapter(folder: Path) -> None:
    _edit_json(folder / "plaudit.json", lambda c: c.update(adapter=True))


def _ask_for_code(folder: Path) -> None:
    _edit_json(folder / "config.json", lambda c: c.update(auto_map={"AutoModel": "code.Model"}))


def _change_theta(folder: Path) -> None:
    _edit_json(folder / "config.json", lambda c: c["rope_parameters"].update(rope_theta=500.0))


def _new_format(folder: Path) -> None:
    _edit_json(folder / "plaudit.json", lambda c: c.update(format=99))


def _unknown_field(folder: Path) -> None:
    _edit_json(folder / "plaudit.json", lambda c: c.update(colour="red"))


def _change_ids(folder: Path) -> None:
    _edit_json(folder / "canaries.json", lambda c: c["canaries"][0]["ids"].reverse())


def _remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


CHANGES: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "head permuted": (_permute_head, "head", "permuted"),
    "head scaled": (_scale_head, "head", "scaled by 1.01"),
    "head replaced": (_replace_head, "head", "others"),
    "backbone changed": (_change_backbone, "rewards", "weights or configuration changed"),
    "configuration changed": (_change_theta, "rewards", "weights or configuration changed"),
    "not a number": (_break_backbone, "rewards", "not a finite number"),
    "tensor missing": (_drop_tensor, "weights", "score.weight"),
    "tensor too many": (_add_tensor, "weights", "score.bias"),
    "weights rounded": (_round_weights, "dtype", "bfloat16, saved as float32"),
    "weights cut short": (_cut_weights, "weights", "damaged or cut short"),
    "weights garbled": (_garble_weights, "weights", "damaged or cut short"),
    "weights missing": (_remove("model.safetensors"), "files", "no weights"),
    "pickle-only weights": (_pickle_weights, "files", "pickled"),
    "merge removed": (_remove_merge, "tokenizer", "merges"),
    "template edited": (_change_template, "template", "edited"),
    "template removed": (_remove("chat_template.jinja"), "template", "edited"),
    "tokenizer missing": (_remove("tokenizer.json"), "tokenizer", "missing"),
    "pooling changed": (_change_pooling, "contract", "'pooling': 'mean'"),
    "pooling changed everywhere": (_change_pooling_everywhere, "rewards", "apart"),
    "adapter missing": (_claim_adapter, "adapter", "missing"),
    "remote code": (_ask_for_code, "files", "auto_map"),
    "contract of another format": (_new_format, "contract", "format 99"),
    "contract with another field": (_unknown_field, "contract", "colour"),
    "contract garbled": (lambda folder: (folder / "plaudit.json").write_text("{"), "files", "plaudit.json"),
    "contract no object": (lambda folder: (folder / "plaudit.json").write_text("[]"), "files", "list"),
    "canaries missing": (_remove("canaries.json"), "files", "canaries.json is missing"),
    "canaries of another shape": (lambda folder: (folder / "canaries.json").write_text("{}"), "files", "shape"),
    "canary ids changed": (_change_ids, "ids", "short"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_is_refused_by_name(copied: Copied, change: str) -> None:
    """Whatever was changed since saving, loading refuses, and the first failed check names it."""
    folder = copied("llama")
    damage, check, words = CHANGES[change]
    damage(folder)

    report = verify(folder)
    with pytest.raises(BadArtefact) as caught:
        Scorer.load(folder) if (folder / "plaudit.json").exists() else load(folder)

    assert not report.passed
    assert report.failed[0].name == check
    assert words in report.failed[0].detail
    assert caught.value.check == check
    assert str(folder) in str(caught.value)
    assert any(line.startswith("FAILED") for line in report.lines())


def test_nothing_changed_passes(copied: Copied) -> None:
    """A moved, unchanged artefact passes every check, whatever its family."""
    for name in ("llama", "gpt2", "bert"):
        report = verify(copied(name))
        assert report.passed, report.lines()
        assert {"ids", "rewards", "head", "tokenizer"} <= {check.name for check in report.checks}


def test_merge_that_no_canary_uses_is_noticed(copied: Copied) -> None:
    """The tokenizer is compared whole: a merge that leaves all canaries' ids alone is missed by none."""
    folder = copied("gpt2")
    _edit_json(folder / "tokenizer.json", lambda c: c["model"]["merges"].pop())

    names = [check.name for check in verify(folder).failed]

    assert names[0] == "tokenizer"


def test_padding_written_by_use_is_no_change(copied: Copied) -> None:
    """Truncation and padding settings, which using a tokenizer elsewhere may save, are not read and not refused."""
    folder = copied("llama")
    truncation = {"direction": "Right", "max_length": 9, "strategy": "LongestFirst", "stride": 0}
    _edit_json(folder / "tokenizer.json", lambda c: c.update(truncation=truncation))

    assert verify(folder).passed


def test_other_dtypes_are_measured_or_refused(copied: Copied) -> None:
    """At bfloat16 the recorded tolerance holds; float16 was not recorded and is refused; so is a worse bfloat16."""
    folder = copied("llama")

    assert verify(folder, "bfloat16").passed
    assert verify(folder, "float16").failed[0].name == "dtype"
    with pytest.raises(BadArtefact, match="choose one of float32, bfloat16"):
        Scorer.load(folder, dtype="float16")

    for name in ("plaudit.json", "canaries.json"):
        _edit_json(folder / name, lambda c: c.get("contract", c)["tolerances"].update(bfloat16=1e-9))
    assert [check.name for check in verify(folder, "bfloat16").failed] == ["rewards"]


def test_no_such_folder(tmp_path: Path) -> None:
    """A path without a folder is named."""
    assert verify(tmp_path / "nothing").failed[0].detail == "there is no such folder"
    with pytest.raises(BadArtefact, match="no such folder"):
        Scorer.load(tmp_path / "nothing")


def _gated(folder: Path) -> Path:
    """Save a model with a gate beside its classifier at ``folder``."""
    model, encoder = tiny_of(Attributes, names=("helpful", "brief"), gate=True)
    with torch.no_grad():
        model.get_submodule("gating").weight.normal_(std=0.2, generator=torch.Generator().manual_seed(0))  # type: ignore[operator, union-attr]
    save(folder, model, encoder, RECIPE)
    return folder


def _edit_extra(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    weights = load_file(folder / EXTRA)
    change(weights)
    save_file(weights, folder / EXTRA)


EXTRA_CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "file lost": (lambda folder: (folder / EXTRA).unlink(), "missing: gating.bias, gating.weight"),
    "tensor lost": (lambda folder: _edit_extra(folder, lambda w: w.pop("gating.bias")), "missing: gating.bias"),
    "tensor added": (lambda folder: _edit_extra(folder, lambda w: w.update(x=torch.ones(1))), "not of this model: x"),
    "value changed": (lambda folder: _edit_extra(folder, lambda w: w["gating.weight"].mul_(1.01)), "changed: gating.w"),
    "shape changed": (
        lambda folder: _edit_extra(folder, lambda w: w.update({"gating.bias": torch.zeros(3)})),
        "changed: gating.b",
    ),
    "cut short": (lambda folder: (folder / EXTRA).write_bytes((folder / EXTRA).read_bytes()[:-8]), "damaged or cut"),
}


@pytest.mark.parametrize("change", EXTRA_CHANGES)
def test_what_lies_beside_the_weights_is_checked(change: str, tmp_path: Path) -> None:
    """A gate that is lost, changed or of another shape is refused by the name of its tensors."""
    folder = _gated(tmp_path / "gated")
    assert verify(folder).passed
    damage, expected = EXTRA_CHANGES[change]
    damage(folder)

    with pytest.raises(BadArtefact, match=f"extra: .*{expected}"):
        load(folder)


def test_a_model_without_extra_weights_refuses_some(copied: Copied) -> None:
    """A file that lies beside the weights and belongs to nothing is named."""
    folder = copied("llama")
    save_file({"gating.bias": torch.zeros(2)}, folder / EXTRA)

    with pytest.raises(BadArtefact, match="not of this model: gating.bias"):
        load(folder)


def test_a_changed_part_is_named(tmp_path: Path) -> None:
    """Where only a recorded part is another, that part and its canary are named."""
    folder = _gated(tmp_path / "gated")

    def change(content: Any) -> None:
        content["canaries"][0]["parts"]["float32"][1] += 0.5

    _edit_json(folder / "canaries.json", change)

    with pytest.raises(BadArtefact, match="parts: canary .* has brief"):
        load(folder)


def test_the_note_says_how_the_reward_is_made(tmp_path: Path) -> None:
    """The class gives the attributes, not the reward: contract and card say so, and TRL is told to keep away."""
    folder = _gated(tmp_path / "gated")
    contract = load(folder).contract

    assert contract.transformers_parity
    assert not contract.string_parity
    assert "the head gives helpful, brief; reward = their sum weighted by a softmax gate" in contract.parity_note
    assert "the reward is made of them" in (folder / "README.md").read_text()
    assert contract.outputs == ("reward", "helpful", "brief")


def test_biases_of_several_outputs_lie_beside_the_weights(tmp_path: Path) -> None:
    """A linear head with biases comes back with them, though the standard layout has no place for them."""
    model, encoder = tiny_of(Gaussian)
    add_head_bias(model.classifier)
    with torch.no_grad():
        model.classifier.get_submodule("score").bias.copy_(torch.tensor([0.5, -0.25]))  # type: ignore[operator, union-attr]
    contract = save(tmp_path / "biased", model, encoder, RECIPE)
    restored = load(tmp_path / "biased").model.classifier.get_submodule("score").bias

    assert restored.tolist() == [0.5, -0.25]  # type: ignore[operator, union-attr]
    assert not contract.transformers_parity
    assert "no place for the head's biases" in contract.parity_note


def test_convert_keeps_parts_and_gate(tmp_path: Path) -> None:
    """A bfloat16 export holds the gate whole, and its parts are close to what they were."""
    folder = _gated(tmp_path / "gated")
    convert(folder, tmp_path / "half", dtype="bfloat16")
    before, after = (Scorer.load(path).score(PAIRS) for path in (folder, tmp_path / "half"))

    assert torch.equal(
        load_file(tmp_path / "half" / EXTRA)["gating.weight"], load_file(folder / EXTRA)["gating.weight"]
    )
    for one, other in zip(before, after, strict=True):
        assert other.parts == pytest.approx(one.parts, abs=0.05)
    assert [score.parts for score in before] != [score.parts for score in after]
