"""The output folder is looked at before anything is read, and nothing in it is lost without being asked."""

import pytest

from plaudit.workflows.output import BadOutput, require


def test_a_new_or_an_empty_folder_will_do(tmp_path):
    """Both are accepted, and neither is touched."""
    require(tmp_path, resume=False)
    require(tmp_path / "a" / "b", resume=False)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("resume", [False, True])
def test_what_another_has_made_is_kept(tmp_path, resume):
    """An artefact without a run beside it is refused, resuming or not."""
    (tmp_path / "artefact").mkdir()
    with pytest.raises(BadOutput, match=r"artefact.*--output"):
        require(tmp_path, resume=resume)


def test_a_run_is_only_gone_on_with_on_request(tmp_path):
    """A folder with a run is refused with the three ways out, and accepted when resuming."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    require(tmp_path, resume=True)
    with pytest.raises(BadOutput, match=r"--resume.*--output.*delete"):
        require(tmp_path, resume=False)


def test_a_run_that_never_began_is_nothing(tmp_path):
    """The lock that a run refused at its start has left does not make the folder full."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.lock").touch()
    require(tmp_path, resume=False)


def test_a_file_is_no_folder(tmp_path):
    """A file in place of the folder, or of one above it, is named."""
    (tmp_path / "out").write_text("")
    for output in (tmp_path / "out", tmp_path / "out" / "deeper"):
        with pytest.raises(BadOutput, match="out is a file"):
            require(output, resume=False)
