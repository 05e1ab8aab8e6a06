"""Which language a text is in, by its script and, for Latin letters, by its commonest words.

It is meant for telling that a set holds several languages, or that a response is in another one than its prompt. Where
it cannot tell it says nothing: short texts, code, names.

>>> language("Der Hund ist nicht mit dem Ball und der Katze in das Haus gegangen.")
'German'
>>> language("これは日本語の文章です。とても短いです。")
'Japanese'
>>> language("x = 3")
''
"""

import re
from collections.abc import Mapping

SCRIPTS: Mapping[str, re.Pattern[str]] = {
    "Latin": re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏ]"),
    "Han": re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]"),
    "Kana": re.compile(r"[\u3040-\u30ff]"),
    "Korean": re.compile(r"[\uac00-\ud7af\u1100-\u11ff]"),
    "Cyrillic": re.compile(r"[\u0400-\u04ff]"),
    "Greek": re.compile(r"[\u0370-\u03ff]"),
    "Hebrew": re.compile(r"[\u0590-\u05ff]"),
    "Arabic": re.compile(r"[\u0600-\u06ff]"),
    "Devanagari": re.compile(r"[\u0900-\u097f]"),
    "Thai": re.compile(r"[\u0e00-\u0e7f]"),
}
_COMMON: Mapping[str, str] = {
    "English": "the of and to is that for it with as are this you not be have on can your what how",
    "German": "der die das und ist nicht ein eine zu den mit sich für von auf dem ich sie wie auch",
    "French": "le les des est et une dans pour que qui pas sur vous je du avec ce sont au il",
    "Spanish": "el los las es y una para que por con del se su como más pero son al lo está",
    "Portuguese": "os um uma é para que com não do da em por se mais como você são dos ao seu",
    "Italian": "il di che è una per non con del della gli sono si più nel anche come le ma questo",
    "Dutch": "de het een en van is dat niet op te voor met zijn aan ook je er maar om wat",
    "Polish": "i w nie na się z do że jest to jak o co po ale od za czy tak przez",
    "Turkish": "ve bir bu için ile de da ne çok olarak daha gibi var olan mi ama kadar sonra en ben",
    "Vietnamese": "là và của có không một cho được trong các những này với để người khi đã tôi bạn thì",
}
COMMON: Mapping[str, frozenset[str]] = {name: frozenset(words.split()) for name, words in _COMMON.items()}
CHARACTERS = 1500
FEWEST_LETTERS, FEWEST_WORDS = 20, 4
"""Letters of a script, and common words of a language, from which on it is told."""

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+", re.DOTALL)
_WORD = re.compile(r"[^\W\d_]+")
OWN_SCRIPT = {"Han": "Chinese"}


def language(text: str) -> str:
    """Return the language of a text, its script where that is all that can be told, or ``""``."""
    plain = _CODE.sub(" ", text[:CHARACTERS])
    letters = {name: len(pattern.findall(plain)) for name, pattern in SCRIPTS.items()}
    if letters["Kana"] >= FEWEST_LETTERS // 4 and letters["Kana"] * 4 > letters["Han"]:
        return "Japanese"
    script = max(letters, key=lambda name: letters[name] * (1 if name == "Latin" else 2))
    if letters[script] < (FEWEST_LETTERS if script == "Latin" else FEWEST_LETTERS // 4):
        return ""
    return _of_latin(plain) if script == "Latin" else OWN_SCRIPT.get(script, script)


def _of_latin(text: str) -> str:
    """Return the language whose common words make up most of a text, where it leads clearly."""
    words = _WORD.findall(text.lower())
    hits = sorted(((sum(word in common for word in words), name) for name, common in COMMON.items()), reverse=True)
    (most, name), (second, _) = hits[:2]
    clear = most >= FEWEST_WORDS and most > 1.5 * second and most >= 0.1 * len(words)
    return name if clear else ""
