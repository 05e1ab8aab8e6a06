"""One reward a response: a transformer backbone with the family's own sequence-classification head.

Source: Stiennon et al., Learning to summarize from human feedback (2020); Ouyang et al., InstructGPT (2022).
"""

from plaudit.models.headed import Headed


class Scalar(Headed):
    """A reward model with one head, whose output is the reward."""
