"""Models that were trained apart become one artefact: each keeps its rewards, and what does not fit is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft.tuners.lora import LoraLayer

from plaudit import cli
from plaudit.models.architectures.gaussian import Gaussian
from plaudit.models.architectures.scalar import Scalar
from plaudit.models.backbone import add_head_bias
from plaudit.scoring.artifact import save
from plaudit.scoring.members import NotAlike
from plaudit.scoring.scorer import Scorer
from plaudit.scoring.verify import verify
from plaudit.training.adapters import Lora, attach, merge, save_adapter
from plaudit.workflows.collecting import collect
from tests.scoring.tiny import PAIRS, RECIPE, saved, tiny, tiny_of
from tests.workflows.test_uncertainty import preferences

Change = Callable[[Scalar], None]


def trained(seed: int) -> Change:
    """Return what stands for training: all weights moved a little, another way for each seed."""

    def change(model: Scalar) -> None:
        draw = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for value in model.parameters():
                value.add_(0.05 * torch.randn(value.shape, generator=draw))

    return change


def adapted(folder: Path, seed: int, name: str = "llama", rank: int = 2, base: Change | None = None) -> Path:
    """Save a model that was trained with LoRA: random matrices and another head, merged, the adapter beside."""
    model, encoder = tiny(name)
    if base:
        base(model)
    draw = torch.Generator().manual_seed(seed)
    attach(model, Lora(rank=rank, alpha=3 * rank))
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, LoraLayer):
                weight = module.lora_B["default"].weight
                weight.copy_(0.1 * torch.randn(weight.shape, generator=draw))
        for key, value in model.named_parameters():
            if "modules_to_save" in key:
                value.add_(0.1 * torch.randn(value.shape, generator=draw))
    save_adapter(model, folder.with_suffix(".adapter"), base="tiny")
    merge(model)
    save(folder, model, encoder, RECIPE, adapter=folder.with_suffix(".adapter"))
    return folder


def whole(folder: Path, count: int = 3, name: str = "llama") -> list[Path]:
    """Save models of other weights."""
    for seed in range(count):
        saved(folder / f"run_{seed}", name, trained(seed))
    return [folder / f"run_{seed}" for seed in range(count)]


def alone(folders: list[Path]) -> np.ndarray:
    """The models' rewards of a few conversations, [N, K]."""
    return np.array([Scorer.load(folder).rewards(PAIRS) for folder in folders]).T


COMBINED = {
    "mean": lambda found: found.mean(1),
    "worst": lambda found: found.min(1),
    "uncertainty_weighted": lambda found: found.mean(1) - 0.3 * found.var(1),
}


@pytest.mark.parametrize("combine", COMBINED)
def test_whole_members_keep_their_rewards(combine: Any, tmp_path: Path) -> None:
    """Parts are the models' rewards, the reward is made of them by formula, its variance is NumPy's; it verifies."""
    folders = whole(tmp_path)
    done = collect(folders, tmp_path / "all", combine=combine, penalty=0.3)
    scores = Scorer.load(tmp_path / "all").score(PAIRS)
    wanted = alone(folders)

    assert (done.own, done.settled) == ("weights", False)
    assert done.difference < 1e-4
    assert "scoring takes 3 passes" in done.lines()[0]
    np.testing.assert_allclose([list(score.parts.values()) for score in scores], wanted, atol=1e-4)
    np.testing.assert_allclose([score.reward for score in scores], COMBINED[combine](wanted), atol=1e-4)
    np.testing.assert_allclose([score.variance for score in scores], wanted.var(1), atol=1e-4)
    assert verify(tmp_path / "all").passed


@pytest.mark.parametrize("name", ["llama", "bert", "gpt2"])
def test_adapters_share_a_backbone(name: str, tmp_path: Path) -> None:
    """Members with LoRA keep their rewards; the backbone is on disk once; the folder verifies."""
    folders = [adapted(tmp_path / f"run_{seed}", seed, name) for seed in range(4)]
    done = collect(folders, tmp_path / "all")
    scores = Scorer.load(tmp_path / "all").score(PAIRS)
    sizes = [sum(file.stat().st_size for file in folder.glob("*.safetensors")) for folder in (*folders, done.folder)]

    assert done.own == "adapters"
    np.testing.assert_allclose([list(score.parts.values()) for score in scores], alone(folders), atol=1e-4)
    assert sizes[-1] < 2.5 * sizes[0]
    assert verify(tmp_path / "all").passed
    assert Scorer.load(tmp_path / "all").artefact.contract.settings["rank"] == 2


def test_adapters_may_be_stored_whole(tmp_path: Path) -> None:
    """On request, or where only some have one."""
    folders = [adapted(tmp_path / f"run_{seed}", seed) for seed in range(2)]
    assert collect(folders, tmp_path / "whole", own="weights").own == "weights"
    saved(tmp_path / "full", change=trained(5))
    assert collect([*folders, tmp_path / "full"], tmp_path / "mixed").own == "weights"
    with pytest.raises(NotAlike, match="full has no adapter of its own"):
        collect([*folders, tmp_path / "full"], tmp_path / "again", own="adapters")


def test_training_data_put_members_on_one_mean(tmp_path: Path) -> None:
    """Over their responses all members have mean 0 and the same deviation, and keep their own order."""
    folders = whole(tmp_path)
    train = preferences()
    done = collect(folders, tmp_path / "all", train=train)
    pairs = [(record.prompt, response.content) for record in train for response in record.responses]
    parts = np.array([list(score.parts.values()) for score in Scorer.load(tmp_path / "all").score(pairs)])
    raw = np.array([Scorer.load(folder).rewards(pairs) for folder in folders]).T

    assert done.settled
    np.testing.assert_allclose(parts.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(parts.std(0), raw.std(0).mean(), rtol=1e-3)
    for place in range(3):
        assert np.corrcoef(parts[:, place], raw[:, place])[0, 1] > 0.999


def test_a_bias_of_the_head_becomes_a_shift(tmp_path: Path) -> None:
    """A decoder's head bias has no place in the layout and stays in the member's reward."""

    def biased(model: Scalar) -> None:
        trained(1)(model)
        add_head_bias(model.classifier)
        head: Any = model.classifier.get_submodule("score")
        with torch.no_grad():
            head.bias.fill_(0.75)

    saved(tmp_path / "plain")
    saved(tmp_path / "biased", change=biased)
    folders = [tmp_path / "plain", tmp_path / "biased"]
    collect(folders, tmp_path / "all")
    found = [list(score.parts.values()) for score in Scorer.load(tmp_path / "all").score(PAIRS)]
    np.testing.assert_allclose(found, alone(folders), atol=1e-4)


def test_a_damaged_member_is_refused_when_loaded(tmp_path: Path) -> None:
    """One changed weight of one member changes a canary."""
    from safetensors.torch import load_file, save_file

    collect(whole(tmp_path, 2), tmp_path / "all")
    path = tmp_path / "all" / "model.safetensors"
    weights = load_file(path)
    name = next(name for name in weights if "member_2" in name and name.endswith("q_proj.weight"))
    save_file({**weights, name: weights[name] * 1.5}, path, metadata={"format": "pt"})
    report = verify(tmp_path / "all")
    assert not report.passed
    assert {check.name for check in report.failed} & {"rewards", "parts"}


def other_length(folder: Path) -> None:
    model, encoder = tiny()
    trained(7)(model)
    encoder.max_length = 300
    save(folder, model, encoder, RECIPE)


def other_kind(folder: Path) -> None:
    save(folder, *tiny_of(Gaussian), RECIPE)


def other_pooling(folder: Path) -> None:
    model, encoder = tiny("llama", "mean")
    save(folder, model, encoder, RECIPE)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: saved(folder, "gpt2"), "other has another tokenizer than .*run_0"),
        (other_length, "other has another encoding than .*run_0: max_length is 300 and 768"),
        (other_kind, "other is of the architecture 'gaussian'; members are 'scalar'"),
        (other_pooling, "other has another pooling or layout than .*run_0: pooling is mean and last"),
        (
            lambda folder: saved(folder, change=trained(0)),
            "other gives the same rewards as .*run_0: the same model twice",
        ),
    ],
)
def test_what_is_not_alike_is_refused(make: Callable[[Path], Any], message: str, tmp_path: Path) -> None:
    """The message names the folder and what is other."""
    [first] = whole(tmp_path, 1)
    make(tmp_path / "other")
    with pytest.raises(NotAlike, match=message):
        collect([first, tmp_path / "other"], tmp_path / "all")
    assert not (tmp_path / "all").exists()


def test_adapters_that_share_nothing_are_refused(tmp_path: Path) -> None:
    """Another base under the same kind of adapter, another rank, and one model alone."""
    first = adapted(tmp_path / "first", 0)
    other_base = adapted(tmp_path / "other_base", 1, base=trained(3))
    other_rank = adapted(tmp_path / "other_rank", 2, rank=4)
    with pytest.raises(NotAlike, match="without their adapters, .* of .*other_base is not that of .*first"):
        collect([first, other_base], tmp_path / "all")
    with pytest.raises(NotAlike, match="the adapter of .*other_rank has another rank or other layers"):
        collect([first, other_rank], tmp_path / "all")
    with pytest.raises(NotAlike, match="two members or more, not 1"):
        collect([first], tmp_path / "all")


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`plaudit collect` saves the ensemble and prints where; a wrong member is an error by name."""
    folders = [str(folder) for folder in whole(tmp_path, 2)]
    data = tmp_path / "pairs.jsonl"
    rows = [{"prompt": f"Tea {n}?", "chosen": f"yes {n}", "rejected": "no"} for n in range(5)]
    data.write_text("\n".join(map(json.dumps, rows)))
    code = cli.main(
        ["collect", *folders, "--output", str(tmp_path / "all"), "--train", str(data), "--combine", "worst", "--json"]
    )
    printed = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (printed["artefact"], printed["own"], printed["settled"]) == (str(tmp_path / "all"), "weights", True)
    assert Scorer.load(tmp_path / "all").artefact.contract.settings["combine"] == "worst"
    assert cli.main(["collect", folders[0], folders[0], "--output", str(tmp_path / "twice")]) == 1
    assert "the same model twice" in capsys.readouterr().err
