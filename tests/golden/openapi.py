#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Reduce a server's OpenAPI documents to one line a schema and path.

Against the reference it writes openapi.tsv, which tests/unit/openapi.c holds
Pintle's documents to. With --compare it prints how another server's documents
differ from the reference's, member by member. Not run by the tests.

Left out, because Pintle's documents mean to differ there: descriptions (but
those of responses, which OpenAPI demands), protobuf among the media types,
kinds of group versions that are not served, version 2's shared parameters
(written out where they are used) and an allOf that holds nothing but one
reference (it makes room for a description). Lists that are sets are sorted.

usage: openapi.py REFERENCE-KUBECONFIG > openapi.tsv
       openapi.py REFERENCE-KUBECONFIG --compare KUBECONFIG
"""

import hashlib
import json
import sys

from record import Server

PROTOBUF = ("application/vnd.kubernetes.protobuf",
            "application/vnd.kubernetes.protobuf;stream=watch")
NAMED = ("properties", "schemas", "definitions")
SETS = ("required", "enum", "x-kubernetes-group-version-kind")


def fetch(server, path):
    status, _, body = server.send({"method": "GET", "path": path})[:3]
    if status != 200:
        sys.exit("%s: %s" % (path, status))
    return json.loads(body) if isinstance(body, (str, bytes)) else body


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


class Reducer:
    """Takes off what is not compared."""

    def __init__(self, parameters, served):
        self.parameters = parameters
        self.served = served

    def strings(self, items):
        return [i for i in items if i not in PROTOBUF]

    def list(self, items, key):
        if items and all(isinstance(i, dict) and
                         set(i) == {"group", "version", "kind"}
                         for i in items):
            items = [i for i in items
                     if (i["group"], i["version"]) in self.served]
        items = [self.value(i) for i in self.strings(items)]
        return sorted(items, key=canonical) if key in SETS else items

    def value(self, v, key=None, named=False, response=False):
        if isinstance(v, list):
            return self.list(v, key)
        if not isinstance(v, dict):
            return v
        if set(v) == {"$ref"} and v["$ref"].startswith("#/parameters/"):
            return self.value(self.parameters[v["$ref"].split("/")[-1]])
        out = {}
        for k, x in v.items():
            if k in PROTOBUF or (k == "description" and not named and
                                 not response and isinstance(x, str)):
                continue
            if k == "responses" and not named:
                out[k] = {c: self.value(r, response=True)
                          for c, r in x.items()}
            else:
                out[k] = self.value(x, None if named else k,
                                    k in NAMED and not named)
        if set(out) == {"allOf"} and len(out["allOf"]) == 1:
            return out["allOf"][0]
        return out


def documents(kubeconfig):
    """{"v2": {...}, "v3/apis/apps/v1": {...}}, reduced."""
    server = Server(kubeconfig, None)
    index = fetch(server, "/openapi/v3")["paths"]
    served = set()
    for name in index:
        parts = name.split("/")
        if name == "api/v1" or len(parts) == 3 and parts[0] == "apis":
            served.add(("" if parts[0] == "api" else parts[1], parts[-1]))
    v2 = fetch(server, "/openapi/v2")
    docs = {"v2": Reducer(v2.pop("parameters", {}), served).value(v2)}
    for name, entry in sorted(index.items()):
        doc = fetch(server, entry["serverRelativeURL"])
        docs["v3/" + name] = Reducer({}, served).value(doc)
    return docs


def lines(docs):
    """(kind, document, name, value), a schema of version 3 once only."""
    seen = {}
    for where, doc in docs.items():
        schemas = (doc.pop("definitions", {}) if where == "v2" else
                   doc["components"].pop("schemas", {}))
        for path, item in sorted(doc.pop("paths").items()):
            yield "path", where, path, item
        for name, schema in sorted(schemas.items()):
            kind = "v2" if where == "v2" else "v3"
            if seen.setdefault((kind, name), schema) != schema:
                sys.exit("%s differs between documents" % name)
        yield "names", where, "-", sorted(schemas)
        yield "rest", where, "-", doc
    for (kind, name), schema in sorted(seen.items()):
        yield "schema", kind, name, schema


def differences(want, got, path=""):
    if isinstance(want, dict) and isinstance(got, dict):
        for k in sorted(set(want) | set(got)):
            yield from differences(want.get(k, "(absent)"),
                                   got.get(k, "(absent)"), path + "/" + k)
    elif (isinstance(want, list) and isinstance(got, list) and
          len(want) == len(got)):
        for i, (a, b) in enumerate(zip(want, got)):
            yield from differences(a, b, "%s/%d" % (path, i))
    elif want != got:
        yield path, want, got


def main():
    if len(sys.argv) == 4 and sys.argv[2] == "--compare":
        n = 0
        for path, want, got in differences(documents(sys.argv[1]),
                                           documents(sys.argv[3])):
            n += 1
            print("%s\n  want %s\n  got  %s" % (
                path, canonical(want)[:300], canonical(got)[:300]))
        print("%d differences" % n)
        return 1 if n else 0
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print("# Written by openapi.py: kind, document, name, sha256 (16 digits)")
    for kind, where, name, value in lines(documents(sys.argv[1])):
        digest = hashlib.sha256(canonical(value).encode()).hexdigest()[:16]
        print("\t".join((kind, where, name, digest)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
