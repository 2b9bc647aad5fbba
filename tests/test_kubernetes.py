"""The Kubernetes manifests: their schemas, what they refer to, and rules that hold for each container and command.

They are read as `kubectl` reads them; nothing is applied to a cluster.
"""

import shlex
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from pagelens.api.cli.main import app

yaml = pytest.importorskip("yaml")

FOLDER = Path(__file__).parents[1] / "docs" / "kubernetes"
SECRET = "pagelens-secrets"
POD_KINDS = ("Deployment", "StatefulSet", "CronJob", "Job")
LONG_RUNNING = ("Deployment", "StatefulSet")

Object = dict[str, Any]


def objects(path: Path) -> list[Object]:
    return [found for found in yaml.safe_load_all(path.read_text()) if found]


KUSTOMIZATION = objects(FOLDER / "kustomization.yaml")[0]
APPLIED = [found for name in KUSTOMIZATION["resources"] for found in objects(FOLDER / name)]
ALL = [*APPLIED, *objects(FOLDER / "first-key.yaml")]
NAMED = [pytest.param(found, id=f"{found['kind']}-{found['metadata']['name']}") for found in ALL]
WITH_PODS = [case for case in NAMED if case.values[0]["kind"] in POD_KINDS]  # type: ignore[index]


def pod_template(found: Object) -> Object:
    spec = found["spec"]
    template: Object = (spec["jobTemplate"]["spec"] if found["kind"] == "CronJob" else spec)["template"]
    return template


def pod(found: Object) -> Object:
    spec: Object = pod_template(found)["spec"]
    return spec


def containers(found: Object) -> list[Object]:
    return [*pod(found).get("initContainers", []), *pod(found)["containers"]]


def by_name(kind: str, name: str) -> Object:
    [found] = [found for found in ALL if (found["kind"], found["metadata"]["name"]) == (kind, name)]
    return found


def test_every_file_is_in_the_kustomization_or_is_applied_by_hand() -> None:
    files = {path.name for path in FOLDER.iterdir()}
    assert files == {*KUSTOMIZATION["resources"], "kustomization.yaml", "first-key.yaml"}


@pytest.mark.parametrize("version", ["1.31", "1.37"])
@pytest.mark.parametrize("found", NAMED)
def test_an_object_follows_the_schema_of_the_api(found: Object, version: str) -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed").validate
    validate(found, version, strict=True)


def test_the_schemas_refuse_a_misspelled_key() -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    wrong = by_name("Deployment", "pagelens") | {"spec": by_name("Deployment", "pagelens")["spec"] | {"replica": 1}}
    with pytest.raises(validate.ValidationError):
        validate.validate(wrong, "1.37", strict=True)


@pytest.mark.parametrize("found", WITH_PODS)
def test_a_pod_may_do_no_more_than_it_needs(found: Object) -> None:
    spec = pod(found)
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in containers(found):
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] is True
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        resources = container["resources"]
        assert set(resources["requests"]) == {"cpu", "memory"}
        assert set(resources["limits"]) == {"memory"}  # a CPU limit makes an idle core useless


@pytest.mark.parametrize("found", [case for case in WITH_PODS if case.values[0]["kind"] in LONG_RUNNING])  # type: ignore[index]
def test_a_container_that_keeps_running_is_probed_at_a_port_it_has(found: Object) -> None:
    for container in pod(found)["containers"]:
        ports = {port["name"] for port in container["ports"]}
        for name in ("startupProbe", "livenessProbe", "readinessProbe"):
            probe = container[name]
            target = probe.get("httpGet") or probe.get("tcpSocket")
            assert (target and target["port"] in ports) or probe["exec"]["command"][0] == "pg_isready"


def test_the_server_is_probed_where_it_answers_without_a_key() -> None:
    [server] = pod(by_name("Deployment", "pagelens"))["containers"]
    assert server["livenessProbe"]["httpGet"]["path"] == "/health"
    assert server["readinessProbe"]["httpGet"]["path"] == "/readyz"


@pytest.mark.parametrize("found", NAMED)
def test_secrets_are_referred_to_and_stand_nowhere(found: Object) -> None:
    assert found["kind"] != "Secret"
    for container in containers(found) if found["kind"] in POD_KINDS else ():
        for variable in container.get("env", ()):
            if any(word in variable["name"] for word in ("KEY", "PASSWORD", "TOKEN")):
                assert variable["valueFrom"]["secretKeyRef"]["name"] == SECRET, variable
    if found["kind"] == "ConfigMap":
        assert not [name for name in found["data"] if any(word in name for word in ("KEY", "PASSWORD", "TOKEN"))]


def test_the_secret_that_is_made_by_hand_has_every_key_that_is_referred_to() -> None:
    used = {
        variable["valueFrom"]["secretKeyRef"]["key"]
        for found in ALL
        if found["kind"] in POD_KINDS
        for container in containers(found)
        for variable in container.get("env", ())
        if "valueFrom" in variable
    }
    commands = (FOLDER / "kustomization.yaml").read_text()
    assert used == {word.split("=")[1] for word in commands.split() if word.startswith("--from-literal=")}


@pytest.mark.parametrize("found", WITH_PODS)
def test_volumes_and_settings_of_a_pod_are_there(found: Object) -> None:
    template = {claim["metadata"]["name"] for claim in found["spec"].get("volumeClaimTemplates", ())}
    volumes = {volume["name"]: volume for volume in pod(found).get("volumes", ())}
    for container in containers(found):
        mounts = {mount["name"] for mount in container["volumeMounts"]}
        assert mounts <= set(volumes) | template
        for source in container.get("envFrom", ()):
            assert by_name("ConfigMap", source["configMapRef"]["name"])
    claims = [volume["persistentVolumeClaim"] for volume in volumes.values() if "persistentVolumeClaim" in volume]
    for claim in claims:
        assert by_name("PersistentVolumeClaim", claim["claimName"])


@pytest.mark.parametrize("found", [case for case in NAMED if case.values[0]["kind"] == "Service"])  # type: ignore[index]
def test_a_service_leads_to_a_port_of_pods(found: Object) -> None:
    selector = found["spec"]["selector"].items()
    [target] = [
        other
        for other in APPLIED
        if other["kind"] in LONG_RUNNING and selector <= pod_template(other)["metadata"]["labels"].items()
    ]
    ports = {port["name"] for container in containers(target) for port in container.get("ports", ())}
    assert {port["targetPort"] for port in found["spec"]["ports"]} <= ports


def test_one_pod_at_most_writes_to_a_collection_by_schedule_and_one_server_holds_the_keys() -> None:
    server, index = by_name("Deployment", "pagelens"), by_name("CronJob", "pagelens-index")
    assert server["spec"]["replicas"] == 1
    assert server["spec"]["strategy"] == {"type": "Recreate"}
    assert index["spec"]["concurrencyPolicy"] == "Forbid"
    writers = [found["metadata"]["name"] for found in APPLIED if found["kind"] in POD_KINDS and mounts_writable(found)]
    assert sorted(writers) == ["pagelens", "pagelens-index"]


def mounts_writable(found: Object) -> bool:
    mounts = [mount for container in containers(found) for mount in container["volumeMounts"]]
    return any(mount["name"] == "collections" and not mount.get("readOnly") for mount in mounts)


def test_documents_are_at_the_same_path_wherever_they_are_read() -> None:
    paths = {
        mount["mountPath"]
        for found in ALL
        if found["kind"] in POD_KINDS
        for container in containers(found)
        for mount in container["volumeMounts"]
        if mount["name"] == "documents"
    }
    assert paths == {"/documents"}


def pagelens_commands() -> Iterator[list[str]]:
    for found in ALL:
        for container in containers(found) if found["kind"] in POD_KINDS else ():
            if container["image"].startswith("pagelens") and "command" not in container:
                yield container["args"]
    yield from index_commands()


def index_commands() -> list[list[str]]:
    """The arguments of `pagelens` for a collection that is there, and for a new one."""
    [container] = pod(by_name("CronJob", "pagelens-index"))["containers"]
    [script] = container["args"]
    settings = by_name("ConfigMap", "pagelens-settings")["data"]
    for name, value in settings.items():
        script = script.replace(f'"${name}"', shlex.quote(value))
    first, new = [line.split("set -- ")[1] for line in script.splitlines() if "set -- " in line]
    return [shlex.split(first), shlex.split(new.replace('"$@"', first))]


def parse(command: Any, words: Sequence[str]) -> Any:
    """Parse the words as the command line does, without running the command; return the parameters."""
    context = type(command).context_class(command, info_name="program")
    while hasattr(command, "resolve_command"):
        _, command, words = command.resolve_command(context, list(words))
    return command.make_context(command.name, list(words), parent=context).params


@pytest.mark.parametrize("words", [*pagelens_commands()], ids=lambda words: words[0])
def test_the_command_line_takes_the_arguments(words: list[str]) -> None:
    assert parse(get_command(app), words)


def test_a_new_collection_lies_on_the_servers_and_is_read_and_encoded_on_ray() -> None:
    known, new = [parse(get_command(app), words) for words in index_commands()]
    assert (known["ray"], known["url"]) == ("auto", "")
    assert (new["ray"], new["store"], new["url"]) == ("auto", "qdrant", "http://qdrant:6333")
    assert new["catalog"].startswith("postgresql+psycopg://")


def test_ray_takes_the_arguments_of_its_pods() -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    ray = import_module("ray.scripts.scripts").cli
    commands = [
        container["command"]
        for found in ALL
        if found["kind"] in POD_KINDS
        for container in containers(found)
        if container.get("command", [""])[0] == "ray"
    ]
    [container] = pod(by_name("CronJob", "pagelens-index"))["containers"]
    commands += [shlex.split(line) for line in container["args"][0].splitlines() if line.startswith("ray start")]
    assert len(commands) == 3
    for command in commands:
        params = parse(ray, command[1:])
        assert params["disable_usage_stats"]
        assert params["head"] or params["address"] == "ray-head:6379"
