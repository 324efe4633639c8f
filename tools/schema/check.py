#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compare api/*.schema with published reference data.

Members, types, required lists, list types and merge keys against an OpenAPI
v2 document; numbers against a table of protobuf messages.  Maintainers' tool.
usage: check.py swagger.json protobuf.tsv FILE.schema...
"""

import csv
import json
import sys

SCALAR = {
    "bool": ("boolean", None), "int32": ("integer", "int32"),
    "int64": ("integer", "int64"), "double": ("number", "double"),
    "string": ("string", None), "bytes": ("string", "byte"),
}
NAMED = {
    "time": "io.k8s.apimachinery.pkg.apis.meta.v1.Time",
    "microtime": "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime",
    "duration": "io.k8s.apimachinery.pkg.apis.meta.v1.Duration",
    "quantity": "io.k8s.apimachinery.pkg.api.resource.Quantity",
    "intorstring": "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
    "raw": "io.k8s.apimachinery.pkg.runtime.RawExtension",
    "fields": "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1",
    "json": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON",
}


class Type:
    def __init__(self, package, name, attrs):
        self.package, self.name, self.attrs = package, name, attrs
        self.members = []  # (name, number, type, presence, attrs)


def words(line):
    out, cur, quoted = [], "", False
    for c in line.rstrip("\n") + " ":
        if c == "'":
            quoted = not quoted
        elif c.isspace() and not quoted:
            if cur:
                out.append(cur)
            cur = ""
        else:
            cur += c
    return out


def read(paths):
    types, package = {}, None
    for path in paths:
        cur = None
        for line in open(path):
            w = words(line)
            if not w or w[0].startswith("#"):
                continue
            if line[0] not in "\t ":
                cur = None
                if w[0] in ("version", "shared"):
                    package = w[3] if w[0] == "version" else w[1]
                elif w[0] == "type":
                    short = ".".join(package.split(".")[-2:])
                    cur = Type(package, w[1], w[2:])
                    types[short + "." + w[1]] = cur
            elif cur is not None:
                cur.members.append(w)
    return types


def flat(types, t, out=None):
    out = [] if out is None else out
    for m in t.members:
        if m[0] == "+":
            flat(types, lookup(types, t, m[2])[1], out)
        else:
            out.append(m)
    return out


def lookup(types, t, name):
    if "." not in name:
        name = ".".join(t.package.split(".")[-2:]) + "." + name
    return name, types[name]


def expect(types, t, word):
    """The OpenAPI schema a type word must have."""
    if word.startswith("[]"):
        return {"type": "array", "items": expect(types, t, word[2:])}
    if word.startswith("map:"):
        return {"type": "object",
                "additionalProperties": expect(types, t, word[4:])}
    if word == "strings":
        return {"type": "array", "items": {"type": "string"}}
    if word in SCALAR:
        typ, fmt = SCALAR[word]
        return {"type": typ, "format": fmt} if fmt else {"type": typ}
    if word in NAMED:
        return {"$ref": "#/definitions/" + NAMED[word]}
    target = lookup(types, t, word)[1]
    return {"$ref": "#/definitions/" + target.package + "." + target.name}


def strip(schema):
    return {k: (strip(v) if isinstance(v, dict) else v)
            for k, v in schema.items()
            if k in ("type", "format", "items", "additionalProperties", "$ref")}


def extensions(m):
    ext = {}
    for a in m[4:]:
        key, _, val = a.partition("=")
        if key == "list":
            typ, _, keys = val.partition(":")
            ext["x-kubernetes-list-type"] = typ
            if keys:
                ext["x-kubernetes-list-map-keys"] = keys.split(",")
        elif key == "patch":
            names = []
            for part in val.split(","):
                name, _, mk = part.partition(":")
                names.append({"retain": "retainKeys"}.get(name, name))
                if mk:
                    ext["x-kubernetes-patch-merge-key"] = mk
            ext["x-kubernetes-patch-strategy"] = ",".join(names)
        elif key in ("atomic", "granular"):
            ext["x-kubernetes-map-type"] = key
    return ext


def check_openapi(types, doc):
    bad = 0
    for short, t in sorted(types.items()):
        d = doc["definitions"].get(t.package + "." + t.name)
        if d is None or "properties" not in d:
            continue
        ms = flat(types, t)
        props = d["properties"]
        names = [m[0] for m in ms]
        for n in sorted(set(props) ^ set(names)):
            print(f"{short}.{n}: only in " +
                  ("OpenAPI" if n in props else "the schema"))
            bad += 1
        req = sorted(m[0] for m in ms if "req" in m[4:])
        if req != sorted(d.get("required", [])):
            print(f"{short}: required {req}, OpenAPI {d.get('required')}")
            bad += 1
        for m in ms:
            if m[0] not in props:
                continue
            want, p = expect(types, t, m[2]), props[m[0]]
            if want != strip(p):
                print(f"{short}.{m[0]}: {want}, OpenAPI {strip(p)}")
                bad += 1
            ext = {k: v for k, v in p.items() if k.startswith("x-")}
            if extensions(m) != ext:
                print(f"{short}.{m[0]}: {extensions(m)}, OpenAPI {ext}")
                bad += 1
        if ("atomic" in t.attrs) != (d.get("x-kubernetes-map-type") == "atomic"):
            print(f"{short}: atomic differs")
            bad += 1
    return bad


def proto_package(p):
    return "k8s.io" + p[len("io.k8s"):]


def check_proto(types, rows):
    want = {}
    for r in rows:
        if not r["number"]:
            continue
        want.setdefault((r["package"], r["message"]), {})[
            int(r["number"])] = r["json"]
    bad = 0
    for short, t in sorted(types.items()):
        w = want.get((proto_package(t.package), t.name))
        if w is None:
            continue
        have = {int(m[1]): ("(inline)" if m[0] == "+" else m[0])
                for m in t.members if m[1] != "-"}
        for n in sorted(set(w) | set(have)):
            if have.get(n) != w.get(n) and w.get(n, "?") != "":
                print(f"{short}: number {n} is {have.get(n)}, "
                      f"protobuf {w.get(n)}")
                bad += 1
    return bad


def main():
    types = read(sys.argv[3:])
    bad = check_openapi(types, json.load(open(sys.argv[1])))
    rows = csv.DictReader(open(sys.argv[2]), delimiter="\t",
                          quoting=csv.QUOTE_NONE)
    bad += check_proto(types, rows)
    print(f"{len(types)} types, {bad} differences")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
