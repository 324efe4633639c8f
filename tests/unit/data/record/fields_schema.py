# SPDX-License-Identifier: BSD-2-Clause
# fields_schema.py -- list and map types; writes ../fields/schema.json. usage: fields_schema.py SWAGGER.json
import json,os,sys
sw=json.load(open(sys.argv[1]))['definitions']
SC={"kind":"scalar"}
def strip(r): return r.split('/')[-1]
out={}
def inline(p):
    if '$ref' in p: 
        n=strip(p['$ref']); add(n); return n
    t=p.get('type')
    if t=='array':
        rel=p.get('x-kubernetes-list-type','atomic')
        e=inline(p['items'])
        d={"kind":"list","rel":{"map":"keyed"}.get(rel,rel),"elem":e}
        if rel=='map':
            it=sw[strip(p['items']['$ref'])]['properties']
            d["keys"]=[[k, json.dumps(it[k]['default']) if 'default' in it[k] else '"TCP"' if k == "protocol" else ""] for k in sorted(p['x-kubernetes-list-map-keys'])]
        return d
    if t=='object' and 'additionalProperties' in p:
        return {"kind":"map","rel":"atomic" if p.get('x-kubernetes-map-type')=='atomic' else "granular","elem":inline(p['additionalProperties'])}
    if t=='object' or t is None: return {"kind":"any","rel":"atomic"}
    return SC
def add(n):
    if n in out: return
    d=sw[n]
    out[n]=None
    if 'properties' not in d:
        if d.get('type') in('string','integer','number','boolean') : out[n]=SC
        else: out[n]={"kind":"any","rel":"atomic"}
        return
    atomic=d.get('x-kubernetes-map-type')=='atomic'
    f={}
    for k,p in d['properties'].items():
        r=inline(p)
        if isinstance(r,dict) and False: pass
        if p.get('x-kubernetes-map-type')=='atomic' and '$ref' in p: r={"kind":"any","rel":"atomic"}
        f[k]=r
    out[n]={"kind":"struct","rel":"atomic" if atomic else "granular","fields":f}
roots={"Pod":"io.k8s.api.core.v1.Pod","ConfigMap":"io.k8s.api.core.v1.ConfigMap","Service":"io.k8s.api.core.v1.Service","Deployment":"io.k8s.api.apps.v1.Deployment","Node":"io.k8s.api.core.v1.Node","Secret":"io.k8s.api.core.v1.Secret","Namespace":"io.k8s.api.core.v1.Namespace","Ingress":"io.k8s.api.networking.v1.Ingress"}
for r in roots.values(): add(r)
s='{"roots": '+json.dumps(roots)+',\n"types": {\n'+',\n'.join(json.dumps(k)+': '+json.dumps(v) for k,v in sorted(out.items()))+'\n}}\n'
open(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../fields/schema.json'),'w').write(s)
print(len(out),len(s))
