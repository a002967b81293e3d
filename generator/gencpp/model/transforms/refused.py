"""What is not taken of torchvision's transforms, each with a sentence that says what to do instead."""

from __future__ import annotations

TRAINING = "it is for training; pass the transforms of evaluation"

_TRAINING = {
    *("AugMix", "AutoAugment", "ColorJitter", "CutMix", "ElasticTransform", "GaussianBlur", "GaussianNoise"),
    *("JPEG", "MixUp", "RandAugment", "ScaleJitter", "SimpleCopyPaste", "TrivialAugmentWide"),
}
"""Those that draw at random, besides all whose names begin with Random."""

_SENTENCES = {
    "Lambda": "it calls Python code, which cannot be generated; write it as steps of torchvision",
    "FiveCrop": "it makes five pictures of one; take CenterCrop, or feed prepared tensors",
    "TenCrop": "it makes ten pictures of one; take CenterCrop, or feed prepared tensors",
    "LinearTransformation": "it is a layer of the model: put it into the module's forward",
    "ToPILImage": "a picture is read from its file; leave it out",
}

OWN_CODE = "it is Python code of your own, which cannot be generated; write it as steps of torchvision"


def sentence(name: str, of_torchvision: bool) -> str:
    """Why a step is refused."""
    if not of_torchvision:
        return OWN_CODE
    if name.startswith("Random") or name in _TRAINING:
        return TRAINING
    return _SENTENCES.get(name, "not supported")
