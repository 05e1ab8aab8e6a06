"""What architectures share: a backbone, packed or padded, pooled, under the family's own classification head.

Causal backbones run prompt trees and are pooled at the last token; encoders run packed and are pooled at the first
token or the mean. A backbone that cannot run packed takes the padded path and says why.

An architecture is a subclass. It says which `labels` the head has, which `outputs` its rewards have, and how the one
becomes the other (`head`); what it needs from the hidden states beyond the pooled one it adds in `gather`.
"""

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, TypedDict

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from plaudit.encoding.batch import Batch
from plaudit.models import attention
from plaudit.models.blocks import Trees
from plaudit.models.heads import apply_head, backbone_of, head_parameters
from plaudit.models.language_head import LanguageHead
from plaudit.models.last_layer import reads_few
from plaudit.models.layers import read_states
from plaudit.models.lean import slim
from plaudit.models.memory import keep_freed
from plaudit.models.padded import BUDGET, padded_hidden, unshared
from plaudit.models.pooling import firsts, pool, poolings
from plaudit.models.reward_model import Rewards
from plaudit.models.rotary import check_positions

LAYOUTS = ("trees", "padded")
NOT_EXTRA = ("classifier.", "language_model.")
"""Where the names of the classifier's weights begin; and those of a head that is kept for training alone."""


BIAS = "classifier.score.bias"
GIVEN = ("classifier", "compute_dtype")
"""Arguments of a constructor that are no settings of the model."""


class How(TypedDict, total=False):
    """Settings of `Headed` that every architecture passes on."""

    causal: bool | None
    layout: str
    compute_dtype: torch.dtype


class Headed(nn.Module):
    """A reward model with a backbone and one classification head.

    A subclass takes the classifier, the pooling, settings of its own and ``**how``. It keeps each setting as an
    attribute of the same name *before* it calls this constructor, because `labels` depend on them.

    Args:
        classifier: the family's ``…ForSequenceClassification``, with one output a label.
        pooling: ``last`` for causal backbones; ``first`` or ``mean`` for encoders.
        causal: whether tokens see only what came before; read from the class if None.
        layout: ``trees`` packs without padding and shares prompts; ``padded`` is for backbones that cannot.
        compute_dtype: dtype of the backbone's products; weights, head and rewards stay in their own (fp32).

    Attributes:
        varies: whether the rewards have a variance.
        learns_variance: whether that variance is learned by the steps of training, if the objective reads it.
        pools_several: whether the head can read several poolings beside each other.
        head_settings: names of settings of the head alone, on which `features` do not depend.
        layers: which hidden states are read, see `plaudit.models.layers`; none for the last alone.
        member_columns: columns of the rewards that are reward models of their own and learn each for itself.
        directions: how many ``Rewards.deviations`` there are, 0 for none.
        padded_budget: padded tokens that the padded layout computes at once, unless one sequence is longer.
        whole_only: why the head cannot be trained on features of a frozen backbone, or an empty string.
        language_model: the backbone's language-model head, for rewards with log-likelihoods; None keeps none. It is
            no setting of the model and no part of what is saved.

    Raises:
        ValueError: the layout is unknown, or the classifier has more or fewer outputs than there are labels.
    """

    varies: ClassVar[bool] = False
    learns_variance: ClassVar[bool] = False
    pools_several: ClassVar[bool] = False
    head_settings: ClassVar[tuple[str, ...]] = ()
    layers: tuple[int, ...] = ()
    member_columns: tuple[int, ...] = ()
    directions: int = 0
    padded_budget: int = BUDGET
    whole_only: ClassVar[str] = ""
    language_model: LanguageHead | None

    def __init__(
        self,
        classifier: PreTrainedModel,
        pooling: str = "last",
        *,
        causal: bool | None = None,
        layout: str = "trees",
        compute_dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.language_model = None
        if len(poolings(pooling)) > 1 and not self.pools_several:
            raise ValueError(f"{type(self).__name__} reads one state a response; pooling {pooling!r} gives several")
        if layout not in LAYOUTS:
            raise ValueError(f"unknown layout {layout!r}; known: {', '.join(LAYOUTS)}")
        self.classifier = classifier
        self.pooling, self.layout, self.compute_dtype = pooling, layout, compute_dtype
        self.causal = is_causal(classifier) if causal is None else causal
        self.padded_because = unpackable(classifier) if layout == "trees" else "asked for"
        if self.padded_because:
            self.layout = "padded"
        _name_labels(classifier, self.labels, type(self).__name__)
        classifier.set_attn_implementation(attention.NAME if self.layout == "trees" else _own_attention(classifier))
        slim(backbone_of(classifier))
        keep_freed()

    @classmethod
    def labels_of(cls, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the names of the head's outputs under ``settings``, all of the constructor's.

        Raises:
            ValueError: settings that cannot be; the message says what can.
        """
        del settings
        return ("reward",)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the head's outputs, which ``id2label`` of the configuration holds."""
        return self.labels_of(self.settings)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the columns of the rewards; the first is ``reward``, the others are its parts."""
        return ("reward",)

    @property
    def columns(self) -> tuple[str, ...]:
        """`outputs`, and ``variance`` where the rewards have one: what is recorded, kept and compared."""
        return (*self.outputs, "variance") if self.varies else self.outputs

    @property
    def composition(self) -> str:
        """How the reward is made of the head's outputs, as a formula, or an empty string where it is the only one."""
        return ""

    @property
    def settings(self) -> dict[str, Any]:
        """The constructor's settings, besides the classifier and the computing dtype."""
        return {name: getattr(self, name) for name in parameters(type(self))}

    @property
    def shares(self) -> bool:
        """Whether batches should be collated with shared prompts."""
        return self.causal and self.layout == "trees"

    def forward(self, batch: Batch) -> Rewards:
        """Score every response of ``batch``."""
        if self.language_model is None:
            return self.head(self.features(batch))
        return self.read(*self.hidden_states(batch))

    def read(self, batch: Batch, hidden: Tensor) -> Rewards:
        """Return all that there is in the hidden states [T, H] of ``batch``."""
        rewards = self.head(self.gather(batch, hidden))
        if self.language_model is None:
            return rewards
        with torch.autocast(hidden.device.type, self.compute_dtype, enabled=self._mixed()):
            return replace(rewards, log_likelihood=self.language_model(hidden, batch))

    def features(self, batch: Batch) -> Tensor:
        """Return what `head` needs of every response, [N, F]: the pooled hidden state."""
        if self._reads_one():
            read = batch.ends if self.pooling == "last" else firsts(batch).to(batch.ends.device)
            return self.hidden_states(batch, read=read)[1]
        return self.gather(*self.hidden_states(batch))

    def hidden_states(
        self, batch: Batch, encoder: PreTrainedModel | None = None, *, read: Tensor | None = None
    ) -> tuple[Batch, Tensor]:
        """Return the hidden states [T, H] that are read, and the batch whose packed offsets their rows have.

        Args:
            batch: the packed batch.
            encoder: what to run it through; the classifier's backbone if None.
            read: packed offsets of the tokens whose states are wanted, [read, H]; only where `reads_few` holds.
                Of an encoder, one token of each sequence, in packed order.
        """
        backbone = backbone_of(self.classifier) if encoder is None else encoder
        check_positions(self.classifier.config, batch.layout, packed=self.layout == "trees")
        with torch.autocast(batch.input_ids.device.type, self.compute_dtype, enabled=self._mixed()):
            if self.layout == "padded":
                return unshared(batch), padded_hidden(backbone, batch, self._pad or 0, self.padded_budget, self.layers)
            return batch, self._packed(batch, backbone, read)

    def gather(self, batch: Batch, hidden: Tensor) -> Tensor:
        """Return the features [N, F] in the hidden states [T, H] of ``batch``."""
        return pool(hidden, batch, self.pooling, self._pad)

    def logits(self, features: Tensor) -> Tensor:
        """Return the head's own outputs for features [N, F]: float32 [N, labels]."""
        return apply_head(self.classifier, features)

    def head(self, features: Tensor) -> Rewards:
        """Return the rewards of features [N, F]."""
        return Rewards(self.logits(features))

    def begin(self) -> None:
        """Set up a head that is new, before training; a loaded one is left as it is."""

    def settle(self, batches: Iterable[Batch]) -> None:
        """Fit, once after training, what is not trained by steps; nothing where there is no such thing.

        Args:
            batches: of the training set, with their labels, on this model's device; the model is in evaluation mode and
                no gradients are recorded. They may be run through once.
        """

    def extra_state(self) -> dict[str, Tensor]:
        """Return the weights that the classifier's standard layout has no place for, by name.

        They are the parameters and buffers outside the classifier, and the bias of a linear head of several outputs.
        """
        state = {name: value for name, value in self.state_dict().items() if not name.startswith(NOT_EXTRA)}
        bias = getattr(getattr(self.classifier, "score", None), "bias", None)
        if len(self.labels) > 1 and bias is not None:
            state[BIAS] = bias.detach()
        return state

    def load_extra(self, state: Mapping[str, Tensor]) -> None:
        """Put back what `extra_state` returned.

        Raises:
            ValueError: other names or shapes than this architecture has.
        """
        score: Any = getattr(self.classifier, "score", None)
        if BIAS in state and score is not None and score.bias is None:
            score.bias = nn.Parameter(torch.zeros_like(state[BIAS], device=score.weight.device))
        own = self.extra_state()
        shapes = [{name: tuple(value.shape) for name, value in part.items()} for part in (own, state)]
        if shapes[0] != shapes[1]:
            raise ValueError(f"{type(self).__name__} keeps {shapes[0] or 'nothing'} there, the file has {shapes[1]}")
        self.load_state_dict(dict(state), strict=False)

    def cast_backbone(self, dtype: torch.dtype) -> None:
        """Cast the backbone's weights to ``dtype`` once, for scoring: half the memory of autocast and no casts a call.

        The head, wherever the family keeps it, and buffers (rotary frequencies) stay as they are. The cast loses
        what ``dtype`` cannot hold, so a model that is to be trained or saved keeps its fp32 weights.

        Raises:
            ValueError: ``dtype`` is not a floating-point type.
        """
        if not dtype.is_floating_point:
            raise ValueError(
                f"a backbone cannot be cast to {dtype}; use torch.bfloat16, torch.float16 or torch.float32"
            )
        head = {id(parameter) for parameter in head_parameters(self.classifier)}
        for parameter in backbone_of(self.classifier).parameters():
            if id(parameter) not in head:
                parameter.data = parameter.data.to(dtype)
        self.compute_dtype = dtype

    @property
    def _pad(self) -> int | None:
        pad: int | None = self.classifier.config.get_text_config().pad_token_id
        return pad

    def _reads_one(self) -> bool:
        """Return whether each response's last or first state is all that is read, and the backbone can tell."""
        plain = self.pooling in ("last", "first") and self.layout == "trees" and not self.layers
        return plain and type(self).gather is Headed.gather and reads_few(backbone_of(self.classifier))

    def _packed(self, batch: Batch, backbone: PreTrainedModel, read: Tensor | None) -> Tensor:
        trees = Trees(batch.layout, causal=self.causal, device=batch.input_ids.device, read=read)
        inputs: dict[str, Any] = {
            "input_ids": batch.input_ids[None],
            "position_ids": batch.position_ids[None] + _offset(backbone),
        }
        if bool(batch.token_type_ids.any()):
            inputs["token_type_ids"] = batch.token_type_ids[None]
        if self.causal:
            inputs["use_cache"] = False
        return read_states(backbone, self.layers, **inputs, trees=trees)[0]

    def _mixed(self) -> bool:
        """Return whether products need autocast: a cast backbone does not, unless it holds the head's pooler."""
        weights = backbone_of(self.classifier).parameters()
        return self.compute_dtype != torch.float32 and any(weight.dtype == torch.float32 for weight in weights)


def parameters(architecture: type[Headed]) -> dict[str, inspect.Parameter]:
    """Return the settings that the constructors of ``architecture`` take, its own first."""
    found: dict[str, inspect.Parameter] = {}
    for kind in architecture.__mro__:
        if issubclass(kind, Headed) and "__init__" in vars(kind):
            found |= {name: item for name, item in inspect.signature(kind).parameters.items() if name not in found}
    return {name: item for name, item in found.items() if name not in GIVEN and item.kind is not item.VAR_KEYWORD}


def is_causal(classifier: PreTrainedModel) -> bool:
    """Return whether the backbone is a decoder: sequence classifiers of decoders keep their head in ``score``."""
    return hasattr(classifier, "score") and not getattr(classifier.config, "is_encoder_decoder", False)


def unpackable(classifier: PreTrainedModel) -> str:
    """Return why the backbone cannot run packed, or an empty string."""
    if not getattr(classifier, "_supports_attention_backend", False):
        return f"{type(classifier).__name__} computes attention itself, not through AttentionInterface"
    if getattr(classifier, "_is_stateful", False):
        return f"{type(classifier).__name__} carries a state from token to token"
    return ""


def _name_labels(classifier: PreTrainedModel, labels: tuple[str, ...], architecture: str) -> None:
    config: Any = classifier.config
    if config.num_labels != len(labels):
        raise ValueError(
            f"{architecture} needs a head of {len(labels)} outputs ({', '.join(labels)}) and this classifier has "
            f"{config.num_labels}; load the base with heads={len(labels)}"
        )
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: number for number, label in enumerate(labels)}


def _own_attention(classifier: PreTrainedModel) -> str:
    return "sdpa" if getattr(classifier, "_supports_sdpa", False) else "eager"


def _offset(backbone: PreTrainedModel) -> int:
    """Return the first position number: RoBERTa's tables begin after the row of the pad token."""
    embeddings: Any = getattr(backbone, "embeddings", None)
    if not hasattr(embeddings, "create_position_ids_from_input_ids"):
        return 0
    return int(embeddings.padding_idx) + 1
