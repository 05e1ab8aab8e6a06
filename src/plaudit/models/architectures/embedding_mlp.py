r"""The smallest reward model: an MLP on an embedding of the whole conversation.

For an embedding :math:`x`, layers :math:`x_{i+1} = \mathrm{ReLU}(\mathrm{LayerNorm}(W_i x_i + b_i))` (the norm can be
left out) and the reward :math:`r = w^\top x_n + c`.

The embedding is the pooled hidden state of a backbone. With a frozen one (``tune = "head"``) it is computed once for
each response, and thousands of pairs train in seconds. The same model without a backbone takes embeddings that were
computed elsewhere, see `plaudit.training.embeddings`.

Source: Christiano et al., Deep reinforcement learning from human preferences (2017), whose reward is such a network;
Ba et al., Layer Normalization (2016).
"""

from typing import ClassVar, Unpack

from torch import Tensor
from transformers import PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from plaudit.models.composite import Composite, CompositeConfig, OnMlp, check_pooling, registered
from plaudit.models.headed import How, is_causal
from plaudit.models.mlp import Initial, Mlp


class EmbeddingMlpConfig(CompositeConfig):
    """Configuration of an MLP on embeddings.

    Attributes:
        features: width of the embeddings; with a backbone, its own.
    """

    model_type: ClassVar[str] = "plaudit_embedding_mlp"
    features: int = 0


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
        config.features = config.features or int(getattr(config.get_text_config(), "hidden_size", 0))
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
            token_type_ids: int64 [N, L], for backbones that read segments.
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
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        hidden = self.backbone(input_ids=input_ids, attention_mask=mask, **types).last_hidden_state
        return self.rewarded(self.pooled(hidden, mask))


class EmbeddingMlp(OnMlp):
    """A reward model with an MLP on the pooled hidden state.

    Args:
        classifier: the family's ``…ForSequenceClassification``, whose head is replaced; or an `EmbeddingMlpModel`.
        pooling: ``last`` for causal backbones; ``first`` or ``mean`` for encoders.
        sizes: width of each hidden layer.
        layer_norm: put a LayerNorm before each ReLU.
        initial: ``standard`` as torch draws weights, or ``small``: 0.01 times standard normal, biases 0.
        seed: of the MLP's initial weights.
        how: layout and computing dtype, see `Headed`.

    Raises:
        ValueError: a setting is out of its range; the message names it.
    """

    def __init__(
        self,
        classifier: PreTrainedModel,
        pooling: str = "last",
        *,
        sizes: tuple[int, ...] = (128, 128),
        layer_norm: bool = True,
        initial: Initial = "standard",
        seed: int = 0,
        **how: Unpack[How],
    ) -> None:
        self.sizes, self.layer_norm, self.initial, self.seed = tuple(sizes), layer_norm, initial, seed
        check_pooling(pooling, "embedding_mlp")
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
            layer_norm=self.layer_norm,
            initial=self.initial,
        )
