"""The templates of a package of pages."""

from jinja2 import Environment, PackageLoader, StrictUndefined


def make_templates(package: str) -> Environment:
    """The templates; a name that is not there is a mistake, not an empty place."""
    return Environment(loader=PackageLoader(package), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
