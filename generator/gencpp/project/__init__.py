"""A project's folder: its text files, its manifest, and the one writer."""

from __future__ import annotations

from .assets import check_assets as check_assets
from .base import read_base as read_base
from .manifest import MANIFEST as MANIFEST
from .manifest import Manifest as Manifest
from .manifest import edited_files as edited_files
from .manifest import read_manifest as read_manifest
from .paths import check_replaceable as check_replaceable
from .paths import regular_file as regular_file
from .paths import replace_text as replace_text
from .recipe_file import read_recipe as read_recipe
from .render import render as render
from .render import templates_root as templates_root
from .writer import Writing as Writing
from .writer import mend as mend
from .writer import writing as writing
