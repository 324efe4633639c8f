# SPDX-License-Identifier: BSD-2-Clause
#
# python.py -- the Python client against the node of $KUBECONFIG: typed objects,
# patches, watches with resume, pages, errors, the dynamic client.
# Prints `ok - claim` lines, which the shell test that runs it numbers.
import sys
import time
import traceback

from kubernetes import client, config, dynamic, utils, watch
from kubernetes.client.rest import ApiException

NS = "snakes"
WATCH_SECONDS = 10
bad = 0


def ok(claim, good, *diag):
    global bad
    if not good:
        bad += 1
        for d in diag:
            print("#", str(d).replace("\n", "\n# "))
    print("ok" if good else "not ok", "-", claim, flush=True)


def same(claim, got, want):
    ok(claim, got == want, "got  %r" % (got,), "want %r" % (want,))


def refused(claim, status, reason, call, *args, **kw):
    """The call must fail as the API says: status and reason."""
    try:
        call(*args, **kw)
    except ApiException as e:
        same(claim, (e.status, '"reason":"%s"' % reason in e.body),
             (status, True))
        return
    ok(claim, False, "it succeeded")


def wait(seconds, state):
    end = time.monotonic() + seconds
    while not state():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def configmap(name, **data):
    return client.V1ConfigMap(
        metadata=client.V1ObjectMeta(name=name, labels={"by": "python"}),
        data=data)


def crud(core):
    core.create_namespace(
        client.V1Namespace(metadata=client.V1ObjectMeta(name=NS)))
    got = core.create_namespaced_config_map(NS, configmap("a", k="1"))
    same("create gives the object", got.data, {"k": "1"})
    ok("with uid, time and revision", got.metadata.uid and
       got.metadata.creation_timestamp and got.metadata.resource_version)
    refused("a second create: 409", 409, "AlreadyExists",
            core.create_namespaced_config_map, NS, configmap("a"))
    refused("a bad name: 422", 422, "Invalid",
            core.create_namespaced_config_map, NS, configmap("A_b"))
    refused("what is not there: 404", 404, "NotFound",
            core.read_namespaced_config_map, "z", NS)

    old = core.read_namespaced_config_map("a", NS)
    new = core.patch_namespaced_config_map("a", NS, {"data": {"l": "2"}})
    same("patch merges", new.data, {"k": "1", "l": "2"})
    new = core.patch_namespaced_config_map(
        "a", NS, [{"op": "remove", "path": "/data/k"}])
    same("a list is a JSON patch", new.data, {"l": "2"})
    refused("replace of an old revision: 409", 409, "Conflict",
            core.replace_namespaced_config_map, "a", NS, old)
    new.data = {"m": "3"}
    new = core.replace_namespaced_config_map("a", NS, new)
    same("replace of the newest", new.data, {"m": "3"})
    got = core.list_namespaced_config_map(NS, label_selector="by=python")
    same("list by label", [i.metadata.name for i in got.items], ["a"])
    got = core.list_namespaced_config_map(
        NS, field_selector="metadata.name=none")
    same("list by field", got.items, [])


def pages(core):
    for i in range(7):
        core.create_namespaced_config_map(NS, configmap("p%d" % i))
    names, token, n = [], None, 0
    while True:
        got = core.list_namespaced_config_map(
            NS, label_selector="by=python", limit=3, _continue=token)
        names += [i.metadata.name for i in got.items]
        n += 1
        token = got.metadata._continue
        if not token:
            break
    same("pages of 3 give all, once", (names, n),
         (["a"] + ["p%d" % i for i in range(7)], 3))
    core.delete_collection_namespaced_config_map(
        NS, label_selector="by=python", field_selector="metadata.name!=a")
    got = core.list_namespaced_config_map(NS, label_selector="by=python")
    same("deletecollection by both selectors",
         [i.metadata.name for i in got.items], ["a"])


def events(core, since, n, **kw):
    """The first n events after a revision, as (type, name)."""
    w = watch.Watch()
    got = []
    for e in w.stream(core.list_namespaced_config_map, NS,
                      label_selector="by=python", resource_version=since,
                      timeout_seconds=WATCH_SECONDS, **kw):
        got.append((e["type"], e["object"].metadata.name))
        if len(got) == n:
            w.stop()
    return got, w.resource_version


def watches(core):
    start = core.list_namespaced_config_map(NS).metadata.resource_version
    core.create_namespaced_config_map(NS, configmap("b"))
    core.patch_namespaced_config_map("b", NS, {"data": {"x": "y"}})
    got, rv = events(core, start, 2)
    same("a watch gives what happened since the list", got,
         [("ADDED", "b"), ("MODIFIED", "b")])
    core.delete_namespaced_config_map("b", NS)
    core.create_namespaced_config_map(NS, configmap("c"))
    got, rv = events(core, rv, 2)
    same("and resumes after what it had", got,
         [("DELETED", "b"), ("ADDED", "c")])
    core.patch_namespaced_config_map(
        "c", NS, {"metadata": {"labels": {"by": None}}})
    got, rv = events(core, rv, 1)
    same("what leaves the selector is deleted", got, [("DELETED", "c")])
    got = events(core, "0", 1)[0]
    same("from 0 it begins with what is there", got, [("ADDED", "a")])
    w = watch.Watch()
    t0 = time.monotonic()
    left = list(w.stream(core.list_namespaced_config_map, NS,
                         resource_version=rv, timeout_seconds=1))
    ok("timeoutSeconds ends a watch", left == [] and
       0.5 < time.monotonic() - t0 < 8, left, time.monotonic() - t0)


def informer(core):
    """What every Python operator does: list, watch, list again when told."""
    cache, kinds = {}, []
    done = False
    core.create_namespaced_config_map(NS, configmap("i1"))
    got = core.list_namespaced_config_map(NS)
    cache = {i.metadata.name: i for i in got.items}
    rv = got.metadata.resource_version
    core.create_namespaced_config_map(NS, configmap("i2"))
    core.patch_namespaced_config_map("i1", NS, {"data": {"n": "1"}})
    core.delete_namespaced_config_map("i2", NS)
    core.create_namespaced_config_map(NS, configmap("end"))
    w = watch.Watch()
    for e in w.stream(core.list_namespaced_config_map, NS,
                      resource_version=rv, allow_watch_bookmarks=True,
                      timeout_seconds=WATCH_SECONDS):
        kinds.append(e["type"])
        if e["type"] == "BOOKMARK":
            continue
        name = e["object"].metadata.name
        if e["type"] == "DELETED":
            cache.pop(name, None)
        else:
            cache[name] = e["object"]
        if name == "end":
            done = True
            w.stop()
    now = core.list_namespaced_config_map(NS)
    ok("the loop saw the end", done, kinds)
    same("its cache is what a list gives",
         {n: o.data for n, o in cache.items()},
         {i.metadata.name: i.data for i in now.items})
    core.delete_collection_namespaced_config_map(
        NS, label_selector="by=python")


def logs(core, name):
    def said():
        return core.read_namespaced_pod_log(name, NS)
    ok("a log has what the pod said",
       wait(20, lambda: said() == "first\nlast\n"), said())
    same("its last line", core.read_namespaced_pod_log(
        name, NS, container="c", tail_lines=1), "last\n")
    got = core.read_namespaced_pod_log(name, NS, timestamps=True)
    ok("with times", all(line[:2] == "20" and "Z " in line
                         for line in got.splitlines()), got)
    w, got = watch.Watch(), []
    for line in w.stream(core.read_namespaced_pod_log, name, NS):
        got.append(line)
        if len(got) == 2:
            w.stop()
    same("a followed log gives its lines", got, ["first", "last"])
    refused("no such container: 400", 400, "BadRequest",
            core.read_namespaced_pod_log, name, NS, container="none")


def workloads(core, apps, api):
    utils.create_from_dict(api, {
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": NS},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "terminationGracePeriodSeconds": 1,
                    "containers": [{"name": "c", "image": "host",
                                    "command": ["sh", "-c", "echo first; "
                                                "echo last; sleep 1000"]}],
                }}}})

    def available(n):
        d = apps.read_namespaced_deployment("web", NS)
        return d.status.available_replicas == n
    ok("create_from_dict: a Deployment becomes available",
       wait(60, lambda: available(1)))
    s = apps.patch_namespaced_deployment_scale(
        "web", NS, {"spec": {"replicas": 2}})
    same("its scale subresource", s.spec.replicas, 2)
    ok("is followed", wait(60, lambda: available(2)))
    pods = core.list_namespaced_pod(NS, label_selector="app=web").items
    same("two pods run", [p.status.phase for p in pods], ["Running"] * 2)
    logs(core, pods[0].metadata.name)
    apps.delete_namespaced_deployment(
        "web", NS, propagation_policy="Foreground")
    ok("a foreground delete leaves nothing", wait(60, lambda: not (
        core.list_namespaced_pod(NS).items or
        apps.list_namespaced_deployment(NS).items)))


def dynamics(api):
    dyn = dynamic.DynamicClient(api)
    cms = dyn.resources.get(api_version="v1", kind="ConfigMap")
    body = {"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "dyn"}, "data": {"a": "1"}}
    got = cms.server_side_apply(body=body, namespace=NS,
                                name="dyn", field_manager="one")
    same("server-side apply creates", got.data.a, "1")
    body["data"] = {"a": "2"}
    try:
        cms.server_side_apply(body=body, namespace=NS, name="dyn",
                              field_manager="two")
        ok("another manager's field: 409", False)
    except ApiException as e:
        same("another manager's field: 409", e.status, 409)
    got = cms.server_side_apply(body=body, namespace=NS, name="dyn",
                                field_manager="two", force_conflicts=True)
    same("with force it is taken", got.data.a, "2")
    for e in cms.watch(namespace=NS, name="dyn", timeout=WATCH_SECONDS):
        same("the dynamic watch begins with it",
             (e["type"], e["object"].metadata.name), ("ADDED", "dyn"))
        break
    cms.delete(name="dyn", namespace=NS)
    names = {r.kind for r in dyn.resources.search(group="apps")}
    ok("discovery names the kinds of apps",
       {"Deployment", "ReplicaSet", "StatefulSet"} <= names, names)


def main():
    config.load_kube_config()
    api = client.ApiClient()
    core, apps = client.CoreV1Api(api), client.AppsV1Api(api)
    v = client.VersionApi(api).get_code()
    same("/version", (v.major, v.minor), ("1", "35"))
    for part in (lambda: crud(core), lambda: pages(core),
                 lambda: watches(core), lambda: informer(core),
                 lambda: workloads(core, apps, api), lambda: dynamics(api)):
        try:
            part()
        except Exception:
            ok("no exception", False, traceback.format_exc())
    core.delete_namespace(NS)
    ok("the namespace goes", wait(60, lambda: NS not in [
        n.metadata.name for n in core.list_namespace().items]))
    sys.exit(bad != 0)


main()
