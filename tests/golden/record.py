#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Record a server's answers to the requests in these files.

Each FILE holds a request; its response is written into the same file. Run
against the reference to (re)record, or with --compare against any server to
print what differs, but for what --known FILE expects (DIFFERENCES). A line of
it that no longer applies is an error too. Format: README.md.
With --pairs DIR it writes each created object in both encodings to DIR.
usage: record.py [--kubeconfig FILE] [--context NAME]
           [--compare [--known FILE] | --pairs DIR] FILE...
"""

import argparse
import base64
import datetime
import fnmatch
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request

NAMESPACE = "golden"
UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
AGE = re.compile(r"^(\d+[smhdy]){1,2}$")
SERVICE_IP = re.compile(r"^10\.96\.\d+\.\d+$")
SUFFIX = re.compile(r"[bcdfghjklmnpqrstvwxz2456789]{5}$")
KEEP_HEADERS = ("content-type", "warning", "retry-after", "etag", "allow",
                "vary", "cache-control")


class Server:
    def __init__(self, kubeconfig, context):
        cmd = [os.environ.get("KUBECTL", "kubectl"), "config", "view", "--raw",
               "--minify", "--flatten", "-o", "json"]
        if kubeconfig:
            cmd += ["--kubeconfig", kubeconfig]
        if context:
            cmd += ["--context", context]
        conf = json.loads(subprocess.check_output(cmd))
        cluster = conf["clusters"][0]["cluster"]
        user = conf["users"][0]["user"]
        self.url = cluster["server"]
        self.tls = ssl.create_default_context()
        if cluster.get("insecure-skip-tls-verify"):
            self.tls.check_hostname = False
            self.tls.verify_mode = ssl.CERT_NONE
        elif "certificate-authority-data" in cluster:
            ca = base64.b64decode(cluster["certificate-authority-data"])
            self.tls.load_verify_locations(cadata=ca.decode())
        if "client-certificate-data" in user:
            with tempfile.NamedTemporaryFile() as f:
                f.write(base64.b64decode(user["client-certificate-data"]))
                f.write(b"\n")
                f.write(base64.b64decode(user["client-key-data"]))
                f.flush()
                self.tls.load_cert_chain(f.name)
        self.token = user.get("token")

    def send(self, req):
        data = None
        if "repeat" in req:
            head, n, middle, tail = req["repeat"]
            data = (head * n + middle + tail * n).encode()
        elif "text" in req:
            data = req["text"].encode()
        elif "base64" in req:
            data = base64.b64decode(req["base64"])
        elif "body" in req:
            data = json.dumps(req["body"]).encode()
        r = urllib.request.Request(self.url + req["path"], data=data,
                                   method=req["method"])
        if data is not None:
            r.add_header("Content-Type", "application/json")
        r.add_header("Accept", "application/json")
        r.add_header("User-Agent", "golden/1.0")
        for k, v in req.get("headers", {}).items():
            r.add_header(k, v)
        if self.token and "Authorization" not in req.get("headers", {}):
            r.add_header("Authorization", "Bearer " + self.token)
        try:
            with urllib.request.urlopen(r, context=self.tls) as a:
                return a.status, a.headers, a.read()
        except urllib.error.HTTPError as a:
            return a.code, a.headers, a.read()


def texts(v, out):
    if isinstance(v, dict):
        for k, x in v.items():
            out.add(k)
            texts(x, out)
    elif isinstance(v, list):
        for x in v:
            texts(x, out)
    else:
        out.add(v if isinstance(v, str) else json.dumps(v))
    return out


def recent(s):
    """Was it the server's clock? Other times were in the request."""
    t = datetime.datetime.fromisoformat(s.replace("Z", "+00:00"))
    now = datetime.datetime.now(datetime.timezone.utc)
    return abs(now - t) < datetime.timedelta(days=2)


def mask_text(s, mine):
    """Words that differ from run to run, inside any string."""
    if s in mine:
        return s
    if UUID.match(s):
        return "<uid>"
    if TIME.match(s):
        if not recent(s):
            return s
        return "<microtime>" if "." in s else "<time>"
    s = re.sub(r"kube-api-access-[a-z0-9]{5}\b", "kube-api-access-<rand>", s)
    s = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uid>", s)
    s = re.sub(r"\((\d+[smhdy]){1,2} ago\)", "(<age> ago)", s)
    s = re.sub(r"hash=[0-9A-F]{64,128}", "hash=<hash>", s)
    s = re.sub(r'(resourceVersion\\*":\\*")\d+', r"\1<rv>", s)
    s = re.sub(r"(in record \(|current: |resourceVersion=)\d+", r"\1<rv>", s)
    return re.sub(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", lambda m:
                  "<time>" if recent(m.group(0)) else m.group(0), s)


def at_random(name, mine):
    """Is it a generated name: a prefix from the request and five letters?"""
    return len(name) > 5 and name not in mine and name[:-5] in mine and \
        SUFFIX.search(name) is not None


def mask(v, mine, key=""):
    if isinstance(v, dict):
        out = {}
        for k, x in v.items():
            if key == "columnDefinitions" and k == "description":
                x = ""
            out[mask_text(k, mine)] = mask(x, mine, k)
        return out
    if isinstance(v, list):
        if key == "cells":
            v = ["<age>" if isinstance(x, str) and AGE.match(x) else
                 "<ip>" if isinstance(x, str) and SERVICE_IP.match(x)
                 and x not in mine else x for x in v]
        return [mask(x, mine, key) for x in v]
    if isinstance(v, str):
        if key == "resourceVersion" and v not in ("", "0") and v not in mine:
            return "<rv>"
        if key in ("clusterIP", "clusterIPs") and v not in mine \
                and v not in ("None", ""):
            return "<ip>"
        if key == "name" and at_random(v, mine):
            return v[:-5] + "<rand>"
        if key == "token" and v not in mine:
            return "<token>"
        if key == "continue" and v not in ("", *mine):
            return "<continue>"
        return mask_text(v, mine)
    if key in ("nodePort", "healthCheckNodePort") and json.dumps(v) not in mine:
        return "<port>"
    return v


def answer(server, req, mine):
    status, headers, body = server.send(req)
    out = {"status": status, "headers": {}}
    for k in KEEP_HEADERS:
        got = headers.get_all(k)
        if got:
            out["headers"][k] = got[0] if len(got) == 1 else got
    if "etag" in out["headers"]:
        out["headers"]["etag"] = "<etag>"
    made = (req.get("body") or {}) if isinstance(req.get("body"), dict) else {}
    prefix = (made.get("metadata") or {}).get("generateName")
    if prefix:
        body = re.sub(re.escape(prefix) + "[b-z2-9]{5}", prefix + "<rand>",
                      body.decode()).encode()
    try:
        out["body"] = mask(json.loads(body), mine)
    except ValueError:
        out["text"] = body.decode(errors="replace")
    return out, status, body


def remove(server, req, body):
    """Take away what a POST has made, finalizers or not."""
    try:
        obj = json.loads(body)
        name = obj["metadata"]["name"]
    except (ValueError, KeyError):
        return
    path = req["path"].split("?")[0]
    if req["method"] != "POST":
        path = path.rsplit("/", 1)[0]
    if path.split("/")[-1] in ("binding", "eviction", "token"):
        return
    path += "/" + urllib.parse.quote(name)
    if obj["kind"] == "Namespace":
        obj["spec"] = {}
        server.send({"method": "DELETE", "path": path})
        obj["metadata"].pop("resourceVersion", None)
        server.send({"method": "PUT", "path": path + "/finalize", "body": obj})
        return
    server.send({"method": "PATCH", "path": path, "headers": {
        "Content-Type": "application/merge-patch+json"},
        "body": {"metadata": {"finalizers": None}}})
    server.send({"method": "DELETE", "path": path,
                 "body": {"gracePeriodSeconds": 0}})
    server.send({"method": "PATCH", "path": path, "headers": {
        "Content-Type": "application/merge-patch+json"},
        "body": {"metadata": {"finalizers": None}}})


def run(server, doc):
    made = []
    for req in doc.get("setup", []):
        status, _, body = server.send(req)
        if status >= 300 and status != 409:
            raise SystemExit(f"setup {req['path']}: {status} {body!r}")
        if req["method"] == "POST" and status < 300:
            made.append((req, body))
    mine = texts([doc.get("setup", []), doc["request"]], set())
    out, status, body = answer(server, doc["request"], mine)
    if status == 201:
        made.append((doc["request"], body))
    for req, body in reversed(made):
        remove(server, req, body)
    return out


def pair(server, doc):
    """An object as the server encodes it, in protobuf and in JSON."""
    req = doc["request"]
    status, _, body = server.send(req)
    if status != 201:
        return None
    name = json.loads(body)["metadata"].get("name")
    out = None
    if name:
        path = req["path"] + "/" + urllib.parse.quote(name)
        _, _, js = server.send({"method": "GET", "path": path})
        _, head, pb = server.send({"method": "GET", "path": path, "headers": {
            "Accept": "application/vnd.kubernetes.protobuf"}})
        if "protobuf" in head["Content-Type"]:
            out = {"protobuf": base64.b64encode(pb).decode(),
                   "json": json.loads(js)}
    remove(server, req, body)
    return out


def differences(want, got, at=""):
    if isinstance(want, dict) and isinstance(got, dict):
        for k in list(want) + [k for k in got if k not in want]:
            if k not in got:
                yield f"{at}.{k}: missing"
            elif k not in want:
                yield f"{at}.{k}: not in the reference"
            else:
                yield from differences(want[k], got[k], f"{at}.{k}")
        if list(want) != list(got) and sorted(want) == sorted(got):
            yield f"{at}: other order: {list(got)}"
    elif isinstance(want, list) and isinstance(got, list) and \
            len(want) == len(got):
        for i, (w, g) in enumerate(zip(want, got)):
            yield from differences(w, g, f"{at}[{i}]")
    elif want != got:
        yield f"{at}: {json.dumps(got)[:200]}, the reference: " \
              f"{json.dumps(want)[:200]}"


class Known:
    """Differences that have a reason: FOLDER/FILE, PATH: TEXT, reason."""

    def __init__(self, path):
        self.rows = []
        with open(path) as f:
            for n, line in enumerate(f, 1):
                if line.startswith("#") or not line.strip():
                    continue
                cols = line.rstrip("\n").split("\t")
                if len(cols) != 3 or not cols[2]:
                    raise SystemExit(f"{path}:{n}: wants FILE, DIFFERENCE, "
                                     "REASON")
                self.rows.append([f"{path}:{n}", *cols, 0])

    def expects(self, name, diff):
        name = "/".join(name.split("/")[-2:])
        for row in self.rows:
            if fnmatch.fnmatchcase(name, row[1]) and \
                    fnmatch.fnmatchcase(diff, row[2]):
                row[4] += 1
                return True
        return False

    def stale(self, folders):
        """Lines about these folders that nothing needed."""
        return [f"{r[0]}: no such difference any more: {r[1]} {r[2]}"
                for r in self.rows if r[4] == 0 and
                r[1].split("/")[0] in folders]


def write(name, doc):
    with open(name, "w") as f:
        json.dump(doc, f, indent=1, ensure_ascii=False)
        f.write("\n")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--kubeconfig")
    p.add_argument("--context")
    p.add_argument("--compare", action="store_true")
    p.add_argument("--known", metavar="FILE")
    p.add_argument("--pairs", metavar="DIR")
    p.add_argument("files", nargs="+")
    a = p.parse_args()
    server = Server(a.kubeconfig, a.context)
    server.send({"method": "POST", "path": "/api/v1/namespaces",
                 "body": {"metadata": {"name": NAMESPACE}}})
    server.send({"method": "POST",
                 "path": f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts",
                 "body": {"metadata": {"name": "default"}}})
    known = Known(a.known) if a.known else None
    bad = expected = 0
    for name in a.files:
        with open(name) as f:
            doc = json.load(f)
        if a.pairs:
            got = pair(server, doc)
            if got is not None:
                write(os.path.join(a.pairs, os.path.basename(name)), got)
            continue
        got = run(server, doc)
        if a.compare:
            diff = list(differences(doc["response"], got))
            if known is not None:
                left = [d for d in diff if not known.expects(name, d)]
                expected += not left and \
                    any(": other order: " not in d for d in diff)
                diff = left
            bad += bool(diff)
            for d in diff:
                print(f"{name}: {d}")
            continue
        doc["response"] = got
        write(name, doc)
        print(got["status"], name)
    if a.compare:
        stale = known.stale({n.split("/")[-2] for n in a.files}) \
            if known is not None else []
        bad += len(stale)
        for line in stale:
            print(line)
        print(f"{len(a.files)} answers: {len(a.files) - bad - expected} equal"
              f" (members in our order), {expected} with known differences, {bad} not as expected")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
