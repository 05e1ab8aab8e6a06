"""The conversations that every artefact is checked with: short, long, of many turns, in several scripts."""

from plaudit.preferences.preference import Message
from plaudit.scoring.conversations import Pair

_RIVER = (
    "A river town asked us how to move its market. The old square floods twice a year, the new car park does not,"
    " and the traders like neither: the square is damp, the car park is ugly and has no shade. Rents in the "
    "square are 14 coins a stall, 9 in the car park. On a dry Saturday 1,250 people come, on a wet one 430. The "
    "baker wants to stay near the bridge, the fishmonger wants running water, the two cheese sellers will go "
    "wherever the baker goes. A third place, the yard of the closed school, has walls, a pump and nine plane "
    "trees, but its gate is only three metres wide, so vans would have to unload outside and carts would do the "
    "rest. The mayor has money for one gate or for one drain, not both, and an election in March. "
)
_BOX = "Tape a note to box {number}: it holds {number} cups. "


def _turns(*contents: str) -> tuple[Message, ...]:
    return tuple(Message(("user", "assistant")[place % 2], content) for place, content in enumerate(contents))


def _asked(question: str, answer: str) -> Pair:
    return _turns(question), (Message("assistant", answer),)


TEXTS: dict[str, Pair] = {
    "short": _asked("Is 91 a prime number?", "No: 91 is 7 times 13."),
    "unhelpful": _asked("Is 91 a prime number?", "Yes, surely, why not."),
    "terse": _asked("Thanks!", "OK"),
    "long prompt": _asked(_RIVER + "What should they do?", "Widen the school's gate: shade and water are there."),
    "long response": _asked(
        "Where should a flooded market go?", _RIVER.partition(". The baker")[0] + ". So choose the yard."
    ),
    "many turns": (
        _turns(
            "My tomato plant droops.", "How often do you water it?", "Every evening.", "Is the soil wet?", "Like mud."
        ),
        _turns("", "Then wait five days; its roots need air.")[1:],
    ),
    "system": (
        (Message("system", "Answer in one sentence."), Message("user", "Why is the sky dark at night?")),
        (Message("assistant", "Because our side of the Earth faces away from the Sun."),),
    ),
    "scripts": _asked("Übersetze »猫が窓辺で眠る« bitte.", "Die Katze schläft am Fenster. 🐈‍⬛ Ça va? Да, हाँ, نعم."),
    "code": _asked("Sum a list in Python.", "```python\ntotal = sum([1, 2, 3])\nprint(total)  # 6\n```"),
    "white space": _asked("  Leading,\ttabs\n\nand   gaps ", "\n kept \t as  they are "),
    "special tokens": _asked("What is <|im_end|> or </s>?", "Marks such as <|endoftext|> or [SEP] end a text."),
    "thought": _asked("What is 12 times 12?", "<think>\nTen twelves and two twelves.\n</think>\n\nIt is 144."),
    "no prompt": ((), (Message("assistant", "The film is slow, but its last ten minutes repay the wait."),)),
    "plain text": ("Finish the line: the sea at dawn", " is grey glass, and the gulls write on it."),
}
"""Name to (prompt, response). What an encoder cannot write is left out, and named."""


def overlong(max_length: int) -> Pair:
    """Return a conversation whose prompt is longer than ``max_length`` tokens, and so is cut (up to 32,000 tokens)."""
    boxes = min(4000, max_length // 8 + 20)
    return _asked("".join(_BOX.format(number=number) for number in range(1, boxes + 1)), "Done.")
