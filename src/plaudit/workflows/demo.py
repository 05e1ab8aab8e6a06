"""The demo: real human judgements in, a measured reward model out, and three reviews of one's own scored with it."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from plaudit import config
from plaudit.scoring.scorer import Scorer
from plaudit.workflows.announcing import Say, to_stderr
from plaudit.workflows.training import SCHEMA, Trained, train_and_evaluate

REVIEWS = {
    "glowing": "A wonderful film: the acting is superb, the story moved me deeply, and I would see it again tomorrow.",
    "mixed": "Some scenes are charming and some drag; it is a decent way to spend an evening, no more.",
    "damning": "A dreadful mess: the plot makes no sense, the acting is wooden, and I regret every minute of it.",
}
"""Written for the demo, best first."""

EXAMPLE = '{"response": "I laughed all the way through."}'


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What the demo shows.

    Attributes:
        trained: the run and its evaluation on snippets that nothing has seen.
        rewards: of `REVIEWS`, by name.
    """

    trained: Trained
    rewards: dict[str, float]

    @property
    def in_order(self) -> bool:
        """Whether the glowing review is rewarded above the mixed one, and that above the damning one."""
        return self.rewards["glowing"] > self.rewards["mixed"] > self.rewards["damning"]

    def as_mapping(self) -> dict[str, Any]:
        """Return the figures that ``--json`` prints."""
        return {**self.trained.as_mapping(), "reviews": self.rewards, "in_order": self.in_order}

    def as_text(self) -> str:
        """Return what a person reads."""
        reviews = "\n".join(f"  {reward:+7.3f}  {REVIEWS[name]}" for name, reward in self.rewards.items())
        right = "in the right order" if self.in_order else "NOT in the right order"
        return "\n".join(
            [
                str(self.trained.evaluation),
                f"Rewards of three reviews, {right}:",
                reviews,
                "",
                self.trained.speed,
                f"The reward model is in {self.trained.artefact}. Score your own text with it:",
                "",
                f"  echo '{EXAMPLE}' | plaudit score {self.trained.artefact}",
                "",
            ]
        )


def demo(output: Path | str, *, seed: int = 0, overrides: tuple[str, ...] = (), say: Say = to_stderr) -> Demonstration:
    """Train on ``builtin:movie-ratings`` and measure on snippets that neither training nor stopping has seen.

    Args:
        output: folder of the run, new or empty.
        seed: of the split, the head and the order; another seed holds out other snippets.
        overrides: dotted settings over those of ``demo.toml``.
        say: receives progress.
    """
    settings = resources.files("plaudit.workflows") / "demo.toml"
    seeds = (f"data.seed={seed}", f"model.seed={seed}", f"training.seed={seed}")
    with resources.as_file(settings) as path:
        configuration = config.read(path, (*seeds, *overrides), SCHEMA)
    trained = train_and_evaluate(configuration, output, say=say)
    rewards = Scorer.load(trained.artefact).rewards(("", text) for text in REVIEWS.values())
    return Demonstration(trained, dict(zip(REVIEWS, rewards, strict=True)))
