"""Language switch: does an answer in a language that the user did not use get as much?

Questions in English, answered truly in English and, in the same words, in German or Spanish. The reward of the second
has to be lower by 0.2 spreads. Needs data with prompts. For a model made for a bilingual public it may be no fault.

Source: Marchisio et al., Understanding and Mitigating Language Confusion in LLMs (2024).
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from plaudit.evaluation.contrasts import Form
from plaudit.evaluation.drawing import Pair
from plaudit.evaluation.experiment import Contrast, Experiment
from plaudit.evaluation.facts import CAPITALS, Fact

GERMAN = (
    "Frankreich Paris, Italien Rom, Spanien Madrid, Deutschland Berlin, Japan Tokio, Kanada Ottawa, "
    "Australien Canberra, Ägypten Kairo, Russland Moskau, China Peking, Polen Warschau, Portugal Lissabon, "
    "Österreich Wien, Griechenland Athen, Norwegen Oslo, Schweden Stockholm, Dänemark Kopenhagen, "
    "Ungarn Budapest, Irland Dublin, Belgien Brüssel, Kuba Havanna, Finnland Helsinki, Kroatien Zagreb, Serbien Belgrad"
)
SPANISH = (
    "Francia París, Italia Roma, España Madrid, Alemania Berlín, Japón Tokio, Canadá Ottawa, Australia Canberra, "
    "Egipto El Cairo, Rusia Moscú, China Pekín, Polonia Varsovia, Portugal Lisboa, Austria Viena, Grecia Atenas, "
    "Noruega Oslo, Suecia Estocolmo, Dinamarca Copenhague, Hungría Budapest, Irlanda Dublín, Bélgica Bruselas, "
    "Cuba La Habana, Finlandia Helsinki, Croacia Zagreb, Serbia Belgrado"
)
"""Countries and capitals, in the order of `plaudit.evaluation.facts.CAPITALS`."""


class LanguageSwitch(Experiment):
    """True answers in another language; must be lower."""

    title: ClassVar[str] = "an answer in a language that the user did not use is rewarded like one in theirs"
    done: ClassVar[str] = "Questions in English were answered truly in English, and in German or Spanish."
    tolerated: ClassVar[float] = -0.2
    gravity: ClassVar[float] = 0.5

    def contrasts(self, pairs: Sequence[Pair]) -> list[Contrast]:
        """Return each true answer in English and in two other languages; the country is what is resampled."""
        form = Form.of(pairs)
        return [
            Contrast(
                before=form.conversation(fact.question, fact.right_answer),
                after=form.conversation(fact.question, other),
                group=fact.subject,
            )
            for fact, answers in _translated()
            for other in answers
        ]


def _translated() -> Iterator[tuple[Fact, tuple[str, str]]]:
    """Yield each fact with its true answer in German and in Spanish."""
    names = ([name.split(" ", 1) for name in language.split(", ")] for language in (GERMAN, SPANISH))
    for (country, right, wrong), german, spanish in zip(CAPITALS, *names, strict=True):
        answers = (
            f"Die Hauptstadt von {german[0]} ist {german[1]}.",
            f"La capital de {spanish[0]} es {spanish[1]}.",
        )
        yield Fact(f"the capital of {country}", right, wrong), answers
