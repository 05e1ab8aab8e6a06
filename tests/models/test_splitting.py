"""Prompts and responses of a batch as sequences of their own."""

import torch

from plaudit.encoding.packing import collate
from plaudit.models.splitting import apart, split
from tests.models.test_prompt_trees import PROMPTS, encoded_set


def test_each_prompt_once_and_each_response_whole() -> None:
    """The parts put together are the sequences; prompts are distinct; responses keep the opening token."""
    encoded = encoded_set(causal=False)
    batch = collate(encoded, range(len(encoded)), share=False)
    parts = split(batch)
    assert parts.prompts is not None
    prompts = parts.prompts.input_ids.split([tree.length for tree in parts.prompts.layout.trees])
    responses = parts.responses.input_ids.split([tree.length for tree in parts.responses.layout.trees])

    assert sorted(len(prompt) for prompt in prompts) == sorted(PROMPTS.values())
    for sequence, response, owner in zip(batch.sequences, responses, parts.prompt_of.tolist(), strict=True):
        whole = encoded.ids(sequence).tolist()
        if owner == len(prompts):
            assert response.tolist() == whole
        else:
            assert prompts[owner].tolist() + response.tolist()[1:] == whole
            assert response[0] == whole[0]


def test_packed_and_shared_batches_split_alike() -> None:
    """Shared prompt trees and unshared segments have the same parts."""
    encoded = encoded_set()
    shared, alone = (split(collate(encoded, range(len(encoded)), share=share)) for share in (True, False))

    assert torch.equal(shared.responses.input_ids, alone.responses.input_ids)
    assert torch.equal(shared.prompt_of, alone.prompt_of)


def test_padded_pairs_are_cut_at_the_second_segment() -> None:
    """A pair is cut where its types become 1; a single text is a response; padding belongs to neither."""
    ids = torch.tensor([[2, 5, 3, 7, 8, 3], [2, 9, 3, 0, 0, 0]])
    mask = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0]])
    types = torch.tensor([[0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0]])
    parts = apart(ids, mask, types)

    assert parts.asked.tolist() == [True, False]
    assert parts.prompt_ids[0].tolist() == [2, 5, 3]
    assert parts.prompt_mask.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert parts.response_ids[0].tolist() == [2, 7, 8, 3]
    assert parts.response_ids[1, :3].tolist() == [2, 9, 3]
    assert parts.response_mask.sum(1).tolist() == [4, 3]
