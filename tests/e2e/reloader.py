"""Stands in for the Prometheus Operator's config-reloader, with the arguments that the operator gives the real one.

It also stands in for the discovery of Kubernetes, which Debian's Prometheus is built without: the same targets with the same
labels, from a file. What is asked and kept of them is what the operator wrote.
"""

import gzip
import json
import os
import re
import signal
import ssl
import sys
import time
import urllib.request

ARGUMENTS = dict(word.lstrip("-").split("=", 1) for word in sys.argv[1:] if "=" in word)
CONFIG = ARGUMENTS["config-envsubst-file"]
TARGETS = os.path.join(os.path.dirname(CONFIG), "targets.json")
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount/"
VARIABLE = re.compile(r"\$\((\w+)\)")
DISCOVERY = re.compile(r"^  kubernetes_sd_configs:\n(?:  [- ].*\n)*", re.MULTILINE)


def read(name):
    """What the pod's account has under a name."""
    with open(ACCOUNT + name) as file:
        return file.read()


def listed(kind):
    """All objects of a kind in the namespace."""
    server = "https://{KUBERNETES_SERVICE_HOST}:{KUBERNETES_SERVICE_PORT}".format(**os.environ)
    url = f"{server}/api/v1/namespaces/{read('namespace')}/{kind}"
    request = urllib.request.Request(url, headers={"Authorization": "Bearer " + read("token")})
    context = ssl.create_default_context(cafile=ACCOUNT + "ca.crt")
    with urllib.request.urlopen(request, context=context) as answer:
        return json.load(answer)["items"]


def targets():
    """Each address of each Service, with the labels of the role `endpoints`."""
    services = {service["metadata"]["name"]: service["metadata"].get("labels", {}) for service in listed("services")}
    for endpoints in listed("endpoints"):
        name = endpoints["metadata"]["name"]
        common = {"namespace": read("namespace"), "service_name": name}
        for label, value in services.get(name, {}).items():
            safe = re.sub(r"\W", "_", label)
            common |= {f"service_label_{safe}": value, f"service_labelpresent_{safe}": "true"}
        for subset in endpoints.get("subsets", []):
            for address in subset.get("addresses", []):
                pod = address.get("targetRef", {})
                own = {"endpoint_address_target_kind": pod.get("kind", ""), "endpoint_address_target_name": pod.get("name", "")}
                own |= {"pod_name": pod.get("name", ""), "pod_phase": "Running"}
                for port in subset.get("ports", []):
                    labels = common | own | {"endpoint_port_name": port.get("name", "")}
                    labels = {f"__meta_kubernetes_{key}": value for key, value in labels.items()}
                    yield {"targets": [f"{address['ip']}:{port['port']}"], "labels": labels}


def put(path, content):
    """Writes a file as a whole; tells whether it is another one than before."""
    if os.path.exists(path):
        with open(path) as file:
            if file.read() == content:
                return False
    with open(path + ".next", "w") as file:
        file.write(content)
    os.replace(path + ".next", path)
    return True


def configure():
    """Gives Prometheus what the operator wrote; tells whether that is new."""
    with gzip.open(ARGUMENTS["config-file"], "rt") as file:
        config = VARIABLE.sub(lambda found: os.environ.get(found[1], found[0]), file.read())
    put(TARGETS, json.dumps(list(targets())))
    return put(CONFIG, DISCOVERY.sub(f"  file_sd_configs:\n  - files: [{TARGETS}]\n", config))


# The first process of a container has no default for it.
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
configure()
while ARGUMENTS.get("watch-interval") != "0":
    time.sleep(2)
    if configure():
        urllib.request.urlopen(urllib.request.Request(ARGUMENTS["reload-url"], method="POST"))
