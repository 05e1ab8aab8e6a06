"""The model card: how to score with the model, and where another program would get other rewards."""

from plaudit.scoring.canaries import Canaries
from plaudit.scoring.contract import Contract

_CARD = """---
library_name: transformers
pipeline_tag: text-classification
tags: [reward-model, plaudit]
---
# {title}

A reward model: a higher reward means that people preferred such a response. Only differences between responses to one
prompt have a meaning.

```python
from plaudit.scoring.scorer import Scorer

scorer = Scorer.load("path/to/this/folder")
scorer.score([("How do I boil an egg?", "Eight minutes in boiling water.")])
```

`plaudit verify path/to/this/folder` checks it against {canaries} recorded conversations.

| | |
|---|---|
| architecture | {architecture} |
| pooling | {pooling} |
| text form | {kind}, up to {max_length} tokens |
| weights | {weights_dtype}, the head's too |
| computing | {dtypes} |
| attention | {attention} |

## With other programs

{parity}
"""


def card(title: str, contract: Contract, canaries: Canaries) -> str:
    """Return the text of README.md."""
    dtypes = ", ".join(f"{dtype} (within {tolerance:.2g})" for dtype, tolerance in contract.tolerances.items())
    return _CARD.format(
        title=title,
        canaries=len(canaries.canaries),
        architecture=contract.architecture,
        pooling=contract.settings.get("pooling", "its own"),
        kind=contract.encoding["kind"],
        max_length=contract.encoding["max_length"],
        weights_dtype=contract.weights_dtype,
        dtypes=dtypes,
        attention=contract.attention,
        parity="\n\n".join(_parity(contract)),
    )


def _parity(contract: Contract) -> list[str]:
    if contract.transformers_parity and len(contract.outputs) > 1:
        first = (
            "`AutoModelForSequenceClassification` gives the same outputs of the head on the same token ids; the reward "
            "is made of them as below."
        )
    elif contract.transformers_parity:
        first = "`AutoModelForSequenceClassification` gives the same rewards on the same token ids."
    else:
        first = "**`AutoModelForSequenceClassification` gives other rewards**; score with plaudit. See below."
    if contract.string_parity:
        second = (
            "The tokenizer's chat template gives the same ids, so trainers that render conversations themselves "
            '(TRL\'s `reward_funcs="path"`) get the same rewards.'
        )
    else:
        second = (
            "**Do not give this folder's path to TRL as a reward function**: the ids would differ. Pass the callable "
            "`Scorer.load(path).trl_reward` instead."
        )
    notes = [f"Why: {contract.parity_note}."] if contract.parity_note else []
    return [first, second, *notes, *_bf16(contract)]


def _bf16(contract: Contract) -> list[str]:
    if contract.weights_dtype == "float32":
        return []
    return [
        f"This is a {contract.weights_dtype} export: its reward head is {contract.weights_dtype} as well, not fp32."
    ]
