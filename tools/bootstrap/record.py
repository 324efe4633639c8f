#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes core/apiserver/bootstrap_{rbac,api}.def: the objects every cluster has.

usage: record.py OUTPUT-FOLDER < LIST.json

For maintainers, when the version of Kubernetes that Pintle follows changes. The
input is what a fresh kube-apiserver of that version holds:

    kubectl get -A -o json clusterroles,clusterrolebindings,roles,rolebindings,\
flowschemas,prioritylevelconfigurations,apiservices | record.py core/apiserver

A row is X(resource, namespace, name, more labels, members); in the texts ' stands
for " and @ for the time of the start. Rules of aggregated roles are filled in.
OWN are rows that upstream does not have.
"""
import json
import sys

TABLES = {
    "rbac": ("clusterroles", "clusterrolebindings", "roles", "rolebindings"),
    "api": ("prioritylevelconfigurations", "flowschemas", "apiservices"),
}
RBAC = "rbac.authorization.k8s.io"
# Nodes may do what upstream's node authorizer lets them do, while there is none
# here (docs/node.md).
OWN = [
    {"kind": "ClusterRoleBinding", "metadata": {"name": "pintle:nodes"},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "system:node"},
        "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": "system:nodes"}]},
]
PLURAL = {"PriorityLevelConfiguration": "prioritylevelconfigurations"}
MARKS = ("kubernetes.io/bootstrapping", "kube-aggregator.kubernetes.io/automanaged")
OWNED = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid",
    "annotations", "name", "namespace", "labels")


def ours(o):
    m = o["metadata"]
    marks = list(m.get("labels", {})) + list(m.get("annotations", {}))
    return any(k in MARKS or k.startswith("apf.kubernetes.io/") for k in marks)


def labels_of(o):
    return {k: v for k, v in o["metadata"].get("labels", {}).items() if k not in MARKS}


def aggregate(role, roles):
    """As the controller of this name does: by name, each rule once."""
    if not role.get("aggregationRule"):
        return role.get("rules") or []
    rules = []
    for sel in role["aggregationRule"]["clusterRoleSelectors"]:
        for other in sorted(roles, key=lambda r: r["metadata"]["name"]):
            have = other["metadata"].get("labels", {})
            if other is role or any(have.get(k) != v for k, v in sel["matchLabels"].items()):
                continue
            rules += [r for r in aggregate(other, roles) if r not in rules]
    return rules


def text(value):
    s = json.dumps(value, separators=(",", ":"), ensure_ascii=True)
    assert "'" not in s and "@" not in s.replace('"@"', ""), s
    s = s.replace('\\"', "\0").replace('"', "'").replace("\0", '\\\\\\"')
    return s


def row(plural, o):
    m = o["metadata"]
    body = {k: v for k, v in o.items() if k not in ("apiVersion", "kind", "metadata")}
    for c in body.get("status", {}).get("conditions", []):
        c["lastTransitionTime"] = "@"
    left = set(m) - set(OWNED)
    assert not left, left
    return 'X(%s, "%s", "%s", "%s", "%s")\n' % (plural, m.get("namespace", ""), m["name"],
        text(labels_of(o))[1:-1], text(body)[1:-1])


def main():
    items = OWN + [o for o in json.load(sys.stdin)["items"] if ours(o)]
    roles = [o for o in items if o["kind"] == "ClusterRole"]
    full = {o["metadata"]["name"]: aggregate(o, roles) for o in roles}
    for o in roles:
        o["rules"] = full[o["metadata"]["name"]]
    for name, plurals in TABLES.items():
        with open("%s/bootstrap_%s.def" % (sys.argv[1], name), "w") as out:
            out.write("/* SPDX-License-Identifier: BSD-2-Clause\n *\n"
                " * bootstrap_%s.def -- written by tools/bootstrap/record.py, which says what"
                "\n * the columns are. */\n" % name)
            for plural in plurals:
                for o in items:
                    kind = PLURAL.get(o["kind"], o["kind"].lower() + "s")
                    if kind == plural:
                        out.write(row(plural, o))


main()
