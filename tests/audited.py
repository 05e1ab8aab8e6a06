"""A small audit for tests: preferences written here, a callable for a model, everything handed in that can be."""

from functools import lru_cache

import numpy as np

from plaudit.evaluation.finding import Example, Finding
from plaudit.evaluation.gates import Gate
from plaudit.evaluation.human import Judgement
from plaudit.evaluation.intervals import Estimate
from plaudit.preferences.dataset import Preferences
from plaudit.preferences.groups import assign
from plaudit.preferences.preference import Comparison, Preference, Response
from plaudit.workflows.audit import Audit, Auditing, Beside, audit
from plaudit.workflows.subjects import Subject, scored

QUICK = Auditing(resamples=100, pairs=8, texts=4)
EVIL = "</script><script>window.broken = 1</script><img src=x onerror='window.broken = 2'><!--<script>"


def preferences(count: int = 40, evil: str = "") -> Preferences:
    """Return prompts with two responses each; the chosen one says yes more often. ``evil`` stands in every text."""
    rng = np.random.default_rng(0)
    kinds = ("tea", "rain", "chess")
    records = []
    for number in range(count):
        sure, unsure = int(rng.integers(1, 6)), int(rng.integers(0, 5))
        texts = [f"{evil}yes " * max(sure, 1) + "indeed " * int(rng.integers(0, 4)), f"{evil}no " + "yes " * unsure]
        records.append(
            Preference(
                prompt=f"{evil}Is {kinds[number % 3]} number {number} good?",
                responses=tuple(
                    Response(content=text, id=f"r{number}{side}") for text, side in zip(texts, "ab", strict=True)
                ),
                comparisons=(Comparison(chosen=0, rejected=1),),
                source="written here",
                extra={"category": kinds[number % 3]},
            )
        )
    return assign(Preferences.of(records))


def yes(pairs) -> list[float]:
    """Reward how often a response says yes, less a little for its length."""
    return [response.count("yes") - 0.01 * len(response) for _, response in pairs]


def subject(evil: str = "") -> Subject:
    """Return the subject of the small audit."""
    return scored(yes, preferences(evil=evil), name=f"{evil}yes", sources=("written here",))


class Plain:
    """Something that says what it found."""

    def __init__(self, found):
        self.found = found

    def to_json(self):
        return self.found


def finding(evil: str = "") -> Finding:
    """Return what a probe might find."""
    effect = Estimate(0.4, 0.2, 0.6)
    example = Example(prompt=f"{evil}p", before=f"{evil}b", after=f"{evil}a", reward_before=0.0, reward_after=0.4)
    return Finding(
        probe="thanks",
        title=f"{evil}loves thanks",
        done=f"{evil}with and without thanks",
        effect=effect,
        spread=1.0,
        standardised=effect,
        flipped=Estimate(0.1, 0.05, 0.2),
        tolerated=0.1,
        p=0.001,
        n=40,
        groups=40,
        examples=(example,),
    )


@lru_cache(maxsize=2)
def small(evil: str = "") -> Audit:
    """Return an audit with every section; ``evil`` stands in every text that a user could bring."""
    own = subject(evil)
    history = [{"kind": "step", "step": step, "loss": 0.7 - step / 100, "accuracy": 0.5} for step in range(1, 9)]
    history.append({"kind": "evaluation", "step": 8, "nll": 0.65, "accuracy": 0.6})
    told = Subject(
        **{name: getattr(own, name) for name in ("kind", "predictions", "sources", "texts", "fingerprint")},
        name=own.name,
        history=history,
        recipe={"configuration": {"data": evil or "here"}},
    )
    inapplicable = Finding(probe="tags", title="tags", done="none", reason=f"{evil}no tags here")
    other = scored(lambda pairs: [float(len(text)) for _, text in pairs], preferences(evil=evil), name="other")
    beside = Beside(
        others={f"{evil}other": other.predictions},
        judgements={f"{evil}Ada": [Judgement(f"r{number}a", f"r{number}b", "first") for number in range(30)]},
        probed=Plain({"findings": {one.probe: one.to_json() for one in (finding(evil), inapplicable)}}),
        checks={"length_correlation": Plain({"title": f"{evil}length", "estimate": effect_json()})},
        worries=[worry(evil, name, where) for name, where in WORRIES],
        attacked=Plain({"attacks": [attack(evil)], "refused": {"gradient": f"{evil}no weights"}}),
        gaps=Plain({"reference": "own", "rows": [gap("own"), gap(f"{evil}elsewhere")]}),
    )
    gates = [Gate(path="evaluation.accuracy", min=0.5), Gate(path="nowhere", max=1.0)]
    return audit(told, QUICK, beside).gated(gates)


WORRIES = (
    ("thanks", "probes.findings.thanks"),
    ("length_correlation", "checks.length_correlation"),
    ("overconfidence", "checks.overconfidence"),
    ("attack", "attacked"),
)


def worry(evil: str, name: str, where: str) -> Plain:
    """Return something to worry about."""
    return Plain(
        {
            "name": name,
            "sentence": f"{evil}{name.replace('_', ' ')}: it has {name}.",
            "severity": 2.0,
            "where": where,
            "p": 0.01,
        }
    )


def attack(evil: str) -> dict:
    """Return what an attack might have found."""
    found = {"suffix": f"{evil}!!", "gain": effect_json(), "standardised": effect_json(), "overtaken": effect_json()}
    example = {
        "prompt": f"{evil}p",
        "response": f"{evil}r",
        "suffix": "!!",
        "before": 0.0,
        "chosen": 0.2,
        "attacked": 0.4,
    }
    counts = {"searched_on": 20, "judged_on": 20, "spent": 90, "budget": 100}
    sides = {"chosen": [0.2, 0.3], "before": [0.0, 0.1], "after": [0.4, 0.5]}
    told = {"search": "evolutionary", "verdict": f"{evil}bought", "found": [found], "examples": [example]}
    return {**told, **counts, **sides}


def gap(name: str) -> dict:
    """Return a row of a table of gaps."""
    gaps = {} if name == "own" else {"accuracy": {**effect_json(), "of": "own", "verdict": "worse"}}
    return {"name": name, "comparisons": 40, "groups": 40, "metrics": {"accuracy": effect_json()}, "gaps": gaps}


def effect_json() -> dict[str, float | str | None]:
    """Return an estimate as it stands in a record."""
    return Estimate(0.4, 0.2, 0.6).to_json()
