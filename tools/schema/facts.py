#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Turn a reference's refusals into attributes for the schema.

Reads what probe.py has written and prints overlay lines (checks.tsv): must,
enum, min, max, format, where every probe of a member agrees. What depends on
other members cannot be seen here: CONDITIONAL lists what a person found.
usage: facts.py refusals.tsv FILE.schema...
"""

import re
import sys

from check import flat, lookup, read

# Required only in the company of something else.
CONDITIONAL = {
    "core.v1.ServicePort.name", "core.v1.EndpointPort.name",
    "core.v1.ServiceSpec.externalName", "core.v1.ServiceSpec.ports",
    "core.v1.ScopedResourceSelectorRequirement.values",
    "core.v1.ScopeSelector.matchExpressions",
    "networking.v1.IngressBackend.service", "core.v1.Container.volumeDevices",
    "core.v1.ResourceFieldSelector.containerName",
    "resource.v1.DeviceRequest.exactly", "core.v1.Event.action",
    "core.v1.Event.reportingInstance", "core.v1.Event.reason",
    "core.v1.Event.reportingComponent", "core.v1.Event.type",
    "core.v1.EventSeries.count", "core.v1.ObjectReference.name",
    "core.v1.ObjectReference.kind", "core.v1.ObjectReference.namespace",
    "meta.v1.LabelSelector.matchLabels", "meta.v1.ObjectMeta.labels",
    "core.v1.PodTemplateSpec.metadata", "core.v1.PersistentVolume.spec",
    "rbac.v1.PolicyRule.apiGroups", "rbac.v1.PolicyRule.resources",
    "admissionregistration.v1.ValidatingAdmissionPolicySpec.validations",
}
# Texts after "Required value: " that do not depend on anything else.
ALWAYS = re.compile(
    r": (must specify (a |one of|required|namespace)|at least (one|1) |can not "
    r"be empty|\w+ is not specified|must reference|must contain at least|data "
    r"is|type is required when \w+ is set|\w+ must (be specified|contain)|"
    r"resource rules must|valid values: \[?\"(In|Count))")

# Said of the probe, but not true of every value.
NOT = {
    "apps.v1.StatefulSetSpec.serviceName": ("format",),
    "core.v1.AzureDiskVolumeSource.diskURI": ("enum",),
    "core.v1.Event.reportingComponent": ("format",),
    "core.v1.NodeSelectorRequirement.values": ("format",),
    "core.v1.ServiceSpec.externalName": ("format",),
    "core.v1.ServiceSpec.healthCheckNodePort": ("min", "max"),
    "networking.v1.HTTPIngressPath.path": ("format",),
    "networking.v1.IngressRule.host": ("format",),
    "networking.v1.IngressTLS.hosts": ("format",),
    "resource.v1.DeviceClaimConfiguration.requests": ("format",),
    "resource.v1.DeviceConstraint.matchAttribute": ("must",),
    "resource.v1.DeviceConstraint.requests": ("format",),
    "resource.v1.ResourcePool.name": ("format",),
    "storage.v1.StorageClass.provisioner": ("format",),
    "storage.v1.VolumeAttributesClass.driverName": ("format",),
    "core.v1.LimitRangeItem.type": ("format",),
}
FORMAT = (
    ("a lowercase RFC 1123 label must", "dns1123-label"),
    ("a DNS-1035 label must", "dns1035-label"),
    ("name part must consist", "qualified-name"),
    ("a valid label must be an empty string", "label-value"),
    ("a valid config key must", "config-key"),
    ("must be a valid IP address, (e.g.", "ip"),
    ("must be a valid CIDR value", "cidr"),
    ("must be an absolute path", "absolute-path"),
    ("must contain only alpha-numeric characters (a-z, 0-9)", "port-name"),
)


def origin(types, short, name):
    """The type that declares a member, an inlined one where it is that."""
    t = types[short]
    for m in t.members:
        if m[0] == name:
            return short
        if m[0] == "+":
            inner = lookup(types, t, m[2])[0]
            found = origin(types, inner, name)
            if found:
                return found
    return None


def enum_of(messages):
    got = set()
    for m in messages:
        r = re.match(r'Unsupported value: "Bogus_!": supported values: (.*)$', m)
        if r is None:
            return None
        got.add("|".join(re.findall(r'"([^"]*)"', r.group(1))))
    return got.pop() if len(got) == 1 else None


def format_of(messages):
    for m in messages:
        text = m.split(": ", 2)[-1]
        if text.startswith("a lowercase RFC 1123 subdomain must") and \
                "'_'" not in text:
            return "dns1123-subdomain"
        for start, name in FORMAT:
            if text.startswith(start):
                return name
    return None


def limits(neg, zero, big):
    out = []
    for m in neg + zero + big:
        r = re.search(r": must be between (-?\d+) and (\d+), inclusive$", m)
        if r:
            return ["min=" + r.group(1), "max=" + r.group(2)]
    for m in neg + zero:
        r = re.search(r": must be greater than or equal to (\d+)$", m)
        if r:
            out = ["min=" + r.group(1)]
    return out


def main():
    says = {}
    for text in open(sys.argv[1]):
        key, what, _, _, rel, reason, msg = text.rstrip("\n").split("\t")
        if rel == "":
            says.setdefault(key.replace("[]", ""), {}).setdefault(
                (what, "[]" in key), []).append((reason, msg))
    members = {}
    types = read(sys.argv[2:])
    for short, t in types.items():
        for m in flat(types, t):
            members[short + "." + m[0]] = m
    print("# SPDX-License-Identifier: BSD-2-Clause")
    print("# Written by facts.py from a reference's refusals.")
    merged = {}
    for key in sorted(says):
        short, name = key.rsplit(".", 1)
        at = origin(types, short, name)
        if at == "core.v1.LocalObjectReference" and at != short:
            continue    # what it demands of its name differs from use to use
        merged.setdefault(at + "." + name, key)
    for at, key in sorted(merged.items()):
        print_facts(at, says[key], members[key])


def print_facts(key, said, member):
    def texts(what):
        out = []
        for item in (False, True):
            out += [m for r, m in said.get((what, item), []) if r != "-"]
        return out

    def all_refused(what, item):
        rows = said.get((what, item), [])
        return rows and all(r != "-" for r, _ in rows)

    a = []
    absent = said.get(("absent", False), [])
    if absent and all(r == "FieldValueRequired" for r, _ in absent) and \
            key not in CONDITIONAL and all(m == "Required value"
                                           for _, m in absent):
        a.append("must")
    elif absent and key not in CONDITIONAL and \
            len({m for _, m in absent}) == 1 and \
            absent[0][0] == "FieldValueRequired" and \
            ALWAYS.search(absent[0][1]):
        a.append("must=" + absent[0][1][len("Required value: "):])
    had = any(x.startswith("enum=") for x in member[4:])
    if all_refused("bogus", False) or all_refused("bogus", True):
        e, f = enum_of(texts("bogus")), format_of(texts("bogus"))
        if e is not None:
            a.append("enum=" + e)
        elif had:
            a.append("-enum")
        if f is not None:
            a.append("format=" + f)
    elif had and (("bogus", False) in said or ("bogus", True) in said):
        a.append("-enum")
    a += limits(texts("negative"), texts("zero"), texts("big"))
    a = [x for x in a if x.split("=")[0] not in NOT.get(key, ())]
    if a:
        print(key + "\t" + " ".join(
            "'" + x + "'" if " " in x else x for x in a))


if __name__ == "__main__":
    main()
