"""Tasks out of files: responses that nobody has compared yet, and worked examples whose answer is known."""

from dataclasses import replace

from plaudit.annotation.importing import tasks_of
from plaudit.annotation.records import Role, Task
from plaudit.preferences.reading import Source, read


def read_tasks(source: Source, role: Role = "real", *, by_pairs: bool = False) -> list[Task]:
    """Return the tasks of a source: anything with two or more responses a record, judged or not.

    Args:
        source: a file, a folder, ``builtin:NAME`` or a hub data set, in a format or
            as `plaudit.preferences.unjudged` has it.
        role: what the tasks are for; their keys begin with it, except those of real tasks, so that one record may be
            a question and an example.
        by_pairs: show more than two responses two by two instead of to be ranked.

    Raises:
        BadSource: the source is missing, or in no known format.
        BadRow: a row is malformed.
        NoTask: a record cannot be compared, or an example has no answer or several.
    """
    tasks = tasks_of(read(source, on_flaw="keep", unjudged=True), role, by_pairs=by_pairs)
    return [task if role == "real" else replace(task, key=f"{role}:{task.key}") for task in tasks]
