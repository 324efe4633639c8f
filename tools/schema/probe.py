#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Ask a reference server which values it refuses, field by field.

Takes each golden FILE (an object the server accepts), changes one member at a
time (removed, empty, nonsense, negative, huge), sends it with dryRun=All and
prints what the server says of that member (format: tests/golden/README.md).
Maintainers' tool; its output is read by a person or by facts.py.
With --updates the object is stored and one member is changed by PUT; the last
but two columns are then the field the server blames.
usage: probe.py [--updates] KUBECONFIG FILE.schema... -- FILE.json...
"""

import copy
import http.client
import json
import sys
import urllib.parse

from check import flat, lookup, read
from predict import Model

sys.path.insert(0, "../../tests/golden")
import record  # noqa: E402

SCALARS = ("bool", "double", "bytes", "time", "microtime", "duration",
           "intorstring", "raw", "fields", "json", "strings")


def walk(model, name, obj, at, text):
    """(path, text of the path, owner, member) of all members there are."""
    t = model.types[name]
    if not isinstance(obj, dict):
        return
    for m in flat(model.types, t):
        if m[0] not in obj:
            continue
        here, say = at + [m[0]], f"{text}.{m[0]}".lstrip(".")
        yield here, say, name, m
        typ, v = m[2], obj[m[0]]
        if typ.startswith("[]"):
            for i, x in enumerate(v or []):
                if typ[2:] in ("string", "int32", "int64"):
                    yield here + [i], f"{say}[{i}]", name, m
                yield from inner(model, t, typ[2:], x, here + [i],
                                 f"{say}[{i}]")
        elif not typ.startswith("map:"):
            yield from inner(model, t, typ, v, here, say)


def inner(model, owner, typ, v, at, text):
    full = typ if "." in typ else \
        ".".join(owner.package.split(".")[-2:]) + "." + typ
    if full in model.types:
        yield from walk(model, lookup(model.types, owner, typ)[0], v, at, text)


def changes(m, item, absent):
    typ = m[2]
    if not item and not absent:
        yield "absent", None
    if typ.startswith("[]") and not item:
        yield "empty", []
        return
    base = typ[2:] if item else typ
    if base == "string":
        yield "empty", ""
        yield "bogus", "Bogus_!"
        yield "long", "x" * 5000
    elif base in ("int32", "int64"):
        yield "negative", -1
        yield "zero", 0
        yield "big", 2000000000
    elif base == "quantity":
        yield "negative", "-1"


def apply(obj, path, value, drop):
    obj = copy.deepcopy(obj)
    cur = obj
    for p in path[:-1]:
        cur = cur[p]
    if drop:
        del cur[path[-1]]
    else:
        cur[path[-1]] = value
    return obj


def send(conn, server, path, body, method="POST"):
    sep = "&" if "?" in path else "?"
    try:
        conn.request(method, path + sep + "dryRun=All", json.dumps(body), {
            "Authorization": "Bearer " + server.token,
            "Content-Type": "application/json"})
        r = conn.getresponse()
        return r.status, json.loads(r.read())
    except (http.client.HTTPException, OSError, ValueError):
        conn.close()    # the reference panics on some objects
        return 0, {}


def line(*cols):
    text = "\t".join(c.replace("\n", "\\n") for c in cols)
    return text.replace("x" * 5000, "<5000 x>")


def changed(m, v):
    """Another value of the same type, if one can be made."""
    values = [a[5:].split("|") for a in m[4:] if a.startswith("enum=")]
    if isinstance(v, bool):
        return not v
    if isinstance(v, int):
        return v + 1
    if isinstance(v, str) and m[2].lstrip("[]") == "string":
        if values:
            return next((x for x in values[0] if x not in ("", v)), None)
        return v + "2" if v else None
    return None


def updates(model, server, conn, name):
    """Change one member of a stored object at a time."""
    req = json.load(open(name))["request"]
    status, _, text = server.send(req)
    if status != 201:
        return
    stored = json.loads(text)
    if not stored["metadata"].get("name"):
        return
    path = req["path"] + "/" + urllib.parse.quote(stored["metadata"]["name"])
    root = model.resources[req["body"]["apiVersion"],
                           req["body"]["kind"]]["type"]
    for at, say, owner, m in walk(model, root, stored, [], ""):
        if at[0] in ("apiVersion", "kind", "metadata", "status"):
            continue
        cur = stored
        for p in at:
            cur = cur[p]
        value = changed(m, cur)
        if value is None:
            continue
        status, ans = send(conn, server, path, apply(stored, at, value, False),
                           "PUT")
        for c in (ans.get("details") or {}).get("causes", []) \
                if status == 422 else []:
            if c["reason"] in ("FieldValueInvalid", "FieldValueForbidden"):
                print(line(f"{owner}.{m[0]}", "changed", name.split("/")[-1],
                           say, c["field"], c["reason"], c["message"][:400]))
    record.remove(server, req, text)


def main():
    only_updates = "--updates" in sys.argv
    if only_updates:
        sys.argv.remove("--updates")
    cut = sys.argv.index("--")
    model = Model(sys.argv[2:cut])
    server = record.Server(sys.argv[1], None)
    url = urllib.parse.urlparse(server.url)
    conn = http.client.HTTPSConnection(url.hostname, url.port,
                                       context=server.tls)
    seen = set()
    for name in sys.argv[cut + 1:]:
        if only_updates:
            updates(model, server, conn, name)
            continue
        req = json.load(open(name))["request"]
        body = req["body"]
        root = model.resources[body["apiVersion"], body["kind"]]["type"]
        for path, text, owner, m in walk(model, root, body, [], ""):
            if path[0] in ("apiVersion", "kind", "metadata", "status"):
                continue
            item = isinstance(path[-1], int)
            for what, value in changes(m, item, False):
                key = (owner, m[0], item, what, root if "Template" not in root
                       else "")
                if key in seen:
                    continue
                seen.add(key)
                status, ans = send(conn, server, req["path"], apply(
                    body, path, value, what == "absent"))
                for c in (ans.get("details") or {}).get("causes", []) \
                        if status == 422 else []:
                    f = c.get("field", "")
                    rel = "" if f == text else f[len(text):] \
                        if f.startswith(text) else None
                    if rel is not None:
                        print(line(f"{owner}.{m[0]}{'[]' * item}", what,
                                   name.split("/")[-1], text, rel,
                                   c["reason"], c["message"]))
                if status == 201:
                    print(line(f"{owner}.{m[0]}{'[]' * item}", what,
                               name.split("/")[-1], text, "", "-", ""))


if __name__ == "__main__":
    main()
