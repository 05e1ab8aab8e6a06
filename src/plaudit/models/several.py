"""Several sequence classifiers of one shape in one transformers model, each giving one of its outputs.

Members are whole classifiers, or one classifier whose adapted layers and head exist once a member: then the backbone
is stored once, what members have of their own K times. Either way a sequence is computed K times, member by member.

A folder of it is like any other: ``config.json`` holds a member's configuration under ``text_config``, and
``AutoModelForSequenceClassification.from_pretrained`` loads it once ``plaudit.models`` has been imported.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from plaudit.models.composite import registered
from plaudit.models.heads import head_modules, last_linear, linear_layers, put

_MEMBER: ContextVar[int] = ContextVar("member", default=0)
"""Which member is computed, in this thread."""

Head = Mapping[str, nn.Module]
"""A classifier's head: its modules by their dotted names inside the classifier."""


class SeveralConfig(PreTrainedConfig):
    """Configuration of several classifiers.

    Attributes:
        text_config: the configuration of one member.
        members: how many there are, K.
        rank: of the members' adapters on a shared backbone; 0 where each has a backbone of its own.
        targets: names of the adapted layers inside a member.
    """

    model_type: ClassVar[str] = "plaudit_several"
    text_config: dict[str, Any] | PreTrainedConfig | None = None
    members: int = 2
    rank: int = 0
    targets: list[str] | tuple[str, ...] = ()

    def __post_init__(self, **kwargs: Any) -> None:
        """Make the member's configuration of its plain form; there is one output a member."""
        if isinstance(self.text_config, dict):
            self.text_config = AutoConfig.for_model(**self.text_config)
        if self.id2label is None:
            kwargs.setdefault("num_labels", self.members)
        super().__post_init__(**kwargs)


@registered
class SeveralModel(PreTrainedModel):
    """K sequence classifiers (``backbone.member_1`` …), or one (``backbone.shared``) with K sets of adapters and heads.

    Args:
        config: what it is made of.
        parts: the K classifiers, or the shared one, of one output each; built with random weights, to be loaded, if
            None.
        heads: of each member, where the classifier is shared; copies of its own if None.
    """

    config_class = SeveralConfig
    base_model_prefix = "backbone"
    supports_gradient_checkpointing = True
    _supports_sdpa = _supports_attention_backend = True

    def __init__(
        self,
        config: SeveralConfig,
        parts: Sequence[PreTrainedModel] | None = None,
        heads: Sequence[Head] | None = None,
    ) -> None:
        super().__init__(config)
        given = parts is not None
        found = list(parts or _new(config))
        if config.rank:
            _adapt(found[0], config, heads)
            self.supports_gradient_checkpointing = False  # a second forward pass would not know its member
        names = ["shared"] if config.rank else [f"member_{number}" for number in range(1, config.members + 1)]
        self.backbone = nn.ModuleDict(dict(zip(names, found, strict=True)))
        self.head_names = tuple(
            f"backbone.{name}.{inner}" for name, part in zip(names, found, strict=True) for inner in head_modules(part)
        )
        config.text_config = found[0].config
        self._supports_sdpa = bool(getattr(found[0], "_supports_sdpa", False))
        self._supports_attention_backend = bool(getattr(found[0], "_supports_attention_backend", False))
        self._is_stateful = bool(getattr(found[0], "_is_stateful", False))
        for module in self.modules() if given else ():
            module._is_hf_initialized = True  # type: ignore[assignment] # noqa: SLF001 - its weights are given
        self.post_init()

    @classmethod
    def over(
        cls, classifier: PreTrainedModel, members: int, *, rank: int = 0, suffixes: tuple[str, ...] = ()
    ) -> "SeveralModel":
        """Return ``members`` classifiers that begin with the backbone of ``classifier`` and one row each of its head.

        Args:
            classifier: of ``members`` outputs; becomes part of the result.
            members: K.
            rank: of their adapters, or 0 for backbones of their own.
            suffixes: last parts of the names of the layers to adapt; all linear ones if empty.

        Raises:
            ValueError: it has more or fewer outputs, a head whose bias the standard layout has no place for, or no
                layers of those names.
        """
        if classifier.config.num_labels != members:
            raise ValueError(
                f"{members} members begin with a head of {members} outputs and this classifier has "
                f"{classifier.config.num_labels}; load the base with heads={members}"
            )
        if getattr(getattr(classifier, "score", None), "bias", None) is not None:
            raise ValueError("members of their own have no head bias; build the model with head_bias = false")
        heads = [_row(classifier, place) for place in range(members)]
        targets = linear_layers(classifier, suffixes) if rank else []
        copies = [] if rank else [copy.deepcopy(classifier) for _ in range(members - 1)]
        parts = [_single(part, head) for part, head in zip((classifier, *copies), heads, strict=False)]
        return cls.of(parts, heads if rank else None, members=members, rank=rank, targets=targets)

    @classmethod
    def of(
        cls,
        parts: Sequence[PreTrainedModel],
        heads: Sequence[Head] | None = None,
        *,
        members: int,
        rank: int = 0,
        targets: Sequence[str] = (),
    ) -> "SeveralModel":
        """Return the model of classifiers of one output, which become part of it; see the class."""
        text = parts[0].config.get_text_config()
        config: Any = SeveralConfig
        model: Any = cls(
            config(
                text_config=parts[0].config,
                members=members,
                rank=rank,
                targets=list(targets),
                num_labels=members,
                pad_token_id=text.pad_token_id,
                problem_type="regression",
            ),
            parts,
            heads,
        )
        made: SeveralModel = model.to(next(parts[0].parameters()).device).train(parts[0].training)
        return made

    @contextmanager
    def member(self, place: int) -> Iterator[PreTrainedModel]:
        """Yield the classifier of one output of member ``place``, from 0, for computing with it in this thread."""
        token = _MEMBER.set(place)
        try:
            yield self.parts[0 if self.config.rank else place]
        finally:
            _MEMBER.reset(token)

    @property
    def parts(self) -> list[PreTrainedModel]:
        """The classifiers inside: K, or the one that is shared."""
        found: list[Any] = list(self.backbone.values())
        return found

    def last_linears(self) -> list[nn.Linear]:
        """Return the last layer of each member's head."""
        if not self.config.rank:
            return [last_linear(part) for part in self.parts]
        last: Any = list(head_modules(self.parts[0]).values())[-1]
        return [_linears(option)[-1] for option in last.options]

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
    ) -> SequenceClassifierOutput:
        """Return the members' outputs, ``logits`` [N, K], of padded sequences; the arguments are a member's."""
        given = {"attention_mask": attention_mask, "token_type_ids": token_type_ids}
        given = {name: value for name, value in given.items() if value is not None}
        logits = []
        for place in range(self.config.members):
            with self.member(place) as classifier:
                logits.append(classifier(input_ids=input_ids, **given).logits)
        return SequenceClassifierOutput(logits=torch.cat(logits, dim=1))

    def _init_weights(self, module: nn.Module) -> None:
        """Leave new weights as their constructors drew them."""


class Options(nn.Module):
    """One module a member, in the place of one; the member that is being computed has its own called."""

    def __init__(self, options: Sequence[nn.Module]) -> None:
        super().__init__()
        self.options = nn.ModuleList(options)

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """Call the member's module."""
        return self.options[_MEMBER.get()](*inputs, **named)


class Adapted(nn.Module):
    r"""A layer with a low-rank change a member, :math:`W x + B_k A_k x`.

    Args:
        base: a linear layer, or transformers' ``Conv1D``.
        members: K.
        rank: of the changes. :math:`B_k` begins near 0, but not at 0, so that members begin apart.

    Attributes:
        down: :math:`A`, [K, rank, in].
        up: :math:`B`, [K, out, rank]; scales that adapters have elsewhere are in it.
    """

    def __init__(self, base: nn.Module, members: int, rank: int) -> None:
        super().__init__()
        weight: Any = base.weight
        out, inner = weight.shape if isinstance(base, nn.Linear) else weight.shape[::-1]
        self.base = base
        self.down = nn.Parameter(torch.randn(members, rank, inner, device=weight.device) / inner**0.5)
        self.up = nn.Parameter(1e-3 * torch.randn(members, out, rank, device=weight.device))

    @property
    def weight(self) -> Any:
        """The layer's own weight."""
        return self.base.weight

    def forward(self, x: Tensor) -> Tensor:
        """Return [..., out] for [..., in]."""
        place = _MEMBER.get()
        changed: Tensor = self.base(x) + (x @ self.down[place].T) @ self.up[place].T
        return changed


def _new(config: SeveralConfig) -> list[PreTrainedModel]:
    count = 1 if config.rank else config.members
    return [AutoModelForSequenceClassification.from_config(config.text_config) for _ in range(count)]


def _adapt(shared: PreTrainedModel, config: SeveralConfig, heads: Sequence[Head] | None) -> None:
    """Give ``shared`` an adapter and a head a member, in place."""
    own = head_modules(shared)
    each = heads or [{name: copy.deepcopy(module) for name, module in own.items()} for _ in range(config.members)]
    for name in own:
        put(shared, name, Options([head[name] for head in each]))
    for name in config.targets:
        put(shared, name, Adapted(shared.get_submodule(name), config.members, config.rank))


def _row(classifier: PreTrainedModel, place: int) -> dict[str, nn.Module]:
    """Return a copy of the head that gives only the output ``place``."""
    head = {name: copy.deepcopy(module) for name, module in head_modules(classifier).items()}
    last = list(head)[-1]
    linear = _linears(head[last])[-1]
    linear.weight = nn.Parameter(linear.weight.detach()[[place]].clone())
    if linear.bias is not None:
        linear.bias = nn.Parameter(linear.bias.detach()[[place]].clone())
    linear.out_features = 1
    return head


def _linears(module: nn.Module) -> list[nn.Linear]:
    return [inner for inner in module.modules() if isinstance(inner, nn.Linear)]


def _single(classifier: PreTrainedModel, head: Head) -> PreTrainedModel:
    """Give ``classifier`` a head of one output."""
    for name, module in head.items():
        put(classifier, name, module)
    single: Any = classifier
    single.config.num_labels = single.num_labels = 1
    return classifier
