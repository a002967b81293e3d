"""A model of tests/support/models or of torchvision, loaded and inspected."""

from __future__ import annotations

from typing import Any

from places import SUPPORT

from gencpp.core.loaded import LoadedModel, LoadOptions
from gencpp.core.spec import ModelSpec
from gencpp.model.inspection import inspect_model
from gencpp.sources.load import load_source, parse_source


def inspected(text: str, *inputs: str, **more: Any) -> tuple[LoadedModel, ModelSpec]:
    options = LoadOptions(path=(str(SUPPORT),), inputs=inputs, **more)
    loaded = load_source(parse_source(text), options, lambda _: None)
    return loaded, inspect_model(loaded, options)
