// SPDX-License-Identifier: BSD-2-Clause
//
// oracle answers what the reference libraries make of a patch or a selector,
// one JSON request a line; "oracle schema" and "oracle empty" print the
// strategies and the empty objects of the types it knows.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	netv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/mergepatch"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	kjson "sigs.k8s.io/json"
)

// A made-up type with every strategy.
type Item struct {
	Name  string            `json:"name,omitempty"`
	Value *int64            `json:"value,omitempty"`
	Float *float64          `json:"float,omitempty"`
	Other string            `json:"other,omitempty"`
	On    *bool             `json:"on,omitempty"`
	Map   map[string]string `json:"map,omitempty"`
	Maps  map[string]Item   `json:"maps,omitempty"`
	Sub   *Item             `json:"sub,omitempty"`
	RSub  *Item             `json:"rsub,omitempty" patchStrategy:"replace"`
	KSub  *Item             `json:"ksub,omitempty" patchStrategy:"retainKeys"`
	Ints  []int64           `json:"ints,omitempty"`
	MInts []int64           `json:"mints,omitempty" patchStrategy:"merge"`
	Strs  []string          `json:"strs,omitempty"`
	MStrs []string          `json:"mstrs,omitempty" patchStrategy:"merge"`
	List  []Item            `json:"list,omitempty"`
	MList []Item            `json:"mlist,omitempty" patchStrategy:"merge" patchMergeKey:"name"`
	NList []Item            `json:"nlist,omitempty" patchStrategy:"merge" patchMergeKey:"value"`
	KList []Item            `json:"klist,omitempty" patchStrategy:"merge,retainKeys" patchMergeKey:"name"`
	NoKey []Item            `json:"nokey,omitempty" patchStrategy:"merge"`
	Any   interface{}       `json:"any,omitempty"`
}

type in struct {
	Op     string            `json:"op"`
	Type   string            `json:"type,omitempty"`
	Doc    json.RawMessage   `json:"doc,omitempty"`
	Patch  json.RawMessage   `json:"patch,omitempty"`
	Text   string            `json:"text,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
}
type out struct {
	Result json.RawMessage `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`
	Code   int             `json:"code,omitempty"`
	Doc    json.RawMessage `json:"doc,omitempty"`
	Text   *string         `json:"text,omitempty"`
	Match  *bool           `json:"match,omitempty"`
}

var types = map[string]interface{}{"Item": Item{}, "Pod": corev1.Pod{}, "Deployment": appsv1.Deployment{}, "Service": corev1.Service{}, "Node": corev1.Node{}, "ServiceAccount": corev1.ServiceAccount{}}

func smp(i in) (o out) {
	defer func() {
		if r := recover(); r != nil {
			o = out{Error: fmt.Sprint("panic: ", r), Code: 500}
		}
	}()
	t := reflect.TypeOf(types[i.Type])
	obj := reflect.New(t).Interface()
	if err := json.Unmarshal(i.Doc, obj); err != nil {
		return out{Error: "doc: " + err.Error(), Code: -1}
	}
	m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		return out{Error: "doc: " + err.Error(), Code: -1}
	}
	db, _ := json.Marshal(m)
	defer func() { o.Doc = db }()
	p := map[string]interface{}{}
	if _, err := kjson.UnmarshalStrict(i.Patch, &p); err != nil {
		return out{Error: err.Error(), Code: 400}
	}
	r, err := strategicpatch.StrategicMergeMapPatch(m, p, reflect.New(t).Elem().Interface())
	if err != nil {
		c := 500
		switch err {
		case mergepatch.ErrBadJSONDoc, mergepatch.ErrBadPatchFormatForPrimitiveList, mergepatch.ErrBadPatchFormatForRetainKeys, mergepatch.ErrBadPatchFormatForSetElementOrderList, mergepatch.ErrUnsupportedStrategicMergePatchFormat:
			c = 400
		case mergepatch.ErrNoListOfLists, mergepatch.ErrPatchContentNotMatchRetainKeys:
			c = 422
		}
		return out{Error: err.Error(), Code: c}
	}
	b, _ := json.Marshal(r)
	return out{Result: b}
}

func jp(i in) (o out) {
	defer func() {
		if r := recover(); r != nil {
			o = out{Error: fmt.Sprint("panic: ", r), Code: 500}
		}
	}()
	jsonpatch.AccumulatedCopySizeLimit = 3 * 1024 * 1024
	p, err := jsonpatch.DecodePatch(i.Patch)
	if err != nil {
		return out{Error: err.Error(), Code: 400}
	}
	r, err := p.Apply(i.Doc)
	if err != nil {
		return out{Error: err.Error(), Code: 422}
	}
	return out{Result: r}
}

func mp(i in) (o out) {
	defer func() {
		if r := recover(); r != nil {
			o = out{Error: fmt.Sprint("panic: ", r), Code: 500}
		}
	}()
	v := map[string]interface{}{}
	if _, err := kjson.UnmarshalStrict(i.Patch, &v); err != nil {
		return out{Error: "error decoding patch: " + err.Error(), Code: 400}
	}
	r, err := jsonpatch.MergePatch(i.Doc, i.Patch)
	if err != nil {
		return out{Error: err.Error(), Code: 400}
	}
	return out{Result: r}
}

func sel(i in) out {
	s, err := labels.Parse(i.Text)
	if err != nil {
		return out{Error: err.Error(), Code: 400}
	}
	t := s.String()
	m := s.Matches(labels.Set(i.Labels))
	return out{Text: &t, Match: &m}
}
func lsel(i in) out {
	var ls *metav1.LabelSelector
	if err := json.Unmarshal(i.Doc, &ls); err != nil {
		return out{Error: err.Error(), Code: -1}
	}
	s, err := metav1.LabelSelectorAsSelector(ls)
	if err != nil {
		return out{Error: err.Error(), Code: 400}
	}
	t := s.String()
	m := s.Matches(labels.Set(i.Labels))
	return out{Text: &t, Match: &m}
}
func fsel(i in) out {
	s, err := fields.ParseSelector(i.Text)
	if err != nil {
		return out{Error: err.Error(), Code: 400}
	}
	t := s.String()
	m := s.Matches(fields.Set(i.Labels))
	return out{Text: &t, Match: &m}
}

type field struct {
	Type  string `json:"type"`
	Flags int    `json:"flags,omitempty"`
	Key   string `json:"key,omitempty"`
}
type typ struct {
	Struct bool             `json:"struct"`
	Name   string           `json:"name"`
	Fields map[string]field `json:"fields,omitempty"`
}

func schema(all map[string]typ, t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	n := t.String()
	if t.Kind() != reflect.Struct {
		n = t.Kind().String()
	}
	if _, ok := all[n]; ok {
		return n
	}
	x := typ{Struct: t.Kind() == reflect.Struct, Name: t.Name(), Fields: map[string]field{}}
	if !x.Struct {
		x.Name = t.Kind().String()
		all[n] = x
		return n
	}
	all[n] = x
	fieldsOf(all, t, x.Fields)
	return n
}
func fieldsOf(all map[string]typ, t reflect.Type, f map[string]field) {
	for i := 0; i < t.NumField(); i++ {
		sf := t.Field(i)
		tag := sf.Tag.Get("json")
		name := strings.Split(tag, ",")[0]
		if name == "-" || sf.PkgPath != "" && !sf.Anonymous {
			continue
		}
		if name == "" && sf.Anonymous {
			if sf.Type.Kind() != reflect.Struct {
				continue
			}
			fieldsOf(all, sf.Type, f)
			continue
		}
		x := field{Key: sf.Tag.Get("patchMergeKey")}
		for _, s := range strings.Split(sf.Tag.Get("patchStrategy"), ",") {
			switch s {
			case "replace":
				x.Flags |= 1
			case "merge":
				x.Flags |= 2
			case "retainKeys":
				x.Flags |= 4
			}
		}
		ft := sf.Type
		for ft.Kind() == reflect.Pointer {
			ft = ft.Elem()
		}
		if ft.Kind() == reflect.Slice {
			x.Flags |= 8
			ft = ft.Elem()
		}
		x.Type = schema(all, ft)
		f[name] = x
	}
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "schema" {
		all := map[string]typ{}
		roots := map[string]string{}
		for n, v := range types {
			roots[n] = schema(all, reflect.TypeOf(v))
		}
		b, _ := json.Marshal(map[string]interface{}{"roots": roots, "types": all})
		fmt.Println(string(b))
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "empty" {
		e := map[string]interface{}{"Pod": corev1.Pod{}, "Deployment": appsv1.Deployment{}, "Service": corev1.Service{}, "Node": corev1.Node{}, "ConfigMap": corev1.ConfigMap{}, "Secret": corev1.Secret{}, "Namespace": corev1.Namespace{}, "Ingress": netv1.Ingress{}}
		b, _ := json.Marshal(e)
		fmt.Println(string(b))
		return
	}
	sc := bufio.NewScanner(os.Stdin)
	sc.Buffer(make([]byte, 1<<20), 64<<20)
	w := bufio.NewWriter(os.Stdout)
	defer w.Flush()
	for sc.Scan() {
		var i in
		if err := json.Unmarshal(sc.Bytes(), &i); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		var o out
		switch i.Op {
		case "smp":
			o = smp(i)
		case "json":
			o = jp(i)
		case "merge":
			o = mp(i)
		case "sel":
			o = sel(i)
		case "lsel":
			o = lsel(i)
		case "fsel":
			o = fsel(i)
		}
		b, err := json.Marshal(o)
		if err != nil {
			b = []byte(`{"error":"marshal","code":-1}`)
		}
		w.Write(b)
		w.WriteByte('\n')
		w.Flush()
	}
}
