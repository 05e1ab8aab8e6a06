"""Generate responses to compare."""

from pathlib import Path
from typing import Annotated

import typer

from plaudit.cli._printing import Json, emit


def sample(
    prompts: Annotated[Path, typer.Option(help="A file of rows with prompt or messages, or a .txt of one a line.")],
    output: Annotated[Path, typer.Option(help="The new .jsonl file: a row a prompt, with its responses.")],
    policy: Annotated[
        str, typer.Option(help="A built-in, a folder or a hub id of a causal language model.")
    ] = "builtin:smollm2-135m-instruct",
    count: Annotated[int, typer.Option("--count", "-k", min=2, help="Different responses a prompt.")] = 2,
    temperature: Annotated[float, typer.Option(help="Divides the logits: higher is more varied.")] = 1.0,
    top_p: Annotated[float, typer.Option(help="Draw from the most probable tokens of this probability.")] = 0.95,
    max_new_tokens: Annotated[int, typer.Option(help="The greatest length of a response.")] = 256,
    batch: Annotated[int, typer.Option(help="Responses generated at a time.")] = 16,
    seed: Annotated[int, typer.Option(help="Of all draws; what it gives does not depend on the batches.")] = 0,
    dtype: Annotated[str, typer.Option(help="Of computing: float32, bfloat16 or float16.")] = "float32",
    limit: Annotated[int | None, typer.Option(min=1, help="Take so many prompts at most.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
    as_json: Json = False,
) -> None:
    """Generate several responses to each prompt, for people to compare (plaudit annotate --pairs)."""
    from plaudit.policy.sampling import Sampler
    from plaudit.workflows import sampling

    sampling.require(prompts, output, count, overwrite=overwrite)
    sampler = Sampler.load(
        policy, dtype=dtype, temperature=temperature, top_p=top_p, max_new_tokens=max_new_tokens, batch=batch, seed=seed
    )
    done = sampling.sample(prompts, output, sampler, count, limit=limit, overwrite=overwrite)
    result = {"file": done.file, "prompts": done.prompts, "responses": done.responses, "cut": done.cut}
    emit(result | {"left_out": dict(done.left_out)}, "\n".join(done.lines()), as_json=as_json)
