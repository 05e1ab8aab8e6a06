"""Loss, rewards and gradients of one batch in fp32: TRL's own collator and loss on one side, plaudit's on the other."""

import gc
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.arms import protocol
from benchmarks.arms.trl_side import ids_of, trainer
from benchmarks.loading import encoder_of, preference_of, scalar_of
from plaudit.encoding.encode import encode_all
from plaudit.encoding.encoded import EncodedSet
from plaudit.encoding.packing import collate
from plaudit.objectives import reduce
from plaudit.objectives.bradley_terry import BradleyTerry


@dataclass(frozen=True, slots=True)
class Pass:
    """What one side made of the batch.

    Attributes:
        ids: hash of the token ids of chosen and rejected, pair by pair.
        loss: the mean loss.
        rewards: of all chosen, then of all rejected responses.
        gradients: of every parameter, by name.
    """

    ids: str
    loss: float
    rewards: Tensor
    gradients: dict[str, Tensor]


def measure(request: protocol.Request) -> protocol.Answer:
    """Compare the two on the first ``batch_size`` pairs."""
    pairs = protocol.rows_of(request, "pairs")[: request["batch_size"]]
    theirs = _trl(request, pairs)
    gc.collect()
    ours = _plaudit(request, pairs)
    if theirs.ids != ours.ids:
        raise ValueError("TRL and plaudit made different token ids of the same conversations")
    if set(theirs.gradients) != set(ours.gradients):
        raise ValueError(f"one side alone has {sorted(set(theirs.gradients) ^ set(ours.gradients))}")
    return {**differences(ours, theirs), "pairs": len(pairs), "dtype": "float32"}


def differences(ours: Pass, theirs: Pass) -> dict[str, float | str]:
    """Return the largest differences, relative to the largest reward, and to the largest entry of each gradient."""
    worst = {name: relative(ours.gradients[name], gradient) for name, gradient in theirs.gradients.items()}
    most = max(worst, key=lambda name: worst[name])
    squares = [((ours.gradients[name] - g).square().sum(), g.square().sum()) for name, g in theirs.gradients.items()]
    apart, whole = (float(torch.stack(part).sum().sqrt()) for part in zip(*squares, strict=True))
    return {
        "loss_ours": ours.loss,
        "loss_trl": theirs.loss,
        "loss_difference": abs(ours.loss - theirs.loss) / abs(theirs.loss),
        "reward_difference": relative(ours.rewards, theirs.rewards),
        "gradient_difference": worst[most],
        "gradient_parameter": most,
        "gradient_difference_of_norms": apart / whole,
        "parameters": len(worst),
    }


def relative(ours: Tensor, theirs: Tensor) -> float:
    """Return the largest difference over the largest magnitude, 0 where both are all zeros."""
    largest = float(theirs.abs().max())
    return float((ours - theirs).abs().max()) / largest if largest else float(ours.abs().max())


def _trl(request: protocol.Request, pairs: list[dict[str, object]]) -> Pass:
    made = trainer(request, pairs, "float32")
    inputs = made.data_collator([made.train_dataset[row] for row in range(len(pairs))])
    made.model.train()
    loss, outputs = made.compute_loss(made.model, inputs, return_outputs=True)
    loss.backward()
    return Pass(
        protocol.digest(ids_of(made)), float(loss.detach()), outputs.logits[:, 0].detach(), gradients(made.model)
    )


def _plaudit(request: protocol.Request, pairs: list[dict[str, object]]) -> Pass:
    folder = Path(request["folder"], "decoder")
    encoded = encode_all(map(preference_of, pairs), encoder_of(folder, request["max_length"]))  # type: ignore[arg-type]
    model = scalar_of(folder, "float32").train()
    batch = collate(encoded, range(len(encoded)), share=model.shares)
    rewards = model(batch)
    loss = reduce(BradleyTerry()(rewards, batch.labels))
    loss.backward()
    sides = (batch.labels.chosen, batch.labels.rejected)
    values = torch.cat([rewards.scalar[side].detach() for side in sides])
    return Pass(_digest(encoded), float(loss.detach()), values, gradients(model.classifier))


def _digest(encoded: EncodedSet) -> str:
    sides = zip(encoded.chosen.tolist(), encoded.rejected.tolist(), strict=True)
    return protocol.digest(encoded.ids(side).tolist() for pair in sides for side in pair)


def gradients(model: torch.nn.Module) -> dict[str, Tensor]:
    """Return the gradient of every parameter that has one, by name."""
    return {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}


if __name__ == "__main__":
    protocol.answer(measure)
