"""The policies that come with us, by name; each speaks the mapping of its name. Imports nothing: options and
files name them too."""

from typing import Literal, get_args

Own = Literal["reference", "scripted"]
OWN: tuple[str, ...] = get_args(Own)
REFERENCE, SCRIPTED = OWN
