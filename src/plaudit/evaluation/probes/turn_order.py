"""Turn order: does it matter to the model which turn came last?

In a conversation of several turns the user names something and then renames it; at the end they ask for its name.
The response gives the later one. With the two statements swapped, the same response is wrong, and its reward has to be
lower by 0.2 spreads. Needs data whose prompts have turns.
"""

from collections.abc import Sequence
from typing import ClassVar

from plaudit.evaluation.contrasts import Form
from plaudit.evaluation.drawing import Pair
from plaudit.evaluation.experiment import Contrast, Conversation, DoesNotApply, Experiment

NAMED = (
    ("boat", "Swallow", "Heron"),
    ("cat", "Pepper", "Biscuit"),
    ("dog", "Rex", "Bruno"),
    ("project", "Alder", "Birch"),
    ("team", "Comets", "Ravens"),
    ("house", "Fernside", "Oakley"),
    ("horse", "Star", "Thunder"),
    ("shop", "Corner", "Lantern"),
    ("song", "Harbour", "Meadow"),
    ("robot", "Bolt", "Sprocket"),
    ("garden", "Eden", "Arbour"),
    ("band", "Marbles", "Kites"),
    ("ship", "Fortune", "Endeavour"),
    ("parrot", "Mango", "Kiwi"),
    ("game", "Castles", "Rivers"),
    ("book", "Winter", "Summer"),
    ("company", "Northwind", "Southgate"),
    ("planet", "Vela", "Orla"),
    ("dragon", "Ember", "Ash"),
    ("village", "Millford", "Ashbrook"),
    ("server", "Apollo", "Hermes"),
    ("recipe", "Sunrise", "Sunset"),
    ("train", "Comet", "Arrow"),
    ("doll", "Rosie", "Daisy"),
)
"""A thing and two names for it."""


class TurnOrder(Experiment):
    """The answer that was right before the turns changed places; must be lower."""

    title: ClassVar[str] = "which of the user's turns came last does not matter"
    done: ClassVar[str] = "The user renames something; the same answer was judged with the two namings swapped."
    tolerated: ClassVar[float] = -0.2
    gravity: ClassVar[float] = 0.4

    def contrasts(self, pairs: Sequence[Pair]) -> list[Contrast]:
        """Return, for each thing and either name, the right answer and the same after turns that make it wrong."""
        form = Form.of(pairs)
        if not form.prompt_turns:
            raise DoesNotApply("the prompts of the data are plain text, without turns")
        return [
            Contrast(
                before=_conversation(form, thing, (first, second), second),
                after=_conversation(form, thing, (second, first), second),
                group=thing,
            )
            for thing, *names in NAMED
            for first, second in (names, names[::-1])
        ]


def _conversation(form: Form, thing: str, names: Sequence[str], answer: str) -> Conversation:
    stated = [f"From now on the {thing} is called {name}." for name in names]
    asked = form.asked(stated[0], "All right.", stated[1], "All right.", f"What is the {thing} called now?")
    return asked, form.answered(f"The {thing} is now called {answer}.")
