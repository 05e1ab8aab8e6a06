"""Two encoders: the prompt's work is done once, each learns, transformers loads them."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModel

from plaudit.encoding.choices import for_tokenizer
from plaudit.encoding.encoder import Encoder
from plaudit.encoding.packing import collate, collate_sequences
from plaudit.models.architectures.cross_attention import CrossAttention
from plaudit.models.architectures.two_tower import TwoTower, TwoTowerModel
from plaudit.models.headed import Headed
from plaudit.models.selftest import check_layout
from plaudit.models.splitting import NoBoundary
from plaudit.scoring.artifact import save
from plaudit.scoring.scorer import Scorer
from tests.encoding.families import family
from tests.models.architectures.counting import tokens_through
from tests.models.families import build, decoders, encoders
from tests.models.test_prompt_trees import PROMPTS, encoded_set
from tests.scoring.tiny import classifier


def towers(**settings: Any) -> TwoTower:
    return TwoTower(build(encoders()["bert"]), "mean", sizes=(16,), **settings).eval()


def test_the_prompt_is_encoded_once() -> None:
    """For three responses to one prompt of 17 tokens, 17 tokens go through the prompt's encoder."""
    model, encoded = towers(), encoded_set(causal=False)
    batch = collate(encoded, [0], share=False)
    own = int(batch.labels.lengths.sum()) + 3
    backbone = model.classifier.backbone
    with tokens_through(backbone["prompt"]) as prompt, tokens_through(backbone["response"]) as response:
        model(batch)

    assert len(batch.sequences) == 3
    assert prompt == [PROMPTS[11]]
    assert response == [own], "each response with a copy of the opening token"


def test_the_reward_is_the_composition() -> None:
    """The reward is the MLP of both means and their product, from each encoder run alone on unpadded ids."""
    model, encoded = towers(), encoded_set(causal=False)
    ids = torch.from_numpy(encoded.ids(0)).long()
    begin = int(encoded.response_starts[0])
    parts = {"prompt": ids[:begin], "response": torch.cat([ids[:1], ids[begin:]])}
    plain: Any = TwoTowerModel(model.classifier.config).eval()
    plain.load_state_dict(model.classifier.state_dict())
    plain.set_attn_implementation("eager")
    p, a = (plain.backbone[tower](input_ids=part[None]).last_hidden_state.mean(1) for tower, part in parts.items())

    expected = plain.score(torch.cat([p, a, p * a], dim=1))[0, 0]
    assert model(collate_sequences(encoded, [0], share=False)).scalar.item() == pytest.approx(expected.item(), abs=1e-5)


def test_both_encoders_learn_apart() -> None:
    """A step moves both, and they no longer agree."""
    model, encoded = towers().train(), encoded_set(causal=False)
    first, second = (
        model.classifier.backbone[name].embeddings.word_embeddings.weight for name in ("prompt", "response")
    )
    assert torch.equal(first, second)
    model(collate(encoded, range(len(encoded)), share=False)).scalar.square().sum().backward()

    assert first.grad.any()
    assert second.grad.any()
    assert not torch.equal(first.grad, second.grad)


def test_automodel_loads_it(tmp_path: Path) -> None:
    """AutoModel gives the same class and weights, and the rewards of plaudit for a pair with segments."""
    model = towers()
    model.classifier.save_pretrained(tmp_path)
    loaded = AutoModel.from_pretrained(tmp_path).eval()
    encoded = encoded_set(causal=False)
    ids = torch.from_numpy(encoded.ids(0)).long()[None]
    types = (torch.arange(ids.shape[1]) >= int(encoded.response_starts[0])).long()[None]

    assert type(loaded) is TwoTowerModel
    reward = loaded(input_ids=ids, token_type_ids=types).logits[0, 0]
    mine = model(collate_sequences(encoded, [0], share=False)).scalar
    assert mine.item() == pytest.approx(reward.item(), abs=1e-5)


def test_the_self_test_passes() -> None:
    """Packed rewards are those of single sequences."""
    encoded = encoded_set(causal=False)
    assert check_layout(towers(), collate(encoded, range(len(encoded)), share=False)) < 1e-5


def test_decoders_are_refused() -> None:
    """The message says what is needed."""
    with pytest.raises(ValueError, match="two_tower needs an encoder"):
        TwoTower(build(decoders()["llama"]), "first")


@pytest.mark.parametrize("name", ["bert", "roberta"])
@pytest.mark.parametrize("kind", [TwoTower, CrossAttention])
def test_automodel_finds_the_response_without_token_types(tmp_path: Path, kind: type[Headed], name: str) -> None:
    """A saved artefact, opened by AutoModel and given only ids and mask, has the Scorer's rewards: padding on either
    side, with and without a prompt.
    """
    tokenizer = family(name)
    model = kind(classifier(name, len(tokenizer), tokenizer.pad_token_id), "mean", sizes=(8,)).eval()
    save(tmp_path / "model", model, Encoder(tokenizer, for_tokenizer(tokenizer), 64), {})
    scorer = Scorer.load(tmp_path / "model")
    loaded = AutoModel.from_pretrained(tmp_path / "model").eval()
    pairs = [("How is the dog?", "The dog sleeps."), ("", "The fox runs."), ("Who?", "A lazy dog, and the quick fox.")]
    texts = [pair if pair[0] else pair[1:] for pair in pairs]
    for side in ("right", "left"):
        rows = [{"input_ids": tokenizer(*text)["input_ids"]} for text in texts]
        batch = tokenizer.pad(rows, return_tensors="pt", padding_side=side)
        with torch.no_grad():
            found = loaded(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, 0]

        assert found.tolist() == pytest.approx(scorer.rewards(pairs), abs=1e-5)
    assert scorer.artefact.contract.transformers_parity
    assert found.std() > 1e-4


@pytest.mark.parametrize("kind", [TwoTower, CrossAttention])
def test_a_response_that_cannot_be_found_is_no_reward(kind: type[Headed]) -> None:
    """Without token types and without ids to look for, the class refuses and says what to give."""
    model = kind(build(encoders()["bert"]), "mean", sizes=(16,)).eval().classifier
    model.set_attn_implementation("eager")
    ids = torch.randint(3, 99, (1, 6))

    with pytest.raises(NoBoundary, match="give token_type_ids, 1 on the response .* or set config.opening"):
        model(ids)
    assert model(ids, token_type_ids=torch.zeros_like(ids)).logits.isfinite().all()
