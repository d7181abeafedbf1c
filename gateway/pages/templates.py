"""The templates of a package of pages."""

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined


def make_templates(*packages: str) -> Environment:
    """The templates of these packages, of a name that two have the first; a name that is not there is a mistake, not an empty place."""
    return Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in packages]), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
