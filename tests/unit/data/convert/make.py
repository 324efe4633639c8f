#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Make the files here: one stored object as a reference server shows it in
its two forms, and what became of it when the second form was sent back.
Not run by the tests.
usage: make.py KUBECONFIG (administrator's; KUBECTL names the program)
"""

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../../golden"))
import record  # noqa: E402

NS = "/namespaces/golden/"
SELECTOR = {"matchLabels": {"b": "2", "a": "<1>"}}
REF = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}


def target(**kw):
    kw["type"] = ("Utilization" if "averageUtilization" in kw else
                  "AverageValue" if "averageValue" in kw else "Value")
    return kw


SOURCES = [
    {"type": "Resource", "resource": {
        "name": "memory", "target": target(averageValue="1500Mi")}},
    {"type": "Resource", "resource": {
        "name": "cpu", "target": target(averageUtilization=55)}},
    {"type": "Resource", "resource": {
        "name": "memory", "target": target(averageUtilization=66)}},
    {"type": "ContainerResource", "containerResource": {
        "name": "cpu", "container": "c",
        "target": target(averageUtilization=44)}},
    {"type": "Pods", "pods": {
        "metric": {"name": "hits", "selector": SELECTOR},
        "target": target(averageValue="10")}},
    {"type": "Object", "object": {
        "metric": {"name": "hits"}, "describedObject": REF,
        "target": target(value="2k")}},
    {"type": "Object", "object": {
        "metric": {"name": "hits", "selector": SELECTOR},
        "describedObject": {"kind": "Service", "name": "s"},
        "target": target(averageValue="3")}},
    {"type": "External", "external": {
        "metric": {"name": "queue", "selector": SELECTOR},
        "target": target(value="30")}},
    {"type": "External", "external": {
        "metric": {"name": "queue"}, "target": target(averageValue="5")}},
]
STATUSES = [
    {"type": "Resource", "resource": {"name": "cpu", "current": {
        "averageUtilization": 40, "averageValue": "400m"}}},
    {"type": "ContainerResource", "containerResource": {
        "name": "cpu", "container": "c", "current": {
            "averageUtilization": 41}}},
    {"type": "Pods", "pods": {
        "metric": {"name": "hits", "selector": SELECTOR},
        "current": {"averageValue": "7"}}},
    {"type": "Object", "object": {
        "metric": {"name": "hits"}, "describedObject": REF,
        "current": {"value": "8", "averageValue": "4"}}},
    {"type": "External", "external": {
        "metric": {"name": "queue", "selector": SELECTOR},
        "current": {"averageValue": "9"}}},
]
CONDITIONS = [
    {"type": "AbleToScale", "status": "True", "reason": "Ready",
     "message": "fine & <good>",
     "lastTransitionTime": "2024-01-02T03:04:05Z"},
    {"type": "ScalingActive", "status": "False"},
]
BEHAVIOR = {"scaleUp": {"stabilizationWindowSeconds": 3,
                        "policies": [{"type": "Pods", "value": 1,
                                      "periodSeconds": 9}]},
            "scaleDown": {"selectPolicy": "Disabled", "tolerance": "100m"}}
HPAS = {
    "hpa-empty": ({}, {}),
    "hpa-cpu": ({"metrics": [SOURCES[1]]}, {}),
    "hpa-object": ({"metrics": [SOURCES[6]]}, {}),
    "hpa-all": ({"metrics": SOURCES[:6] + SOURCES[7:], "behavior": BEHAVIOR,
                 "minReplicas": 2},
                {"observedGeneration": 3, "currentReplicas": 4,
                 "lastScaleTime": "2024-01-02T03:04:05Z",
                 "desiredReplicas": 5, "currentMetrics": STATUSES,
                 "conditions": CONDITIONS}),
    "hpa-behavior": ({"metrics": [SOURCES[0]],
                      "behavior": {"scaleDown": {}}}, {}),
}
EVENTS = {
    "event-old": {
        "involvedObject": {"kind": "Pod", "namespace": "golden",
                           "name": "p", "uid": "u", "fieldPath": "x"},
        "reason": "r", "message": "m", "type": "Normal", "count": 3,
        "source": {"component": "c", "host": "h"},
        "firstTimestamp": "2024-01-02T03:04:05Z",
        "lastTimestamp": "2024-01-02T03:04:06Z"},
    "event-new": {
        "involvedObject": {"kind": "Pod", "namespace": "golden",
                           "name": "p"},
        "related": {"kind": "Node", "name": "n"},
        "reason": "r", "message": "m", "type": "Warning", "action": "a",
        "eventTime": "2024-01-02T03:04:05.000007Z",
        "series": {"count": 2,
                   "lastObservedTime": "2024-01-02T03:04:06.000000Z"},
        "reportingComponent": "example.com/c", "reportingInstance": "i"},
}


def clean(body):
    o = json.loads(body)
    if o["kind"] == "Status":
        raise SystemExit(o["message"])
    for k in ("resourceVersion", "managedFields"):
        o["metadata"].pop(k, None)
    return o


class Maker:
    def __init__(self, server):
        self.server = server

    def send(self, method, path, body=None):
        req = {"method": method, "path": path}
        if body is not None:
            req["body"] = body
        return self.server.send(req)[2]

    def make(self, name, stored, other, item, body, status=None):
        first, second = stored + NS + item, other + NS + item
        body["metadata"] = {"name": name, "namespace": "golden",
                            "annotations": {"kept": "yes"}}
        self.send("DELETE", first + "/" + name)
        clean(self.send("POST", first, body))
        if status is not None:
            body["status"] = status
            clean(self.send("PUT", first + "/" + name + "/status", body))
        out = {"stored": clean(self.send("GET", first + "/" + name)),
               "other": clean(self.send("GET", second + "/" + name))}
        sent = dict(out["other"])
        # (Not every form can be sent back: a zero target is refused.)
        if json.loads(self.send("PUT", second + "/" + name,
                                sent))["kind"] != "Status":
            if status is not None:
                clean(self.send("PUT", second + "/" + name + "/status",
                                sent))
            out["back"] = clean(self.send("GET", first + "/" + name))
        self.send("DELETE", first + "/" + name)
        with open(os.path.join(HERE, name + ".json"), "w") as f:
            json.dump(out, f, indent=1)
            f.write("\n")


def main():
    m = Maker(record.Server(sys.argv[1], None))
    for name, (spec, status) in HPAS.items():
        spec = {"scaleTargetRef": REF, "maxReplicas": 9, **spec}
        m.make(name, "/apis/autoscaling/v2", "/apis/autoscaling/v1",
               "horizontalpodautoscalers", {"spec": spec}, status)
    for name, body in EVENTS.items():
        m.make(name, "/api/v1", "/apis/events.k8s.io/v1", "events", body)


main()
