"""The person, and who is near them: the same for the eye when name (and birth) are; and what is known of being legally capable."""

from accord.terms.vocabulary import Section
from gateway.dossier.clinical.concepts import ConceptTable
from gateway.dossier.clinical.lines import Family, Line
from gateway.dossier.clinical.moments import moment_of
from gateway.dossier.clinical.trees import Follow, Tree, parts, text
from gateway.dossier.clinical.wish_remarks import read_remarks
from gateway.dossier.window import Origin


def person_lines(origin: Origin, section: Section, tree: Tree, follow: Follow, table: ConceptTable) -> list[Line]:
    """The lines of a Patient or a RelatedPerson. Whether a patient may decide is read among the wishes, where it matters."""
    name = next((_plain(one) for one in parts(tree, "name")), "")
    own = f"= {origin.holder} {origin.type}/{origin.id}"
    if origin.type == "RelatedPerson":
        moment = moment_of(text(tree, "period", "start") or text(tree, "period", "end"))
        return [Line(0, origin, section, Family.PERSON, (f"relation {name}" if name else own,), "", moment)]
    says = "|".join((name, text(tree, "birthDate"), text(tree, "gender"), "deceased" if _is_deceased(tree) else ""))
    lines = [Line(0, origin, section, Family.PERSON, ("person",), says)]
    if read_remarks(tree, follow, table):
        lines.append(Line(0, origin, Section.PLANNING_AHEAD, Family.PAPER, (own,), part=1))
    return lines


def _is_deceased(tree: Tree) -> bool:
    return tree.get("deceasedBoolean") is True or bool(text(tree, "deceasedDateTime"))


def _plain(name: Tree) -> str:
    given = name.get("given")
    words = [*(one for one in (given if isinstance(given, list) else []) if isinstance(one, str)), text(name, "family")]
    return " ".join(" ".join(filter(None, words)).split()).casefold() or text(name, "text").casefold()
