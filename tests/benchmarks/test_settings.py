"""The command line of the benchmarks."""

from pathlib import Path

import pytest

from benchmarks.settings import LATEST, PARTS, Settings, from_arguments


def test_without_arguments_all_is_measured_as_stated() -> None:
    """Six repeats of 64 pairs in batches of 8, two threads, written to the latest results."""
    settings, out = from_arguments([])

    assert settings == Settings()
    assert (settings.only, settings.repeats, settings.pairs, settings.batch_size) == (PARTS, 6, 64, 8)
    assert out == LATEST


def test_arguments_reach_the_settings() -> None:
    """What is typed is what is measured."""
    settings, out = from_arguments(["--only", "train,score", "--repeats", "7", "--pairs", "48", "--out", "x.json"])

    assert (settings.only, settings.repeats, settings.pairs, out) == (("train", "score"), 7, 48, Path("x.json"))


def test_a_smoke_run_writes_nothing_unless_asked() -> None:
    """It measures nothing, so it must not replace real results."""
    settings, out = from_arguments(["--smoke", "--only", "train"])

    assert settings.smoke
    assert settings.only == ("train",)
    assert out is None


def test_a_run_of_some_parts_does_not_replace_the_whole_results() -> None:
    """It is written only where it is told to."""
    assert from_arguments(["--only", "train"])[1] is None
    assert from_arguments(["--only", "train", "--out", "t.json"])[1] == Path("t.json")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "speed"], "--only takes equality, train, score, minilm"),
        (["--repeats", "1"], "2 or more"),
        (["--pairs", "41"], "multiple of the batch size 8"),
        (["--pairs", "0"], "multiple of the batch size 8"),
        (["--dtype", "float16"], "invalid choice"),
    ],
)
def test_bad_arguments_are_refused(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With exit status 2 and what would be right."""
    with pytest.raises(SystemExit) as ended:
        from_arguments(arguments)

    assert ended.value.code == 2
    assert words in capsys.readouterr().err
