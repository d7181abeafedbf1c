"""What systemd has to know to run an agent: of one organisation, or of a house."""

from collections.abc import Sequence
from pathlib import Path

from accord.ops.services import Service
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName
from accord.terms.next_steps import OPTION
from node_agent.doctor import secret_files
from node_agent.house import look
from node_agent.settings import AgentSettings


def service_of(settings: AgentSettings, files: Sequence[Path], user: str, program: Path) -> Service:
    """The service of one organisation. Its secrets are credentials, which nobody else on the machine can read.

    Raises:
        BadInput: `invalid-setting`.
    """
    if not files:
        raise BadInput(Fault.INVALID_SETTING, "--config: name the file that the service is to read", then=OPTION)
    name, folder = HolderName(settings.holder.name).value, files[0].resolve().parent
    arguments = ("agent", "run", *(part for file in files for part in ("--config", str(file.resolve()))))
    # A certificate that renews itself has a new key each time: it is written beside it, and a credential cannot be.
    own = {"tls.key"} if settings.office.desk else set[str]()
    secrets = tuple((setting, path.resolve()) for setting, path in secret_files(settings, folder) if setting not in own)
    return Service(f"Noaber agent of {name}", program, arguments, user or f"noaber-{name}", folder, _written(settings, folder), secrets)


def house_service(house: Path, user: str, program: Path) -> Service:
    """The service of a house. What is secret stays in the folder of each organisation, since one process serves them all.

    Raises:
        BadInput: `invalid-setting`.
    """
    written = [path for resident in look(house).residents.values() for path in _written(resident.settings, resident.folder)]
    whole = house.resolve()
    return Service("Noaber agent of a house", program, ("agent", "run", "--house", str(whole)), user or "noaber-house", whole, (whole, *written))


def _written(settings: AgentSettings, folder: Path) -> tuple[Path, ...]:
    """Where it writes: the stores, what is known of newer registers, the journal with its index, its control, a certificate that it renews."""
    stores = [settings.choices.path, settings.region.register, settings.journal.folder]
    if settings.source.kind == "embedded":
        stores.append(settings.source.path)
    if settings.office.desk:
        stores += [settings.tls.certificate, settings.tls.key]
    # It is made when it is not there, so what must be writable is the folder in which it stands.
    stores += [settings.control.folder] if settings.control.folder else []
    return tuple((folder / path).resolve().parent for path in stores)
