# SPDX-License-Identifier: BSD-2-Clause
# selector.py -- the recorded selectors; writes ../selector/cases.json. usage: ORACLE=path selector.py
import json,os,subprocess
L={"a":"b","x":"5","env":"prod","tier":"","example.com/role":"db","n":"-3","big":"9223372036854775807"}
T=["","a","!a","a=b","a==b","a!=b","a=","a= b , x =5","a in (b)","a in (b,c)","a notin (b,c)","a in (c,b,c,b)","zz in (b)","zz notin (b)","!zz","zz","zz=","tier=","tier","tier in ()","tier in (,)","tier in (,a)","a in (,a,,b)","tier notin ()","x>4","x>5","x<6","x<5","x > 4 , x < 6","x>+4","n<0","n>-4","a>1","zz>1","big>9223372036854775806","x>9223372036854775808","x>a","x>","x<","x>1,x<","in","in in (in)","notin notin (notin)","in=in","!in","a in","a in b","a in (b","a in (b c)","a in (b,c","a in b)","a in (=)","a in (b=c)","a notin","a,","a,,b",",a",",","a b","a ! b","a!b","!","!!a","!a=b","!a in (b)","a===b","a=!b","a=(b)","a=b=c","a=b,x=5","x=5,a=b","b,a,c","a=b,a!=c,a","=b","(a)","a)","a=b c","a=\tb\n","example.com/role=db","example.com/role in (db,web)","Example.com/role=db","example.com/=db","/role=db","a/b/c=d","-a=b","a-=b","_a","a_b.c-d","a.=b","a=-b","a=b-","a=b.","a=_b","a=b_c.d-e","a in (-b,c,d-)","a="+"v"*63,"a="+"v"*64,"k"*63,"k"*64,"p"*253+"/k","p"*254+"/k",("p."*126)+"p/k","a..b/k","-a.b/k","a.b-/k","a_b/k","é=b","a=é","a=\"b\"","a='b'","a=\\","a=b\x01","a<b","a<1,b>2,c in (x),d notin (y),!e,f,g=h,i==j,k!=l","x=05","a =b","a= =b","a=in","a=notin","a in (in,notin)","gt","a gt 5","env=prod,tier in (,frontend),!legacy"]
O=[{},{"matchLabels":{}},{"matchLabels":{"a":"b"}},{"matchLabels":{"x":"5","a":"b"}},{"matchLabels":{"a":"c"}},{"matchExpressions":[{"key":"a","operator":"In","values":["c","b"]}]},{"matchExpressions":[{"key":"a","operator":"NotIn","values":["c"]}]},{"matchExpressions":[{"key":"a","operator":"Exists"}]},{"matchExpressions":[{"key":"a","operator":"DoesNotExist"}]},{"matchExpressions":[{"key":"zz","operator":"DoesNotExist","values":[]}]},{"matchLabels":{"a":"b"},"matchExpressions":[{"key":"x","operator":"In","values":["5"]},{"key":"env","operator":"NotIn","values":["dev","test"]}]},{"matchExpressions":[{"key":"a","operator":"In","values":[]}]},{"matchExpressions":[{"key":"a","operator":"In"}]},{"matchExpressions":[{"key":"a","operator":"NotIn"}]},{"matchExpressions":[{"key":"a","operator":"Exists","values":["x","y\""]}]},{"matchExpressions":[{"key":"a","operator":"DoesNotExist","values":["x"]}]},{"matchExpressions":[{"key":"a","operator":"Gt","values":["1"]}]},{"matchExpressions":[{"key":"a","operator":"in","values":["1"]}]},{"matchExpressions":[{"key":"a"}]},{"matchExpressions":[{"operator":"Exists"}]},{"matchLabels":{"-a":"b"}},{"matchLabels":{"a":"b-"}},{"matchLabels":{"-a":"b-"}},{"matchExpressions":[{"key":"-a","operator":"In","values":["-b","c","-b","d-"]}]},None]
F=["","a=b","a==b","a!=b","a=","a!=","zz=","zz!=","a=b,x=5","x=5,a=b",",,a=b,,","a","a=b,c","=","==","!=","=b","a=b=c","a=\\=","a=b\\,c","a=\\\\","a=\\x","a=b\\","a=\\,","a\\=b","a=b\\","a=b,c=d\\,e,f!=g","metadata.name=foo","a=é","a=\\é","a!b","a!b=c","a=!b","a= b","sp=a b","esc=a\\,b\\=c\\\\d","esc!=a\\,b\\=c\\\\d"]
FL=dict(L,esc="a,b=c\\d",sp="a b")
def run(cases):
    inp=''.join(json.dumps(c)+'\n' for c in cases)
    outs=subprocess.run([os.environ["ORACLE"]],input=inp,capture_output=True,text=True).stdout.splitlines()
    assert len(outs)==len(cases)
    return [dict(c,**json.loads(o)) for c,o in zip(cases,outs)]
cs=run([{"op":"sel","text":t,"labels":L} for t in T]); 
for c,t in zip(cs,T):
    if "text" in c: c["canonical"]=c["text"] if "error" not in c else None; c["text"]=t
    if c["canonical"] is None: del c["canonical"]
c2=run([{"op":"lsel","doc":o,"labels":L} for o in O])
for c in c2:
    if "text" in c: c["canonical"]=c.pop("text")
c3=run([{"op":"fsel","text":t,"labels":FL} for t in F])
for c,t in zip(c3,F):
    if "error" not in c: c["canonical"]=c["text"]
    c["text"]=t
allc=cs+c2+c3
open(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../selector/cases.json'),'w').write("[\n"+",\n".join(json.dumps(c) for c in allc)+"\n]\n"); print(len(allc))
