# SPDX-License-Identifier: BSD-2-Clause
# fields.py -- writes and their managedFields; writes ../fields/server.json.
# usage: SERVER=https://... TOKEN=... EMPTY=FILE fields.py   (EMPTY: output of `oracle empty`)
import json,os,ssl,time,copy,urllib.request,sys
U=os.environ['SERVER']
CTX=ssl._create_unverified_context()
def call(m,path,body=None,ct="application/json"):
    r=urllib.request.Request(U+path,method=m,data=None if body is None else json.dumps(body).encode(),headers={"Authorization":"Bearer "+os.environ["TOKEN"],"Content-Type":ct})
    try:
        with urllib.request.urlopen(r,context=CTX) as f: return f.status,json.load(f)
    except urllib.error.HTTPError as e: return e.code,json.load(e)
EMPTY=json.load(open(os.environ['EMPTY']))
PATH={"Pod":("/api/v1","pods","v1"),"ConfigMap":("/api/v1","configmaps","v1"),"Service":("/api/v1","services","v1"),"Deployment":("/apis/apps/v1","deployments","apps/v1"),"Node":("/api/v1","nodes","v1"),"Secret":("/api/v1","secrets","v1"),"Namespace":("/api/v1","namespaces","v1"),"Ingress":("/apis/networking.k8s.io/v1","ingresses","networking.k8s.io/v1")}
RESET={("Pod",""):["status"],("Pod","status"):["spec","metadata.deletionTimestamp","metadata.ownerReferences"],("Deployment",""):["status"],("Deployment","status"):["spec","metadata.labels"],("Service",""):["status"],("Service","status"):["spec"],("Node",""):["status"],("Node","status"):["spec"],("Namespace",""):["status"],("Namespace","status"):["spec"],("Ingress",""):["status"],("Ingress","status"):["spec"]}
OUT=[]; NS="/namespaces/f"
last=[0]
def clean(o):
    return o
def rec(name,kind,obj,old,new,manager,sub,sent=None,drop=()):
    old=copy.deepcopy(old); new=copy.deepcopy(new)
    want=new["metadata"].pop("managedFields",None)
    for p in drop:
        for o in ([new] if True else []):
            d=o
            ks=p.split('.')
            for k in ks[:-1]: d=d.get(k,{})
            d.pop(ks[-1],None)
    if sub=="" and "status" in EMPTY[kind]:
        new["status"]=copy.deepcopy(old.get("status",EMPTY[kind]["status"]))
    if "uid" not in old["metadata"]:
        for k in ("uid","resourceVersion","creationTimestamp","generation"): new["metadata"].pop(k,None)
    if sent is not None: new["metadata"]["managedFields"]=sent
    def me(l):
        for e in l or []:
            if e.get("manager")==manager and e["operation"]=="Update" and e.get("subresource","")==sub: return e
    a,b=me(old["metadata"].get("managedFields")),me(want)
    now="2099-01-01T00:00:00Z"
    if b and (not a or a.get("time")!=b.get("time")): now=b.get("time","")
    if kind=="Service" and "uid" not in old["metadata"]:
        for p in new["spec"]["ports"]: p.pop("nodePort",None)
    if not manager: manager="Python-urllib"; now=want[0]["time"]
    c=dict(name=name,kind=kind,old=old,new=new,manager=manager,apiVersion=PATH[kind][2],subresource=sub,now=now,reset=RESET.get((kind,sub),[]),want=want or [])
    OUT.append(c)
def tick(): time.sleep(1.05)
def path(kind,name="",sub=""):
    base,res,_=PATH[kind]
    p=base+("" if kind in("Node","Namespace") else NS)+"/"+res
    return p+("/"+name if name else "")+("/"+sub if sub else "")
def get(kind,name): return call("GET",path(kind,name))[1]
def create(what,kind,obj,manager="kubectl",drop=()):
    tick()
    call("DELETE",path(kind,obj["metadata"]["name"])+"?gracePeriodSeconds=0")
    st,r=call("POST",path(kind)+"?fieldManager="+manager,obj)
    if st>=300: print("FAIL",what,r["message"]); return
    rec(what,kind,obj,EMPTY[kind],r,manager,"",drop=drop,sent=obj["metadata"].get("managedFields"))
    return r
def put(what,kind,name,fn,manager,sub="",sent="same"):
    tick()
    old=get(kind,name); o=copy.deepcopy(old); fn(o)
    if sent=="none": o["metadata"].pop("managedFields",None)
    s=o["metadata"].get("managedFields")
    st,r=call("PUT",path(kind,name,sub)+"?fieldManager="+manager,o)
    if st>=300: print("FAIL",what,r["message"]); return
    rec(what,kind,o,old,r,manager,sub,sent=s)
def patch(what,kind,name,p,manager,sub="",ct="application/merge-patch+json",scale=False):
    tick()
    old=get(kind,name)
    st,r=call("PATCH",path(kind,name,sub)+"?fieldManager="+manager,p,ct)
    if st>=300: print("FAIL",what,r["message"]); return
    if scale: r=get(kind,name)
    s=old["metadata"].get("managedFields")
    if isinstance(p,dict) and "managedFields" in p.get("metadata",{}): s=p["metadata"]["managedFields"]
    rec(what,kind,p,old,r,manager,sub,sent=s)
call("POST","/api/v1/namespaces",{"metadata":{"name":"f"}})
for _ in range(50):
    if call("POST","/api/v1/namespaces/f/serviceaccounts",{"metadata":{"name":"default"}})[0] in(201,409): break
    time.sleep(.2)
def S(*k):
    def f(o):
        for path_,v in k:
            d=o; ks=path_
            for x in ks[:-1]: d=d[x] if isinstance(d,list) else d.setdefault(x,{})
            if v is None: d.pop(ks[-1],None)
            else: d[ks[-1]]=v
    return f
cm={"metadata":{"name":"c","labels":{"a":"1","b":"2"},"annotations":{"x/y":"z"}},"data":{"k1":"v1","k2":"v2"},"binaryData":{"b":"AAAA"},"immutable":False}
create("create a ConfigMap","ConfigMap",cm)
put("another manager changes one key","ConfigMap","c",S((("data","k1"),"new")),"second")
put("a third adds a key and a label","ConfigMap","c",S((("data","k3"),"3"),(("metadata","labels","c"),"3")),"third")
put("no change","ConfigMap","c",S(),"second")
put("the same manager changes its key again","ConfigMap","c",S((("data","k1"),"newer")),"second")
put("a key is removed by a stranger","ConfigMap","c",S((("data","k2"),None)),"stranger")
put("all labels are removed","ConfigMap","c",S((("metadata","labels"),None)),"stranger")
put("the whole data is removed","ConfigMap","c",S((("data",),None)),"stranger")
put("data comes back empty handed","ConfigMap","c",S((("data",),{"z":""})),"third")
put("update without managedFields","ConfigMap","c",S((("data","q"),"1")),"fourth",sent="none")
patch("merge patch","ConfigMap","c",{"data":{"q":"2","r":"3"}},"fifth")
patch("json patch","ConfigMap","c",[{"op":"replace","path":"/data/q","value":"9"}],"sixth",ct="application/json-patch+json")
patch("strategic patch that changes nothing","ConfigMap","c",{"data":{"q":"9"}},"seventh",ct="application/strategic-merge-patch+json")
def edit(o):
    o["metadata"]["managedFields"]=[{"manager":"mine","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","time":"2020-01-01T00:00:00Z","fieldsV1":{"f:data":{"f:q":{},"f:r":{}}}}]
put("a client writes its own list","ConfigMap","c",edit,"eighth")
def edit2(o):
    edit(o); o["data"]["q"]="10"
put("a client writes its own list and changes a key","ConfigMap","c",edit2,"eighth")
def edit3(o): o["metadata"]["managedFields"]=[{"manager":"bad","operation":"Frob"}]
put("a malformed list is ignored","ConfigMap","c",edit3,"ninth")
def edit4(o):
    o["metadata"]["managedFields"]=[{"manager":"x","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:r":{},"f:gone":{},".":{}},"q:later":{}}},{"manager":"x","operation":"Apply","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:q":{}}}}]
put("unknown elements are dropped, Apply sorts first","ConfigMap","c",edit4,"tenth")
for i in range(12):
    put("manager %d of many"%i,"ConfigMap","c",S((("data","m%02d"%i),"x")),"many-%02d"%i)
put("one more shares the bucket","ConfigMap","c",S((("data","m99"),"x")),"many-99")
put("the bucket loses a key","ConfigMap","c",S((("data","m00"),"y")),"many-11")
def reset(o): o["metadata"]["managedFields"]=[{}]
put("reset by [{}]","ConfigMap","c",reset,"r1")
put("after a reset nothing is tracked","ConfigMap","c",S((("data","after"),"1")),"r2")
create("create empty ConfigMap","ConfigMap",{"metadata":{"name":"e"}})
put("untracked until the first change","ConfigMap","e",S((("data",),{"a":"b"})),"r2")
def reset2(o): o["metadata"]["managedFields"]=[]
create("create another","ConfigMap",{"metadata":{"name":"e2"},"data":{"a":"b"}})
put("reset by [] with a change","ConfigMap","e2",lambda o:(reset2(o),o["data"].update(c="d")),"r1")
create("create with managedFields","ConfigMap",{"metadata":{"name":"e3","managedFields":[{"manager":"pre","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:a":{}}}}]},"data":{"a":"b"}})
create("create without manager name","ConfigMap",{"metadata":{"name":"e4","finalizers":["a/b","c/d"],"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"e3","uid":"1-2-3"}]},"data":{"html<&>":"x","":"y"} if False else {"data.key_1":"x"}},manager="")
put("finalizers are a set","ConfigMap","e4",S((("metadata","finalizers"),["c/d","e/f"])),"fin")
put("owners are told apart by uid","ConfigMap","e4",S((("metadata","ownerReferences"),[{"apiVersion":"v1","kind":"ConfigMap","name":"other","uid":"1-2-3"},{"apiVersion":"v1","kind":"Secret","name":"s","uid":"4-5-6","controller":True}])),"own")
put("all finalizers go","ConfigMap","e4",S((("metadata","finalizers"),None)),"fin2")
DR=("spec.priority","spec.preemptionPolicy","spec.tolerations")
pod={"metadata":{"name":"p","labels":{"app":"web"},"annotations":{"a":"b"}},"spec":{"automountServiceAccountToken":False,"serviceAccountName":"default","nodeSelector":{"x":"y"},"containers":[{"name":"web","image":"nginx","args":["a","b"],"ports":[{"containerPort":8080,"name":"b"},{"containerPort":443},{"containerPort":80,"protocol":"UDP"},{"containerPort":80}],"env":[{"name":"Z","value":"1"},{"name":"A","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}],"resources":{"limits":{"cpu":"1"},"requests":{"cpu":"100m","memory":"1Gi"}},"livenessProbe":{"httpGet":{"path":"/","port":80}},"volumeMounts":[{"name":"v","mountPath":"/v"},{"name":"v","mountPath":"/a"}],"securityContext":{"capabilities":{"add":["NET_ADMIN"]}}},{"name":"side","image":"s"}],"initContainers":[{"name":"init","image":"i","command":["x"]}],"volumes":[{"name":"v","emptyDir":{}},{"name":"cm","configMap":{"name":"c","items":[{"key":"a","path":"b"}]}}],"hostAliases":[{"ip":"1.2.3.4","hostnames":["h"]}],"imagePullSecrets":[{"name":"s"}],"topologySpreadConstraints":[{"maxSkew":1,"topologyKey":"t","whenUnsatisfiable":"DoNotSchedule","labelSelector":{"matchLabels":{"a":"b"}}}],"affinity":{"nodeAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":1,"preference":{"matchExpressions":[{"key":"a","operator":"Exists"}]}}]}},"readinessGates":[{"conditionType":"x/y"}],"securityContext":{"runAsUser":1}}}
create("create a pod","Pod",pod,drop=DR)
patch("image","Pod","p",{"spec":{"containers":[{"name":"web","image":"nginx:2"}]}},"deployer",ct="application/strategic-merge-patch+json")
st={"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"},{"type":"Initialized","status":"True","reason":"x"}],"podIP":"10.0.0.1","podIPs":[{"ip":"10.0.0.1"}],"hostIP":"1.1.1.1","hostIPs":[{"ip":"1.1.1.1"}],"startTime":"2026-01-01T00:00:00Z","containerStatuses":[{"name":"web","ready":True,"restartCount":0,"image":"nginx","imageID":"x","state":{"running":{"startedAt":"2026-01-01T00:00:00Z"}}}]}}
patch("kubelet writes the status","Pod","p",st,"kubelet","status",ct="application/strategic-merge-patch+json")
patch("a condition flips","Pod","p",{"status":{"conditions":[{"type":"Ready","status":"False"}]}},"kubelet","status",ct="application/strategic-merge-patch+json")
patch("another adds a condition","Pod","p",{"status":{"conditions":[{"type":"x/y","status":"True"}]}},"gate","status",ct="application/strategic-merge-patch+json")
patch("a status patch cannot touch the spec","Pod","p",{"spec":{"containers":[{"name":"web","image":"other"}]},"status":{"message":"m"}},"gate","status",ct="application/strategic-merge-patch+json")
put("a toleration is added","Pod","p",lambda o:o["spec"].setdefault("tolerations",[]).append({"key":"k","operator":"Exists","effect":"NoExecute"}),"tol")
patch("managedFields patched through status are ignored","Pod","p",{"metadata":{"managedFields":[{}]},"status":{"message":"n"}},"gate","status")
svc={"metadata":{"name":"s"},"spec":{"type":"LoadBalancer","selector":{"a":"b"},"ports":[{"name":"a","port":80,"targetPort":"http"},{"name":"b","port":80,"protocol":"UDP"},{"name":"c","port":443,"targetPort":8443}]}}
create("create a service","Service",svc,drop=("spec.allocateLoadBalancerNodePortsX","spec.clusterIP","spec.clusterIPs","spec.ipFamilies","spec.ipFamilyPolicy"))
put("a port's target changes","Service","s",S((("spec","ports",0,"targetPort"),81)),"p1")
put("a port is removed","Service","s",lambda o:o["spec"]["ports"].pop(1),"p2")
put("selector changes as a whole","Service","s",S((("spec","selector"),{"c":"d"})),"p3")
patch("load balancer status","Service","s",{"status":{"loadBalancer":{"ingress":[{"ip":"9.9.9.9"}]}}},"ccm","status")
dep={"metadata":{"name":"d"},"spec":{"replicas":2,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}
create("create a deployment","Deployment",dep)
patch("scale through the subresource","Deployment","d",{"spec":{"replicas":5}},"hpa","scale",scale=True)
patch("scale to the same","Deployment","d",{"spec":{"replicas":5}},"hpa2","scale",scale=True)
put("replicas directly","Deployment","d",S((("spec","replicas"),7)),"direct")
patch("deployment status","Deployment","d",{"status":{"replicas":7,"observedGeneration":3,"conditions":[{"type":"Available","status":"True"}]}},"kcm","status")
put("template label and strategy","Deployment","d",S((("spec","template","metadata","labels","z"),"1"),(("spec","strategy"),{"type":"Recreate"})),"direct")
create("create a node","Node",{"metadata":{"name":"n1","labels":{"kubernetes.io/hostname":"n1"}},"spec":{"taints":[{"key":"a","effect":"NoSchedule"}],"podCIDR":"10.1.0.0/24","podCIDRs":["10.1.0.0/24"]}})
patch("node status","Node","n1",{"status":{"conditions":[{"type":"Ready","status":"True","lastHeartbeatTime":"2026-01-01T00:00:00Z"}],"addresses":[{"type":"InternalIP","address":"1.1.1.1"}],"capacity":{"cpu":"4","memory":"1Gi"},"nodeInfo":{"kubeletVersion":"v1.35.4"}}},"kubelet","status",ct="application/strategic-merge-patch+json")
patch("heartbeat","Node","n1",{"status":{"conditions":[{"type":"Ready","status":"True","lastHeartbeatTime":"2026-01-01T00:00:10Z"}],"capacity":{"cpu":"8"}}},"kubelet","status",ct="application/strategic-merge-patch+json")
create("create a secret","Secret",{"metadata":{"name":"x"},"stringData":{"a":"b"},"type":"Opaque"},drop=())
create("create an ingress","Ingress",{"metadata":{"name":"i"},"spec":{"rules":[{"host":"h","http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"service":{"name":"s","port":{"number":80}}}}]}}],"tls":[{"hosts":["h"]}],"defaultBackend":{"service":{"name":"s","port":{"number":80}}}}})
put("ingress rules change as a whole","Ingress","i",S((("spec","rules",0,"host"),"g")),"ing")
open(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../fields/server.json'),'w').write("[\n"+",\n".join(json.dumps(c) for c in OUT)+"\n]\n")
print(len(OUT))
