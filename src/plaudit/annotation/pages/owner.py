"""The owner's page: progress, agreement, annotators, checks, disagreements, links, guidelines, export."""

from plaudit.annotation.pages.frame import document
from plaudit.annotation.pages.views import LinkRow, OwnerView, Visitor
from plaudit.pages.html import escaped, sections_of

LINK_DAYS = 30


def owner_page(view: OwnerView, visitor: Visitor) -> str:
    """Return the owner's page; every form on it carries the visitor's token."""
    names = [(section.anchor, section.title) for section in view.sections]
    own = [("links", "Personal links"), ("guidelines", "Guidelines"), ("export", "Export")]
    contents = "".join(f'<li><a href="#{anchor}">{escaped(name)}</a></li>' for anchor, name in [*names, *own])
    body = (
        '<a class="skip" href="#content">Skip to the content</a>'
        f"<header><h1>{escaped(view.title)}</h1>"
        "<p>What annotators have said so far. Only the owner sees this page.</p></header>"
        f'<div class="frame"><nav aria-label="Contents"><details class="contents" open><summary>Contents</summary>'
        f'<ol>{contents}</ol></details></nav><main id="content" tabindex="-1">{_created(view.created)}'
        f"{sections_of(view.sections)}{_links(view, visitor)}{_guidelines(view, visitor)}{_export(view, visitor)}"
        "</main></div>"
    )
    return document(f"{view.title}: owner", body, kind="owner", scripts=("owner.js",))


def _created(created: tuple[str, str] | None) -> str:
    if created is None:
        return ""
    name, link = created
    return (
        f'<div class="notice good" role="status"><strong>Link for {escaped(name)}</strong>'
        "<p>It is shown this once. Whoever has it answers in this name.</p>"
        f'<p class="made"><input readonly aria-label="Personal link" value="{escaped(link)}" data-copied>'
        '<button type="button" data-copy>Copy</button></p></div>'
    )


def _section(anchor: str, title: str, inside: str) -> str:
    heading = f'<h2 id="{anchor}-title">{title}</h2>'
    return f'<section id="{anchor}" aria-labelledby="{anchor}-title">{heading}{inside}</section>'


def _csrf(visitor: Visitor) -> str:
    return f'<input type="hidden" name="csrf" value="{escaped(visitor.csrf)}">'


def _links(view: OwnerView, visitor: Visitor) -> str:
    rows = "".join(_link(row, visitor) for row in view.links)
    table = (
        '<div class="scroll" role="region" aria-label="Links" tabindex="0"><table><thead><tr>'
        '<th scope="col">Annotator</th><th scope="col">Links</th><th scope="col">'
        f'<span class="hidden">Action</span></th></tr></thead><tbody>{rows}</tbody></table></div>'
        if rows
        else '<p class="quiet">There is no link yet.</p>'
    )
    form = (
        f'<form method="post" action="/owner/links/make" class="row">{_csrf(visitor)}<label>Name <input name="name" '
        f'required maxlength="100" autocomplete="off"></label><label>Days <input name="days" type="number" '
        f'min="1" max="366" value="{LINK_DAYS}" required></label>'
        '<button type="submit" class="main">Make a link</button></form>'
    )
    return _section("links", "Personal links", form + table)


def _link(row: LinkRow, visitor: Visitor) -> str:
    name = f'{_csrf(visitor)}<input type="hidden" name="name" value="{escaped(row.name)}">'
    hidden = f'<span class="hidden"> the links of {escaped(row.name)}</span>'
    action, words = ("revoke", "Revoke") if row.active else ("make", "Allow again")
    days = "" if row.active else f'<input type="hidden" name="days" value="{LINK_DAYS}">'
    button = f'<button type="submit">{words}{hidden}</button>'
    form = f'<form method="post" action="/owner/links/{action}">{name}{days}{button}</form>'
    state = "good" if row.active else '<span class="quiet">revoked</span>'
    return f"<tr><td>{escaped(row.name)}</td><td>{state}</td><td>{form}</td></tr>"


def _guidelines(view: OwnerView, visitor: Visitor) -> str:
    form = (
        f'<form method="post" action="/owner/guidelines">{_csrf(visitor)}<p><label for="written">Markdown, version '
        f"{view.version}. Saving makes a new version; every answer names the one that was shown.</label></p>"
        f'<textarea id="written" name="guidelines" rows="12" maxlength="100000">\n{escaped(view.guidelines)}</textarea>'
        '<p class="buttons"><button type="submit" class="main">Save as a new version</button></p></form>'
    )
    return _section("guidelines", "Guidelines", form)


def _export(view: OwnerView, visitor: Visitor) -> str:
    files = "".join(
        f'<li><a href="/owner/export/{escaped(name)}" download>{escaped(name)}</a> '
        f'<span class="quiet">{escaped(words)}</span></li>'
        for name, words in view.exports
    )
    action, words, why = (
        ("open", "Take answers again", "The work is closed: no answer is taken.")
        if view.closed
        else ("close", "Close the work", "While it is open, answers that come after an export are in the next one.")
    )
    form = (
        f'<form method="post" action="/owner/{action}">{_csrf(visitor)}<p class="quiet">{why}</p>'
        f'<p class="buttons"><button type="submit">{words}</button></p></form>'
    )
    return _section("export", "Export", f'<ul class="exports">{files}</ul>{form}')
