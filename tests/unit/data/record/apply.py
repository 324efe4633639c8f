# SPDX-License-Identifier: BSD-2-Clause
# apply.py -- server-side apply and its answers; writes ../fields/apply.json.
# usage: SERVER=https://... TOKEN=... EMPTY=FILE apply.py   (EMPTY: output of `oracle empty`)
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
API={"ConfigMap":"v1","Deployment":"apps/v1","Pod":"v1","Service":"v1"}
def apply(what,kind,name,cfg,manager,force=False,sub="",noadopt=False):
    tick()
    st0,old=call("GET",path(kind,name))
    if st0!=200: old=EMPTY[kind]
    body=dict(cfg); body.setdefault("apiVersion",API[kind]); body.setdefault("kind",kind); body["metadata"]=dict(body.get("metadata",{}),name=name)
    st,r=call("PATCH",path(kind,name,sub)+"?fieldManager="+manager+("&force=true" if force else ""),body,"application/apply-patch+yaml")
    body["metadata"].setdefault("namespace","f")
    c=dict(name=what,kind=kind,live=old,config=body,manager=manager,apiVersion=PATH[kind][2],subresource=sub,force=force,reset=RESET.get((kind,sub),[]),empty=EMPTY[kind],created=st0!=200,code=0)
    if st>=300:
        c["code"]=st; c["error"]=r["message"]; c["causes"]=[[x["message"],x["field"]] for x in r.get("details",{}).get("causes",[])]; c["now"]="2099-01-01T00:00:00Z"
    else:
        c["want"]=r["metadata"].pop("managedFields",[]); c["result"]=r
        me=[e for e in c["want"] if e["manager"]==manager and e["operation"]=="Apply" and e.get("subresource","")==sub]
        o=[e for e in old["metadata"].get("managedFields",[]) if e["manager"]==manager and e["operation"]=="Apply" and e.get("subresource","")==sub]
        c["now"]="2099-01-01T00:00:00Z"
        if me and "time" in me[0] and (not o or o[0].get("time")!=me[0]["time"]): c["now"]=me[0]["time"]
    OUT.append(c); print(what,st,c.get("error","")[:150])
def delete(kind,name): call("DELETE",path(kind,name)+"?gracePeriodSeconds=0")
delete("ConfigMap","a"); delete("Deployment","ad"); delete("ConfigMap","b"); delete("Service","as"); delete("ConfigMap","ab"); delete("Pod","ap")
apply("apply creates","ConfigMap","a",{"metadata":{"labels":{"x":"1"}},"data":{"k":"1","l":"2"}},"one")
apply("the same again changes nothing","ConfigMap","a",{"metadata":{"labels":{"x":"1"}},"data":{"k":"1","l":"2"}},"one")
apply("a second manager, equal value: shared","ConfigMap","a",{"data":{"k":"1"}},"two")
apply("a second manager, other value: conflict","ConfigMap","a",{"data":{"k":"2","l":"9"}},"two")
apply("forced","ConfigMap","a",{"data":{"k":"2"}},"two",force=True)
apply("the first gives a key up","ConfigMap","a",{"metadata":{"labels":{"x":"1"}},"data":{}},"one")
apply("the first applies nothing","ConfigMap","a",{},"one")
apply("conflict with an own value changed","ConfigMap","a",{"data":{"k":"3"}},"three")
tick(); call("PATCH",path("ConfigMap","a")+"?fieldManager=upd",{"data":{"u":"1","k":"5"},"metadata":{"labels":{"z":"1"}}},"application/merge-patch+json")
apply("conflict with an updater","ConfigMap","a",{"data":{"k":"6","u":"2"}},"two")
apply("conflicts with two managers","ConfigMap","a",{"data":{"k":"7","u":"2"},"metadata":{"labels":{"z":"2","x":"7"}}},"four")
apply("forced over an updater","ConfigMap","a",{"data":{"k":"6","u":"2"}},"two",force=True)
apply("wrong version","ConfigMap","a",{"apiVersion":"apps/v1","data":{}},"two")
apply("managedFields in the config","ConfigMap","a",{"metadata":{"managedFields":[]},"data":{}},"two")
apply("unknown field","ConfigMap","a",{"foo":1},"two")
apply("unknown field deep","Deployment","ad",{"spec":{"template":{"spec":{"containers":[{"name":"c","imag":"x"}]}}}},"two")
apply("a list for a map","ConfigMap","a",{"data":["x"]},"two")
D=lambda **k: {"spec":dict({"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":k.pop("c",[{"name":"c","image":"i"}])}}},**k)}
apply("a deployment","Deployment","ad",D(replicas=2),"kubectl2")
apply("another container of another manager","Deployment","ad",{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"s"}]}}}},"inject")
apply("containers stay, order of config leads","Deployment","ad",D(replicas=2,c=[{"name":"z","image":"z"},{"name":"c","image":"i","ports":[{"containerPort":80},{"containerPort":443,"name":"tls"}],"env":[{"name":"A","value":"1"}]}]),"kubectl2")
apply("a port is given up","Deployment","ad",D(replicas=2,c=[{"name":"z","image":"z"},{"name":"c","image":"i","ports":[{"containerPort":80}]}]),"kubectl2")
apply("replicas are given up","Deployment","ad",D(c=[{"name":"c","image":"i"}]),"kubectl2")
apply("image conflict","Deployment","ad",D(c=[{"name":"c","image":"other"}]),"third")
apply("image forced","Deployment","ad",{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"other"}]}}}},"third",force=True)
apply("the injector leaves","Deployment","ad",{},"inject")
apply("duplicate containers","Deployment","ad",D(c=[{"name":"c","image":"a"},{"name":"c","image":"b"}]),"third")
apply("container without name","Deployment","ad",D(c=[{"image":"a"}]),"third")
apply("status through its subresource","Deployment","ad",{"status":{"replicas":1,"conditions":[{"type":"Available","status":"True"}]}},"st",sub="status")
tick(); call("POST",path("ConfigMap"),{"metadata":{"name":"b","managedFields":[]},"data":{"k":"1","l":"2"}})
tick(); call("PATCH",path("ConfigMap","b")+"?fieldManager=r",{"metadata":{"managedFields":[{}]}},"application/merge-patch+json")
apply("an object nobody tracked, conflict","ConfigMap","b",{"data":{"k":"2"}},"one")
apply("an object nobody tracked, forced","ConfigMap","b",{"data":{"k":"2"}},"one",force=True)
apply("finalizers are a set","ConfigMap","b",{"metadata":{"finalizers":["a/b","c/d"]},"data":{"k":"2"}},"one")
apply("finalizers of another","ConfigMap","b",{"metadata":{"finalizers":["e/f","c/d"]}},"two")
apply("one finalizer is given up","ConfigMap","b",{"metadata":{"finalizers":["c/d"]},"data":{"k":"2"}},"one")
apply("null in the config","ConfigMap","b",{"metadata":{"annotations":None},"data":{"k":None}},"one")
apply("null in the config, forced","ConfigMap","b",{"metadata":{"annotations":None},"data":{"k":None}},"one",force=True)
apply("a service: ports by port and protocol","Service","as",{"spec":{"selector":{"a":"b"},"ports":[{"port":80,"name":"a"},{"port":80,"protocol":"UDP","name":"b"}]}},"svc")
apply("the selector is atomic","Service","as",{"spec":{"selector":{"a":"b","c":"d"}}},"svc2")
apply("an empty map","ConfigMap","ab",{"data":{},"metadata":{"labels":{}}},"e")
tick(); call("PATCH",path("ConfigMap","b"),{"metadata":{"finalizers":None}},"application/merge-patch+json")
L=[c for c in OUT if c["name"] not in("wrong version","container without name","null in the config, forced")]
for c in L:
    c["config"]["metadata"].pop("namespace",None)
    if c["name"]=="null in the config": c.pop("result",None)
open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fields/apply.json"),"w").write("[\n"+",\n".join(json.dumps(c) for c in L)+"\n]\n")
