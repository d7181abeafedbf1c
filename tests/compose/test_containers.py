"""The container files keep the rules of the house, and dashboards and alerts ask for measures that exist. No engine is needed to see that."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from accord.link.settings import PREFIXES, Loaded
from accord.ops.measures import Measures, names_of
from gateway.settings import read_settings as gateway_settings
from node_agent.settings import read_settings as agent_settings

COMPOSE = Path(__file__).resolve().parents[2] / "compose"
TEXT = (COMPOSE / "compose.yaml").read_text(encoding="utf-8")
READ: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = READ["services"]
READ_BY: dict[str, Callable[..., Loaded[Any]]] = {"gateway": gateway_settings, "agent": agent_settings}
#: With the reason beside it in the file.
WRITABLE = {"keycloak"}
WITHOUT_HEALTH = {"hapi"}
DASHBOARD = json.loads((COMPOSE / "grafana" / "dashboards" / "noaber.json").read_text(encoding="utf-8"))
ALERTS = yaml.safe_load((COMPOSE / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))["groups"]
#: Made by Prometheus itself for whatever it looks at.
OF_PROMETHEUS = {"up"}
_WORDS = set("by le rate sum increase histogram_quantile time without on".split())


def _by_the_schema(file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)  # noqa: S603 - fixed arguments


def test_the_compose_file_keeps_to_the_compose_specification(tmp_path: Path) -> None:
    """Its form, by the schema that the specification publishes; what an engine makes of it is not seen here."""
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(TEXT.replace("mem_limit:", "mem_limt:"), encoding="utf-8")
    sound, unsound = _by_the_schema(COMPOSE / "compose.yaml"), _by_the_schema(wrong)

    assert sound.returncode == 0, sound.stdout + sound.stderr
    assert unsound.returncode == 1
    assert "mem_limt" in unsound.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_nobody_in_particular_and_can_do_little(name: str) -> None:
    service = SERVICES[name]

    assert re.fullmatch(r"[1-9][0-9]*:[0-9]+", service["user"])
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["read_only"] is (name not in WRITABLE)
    assert service["mem_limit"]
    assert "privileged" not in service
    assert "network_mode" not in service
    assert not any("docker.sock" in volume for volume in service.get("volumes", []))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_of_a_named_version_and_says_whether_it_is_well(name: str) -> None:
    service = SERVICES[name]

    assert re.search(r":v?[0-9]+\.[0-9][^:/]*$", service["image"])
    assert (service["healthcheck"] == {"disable": True}) == (name in WITHOUT_HEALTH)
    assert ("test" in service["healthcheck"]) == (name not in WITHOUT_HEALTH)


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_names_is_there_and_what_it_opens_is_for_this_machine(name: str) -> None:
    service = SERVICES[name]
    named = {one if isinstance(one, str) else one["source"] for one in service.get("secrets", [])}
    mounted = {volume.partition(":")[0] for volume in service.get("volumes", [])}

    assert named <= set(READ["secrets"])
    assert set(service["networks"]) <= set(READ["networks"])
    assert set(service.get("depends_on", [])) <= set(SERVICES)
    assert {volume for volume in mounted if not volume.startswith("./")} <= set(READ["volumes"])
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    for volume in mounted:
        if volume.startswith("./") and not volume.startswith("./state/"):
            assert (COMPOSE / volume).exists()


def test_no_secret_stands_in_the_environment_of_a_service() -> None:
    given = {key: value for service in SERVICES.values() for key, value in service.get("environment", {}).items()}

    assert {key for key in given if re.search("PASSWORD|SECRET|TOKEN", key) and not key.endswith("_FILE")} == set()


@pytest.mark.parametrize("name", [name for name in SERVICES if SERVICES[name]["image"].startswith("noaber")])
def test_what_a_part_is_given_are_settings(name: str) -> None:
    service = SERVICES[name]
    read = READ_BY[service["command"][0]]
    sets = [f"{'.'.join(key.split('__')[1:]).lower()}={value}" for key, value in service["environment"].items()]

    assert all(key.startswith(PREFIXES) for key in service["environment"])
    settings = read([], sets).values
    assert settings.ops.listen.endswith(":9701")
    assert settings.ops.beyond_loopback
    assert settings.log.format == "json"


def test_there_are_a_gateway_three_agents_and_what_stands_around_them() -> None:
    assert set(SERVICES) == {
        *("gateway", "agent-brinkhof", "agent-lindehof", "agent-dinkelhorst"),
        *("hapi", "postgres", "keycloak", "prometheus", "grafana"),
    }
    looked_at = yaml.safe_load((COMPOSE / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    targets = {target.partition(":")[0] for job in looked_at for one in job["static_configs"] for target in one["targets"]}
    assert targets == {name for name in SERVICES if SERVICES[name]["image"].startswith("noaber")}


def instructions() -> list[tuple[str, str]]:
    """The lines of the container file, each with its word."""
    text = (COMPOSE / "noaber.Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def test_the_image_runs_as_nobody_in_particular_and_holds_no_secret() -> None:
    lines = instructions()
    words = [word for word, _ in lines]
    froms = [rest for word, rest in lines if word == "FROM"]

    assert [rest for word, rest in lines if word == "USER"][-1] == "10001:10001"
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert all(re.search(r":[0-9]+\.[0-9]+\.[0-9]+-", image) for image in froms)
    assert "HEALTHCHECK" in words
    assert {"ADD", "VOLUME"} & set(words) == set()
    assert all(rest.startswith("[") for word, rest in lines if word in {"ENTRYPOINT", "CMD"})
    copied = [source for word, rest in lines if word == "COPY" and "--from" not in rest for source in rest.split()[:-1]]
    assert not any(re.search(r"^\.$|\.key|\.pem|state|settings", source) for source in copied)
    assert not any(re.search("curl|wget|sudo|--break-system-packages", rest) for word, rest in lines if word == "RUN")
    # Every copied path is there, and every package comes by the lock and its hashes.
    assert all((COMPOSE.parent / source).exists() for source in copied)
    assert all("--require-hashes" in rest or "--no-deps" in rest for word, rest in lines if "pip install" in rest)


def queries() -> Iterator[tuple[str, str]]:
    """Everything that the dashboard and the alerts ask."""
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield f"panel: {panel['title']}", target["expr"]
    for rule in (rule for group in ALERTS for rule in group["rules"]):
        yield f"alert: {rule['alert']}", rule["expr"]


def labels_of(expression: str) -> set[str]:
    """The labels that an expression goes by."""
    matched = {label for braces in re.findall(r"\{([^}]*)\}", expression) for label in re.findall(r"(\w+)\s*[=!]~?", braces)}
    return matched | {label.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(",")}


@pytest.mark.parametrize(("where", "expression"), list(queries()), ids=[where for where, _ in queries()])
def test_every_query_asks_for_a_measure_that_exists_by_labels_that_it_has(where: str, expression: str) -> None:
    known = set(names_of(Measures("agent").registry)) | OF_PROMETHEUS
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|by \([^)]*\)", " ", expression)
    asked = set(re.findall(r"[a-z_][a-z_0-9]*", bare)) - _WORDS

    assert asked, where
    assert asked <= known, asked - known
    assert labels_of(expression) <= LABELS | {"job", "instance", "le"}, labels_of(expression) - LABELS
    assert expression.count("(") == expression.count(")")


#: Every label that any measure has.
LABELS = {label for family in Measures("agent").registry._names_to_collectors.values() for label in getattr(family, "_labelnames", ())} | {
    "holder",
    "reason",
    "node",
}


def test_the_page_for_operators_names_every_measure_and_no_other() -> None:
    page = (COMPOSE.parent / "docs" / "operations.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`((?:noaber|grpc)_[a-z_]+)`", page))
    families = {re.sub("_(bucket|sum|count)$", "", name) for name in names_of(Measures("agent").registry) if name.startswith(("noaber_", "grpc_"))}

    assert told == families


def test_every_alert_says_what_to_do() -> None:
    rules = [rule for group in ALERTS for rule in group["rules"]]

    assert all(set(rule["annotations"]) == {"summary", "next"} and rule["labels"]["severity"] in {"page", "ticket"} for rule in rules)
    assert len({rule["alert"] for rule in rules}) == len(rules) >= 9


def test_no_measure_has_a_label_about_a_person() -> None:
    assert not [label for label in LABELS if re.search("patient|bsn|user|professional|query|name|person", label)]
    assert {"holder", "outcome", "code", "reason", "decision", "operation"} <= LABELS
