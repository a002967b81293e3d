"""A loaded model -> its final ModelSpec, with the sizes that are asked for and the answers at them."""

from __future__ import annotations

from ..core.backend import Inspection
from ..core.loaded import LoadedModel
from ..core.request import ModelRequest
from .inspection import inspect_model
from .sizes.answers import Answers
from .sizes.bounding import taken_by_the_model
from .sizes.dynamic import apply_dynamic, asked_places


def inspected(loaded: LoadedModel, request: ModelRequest) -> Inspection:
    """Nobody changes its `model`: what an export has to fix comes back in Exported.model.

    Raises UsageError as inspect_model, apply_dynamic and taken_by_the_model do.
    """
    model, profiles = apply_dynamic(loaded, inspect_model(loaded, request.load_options()), request.dynamic)
    asked = asked_places(model, request.dynamic)
    # Profiles that nobody asked for are the model's own bounds, which an export may narrow.
    answers = Answers(loaded=loaded, seed=request.seed, profiles=profiles if asked else (), asked=asked)
    model = taken_by_the_model(answers, model)
    return Inspection(loaded=loaded, model=model, profiles=profiles, answers=answers)
