"""However short sequences must be, an artefact has eight canaries of all kinds, or it is not saved."""

from pathlib import Path

import pytest
import torch

from plaudit.encoding.choices import for_tokenizer
from plaudit.encoding.encoder import Encoder
from plaudit.models.architectures.scalar import Scalar
from plaudit.scoring import canaries
from plaudit.scoring.artifact import save
from plaudit.scoring.canaries import LEAST, TooFewCanaries
from plaudit.scoring.canary_texts import TEXTS
from plaudit.scoring.contract import BadArtefact
from plaudit.scoring.verify import load, verify
from plaudit.testing import byte_tokenizer
from tests.encoding.families import CHAT, ENCODERS, PLAIN, family
from tests.scoring.tiny import RECIPE, TOKENIZERS, tiny

NAMES = [*CHAT, *PLAIN, *ENCODERS]
FITTING = [(name, size) for name in NAMES for size in (16, 32, 64) if (name, size) != ("llama2", 16)]
"""That one spells its label out in 13 pieces and is refused at 16, as `TOO_SHORT` are."""


def short(name: str, max_length: int) -> tuple[Scalar, Encoder]:
    """Return a tiny model of a family whose sequences have at most ``max_length`` tokens."""
    tokenizer = family(TOKENIZERS[name])
    return tiny(name)[0], Encoder(tokenizer, for_tokenizer(tokenizer), max_length)


@pytest.mark.parametrize(("name", "max_length"), FITTING)
def test_eight_different_canaries_fit(name: str, max_length: int) -> None:
    """Of every family: eight different sequences, one as long as allowed, one of a conversation of many turns, and
    one whose ids hold characters beyond ASCII.
    """
    encoder = Encoder(family(name), for_tokenizer(family(name)), max_length)
    written, _ = canaries.encode(encoder)
    lengths = [len(one.sequence.ids) for one in written.values()]

    canaries.require(encoder)
    assert len({tuple(one.sequence.ids.tolist()) for one in written.values()}) >= LEAST == 8
    assert max_length - 3 <= max(lengths) <= max_length
    assert len(written["many turns"].pair[0]) == 5
    ending = written["scripts"].pair[1][-1].content  # type: ignore[union-attr]
    assert str(TEXTS["scripts"][1][-1].content).endswith(ending)  # type: ignore[union-attr]
    assert any(ord(character) > 127 for character in ending)


@pytest.mark.parametrize("name", NAMES)
def test_what_fits_is_left_whole(name: str) -> None:
    """Where there is room, every conversation is the one in the table."""
    written, _ = canaries.encode(Encoder(family(name), for_tokenizer(family(name)), 2048))

    assert {key: one.pair for key, one in written.items()} == {key: TEXTS[key] for key in written}
    assert not any(one.sequence.cut for one in written.values())


@pytest.mark.parametrize("max_length", [16, 32, 64])
@pytest.mark.parametrize("name", ["llama", "gpt2", "bert"])
def test_short_artefacts_are_checked_like_long_ones(name: str, max_length: int, tmp_path: Path) -> None:
    """Saved, loaded and verified; a backbone that was changed by a thousandth part is refused."""
    model, encoder = short(name, max_length)
    folder = tmp_path / "short"
    save(folder, model, encoder, RECIPE)

    found = canaries.read(folder)
    assert len({canary.ids for canary in found.scored}) >= 8
    assert all(len(canary.ids) <= max_length for canary in found.canaries)
    assert load(folder).report.passed
    with torch.no_grad():
        for parameter in model.classifier.base_model.parameters():
            parameter.mul_(1.05)
    changed = tmp_path / "changed"
    save(changed, model, encoder, RECIPE)
    (changed / "model.safetensors").replace(folder / "model.safetensors")
    assert not verify(folder).passed


TOO_SHORT = {"llama": 8, "gpt2": 8}


@pytest.mark.parametrize("name", TOO_SHORT)
def test_too_short_is_refused(name: str, tmp_path: Path) -> None:
    """Where eight do not fit, nothing is saved; the message says how many do and what to raise."""
    model, encoder = short(name, TOO_SHORT[name])

    with pytest.raises(BadArtefact, match=r"at most 8 tokens only \d different canaries.*raise max_length"):
        save(tmp_path / "short", model, encoder, RECIPE)
    assert list(tmp_path.iterdir()) == []
    for tokenizer, size in ((byte_tokenizer(), 12), (family("llama2"), 16)):
        with pytest.raises(TooFewCanaries, match="response_too_long"):
            canaries.require(Encoder(tokenizer, for_tokenizer(tokenizer), size))
