"""Each way of changing an artefact is refused, and named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from plaudit.scoring.contract import BadArtefact
from plaudit.scoring.scorer import Scorer
from plaudit.scoring.verify import load, verify

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
