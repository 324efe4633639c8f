#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Predict recorded answers from the schema alone, and print what differs.

Applies presence, canonical order, defaults and the named rules to the request
of each golden FILE and compares with its response; what other stages add
(metadata, status of created objects, allocation, admission) is left out. A
difference means the schema is wrong. Maintainers' tool.
usage: predict.py FILE.schema... -- FILE.json...
"""

import base64
import copy
import datetime
import decimal
import json
import sys

from check import flat, lookup, read, words

D = decimal.Decimal
SUFFIX = {"n": D("1e-9"), "u": D("1e-6"), "m": D("1e-3"), "": D(1),
          "k": D(10**3), "M": D(10**6), "G": D(10**9), "T": D(10**12),
          "P": D(10**15), "E": D(10**18), "Ki": D(2**10), "Mi": D(2**20),
          "Gi": D(2**30), "Ti": D(2**40), "Pi": D(2**50), "Ei": D(2**60)}


def quantity(v, milli=False):
    s = str(v)
    i = len(s)
    while i and not (s[i - 1].isdigit() or s[i - 1] == "."):
        i -= 1
    suffix = s[i:]
    if "e" in s or ("E" in s and suffix == ""):
        n, form = D(s), ""
    else:
        n, form = D(s[:i]) * SUFFIX[suffix], suffix
    if milli:
        n = (n / SUFFIX["m"]).to_integral_value(decimal.ROUND_CEILING) \
            * SUFFIX["m"]
    if "e" in s.lower() and form == "":
        exp = 0
        while n and n % 1000 == 0:
            n, exp = n / 1000, exp + 3
        return f"{n.to_integral_value():f}" + (f"e{exp}" if exp else "")
    if form.endswith("i") and abs(n) < 1024:
        form = ""
    if form.endswith("i") and n == n.to_integral_value():
        for suf in ("Ei", "Pi", "Ti", "Gi", "Mi", "Ki"):
            if n % SUFFIX[suf] == 0 and n:
                return f"{(n / SUFFIX[suf]).to_integral_value():f}" + suf
        return f"{n.to_integral_value():f}"
    for suf in ("E", "P", "T", "G", "M", "k", "", "m", "u", "n"):
        q = n / SUFFIX[suf]
        if q == q.to_integral_value() and (q or suf == ""):
            return f"{q.to_integral_value():f}" + suf
    return s


def time_of(v, micro):
    t = datetime.datetime.fromisoformat(v.replace("Z", "+00:00"))
    t = t.astimezone(datetime.timezone.utc)
    return t.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if micro else
                      "%Y-%m-%dT%H:%M:%SZ")


def zero(v):
    return v is None or v is False or v == 0 or v == "" or v == [] or v == {}


# What later stages add, by the start of "FILE:PATH".
EXPECTED = {
    "apps_v1_daemonsets.full.json.metadata.annotations": "prepare daemonset",
    "authorization.k8s.io_v1_selfsubjectrulesreviews": "computed",
    "autoscaling_v1_horizontalpodautoscalers.min.json.spec.targetCPU":
        "conversion: stored as v2, whose metrics default",
    "batch_v1_jobs.full.json.spec.selector": "prepare job",
    "batch_v1_jobs.full.json.spec.template.metadata": "prepare job",
    "batch_v1_jobs.min.json.spec.selector": "prepare job",
    "batch_v1_jobs.min.json.spec.template.metadata": "prepare job",
    "certificates.k8s.io_v1_certificatesigningrequests": "prepare csr",
    "v1_namespaces.full.json.spec.finalizers": "prepare namespace",
    "v1_namespaces.min.json.spec.finalizers": "prepare namespace",
    "v1_nodes.full.json.spec.taints": "admission TaintNodesByCondition",
    "v1_nodes.min.json.spec.taints": "admission TaintNodesByCondition",
    "v1_persistentvolumeclaims.full.json.spec.dataSourceRef":
        "prepare claim-source",
    "v1_pods.full.json.spec.priority": "admission Priority",
    "v1_pods.host.json.spec": "admission ServiceAccount, Priority, "
        "DefaultTolerationSeconds",
    "v1_pods.min.json.spec": "the same",
    "v1_services": "address allocation",
}


class Model:
    def __init__(self, paths):
        self.types = read(paths)
        self.resources = {}
        gv = None
        for path in paths:
            for line in open(path):
                w = words(line)
                if w and w[0] == "version":
                    gv = (w[2] if w[1] == "-" else w[1] + "/" + w[2], w[3])
                elif w and w[0] == "resource" and line[0] == "r":
                    short = ".".join(gv[1].split(".")[-2:])
                    cur = {"type": short + "." + w[2], "flags": []}
                    self.resources[gv[0], w[2]] = cur
                elif w and w[0] == "flags":
                    cur["flags"] = w[1:]

    def members(self, name):
        t = self.types[name]
        return [(m, dict(a.partition("=")[::2] for a in m[4:]
                         if not a.startswith("rule=")),
                 [a[5:] for a in m[4:] if a.startswith("rule=")])
                for m in flat(self.types, t)]

    def rules(self, name):
        out = []
        t = self.types[name]
        for m in t.members:
            if m[0] == "+":
                out += self.rules(lookup(self.types, t, m[2])[0])
        return out + [a[5:] for a in t.attrs if a.startswith("rule=")]

    # normalise, default, and order one struct

    def struct(self, name, obj, plain=False):
        t = self.types[name]
        form = [a for a in t.attrs if a.startswith("form=")]
        if form and not isinstance(obj, dict):
            return obj
        if form:
            schema = lookup(self.types, t, "JSONSchemaProps")[0]
            return self.struct(schema, obj)
        came = copy.deepcopy(obj)
        obj = dict(obj)
        ms = self.members(name)
        for m, a, r in ms:
            if "gate" in a:
                obj.pop(m[0], None)
            if zero(obj.get(m[0])) and not (
                    m[2] in ("raw", "json", "fields")
                    and obj.get(m[0]) is not None) and (m[3] in ("omit", "always")
                                        or obj.get(m[0]) is None):
                obj.pop(m[0], None)
        for m, a, r in ms:
            if "string-data" in r and m[0] in obj:
                data = obj.setdefault("data", {})
                for k, v in obj.pop(m[0]).items():
                    data[k] = base64.b64encode(v.encode()).decode()
        for conditional in (False, True):
            for m, a, r in ms:
                if m[0] in obj or ("when" in a) != conditional or plain:
                    continue
                if "from" in a and a["from"] in obj:
                    obj[m[0]] = copy.deepcopy(obj[a["from"]])
                if "default" not in a:
                    continue
                holds = self.holds(a.get("when"), obj, came)
                lit = a["default"] if holds else a.get("else")
                if lit is not None:
                    obj[m[0]] = json.loads(lit)
        # upstream runs rules of an object before its members' own
        for m, a, r in ms:
            if "claim-template-type" in r:
                for item in obj.get(m[0], []):
                    item["kind"] = "PersistentVolumeClaim"
                    item["apiVersion"] = "v1"
            if "pull-policy" in r and m[0] not in obj:
                img = obj.get("image") or obj.get("reference") or ""
                tail = img.split("@")[0].rsplit("/", 1)[-1]
                latest = tail.endswith(":latest") or (
                    ":" not in tail and "@" not in img)
                obj[m[0]] = "Always" if latest else "IfNotPresent"
        for r in self.rules(name):
            getattr(self, "rule_" + r.replace("-", "_"))(obj, came)
        return self.write(name, ms, obj)

    def holds(self, when, obj, came):
        if when is None:
            return True
        if when.startswith("!"):
            return zero(came.get(when[1:]))
        field, _, values = when.partition(":")
        if values:
            return obj.get(field) in values.split("|")
        return not zero(came.get(field))

    def write(self, name, ms, obj):
        out = {}
        owner = self.types[name]
        for m, a, r in ms:
            key, typ, pres = m[0], m[2], m[3]
            v = obj.get(key)
            if v is None:
                v = self.absent(owner, typ, pres)
                if v is None:
                    continue
                if v == "null":
                    out[key] = None
                    continue
            v = self.value(owner, typ, v, "resource-milli" in r, "plain" in a)
            if zero(v) and pres in ("omitzero", "omit"):
                continue
            if v == {} and typ.startswith("map:") and pres == "always":
                v = None
            out[key] = v
        return out

    def absent(self, owner, typ, pres):
        if pres == "null":
            return "null"
        if pres != "always":
            return None
        if typ.startswith("[]") or typ.startswith("map:") or \
                typ in ("time", "microtime", "raw", "json", "bytes"):
            return "null"
        return {"bool": False, "string": "", "int32": 0, "int64": 0,
                "intorstring": 0, "quantity": "0", "duration": "0s",
                }.get(typ, {})

    def value(self, owner, typ, v, milli=False, plain=False):
        if typ.startswith("[]"):
            return [self.value(owner, typ[2:], x) for x in v]
        if typ.startswith("map:"):
            return {k: self.value(owner, typ[4:], v[k], milli)
                    for k in sorted(v)}
        if typ == "quantity":
            return quantity(v, milli)
        if typ in ("time", "microtime"):
            return time_of(v, typ == "microtime")
        if typ in ("raw", "json", "fields", "strings", "bool", "int32",
                   "int64", "double", "string", "bytes", "duration",
                   "intorstring"):
            return v
        return self.struct(lookup(self.types, owner, typ)[0], v, plain)

    # named rules; see core/api/rules.def

    def rule_volume_emptydir(self, o, came):
        if not any(k != "name" for k in o):
            o["emptyDir"] = {}

    def rule_pod(self, o, came):
        spec = o.setdefault("spec", {})
        spec.setdefault("enableServiceLinks", True)
        for c in spec.get("containers", []) + spec.get("initContainers", []):
            res = c.get("resources", {})
            for k, v in res.get("limits", {}).items():
                res.setdefault("requests", {}).setdefault(k, v)
            for p in c.get("ports", []):
                if spec.get("hostNetwork") and not p.get("hostPort"):
                    p["hostPort"] = p["containerPort"]

    def rule_rc_labels(self, o, came):
        spec = o.get("spec", {})
        labels = spec.get("template", {}).get("metadata", {}).get("labels")
        if labels:
            if not spec.get("selector"):
                spec["selector"] = labels
            if not o["metadata"].get("labels"):
                o["metadata"]["labels"] = labels

    def rule_job_labels(self, o, came):
        labels = o["spec"]["template"].get("metadata", {}).get("labels")
        if labels and not o["metadata"].get("labels"):
            o["metadata"]["labels"] = labels

    def rule_service(self, o, came):
        spec = o["spec"]
        typ = spec.get("type", "ClusterIP")
        if typ in ("NodePort", "LoadBalancer") or \
                typ == "ClusterIP" and spec.get("externalIPs"):
            spec.setdefault("externalTrafficPolicy", "Cluster")

    def rule_target_port(self, o, came):
        if zero(o.get("targetPort")):
            o["targetPort"] = o["port"]

    def rule_namespace_label(self, o, came):
        o["metadata"].setdefault("labels", {})[
            "kubernetes.io/metadata.name"] = o["metadata"]["name"]

    def rule_limit_range_item(self, o, came):
        if o["type"] != "Container":
            return
        for k, v in o.get("max", {}).items():
            o.setdefault("default", {}).setdefault(k, v)
        for src in "default", "min":
            for k, v in o.get(src, {}).items():
                o.setdefault("defaultRequest", {}).setdefault(k, v)

    def rule_statefulset_update(self, o, came):
        if o["type"] == "RollingUpdate" and o.get("rollingUpdate") is not None:
            o["rollingUpdate"].setdefault("partition", 0)

    def rule_hpa_behavior(self, o, came):
        pods = {"type": "Pods", "value": 4, "periodSeconds": 15}
        percent = {"type": "Percent", "value": 100, "periodSeconds": 15}
        o["scaleUp"] = {"stabilizationWindowSeconds": 0, "selectPolicy": "Max",
                        "policies": [pods, percent], **o.get("scaleUp", {})}
        o["scaleDown"] = {"selectPolicy": "Max", "policies": [percent],
                          **o.get("scaleDown", {})}

    def rule_crd_names(self, o, came):
        names = o["names"]
        names.setdefault("singular", names["kind"].lower())
        names.setdefault("listKind", names["kind"] + "List")

    def rule_crd_stored(self, o, came):
        pass

    def rule_service_account_alias(self, o, came):
        n = o.get("serviceAccountName") or o.get("serviceAccount")
        if n:
            o["serviceAccountName"] = o["serviceAccount"] = n


def differences(want, got, at=""):
    if isinstance(want, dict) and isinstance(got, dict):
        for k in list(want) + [k for k in got if k not in want]:
            if k not in got:
                yield f"{at}.{k}: not predicted ({json.dumps(want[k])[:80]})"
            elif k not in want:
                yield f"{at}.{k}: predicted {json.dumps(got[k])[:80]}"
            else:
                yield from differences(want[k], got[k], f"{at}.{k}")
        if list(want) != list(got) and sorted(want) == sorted(got):
            yield f"{at}: order {list(got)}, recorded {list(want)}"
    elif isinstance(want, list) and isinstance(got, list) and \
            len(want) == len(got):
        for i, (w, g) in enumerate(zip(want, got)):
            yield from differences(w, g, f"{at}[{i}]")
    elif want != got:
        yield f"{at}: predicted {json.dumps(got)[:90]}, " \
              f"recorded {json.dumps(want)[:90]}"


def main():
    cut = sys.argv.index("--")
    model = Model(sys.argv[1:cut])
    bad = files = explained = 0
    for name in sys.argv[cut + 1:]:
        doc = json.load(open(name))
        body = doc["request"]["body"]
        want = doc["response"]["body"]
        if doc["response"]["status"] != 201:
            continue
        files += 1
        res = model.resources[body["apiVersion"], body["kind"]]
        got = model.struct(res["type"], body)
        meta = want["metadata"]
        for k in list(meta):
            if k not in got["metadata"]:
                meta.pop(k)
        if "status" in want and ("status" in res["flags"]
                                 and "keepstatus" not in res["flags"]
                                 or "review" in res["flags"]):
            want.pop("status")
            got.pop("status")
        for d in differences(want, got):
            at = name.split("/")[-1] + d
            if any(at.startswith(e) for e in EXPECTED):
                explained += 1
                continue
            print(f"{name.split('/')[-1]}{d}")
            bad += 1
    print(f"{files} objects, {bad} differences, {explained} explained")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
