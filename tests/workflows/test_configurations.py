"""The configurations that come with the project are ones that it takes."""

from pathlib import Path

import pytest

from plaudit import config
from plaudit.preferences.hub import HubName
from plaudit.workflows import search, varying
from plaudit.workflows.training import SCHEMA

CONFIGURATIONS = sorted((Path(__file__).parents[2] / "configs").glob("*.toml"))


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
def test_a_configuration_builds_what_it_describes(path):
    """Every section passes the schema and its constructor, and every source is one that reading knows."""
    tables = config.read(path, (), search.SCHEMA)
    built = {
        name: config.build_kind(target, tables[name], name)
        if isinstance(target, str)
        else config.build(target, tables.get(name, {}), name)
        for name, target in SCHEMA.items()
    }
    data = built["data"]
    sources = [*data.train, *data.validation, *data.test]

    assert sources
    assert all(source.startswith("builtin:") or HubName.parse(source) for source in sources)
    assert data.test or data.test_share > 0
    assert built["training"].patience is None or data.validation or data.validation_share > 0


def test_the_search_that_comes_with_the_project_is_one_that_it_takes():
    """Its budget and every choice of its space are valid, and it has a held-out part to choose on."""
    [path] = [path for path in CONFIGURATIONS if path.stem == "search"]
    tables = config.read(path, (), search.SCHEMA)
    wanted = config.build(search.Search, tables.pop("search"), "search")
    space = varying.axes(wanted.vary)
    varying.check(space, tables)
    sections = {setting.partition(".")[0] for axis in space for setting in axis.touched()}

    assert wanted.trials and wanted.seconds
    assert sections == {"training", "model", "objective", "data"}
    assert tables["data"]["validation_share"] > 0 and tables["training"]["evaluate_every"]


def test_the_recipe_of_the_notebook_is_the_notebooks():
    """gpt2, the first 1,000 rows and all of them learned from, batch 4, one epoch, 1e-5, 512 tokens, plain AdamW."""
    [path] = [path for path in CONFIGURATIONS if path.stem == "trl_gpt2"]
    tables = config.read(path, (), SCHEMA)
    data, recipe = (config.build(SCHEMA[name], tables[name], name) for name in ("data", "training"))

    assert tables["model"] == {"base": "openai-community/gpt2", "max_length": 512}
    assert (data.limit, data.validation_share, data.test_share) == (1000, 0, 0)
    assert (recipe.batch_size, recipe.epochs, recipe.learning_rate) == (4, 1, 1e-5)
    assert (recipe.warmup, recipe.weight_decay, recipe.schedule, recipe.betas) == (0, 0, "linear", (0.9, 0.999))
