#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Make the pairs NAME.pb, NAME.json here: one object each as a reference
server sends it in both forms. Not run by the tests.
usage: make.py KUBECONFIG (administrator's; KUBECTL names the program)
"""

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "../../../golden")
sys.path.insert(0, GOLDEN)
import record  # noqa: E402

NAMES = """
v1_pods.full v1_services.full v1_secrets.full v1_events.full
v1_configmaps.full v1_limitranges.full v1_persistentvolumes.full
apps_v1_deployments.full apps_v1_statefulsets.full
apps_v1_controllerrevisions.full batch_v1_cronjobs.full
autoscaling_v2_horizontalpodautoscalers.full coordination.k8s.io_v1_leases.full
networking.k8s.io_v1_networkpolicies.full
certificates.k8s.io_v1_certificatesigningrequests.full
resource.k8s.io_v1_resourceslices.full
apiextensions.k8s.io_v1_customresourcedefinitions.full
""".split()
PROTOBUF = "application/vnd.kubernetes.protobuf"


def main():
    server = record.Server(sys.argv[1], None)
    for name in NAMES:
        with open(os.path.join(GOLDEN, "kinds", name + ".json")) as f:
            golden = json.load(f)
        for setup in golden.get("setup", []):
            server.send(setup)
        request = golden["request"]
        path = request["path"].split("?")[0]
        status, _, body = server.send(request)
        if status != 201:
            print(name, status, body.decode()[:300])
            continue
        item = path + "/" + json.loads(body)["metadata"]["name"]
        get = {"method": "GET", "path": item}
        while True:
            first = server.send(get)[2]
            pb = server.send({**get, "headers": {"Accept": PROTOBUF}})[2]
            if server.send(get)[2] == first:
                break
        kind = json.loads(first)["kind"].lower()
        with open(os.path.join(HERE, kind + ".json"), "wb") as f:
            f.write(first)
        with open(os.path.join(HERE, kind + ".pb"), "wb") as f:
            f.write(pb)
        server.send({"method": "DELETE", "path": item, "body": {
            "gracePeriodSeconds": 0}})
        server.send({"method": "PATCH", "path": item, "headers": {
            "Content-Type": "application/merge-patch+json"},
            "body": {"metadata": {"finalizers": None}}})


main()
