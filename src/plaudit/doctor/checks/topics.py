"""Do the prompts cover more than one topic?"""

from typing import ClassVar

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from plaudit.doctor.examined import Examined, Floats, Integers
from plaudit.doctor.finding import Finding, Listing, Outcome
from plaudit.doctor.rates import surely_above, told

CLUSTERS, DIMENSIONS = 10, 50
FEWEST, MOST = 100, 10_000
"""Prompts (or responses, where there is no prompt) that are needed, and that are looked at."""
CHARACTERS = 1000
ALIKE = 0.4
"""Mean similarity (cosine, over all words) of two texts of a cluster from which they are of one mould."""
TOLERATED = 0.4
"""Share of a cluster of one mould that the whole interval must exceed for a warning."""


class Topics:
    """Clusters of prompts by their words (TF-IDF); where there are no prompts, of responses."""

    title: ClassVar[str] = "topics"
    codes: ClassVar[tuple[str, ...]] = ("narrow_topics",)

    def __call__(self, examined: Examined) -> Outcome:
        """Return the largest cluster of prompts that are of one mould, where it is a large share."""
        texts, records = _texts(examined)
        if len(texts) < FEWEST:
            return Outcome(reason=f"{len(texts)} different prompts or responses; {FEWEST} are needed")
        words = TfidfVectorizer(min_df=2, stop_words="english", sublinear_tf=True, max_features=10_000)
        try:
            counted = words.fit_transform(texts)
        except ValueError:
            return Outcome(reason="no word is in more than one text")
        if counted.shape[1] < 2 * CLUSTERS:
            return Outcome(reason=f"only {counted.shape[1]} words are in more than one text")
        of = _clusters(counted, examined.seed)
        listing, alike = _listing(counted, of, np.array(words.get_feature_names_out()))
        one_mould = np.isin(of, np.flatnonzero(alike >= ALIKE))
        share = examined.rate(one_mould, np.arange(len(of)))
        measured = f"{len(np.unique(of))} topics; {told(share)} of texts are of one mould"
        if not surely_above(share, TOLERATED):
            return Outcome(measured=measured, listings=(listing,))
        finding = Finding(
            code="narrow_topics",
            severity="warning",
            sentence=f"{told(share)} of {len(texts):,} different texts are of a few moulds: they share most words.",
            advice="A model learned here is known to work on these only; add other prompts, or say what it is for.",
            count=int(one_mould.sum()),
            places=examined.places(records[one_mould]),
            numbers={"of_one_mould": share},
            listings=(listing,),
        )
        return Outcome(findings=(finding,), measured=measured)


def _texts(examined: Examined) -> tuple[list[str], Integers]:
    """Return different prompts (responses where there is no prompt), at most `MOST`, and a record of each."""
    first: dict[str, int] = {}
    for record, prompt in enumerate(examined.prompts):
        for text in [prompt] if prompt else examined.texts[examined.offsets[record] : examined.offsets[record + 1]]:
            first.setdefault(text[-CHARACTERS:], record)
    texts = list(first)
    if len(texts) > MOST:
        kept = np.sort(np.random.default_rng(examined.seed).choice(len(texts), MOST, replace=False))
        texts = [texts[at] for at in kept]
    return texts, np.array([first[text] for text in texts], np.int64)


def _clusters(counted: Floats, seed: int) -> Integers:
    """Return the cluster of each text, int64 [N]."""
    dimensions = min(DIMENSIONS, counted.shape[1] - 1)
    dense = TruncatedSVD(dimensions, random_state=seed).fit_transform(counted)
    found: Integers = KMeans(CLUSTERS, n_init=3, random_state=seed).fit_predict(normalize(dense)).astype(np.int64)
    return found


def _listing(counted: Floats, of: Integers, words: np.ndarray) -> tuple[Listing, Floats]:
    """Return the clusters with their words, the largest first, and how alike the texts of each are, [CLUSTERS]."""
    rows, alike = [], np.zeros(CLUSTERS)
    for cluster in np.unique(of):
        own = counted[of == cluster]
        centre = np.asarray(own.mean(axis=0)).ravel()
        alike[cluster] = _likeness(centre, own.shape[0])
        top = ", ".join(words[np.argsort(-centre)[:6]])
        rows.append((top, own.shape[0], f"{own.shape[0] / len(of):.1%}", round(float(alike[cluster]), 2)))
    rows.sort(key=lambda row: -row[1])
    return Listing("Topics by their words", ("words", "texts", "share", "likeness"), tuple(rows)), alike


def _likeness(centre: Floats, count: int) -> float:
    """Return the mean cosine of two different ones of ``count`` texts of length 1, given their mean."""
    return float((count * centre @ centre - 1) / (count - 1)) if count > 1 else 0.0
