r"""Drawing tokens so that a response depends on its own seed alone, not on what it is generated beside.

A token is drawn by adding Gumbel noise to the logarithms of the probabilities and taking the greatest: with
:math:`g_v = -\log(-\log u_v)`, the token :math:`\arg\max_v (\log p_v + g_v)` has the distribution :math:`p` (Gumbel,
Statistical theory of extreme values, 1954; Maddison, Tarlow and Minka, A* Sampling, arXiv:1411.0030). Each row of a
batch has a generator of its own for :math:`u`, so greedy generation over the noisy scores draws each row reproducibly.
"""

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import LogitsProcessor


def seed_of(*parts: object) -> int:
    """Return a seed of 63 bits that depends on every part."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "big") >> 1


def nucleus(scores: Tensor, top_p: float) -> Tensor:
    """Return scores ``[N, V]`` with −∞ for all tokens outside the smallest set of probability ``top_p`` or more.

    The most probable token always stays (Holtzman et al., The Curious Case of Neural Text Degeneration, 2020).
    """
    if top_p >= 1:
        return scores
    ordered, places = scores.sort(dim=-1, descending=True)
    before = ordered.softmax(-1).cumsum(-1) - ordered.softmax(-1)
    outside = torch.zeros_like(scores, dtype=torch.bool).scatter(-1, places, before >= top_p)
    outside.scatter_(-1, places[:, :1], value=False)
    return scores.masked_fill(outside, float("-inf"))


class Drawing(LogitsProcessor):
    """Turns greedy generation into sampling, one seed a row.

    Args:
        seeds: of the rows of the batch ``[N]``.
        temperature: divides the logits; 0 draws nothing: the most probable token is taken.
        top_p: see `nucleus`.
    """

    def __init__(self, seeds: Sequence[int], temperature: float, top_p: float) -> None:
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.temperature, self.top_p = temperature, top_p

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # noqa: ARG002  (the signature is transformers')
        """Return the noisy scores ``[N, V]`` whose greatest is the token drawn."""
        if not self.temperature:
            return scores
        kept = nucleus(scores.float() / self.temperature, self.top_p)
        width = scores.shape[-1]
        uniform = torch.stack([torch.rand(width, generator=one, dtype=torch.float64) for one in self.generators])
        noise = -torch.log(-torch.log(uniform.clamp(1e-300, 1 - 1e-16)))
        return kept.log_softmax(-1) + noise.to(kept)
