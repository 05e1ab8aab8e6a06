r"""The smallest reward model: an MLP, or a linear layer, on an embedding of the conversation.

For an embedding :math:`x`, layers :math:`x_{i+1} = \mathrm{ReLU}(\mathrm{LayerNorm}(W_i x_i + b_i))` (the norm can be
left out) and the reward :math:`r = w^\top x_n + c`; with no hidden layers it is linear in :math:`x`.

The embedding is the pooled hidden state of a backbone, or several beside each other: of several layers (``layers``),
pooled in several ways (``pooling = "last+response"``). With a frozen backbone (``tune = "head"``) it is computed once
for each response, and thousands of pairs train in seconds. The same model without a backbone takes embeddings that
were computed elsewhere, see `plaudit.training.embeddings`.

Where there are a thousand comparisons rather than a hundred thousand, a linear layer on normalised middle layers of a
frozen backbone can be better than training all of it (``docs/log.md`` has the figures on hh-rlhf):
``sizes = [], layers = [14, 18, 22], normalise = true, initial = "zero"`` with a large ``weight_decay``.

Source: Christiano et al., Deep reinforcement learning from human preferences (2017), whose reward is such a network;
Ba et al., Layer Normalization (2016); Alain and Bengio, Understanding intermediate layers using linear classifier
probes (2016).
"""

from typing import ClassVar, Unpack

import torch
from torch import Tensor
from torch.nn.functional import layer_norm as norm
from transformers import PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from plaudit.encoding.batch import Batch
from plaudit.models.composite import Composite, CompositeConfig, OnMlp, mean_of, pooled, registered
from plaudit.models.headed import How, is_causal
from plaudit.models.layers import check_layers, read_states
from plaudit.models.mlp import Initial, Mlp
from plaudit.models.pooling import poolings
from plaudit.models.splitting import OPENING, after_opening

POOLINGS = ("last", "first", "mean", "response")


class EmbeddingMlpConfig(CompositeConfig):
    """Configuration of an MLP on embeddings.

    Attributes:
        features: width of the embeddings; with a backbone, its own times what is read of it.
        layers: hidden states of the backbone that are read, see `EmbeddingMlp`.
        normalise: whether each state that is read is normalised.
    """

    model_type: ClassVar[str] = "plaudit_embedding_mlp"
    features: int = 0
    layers: tuple[int, ...] | list[int] = ()
    normalise: bool = False


@registered
class EmbeddingMlpModel(Composite):
    """An MLP on embeddings, with the backbone that computes them or without.

    Args:
        config: what it is made of; without ``text_config`` there is no backbone and ``features`` is the width.
        backbone: see `Composite`.
    """

    config_class = EmbeddingMlpConfig

    def __init__(self, config: EmbeddingMlpConfig, backbone: PreTrainedModel | None = None) -> None:
        super().__init__(config, backbone)
        width = int(getattr(config.get_text_config(), "hidden_size", 0))
        config.features = config.features or width * max(1, len(config.layers)) * len(poolings(config.pooling))
        if config.features < 1:
            raise ValueError("an MLP without a backbone needs features, the width of its embeddings")
        initial: Initial = config.initial  # type: ignore[assignment]
        self.score = Mlp(config.features, tuple(config.sizes), layer_norm=config.layer_norm, initial=initial)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        *,
        embeddings: Tensor | None = None,
    ) -> SequenceClassifierOutput:
        """Return the rewards, ``logits`` [N, 1], of padded sequences or of embeddings.

        Args:
            input_ids: int64 [N, L].
            attention_mask: [N, L], 1 where there is a token; everywhere if None.
            token_type_ids: int64 [N, L], 1 on the response, for backbones that read segments and for the pooling
                ``response``. Without them the response begins after the last ``opening`` of the configuration, or after
                the first token.
            embeddings: [N, features], instead of ids.

        Raises:
            ValueError: neither or both were given, or ids without a backbone.
        """
        if (input_ids is None) == (embeddings is None):
            raise ValueError("give either input_ids or embeddings")
        if embeddings is not None:
            return self.rewarded(embeddings)
        if self.config.text_config is None or input_ids is None:
            raise ValueError("this MLP has no backbone to read input_ids with; give embeddings")
        mask = input_ids.new_ones(input_ids.shape) if attention_mask is None else attention_mask
        typed = token_type_ids is not None and not self.config.causal
        types = {"token_type_ids": token_type_ids} if typed else {}
        hidden = read_states(self.backbone, self.config.layers, input_ids=input_ids, attention_mask=mask, **types)
        own = self._own(input_ids, mask)
        if token_type_ids is not None:
            own = torch.where(token_type_ids.any(1, keepdim=True), mask * token_type_ids, own)
        states = [
            mean_of(hidden, own) if name == "response" else pooled(name, hidden, mask)
            for name in poolings(self.config.pooling)
        ]
        return self.rewarded(self.prepared(torch.cat(states, dim=-1)))

    def prepared(self, states: Tensor) -> Tensor:
        """Return what the MLP reads of pooled states [N, features]: each state on its own scale, if so configured."""
        if not self.config.normalise:
            return states
        width = int(self.config.get_text_config().hidden_size)
        return norm(states.float().unflatten(-1, (-1, width)), (width,)).flatten(-2)

    def _own(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return [N, L], 1 on the tokens after each row's last ``opening``, or after its first token without one."""
        found = after_opening(ids, mask, self.config.opening)
        begin = torch.where(found < 0, mask.argmax(1) + OPENING, found)
        return mask * (torch.arange(ids.shape[1], device=ids.device) >= begin[:, None])


class EmbeddingMlp(OnMlp):
    """A reward model with an MLP on the pooled hidden state.

    Args:
        classifier: the family's ``…ForSequenceClassification``, whose head is replaced; or an `EmbeddingMlpModel`.
        pooling: ``last`` for causal backbones; ``first`` or ``mean`` for encoders; ``response``, the mean of the
            response's own tokens, for both; or several joined by ``+``.
        sizes: width of each hidden layer; none makes the reward linear.
        layers: hidden states to read beside each other, as transformers counts them: 0 the embeddings, k the k-th
            block's; none for the last alone.
        normalise: give each state that is read mean 0 and variance 1 (a LayerNorm without weights): the states of
            different layers differ in size by orders of magnitude.
        layer_norm: put a LayerNorm before each ReLU.
        initial: ``standard`` as torch draws weights, or ``small``: 0.01 times standard normal, biases 0; or ``zero``:
            the last layer begins at 0.
        seed: of the MLP's initial weights.
        how: layout and computing dtype, see `Headed`.

    Raises:
        ValueError: a setting is out of its range; the message names it.
    """

    pools_several: ClassVar[bool] = True

    def __init__(
        self,
        classifier: PreTrainedModel,
        pooling: str = "last",
        *,
        sizes: tuple[int, ...] = (128, 128),
        layers: tuple[int, ...] = (),
        normalise: bool = False,
        layer_norm: bool = True,
        initial: Initial = "standard",
        seed: int = 0,
        **how: Unpack[How],
    ) -> None:
        self.sizes, self.layer_norm, self.initial, self.seed = tuple(sizes), layer_norm, initial, seed
        self.layers, self.normalise = tuple(layers), normalise
        _check(classifier, pooling, self.layers)
        model = classifier if isinstance(classifier, EmbeddingMlpModel) else self._over(classifier, pooling, how)
        super().__init__(model, pooling, **(how | {"causal": model.config.causal}))

    def _over(self, classifier: PreTrainedModel, pooling: str, how: How) -> EmbeddingMlpModel:
        causal = how.get("causal")
        return EmbeddingMlpModel.over(
            classifier,
            seed=self.seed,
            pooling=pooling,
            causal=is_causal(classifier) if causal is None else causal,
            sizes=self.sizes,
            layers=self.layers,
            normalise=self.normalise,
            layer_norm=self.layer_norm,
            initial=self.initial,
        )

    def gather(self, batch: Batch, hidden: Tensor) -> Tensor:
        """Return what the MLP reads of the hidden states of ``batch``, [N, features]."""
        model: EmbeddingMlpModel = self.classifier  # type: ignore[assignment]
        return model.prepared(super().gather(batch, hidden))


def _check(classifier: PreTrainedModel, pooling: str, layers: tuple[int, ...]) -> None:
    if not set(pooling.split("+")) <= set(POOLINGS):
        raise ValueError(f"embedding_mlp pools by {', '.join(POOLINGS)}, or several joined by +, not {pooling!r}")
    check_layers(layers, int(classifier.config.get_text_config().num_hidden_layers))
