"""Facts that nobody doubts, each with an answer that is wrong and of the same kind.

>>> FACTS[0].question, FACTS[0].right_answer, FACTS[0].wrong_answer
('What is the capital of France?', 'The capital of France is Paris.', 'The capital of France is Lyon.')
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that is so.

    Attributes:
        subject: what is asked about, as in "What is …?".
        right: what it is.
        wrong: what it is not.
    """

    subject: str
    right: str
    wrong: str

    @property
    def question(self) -> str:
        """The question."""
        return f"What is {self.subject}?"

    @property
    def right_answer(self) -> str:
        """One sentence that is true."""
        return f"{capital(self.subject)} is {self.right}."

    @property
    def wrong_answer(self) -> str:
        """The same sentence, untrue."""
        return f"{capital(self.subject)} is {self.wrong}."


def capital(text: str) -> str:
    """Return the text with its first letter as a capital."""
    return text[:1].upper() + text[1:]


CAPITALS = (
    ("France", "Paris", "Lyon"),
    ("Italy", "Rome", "Milan"),
    ("Spain", "Madrid", "Barcelona"),
    ("Germany", "Berlin", "Munich"),
    ("Japan", "Tokyo", "Osaka"),
    ("Canada", "Ottawa", "Toronto"),
    ("Australia", "Canberra", "Sydney"),
    ("Egypt", "Cairo", "Luxor"),
    ("Russia", "Moscow", "Kazan"),
    ("China", "Beijing", "Shanghai"),
    ("Poland", "Warsaw", "Gdansk"),
    ("Portugal", "Lisbon", "Porto"),
    ("Austria", "Vienna", "Graz"),
    ("Greece", "Athens", "Patras"),
    ("Norway", "Oslo", "Bergen"),
    ("Sweden", "Stockholm", "Malmo"),
    ("Denmark", "Copenhagen", "Aarhus"),
    ("Hungary", "Budapest", "Szeged"),
    ("Ireland", "Dublin", "Cork"),
    ("Belgium", "Brussels", "Ghent"),
    ("Cuba", "Havana", "Santiago"),
    ("Finland", "Helsinki", "Turku"),
    ("Croatia", "Zagreb", "Split"),
    ("Serbia", "Belgrade", "Nis"),
)
"""Country, its capital, another of its cities."""

SUMS = ((7, 5), (8, 6), (9, 4), (12, 9), (15, 8), (6, 17), (21, 13), (18, 24), (32, 9), (11, 19), (14, 27), (25, 38))

OPPOSITES = (
    ("hot", "cold", "dry"),
    ("early", "late", "slow"),
    ("full", "empty", "heavy"),
    ("open", "closed", "wide"),
    ("light", "dark", "loud"),
    ("high", "low", "far"),
    ("rich", "poor", "tall"),
    ("wet", "dry", "cold"),
)

OTHERS = (
    ("the month after March", "April", "June"),
    ("the month after September", "October", "December"),
    ("the day after Monday", "Tuesday", "Friday"),
    ("the day before Sunday", "Saturday", "Thursday"),
    ("the letter after D in the alphabet", "E", "H"),
    ("the number of days in a week", "seven", "nine"),
    ("the number of legs of a spider", "eight", "six"),
    ("the number of minutes in an hour", "sixty", "forty"),
    ("the number of sides of a hexagon", "six", "five"),
    ("the number of wheels of a bicycle", "two", "three"),
    ("the plural of the word mouse", "mice", "mouses"),
    ("the past tense of the verb go", "went", "goed"),
    ("the past tense of the verb see", "saw", "seed"),
    ("the chemical symbol for gold", "Au", "Ag"),
    ("the chemical symbol for oxygen", "O", "Ox"),
    ("the chemical symbol for iron", "Fe", "Ir"),
    ("the largest planet of the solar system", "Jupiter", "Mars"),
    ("the planet closest to the sun", "Mercury", "Saturn"),
    ("the colour that blue and yellow paint make", "green", "purple"),
    ("the colour that red and white paint make", "pink", "brown"),
    ("the young of a cow", "a calf", "a lamb"),
    ("the young of a dog", "a puppy", "a kitten"),
    ("the gas that plants take in from the air", "carbon dioxide", "helium"),
    ("the temperature at which water freezes in degrees Celsius", "zero", "forty"),
    ("the first name of the painter Picasso", "Pablo", "Vincent"),
    ("the language most people speak in Brazil", "Portuguese", "Dutch"),
    ("the ocean between Europe and America", "the Atlantic", "the Pacific"),
    ("the square root of forty-nine", "seven", "nine"),
)

FACTS: tuple[Fact, ...] = (
    *(Fact(f"the capital of {country}", right, wrong) for country, right, wrong in CAPITALS),
    *(Fact(f"the sum of {a} and {b}", str(a + b), str(a + b + 1 + a % 3)) for a, b in SUMS),
    *(Fact(f"the opposite of {word}", right, wrong) for word, right, wrong in OPPOSITES),
    *(Fact(*other) for other in OTHERS),
)
"""Seventy-two facts."""
