"""Reduce a base tokenizer's chat template to a clean table of turns, by rendering marked conversations with it.

Bases insert default system texts, dates, empty thoughts and trailing newlines. A reward must depend on none of them, so
they are found and left out; what was left out is reported. A template that is no table of turns is refused.
"""

import re

from jinja2.exceptions import TemplateError
from transformers import PreTrainedTokenizerFast

from plaudit.encoding.turns import Turn, Turns

DATE = "0date0"
WAYS_OUT = "choose template = 'plain', 'chatml' or the path of a .jinja file whose turns are header + content + footer"
_EMPTY_THOUGHT = re.compile(r"<think>\s*</think>\s*$")


class IrreducibleTemplate(ValueError):
    """A chat template that cannot be written as a header and a footer for each role."""

    def __init__(self, difference: str) -> None:
        super().__init__(
            f"the base's chat template cannot be made into a fixed table of turns: {difference}; {WAYS_OUT}"
        )


class _Probe:
    """Renders conversations of marked turns and returns what stands between the marks."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, source: str) -> None:
        self.tokenizer, self.source = tokenizer, source

    def gaps(self, *roles: str, mark: str = "qzx") -> list[str]:
        """Return the texts around the turns of ``roles``: one more than there are turns."""
        words = [f'{mark}"{place}"{mark}' for place in range(len(roles))]
        messages = [{"role": role, "content": word} for role, word in zip(roles, words, strict=True)]
        text = rendered(self.tokenizer, self.source, messages)
        if any(text.count(word) != 1 for word in words):
            raise IrreducibleTemplate(f"of {'/'.join(roles)} turns not each is written exactly once, as it is")
        gaps = re.split("|".join(map(re.escape, words)), text)
        if text != "".join(gap + word for gap, word in zip(gaps, [*words, ""], strict=True)):
            raise IrreducibleTemplate(f"the turns {'/'.join(roles)} are written in another order")
        return gaps

    def attempt(self, *roles: str) -> list[str] | None:
        """Return `gaps`, or None where the template refuses such a conversation or does not write it in order."""
        try:
            return self.gaps(*roles)
        except (IrreducibleTemplate, TemplateError):
            return None


def rendered(tokenizer: PreTrainedTokenizerFast, source: str, messages: list[dict[str, str]]) -> str:
    """Return what the chat template ``source`` makes of ``messages``, with `DATE` where it writes the date."""
    clock = "{% macro strftime_now(format) %}" + DATE + "{% endmacro %}"
    text = tokenizer.apply_chat_template(
        messages, chat_template=clock + source, tokenize=False, add_generation_prompt=False
    )
    return str(text)


def reduce(tokenizer: PreTrainedTokenizerFast, source: str) -> tuple[Turns, tuple[str, ...]]:
    """Return the table of turns behind chat template ``source`` and notes on what it leaves out.

    Args:
        tokenizer: gives the special tokens that the template names, and its own beginning-of-sequence habit.
        source: Jinja text.

    Raises:
        IrreducibleTemplate: the template writes turns in a way that no header and footer per role describes, or its
            turns do not end.
    """
    probe = _Probe(tokenizer, source)
    try:
        around = probe.gaps("user", "assistant", "user", "assistant")
        alone = probe.gaps("user")[1]
    except TemplateError as error:
        raise IrreducibleTemplate(f"it refuses a plain conversation ({error})") from error
    assistant_footer, tail_note = _ending(tokenizer, around[2], around[4])
    user_footer, _ = _ending(tokenizer, around[1], alone)
    user_header = around[2][len(assistant_footer) :]
    headers = [gap[len(user_footer) :] for gap in (around[1], around[3])]
    assistant_header, thought_note = _assistant_header(*headers)
    user, assistant = Turn(user_header, user_footer), Turn(assistant_header, assistant_footer)
    prefix, system, folded, preamble_notes = _opening(probe, around[0], user)
    roles = {"system": system, "user": user, "assistant": assistant, **_tool(probe, assistant)}
    turns = Turns(_one_beginning(tokenizer, prefix, user), roles, folded)
    _confirm(probe, turns)
    notes = (tail_note, thought_note, *preamble_notes)
    return turns, tuple(note.replace(DATE, "<today's date>") for note in notes if note)


def _ending(tokenizer: PreTrainedTokenizerFast, middle: str, last: str) -> tuple[str, str]:
    """Return the footer of a turn from the text after it inside and at the end of a conversation, and a note."""
    without_eos = last.removesuffix(tokenizer.eos_token or "")
    if middle.startswith(last):
        space = last[len(last.rstrip()) :]
        return last, f"leaves out {space!r} after the last turn" if space else ""
    if middle.startswith(without_eos) and without_eos:
        return without_eos, f"leaves out {tokenizer.eos_token!r} after the last turn"
    raise IrreducibleTemplate(f"a turn ends with {last!r} when it is the last, but with {middle!r} inside")


def _assistant_header(first: str, last: str) -> tuple[str, str]:
    header, answer = _EMPTY_THOUGHT.sub("", first), _EMPTY_THOUGHT.sub("", last)
    if not answer.startswith(header):
        raise IrreducibleTemplate(f"assistant turns begin with {first!r} or, the last one, with {last!r}")
    return header, f"leaves out {last[len(header) :]!r} before an answer" if header != last else ""


def _opening(probe: _Probe, opening: str, user: Turn) -> tuple[str, Turn, Turn | None, list[str]]:
    """Return the prefix, the system turn, how it is folded into the user's (or None), and notes."""
    if not opening.endswith(user.header):
        raise IrreducibleTemplate(f"the first user turn begins with {opening!r}, later ones with {user.header!r}")
    preamble = opening[: len(opening) - len(user.header)]
    gaps = probe.attempt("system", "user", "assistant")
    guess = user.header.replace("user", "system") if user.header.count("user") == 1 else ""
    if gaps and guess and guess in gaps[0] and gaps[1].endswith(user.header):
        return _with_system(preamble, gaps, guess, user)
    prefix = _beginning(probe.tokenizer, preamble)
    if prefix != preamble:
        raise IrreducibleTemplate(f"it writes {preamble!r} before the first turn")
    if not gaps or not gaps[0].startswith(prefix):
        return prefix, user, Turn(user.header, "\n\n"), ["writes a system turn at the head of the user turn after it"]
    header = gaps[0][len(prefix) :]
    if user.header and gaps[1].endswith(user.header):
        return prefix, Turn(header, gaps[1][: len(gaps[1]) - len(user.header)]), None, []
    return prefix, user, Turn(header, gaps[1]), []


def _with_system(preamble: str, gaps: list[str], header: str, user: Turn) -> tuple[str, Turn, Turn | None, list[str]]:
    prefix, _, inserted = gaps[0].partition(header)
    if not preamble.startswith(prefix):
        raise IrreducibleTemplate(f"it begins with {preamble!r} or, given a system turn, with {prefix!r}")
    system = Turn(header, gaps[1][: len(gaps[1]) - len(user.header)])
    notes = [f"leaves out {text!r} in system turns" for text in (inserted,) if text]
    default = preamble[len(prefix) :]
    notes += [f"leaves out the default system turn {default!r}"] if default else []
    return prefix, system, None, notes


def _beginning(tokenizer: PreTrainedTokenizerFast, preamble: str) -> str:
    bos = tokenizer.bos_token
    return preamble if bos and preamble.replace(bos, "") == "" else ""


def _one_beginning(tokenizer: PreTrainedTokenizerFast, prefix: str, user: Turn) -> str:
    """Return ``prefix`` with exactly one beginning-of-sequence token where the family has it, and no second."""
    bos = tokenizer.bos_token
    if not bos or user.header.startswith(bos):
        return prefix
    adds = tokenizer("x")["input_ids"][:1] == [tokenizer.bos_token_id]
    return (bos if adds or prefix.startswith(bos) else "") + prefix.replace(bos, "")


def _tool(probe: _Probe, assistant: Turn) -> dict[str, Turn]:
    """Return the tool turn if the template has a plain one."""
    gaps = probe.attempt("user", "assistant", "tool", "assistant")
    if not gaps:
        return {}
    before, after = gaps[2], _EMPTY_THOUGHT.sub("", gaps[3])
    if not before.startswith(assistant.footer) or not after.endswith(assistant.header):
        return {}
    return {"tool": Turn(before[len(assistant.footer) :], after[: len(after) - len(assistant.header)])}


def _confirm(probe: _Probe, turns: Turns) -> None:
    """Check the table on a longer conversation with other words, and that it holds no date and ends its turns."""
    user, assistant = turns.roles["user"], turns.roles["assistant"]
    inside = [user.footer + assistant.header, assistant.footer + user.header] * 2
    found = probe.gaps(*("user", "assistant") * 3, mark="wvk")[1:5]
    for expected, gap in zip(inside, found, strict=True):
        if _EMPTY_THOUGHT.sub("", gap) != expected:
            raise IrreducibleTemplate(f"between turns it writes {expected!r} or, in longer conversations, {gap!r}")
    if DATE in repr(turns.record()):
        raise IrreducibleTemplate("it writes today's date into every conversation")
