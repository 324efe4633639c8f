/* SPDX-License-Identifier: BSD-2-Clause
 *
 * derive -- maintainers' tool: write api/*.schema from reference data.
 * Reads facts (names, tags, markers) from upstream's Go sources, the TSV
 * reference tables and our own overlay; it is never run by the build.
 * usage: go run derive.go -mod DIR -ref DIR -overlay FILE -out DIR
 * Format: api/README.md; overlay: tools/schema/README.md. */

package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strconv"
	"strings"
)

type pkg struct {
	dir, short, full, group, version, file string
	roots                                  []string
	types                                  map[string]*ast.TypeSpec
	docs                                   map[string]string
	order                                  []string
	enums                                  map[string][]string
	consts                                 map[string]string
	used                                   map[string]bool
}

var api = []*pkg{
	{dir: "apimachinery@V/pkg/apis/meta/v1", full: "io.k8s.apimachinery.pkg.apis.meta.v1", group: "meta.k8s.io", file: "meta_v1",
		roots: []string{"Status", "DeleteOptions", "Table", "TableOptions", "WatchEvent", "APIVersions", "APIGroup", "APIGroupList", "APIResourceList",
			"ListOptions", "GetOptions", "CreateOptions", "UpdateOptions", "PatchOptions", "PartialObjectMetadata", "PartialObjectMetadataList",
			"List", "ObjectMeta", "ListMeta", "LabelSelector", "Condition", "TypeMeta"}},
	{dir: "api@V/core/v1", full: "io.k8s.api.core.v1", file: "core_v1",
		roots: []string{"PodExecOptions", "PodAttachOptions", "PodLogOptions", "PodPortForwardOptions", "PodProxyOptions",
			"NodeProxyOptions", "ServiceProxyOptions", "RangeAllocation", "Binding"}},
	{dir: "api@V/admissionregistration/v1", full: "io.k8s.api.admissionregistration.v1", group: "admissionregistration.k8s.io", file: "admissionregistration_v1"},
	{dir: "apiextensions-apiserver@V/pkg/apis/apiextensions/v1", full: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1", group: "apiextensions.k8s.io", file: "apiextensions_v1"},
	{dir: "kube-aggregator@V/pkg/apis/apiregistration/v1", full: "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1", group: "apiregistration.k8s.io", file: "apiregistration_v1"},
	{dir: "api@V/apps/v1", full: "io.k8s.api.apps.v1", group: "apps", file: "apps_v1"},
	{dir: "api@V/authentication/v1", full: "io.k8s.api.authentication.v1", group: "authentication.k8s.io", file: "authentication_v1", roots: []string{"TokenRequest"}},
	{dir: "api@V/authorization/v1", full: "io.k8s.api.authorization.v1", group: "authorization.k8s.io", file: "authorization_v1"},
	{dir: "api@V/autoscaling/v1", full: "io.k8s.api.autoscaling.v1", group: "autoscaling", file: "autoscaling_v1", roots: []string{"Scale"}},
	{dir: "api@V/autoscaling/v2", full: "io.k8s.api.autoscaling.v2", group: "autoscaling", file: "autoscaling_v2"},
	{dir: "api@V/batch/v1", full: "io.k8s.api.batch.v1", group: "batch", file: "batch_v1"},
	{dir: "api@V/certificates/v1", full: "io.k8s.api.certificates.v1", group: "certificates.k8s.io", file: "certificates_v1"},
	{dir: "api@V/coordination/v1", full: "io.k8s.api.coordination.v1", group: "coordination.k8s.io", file: "coordination_v1"},
	{dir: "api@V/discovery/v1", full: "io.k8s.api.discovery.v1", group: "discovery.k8s.io", file: "discovery_v1"},
	{dir: "api@V/events/v1", full: "io.k8s.api.events.v1", group: "events.k8s.io", file: "events_v1"},
	{dir: "api@V/flowcontrol/v1", full: "io.k8s.api.flowcontrol.v1", group: "flowcontrol.apiserver.k8s.io", file: "flowcontrol_v1"},
	{dir: "api@V/networking/v1", full: "io.k8s.api.networking.v1", group: "networking.k8s.io", file: "networking_v1"},
	{dir: "api@V/node/v1", full: "io.k8s.api.node.v1", group: "node.k8s.io", file: "node_v1"},
	{dir: "api@V/policy/v1", full: "io.k8s.api.policy.v1", group: "policy", file: "policy_v1", roots: []string{"Eviction"}},
	{dir: "api@V/rbac/v1", full: "io.k8s.api.rbac.v1", group: "rbac.authorization.k8s.io", file: "rbac_v1"},
	{dir: "api@V/resource/v1", full: "io.k8s.api.resource.v1", group: "resource.k8s.io", file: "resource_v1"},
	{dir: "api@V/scheduling/v1", full: "io.k8s.api.scheduling.v1", group: "scheduling.k8s.io", file: "scheduling_v1"},
	{dir: "api@V/storage/v1", full: "io.k8s.api.storage.v1", group: "storage.k8s.io", file: "storage_v1"},
}

/* Types with a JSON form of their own; the second word is our scalar. */
var scalars = map[string]string{
	"meta.v1.Time": "time", "meta.v1.MicroTime": "microtime", "meta.v1.Duration": "duration",
	"meta.v1.FieldsV1": "fields", "runtime.RawExtension": "raw", "resource.Quantity": "quantity",
	"intstr.IntOrString": "intorstring", "apiextensions.v1.JSON": "json", "types.UID": "string",
	"types.NodeName": "string", "types.NamespacedName": "string", "intstr.Type": "int32",
}

var byShort = map[string]*pkg{}
var overlay = map[string][]string{}
var resAttr = map[string][][]string{}
var cells = map[string]string{}
var gates = map[string]bool{}
var overlayUsed = map[string]bool{}

func (p *pkg) load(mod, version string) {
	q := strings.Split(p.full, ".")
	p.short = q[len(q)-2] + "." + q[len(q)-1]
	p.version = q[len(q)-1]
	byShort[p.short] = p
	p.types = map[string]*ast.TypeSpec{}
	p.docs = map[string]string{}
	p.enums = map[string][]string{}
	p.consts = map[string]string{}
	p.used = map[string]bool{}
	dir := filepath.Join(mod, strings.Replace(p.dir, "@V", "@"+version, 1))
	files, _ := filepath.Glob(dir + "/*.go")
	sort.Slice(files, func(i, j int) bool { return filepath.Base(files[i]) < filepath.Base(files[j]) })
	for _, f := range files {
		b := filepath.Base(f)
		if strings.HasSuffix(b, "_test.go") || strings.HasPrefix(b, "generated") || strings.HasPrefix(b, "zz_") {
			continue
		}
		t, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.ParseComments)
		if err != nil {
			log.Fatal(err)
		}
		for _, d := range t.Decls {
			g, ok := d.(*ast.GenDecl)
			if ok {
				p.decl(g)
			}
		}
	}
}

func (p *pkg) decl(g *ast.GenDecl) {
	for _, s := range g.Specs {
		switch v := s.(type) {
		case *ast.TypeSpec:
			p.types[v.Name.Name] = v
			p.order = append(p.order, v.Name.Name)
			p.docs[v.Name.Name] = g.Doc.Text() + "\n" + comments(g.Doc) + comments(v.Doc)
		case *ast.ValueSpec:
			if g.Tok != token.CONST || len(v.Values) != 1 {
				continue
			}
			l, ok := v.Values[0].(*ast.BasicLit)
			if !ok || l.Kind != token.STRING {
				continue
			}
			str, _ := strconv.Unquote(l.Value)
			p.consts[v.Names[0].Name] = str
			if id, ok := v.Type.(*ast.Ident); ok {
				p.enums[id.Name] = append(p.enums[id.Name], str)
			}
		}
	}
}

func comments(c *ast.CommentGroup) string {
	if c == nil {
		return ""
	}
	out := ""
	for _, l := range c.List {
		out += strings.TrimSpace(strings.TrimPrefix(l.Text, "//")) + "\n"
	}
	return out
}

func marker(doc, name string) (string, bool) {
	for _, l := range strings.Split(doc, "\n") {
		l = strings.TrimSpace(l)
		if l == "+"+name {
			return "", true
		}
		if strings.HasPrefix(l, "+"+name+"=") {
			return strings.Trim(strings.TrimSpace(l[len(name)+2:]), `"`), true
		}
	}
	return "", false
}

func markers(doc, name string) (out []string) {
	for _, l := range strings.Split(doc, "\n") {
		l = strings.TrimSpace(l)
		if strings.HasPrefix(l, "+"+name+"=") {
			out = append(out, strings.Trim(l[len(name)+2:], `"`))
		}
	}
	return
}

type ftype struct {
	shape  string /* "", "[]", "map:" */
	name   string /* scalar or short type name */
	ptr    bool
	enum   []string
	strct  bool
	atomic bool
}

func (p *pkg) resolve(e ast.Expr) ftype {
	switch v := e.(type) {
	case *ast.StarExpr:
		r := p.resolve(v.X)
		r.ptr = true
		return r
	case *ast.ArrayType:
		if id, ok := v.Elt.(*ast.Ident); ok && id.Name == "byte" {
			return ftype{name: "bytes"}
		}
		r := p.resolve(v.Elt)
		if r.shape != "" {
			log.Fatalf("nested list %v", r)
		}
		r.shape = "[]"
		return r
	case *ast.MapType:
		r := p.resolve(v.Value)
		if r.shape == "[]" && r.name == "string" {
			return ftype{shape: "map:", name: "strings"}
		}
		if r.shape != "" {
			log.Fatalf("nested map %v", r)
		}
		r.shape = "map:"
		return r
	case *ast.InterfaceType:
		return ftype{name: "json"}
	case *ast.SelectorExpr:
		return p.named(v.X.(*ast.Ident).Name, v.Sel.Name)
	case *ast.Ident:
		switch v.Name {
		case "string", "bool", "int32", "int64":
			return ftype{name: v.Name}
		case "float64":
			return ftype{name: "double"}
		case "int":
			return ftype{name: "int64"}
		case "byte":
			return ftype{name: "int32"}
		}
		return p.named("", v.Name)
	}
	log.Fatalf("%s: unhandled type %T", p.short, e)
	return ftype{}
}

var imports = map[string]string{"metav1": "meta.v1", "v1": "core.v1", "corev1": "core.v1", "apiv1": "core.v1", "resource": "resource",
	"runtime": "runtime", "intstr": "intstr", "types": "types", "authenticationv1": "authentication.v1", "autoscalingv1": "autoscaling.v1"}

func (p *pkg) named(sel, name string) ftype {
	short := p.short
	if sel != "" {
		short = imports[sel]
		if short == "" || (sel == "v1" && p.short != "core.v1" && false) {
			log.Fatalf("%s: import %s", p.short, sel)
		}
	}
	if s, ok := scalars[short+"."+name]; ok {
		return ftype{name: s}
	}
	q := byShort[short]
	if q == nil {
		log.Fatalf("%s: %s.%s unknown", p.short, sel, name)
	}
	t := q.types[name]
	if t == nil {
		log.Fatalf("%s: type %s.%s not found", p.short, short, name)
	}
	if _, ok := t.Type.(*ast.StructType); ok {
		q.use(name)
		_, at := marker(q.docs[name], "structType")
		return ftype{name: short + "." + name, strct: true, atomic: at}
	}
	r := q.resolve(t.Type)
	if _, ok := marker(q.docs[name], "enum"); ok && r.shape == "" {
		r.enum = q.enums[name]
	}
	if _, ok := marker(q.docs[name], "k8s:enum"); ok && r.shape == "" {
		r.enum = q.enums[name]
	}
	return r
}

func (p *pkg) use(name string) {
	if p.used[name] {
		return
	}
	p.used[name] = true
	st, ok := p.types[name].Type.(*ast.StructType)
	if !ok {
		log.Fatalf("%s.%s is no struct", p.short, name)
	}
	for _, f := range st.Fields.List {
		p.resolve(f.Type)
	}
}

func pbnum(tag string) string {
	if tag == "" || tag == "-" {
		return "-"
	}
	return strings.Split(tag, ",")[1]
}

func (p *pkg) local(n string) string {
	if strings.HasPrefix(n, p.short+".") {
		return n[len(p.short)+1:]
	}
	return n
}

func presence(r ftype, omitempty, omitzero bool) string {
	isStruct := r.shape == "" && (r.strct || map[string]bool{"time": true, "microtime": true, "duration": true, "fields": true,
		"raw": true, "quantity": true, "intorstring": true}[r.name])
	if r.name == "json" || (r.name == "duration" && false) {
		isStruct = false
	}
	switch {
	case omitzero && (isStruct || !r.ptr && r.shape == ""):
		return "omitzero"
	case r.ptr && r.shape == "" && omitempty:
		return "keep"
	case r.ptr && r.shape == "":
		return "null"
	case isStruct:
		return "always"
	case omitempty:
		return "omit"
	}
	return "always"
}

func setAttr(attrs []string, a string) []string {
	if strings.HasPrefix(a, "-") {
		out := []string{}
		for _, x := range attrs {
			if x != a[1:] && !strings.HasPrefix(x, a[1:]+"=") {
				out = append(out, x)
			}
		}
		return out
	}
	key := strings.SplitN(a, "=", 2)[0]
	for i, x := range attrs {
		if key != "rule" && strings.SplitN(x, "=", 2)[0] == key {
			attrs[i] = a
			return attrs
		}
	}
	return append(attrs, a)
}

/* The facts that comments carry: list types, merge keys, limits, defaults. */
func (p *pkg) attrs(owner, doc string, r ftype, tag reflect.StructTag, optional bool) (a []string) {
	if !optional {
		a = append(a, "req")
	}
	if v, ok := marker(doc, "listType"); ok && (r.shape == "[]" || r.name == "bytes") {
		if v == "map" {
			v = "map:" + strings.Join(markers(doc, "listMapKey"), ",")
		}
		a = append(a, "list="+v)
	}
	if v, ok := tag.Lookup("patchStrategy"); ok && v != "" {
		v = strings.Replace(v, "retainKeys", "retain", 1)
		if k := tag.Get("patchMergeKey"); k != "" {
			v = strings.Replace(v, "merge", "merge:"+k, 1)
		}
		a = append(a, "patch="+v)
	}
	for _, n := range []string{"structType", "mapType"} {
		if v, ok := marker(doc, n); ok {
			a = append(a, v)
		}
	}
	if len(r.enum) > 0 && r.shape != "map:" {
		a = append(a, "enum="+strings.Join(r.enum, "|"))
	}
	if v, ok := marker(doc, "default"); ok {
		if strings.HasPrefix(v, "ref(") {
			v = p.consts[strings.TrimSuffix(v[4:], ")")]
		}
		if r.name == "string" && r.shape == "" {
			v = strconv.Quote(v)
		}
		if !strings.HasPrefix(v, "{\"") && strings.ContainsAny(v, " ") {
			log.Fatalf("%s: default %q", owner, v)
		}
		a = append(a, "default="+strings.ReplaceAll(v, " ", ""), "pub")
	}
	for _, m := range [][2]string{{"k8s:maxItems", "maxitems"}, {"k8s:minimum", "min"}, {"k8s:maxLength", "maxlen"}, {"k8s:format", "format"}} {
		if v, ok := marker(doc, m[0]); ok {
			a = append(a, m[1]+"="+strings.TrimPrefix(v, "k8s-"))
		}
	}
	if _, ok := marker(doc, "k8s:required"); ok {
		a = append(a, "must")
	}
	if _, ok := marker(doc, "k8s:immutable"); ok {
		a = append(a, "immutable")
	}
	if v, ok := marker(doc, "featureGate"); ok {
		on, known := gates[v]
		if known && !on {
			a = append(a, "gate="+v)
		}
	}
	return
}

func (p *pkg) fields(name string, st *ast.StructType) (out []string) {
	for _, f := range st.Fields.List {
		if f.Tag == nil {
			if len(f.Names) == 1 && !ast.IsExported(f.Names[0].Name) {
				continue
			}
			continue
		}
		s, _ := strconv.Unquote(f.Tag.Value)
		tag := reflect.StructTag(s)
		doc := comments(f.Doc)
		js := strings.Split(tag.Get("json"), ",")
		pb := pbnum(tag.Get("protobuf"))
		r := p.resolve(f.Type)
		inline := len(js) > 1 && js[1] == "inline" || len(f.Names) == 0 && js[0] == ""
		if inline {
			out = append(out, fmt.Sprintf("\t+\t%s\t%s", pb, p.local(r.name)))
			continue
		}
		if js[0] == "-" || js[0] == "" && len(f.Names) == 1 {
			js[0] = "" /* unions: the name comes from the protobuf tag */
			for _, q := range strings.Split(tag.Get("protobuf"), ",") {
				if strings.HasPrefix(q, "name=") {
					js[0] = q[5:]
				}
			}
			if js[0] == "" {
				continue
			}
		}
		oe, oz := false, false
		for _, o := range js[1:] {
			oe = oe || o == "omitempty"
			oz = oz || o == "omitzero"
		}
		_, opt := marker(doc, "optional")
		_, req := marker(doc, "required")
		if !opt && !req {
			opt = oe || oz
		}
		key := p.short + "." + name + "." + js[0]
		a := p.attrs(key, doc, r, tag, opt)
		for _, o := range overlay[key] {
			a = setAttr(a, o)
		}
		overlayUsed[key] = true
		for i, x := range a {
			if strings.ContainsAny(x, " \t") && !strings.HasPrefix(x, "\"") {
				a[i] = quote(x)
			}
		}
		pr := presence(r, oe, oz)
		line := fmt.Sprintf("\t%s\t%s\t%s\t%s", js[0], pb, r.shape+p.local(r.name), pr)
		if len(a) > 0 {
			line += "\t" + strings.Join(a, " ")
		}
		out = append(out, line)
	}
	return
}

func quote(s string) string { return "'" + s + "'" }

func tsv(path string) (out []map[string]string) {
	b, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	l := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	h := strings.Split(l[0], "\t")
	for _, r := range l[1:] {
		m := map[string]string{}
		for i, c := range strings.Split(r, "\t") {
			m[h[i]] = c
		}
		out = append(out, m)
	}
	return
}

var resources, subresources, columns []map[string]string

func (p *pkg) mine(m map[string]string) bool {
	return p.file != "meta_v1" && m["group"] == p.group && m["version"] == p.version
}

func words(s string) string { return strings.ReplaceAll(s, ",", " ") }

func (p *pkg) writeResources(b *strings.Builder) {
	for _, r := range resources {
		if !p.mine(r) || r["served_by_default"] != "true" {
			continue
		}
		scope := "cluster"
		if r["namespaced"] == "true" {
			scope = "namespaced"
		}
		fmt.Fprintf(b, "\nresource\t%s\t%s\n", r["plural"], r["kind"])
		fmt.Fprintf(b, "\tsingular\t%s\n\tscope\t%s\n\tverbs\t%s\n", r["singular"], scope, words(r["verbs"]))
		if r["short_names"] != "" {
			fmt.Fprintf(b, "\tshort\t%s\n", words(r["short_names"]))
		}
		if r["categories"] != "" {
			fmt.Fprintf(b, "\tcategory\t%s\n", words(r["categories"]))
		}
		if p.types[r["kind"]+"List"] != nil {
			fmt.Fprintf(b, "\tlist\t%sList\n", r["kind"])
		}
		id := p.short + "/" + r["plural"]
		overlayUsed[id] = true
		for _, a := range resAttr[id] {
			if a[0] == "column" || a[0] == "columns" {
				continue
			}
			fmt.Fprintf(b, "\t%s\n", strings.Join(a, "\t"))
		}
		for _, s := range subresources {
			if !p.mine(s) || s["parent_plural"] != r["plural"] {
				continue
			}
			gv := s["kind_version"]
			if s["kind_group"] != "" {
				gv = s["kind_group"] + "/" + gv
			}
			fmt.Fprintf(b, "\tsub\t%s\t%s\t%s\t%s\n", s["subresource"], gv, s["kind"], words(s["verbs"]))
		}
		p.writeColumns(b, r)
	}
}

func (p *pkg) writeColumns(b *strings.Builder, r map[string]string) {
	for _, a := range resAttr[p.short+"/"+r["plural"]] {
		if a[0] == "columns" {
			b.WriteString("\tcolumn\tName\tstring\tname\t0\t.metadata.name\n" +
				"\tcolumn\t'Created At'\tdate\t-\t0\t.metadata.creationTimestamp\n")
			return
		}
	}
	for _, c := range columns {
		if c["group"] != r["group"] || c["plural"] != r["plural"] {
			continue
		}
		k := p.short + "/" + r["plural"] + "/" + c["name"]
		src, ok := cells[k]
		overlayUsed[k] = true
		if !ok {
			src = map[string]string{"Name": ".metadata.name", "Age": "age", "Created At": ".metadata.creationTimestamp",
				"Labels": "labels:metadata.labels"}[c["name"]]
		}
		if src == "" {
			src = "TODO"
		}
		f := c["format"]
		if f == "" {
			f = "-"
		}
		n := c["name"]
		if strings.Contains(n, " ") {
			n = quote(n)
		}
		fmt.Fprintf(b, "\tcolumn\t%s\t%s\t%s\t%s\t%s\n", n, c["type"], f, c["priority"], src)
	}
	for _, a := range resAttr[p.short+"/"+r["plural"]] {
		if a[0] == "column" {
			fmt.Fprintf(b, "\t%s\n", strings.Join(a, "\t"))
		}
	}
}

func (p *pkg) write(dir string) {
	var b strings.Builder
	fmt.Fprintf(&b, "# SPDX-License-Identifier: BSD-2-Clause\n# Derived by tools/schema/derive.go; format: api/README.md\n\n")
	if p.file == "meta_v1" {
		fmt.Fprintf(&b, "shared\t%s\n", p.full)
	} else {
		g := p.group
		if g == "" {
			g = "-"
		}
		a := append([]string{"version", g, p.version, p.full}, overlay[p.short]...)
		overlayUsed[p.short] = true
		fmt.Fprintf(&b, "%s\n", strings.Join(a, "\t"))
	}
	p.writeResources(&b)
	for _, n := range p.order {
		if !p.used[n] || scalars[p.short+"."+n] != "" {
			continue
		}
		key := p.short + "." + n
		overlayUsed[key] = true
		a := []string{}
		if _, ok := marker(p.docs[n], "structType"); ok {
			a = append(a, "atomic")
		}
		a = append(a, overlay[key]...)
		fmt.Fprintf(&b, "\n%s\n", strings.TrimRight("type\t"+n+"\t"+strings.Join(a, " "), "\t"))
		for _, l := range p.fields(n, p.types[n].Type.(*ast.StructType)) {
			b.WriteString(l + "\n")
		}
	}
	if err := os.WriteFile(filepath.Join(dir, p.file+".schema"), []byte(b.String()), 0o644); err != nil {
		log.Fatal(err)
	}
}

/* Words, blanks inside single quotes kept. */
func split(s string) (out []string) {
	for i, part := range strings.Split(s, "'") {
		if i%2 == 1 {
			out = append(out, part)
		} else {
			out = append(out, strings.Fields(part)...)
		}
	}
	return
}

func readOverlay(path string) {
	b, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	for _, l := range strings.Split(string(b), "\n") {
		if strings.HasPrefix(l, "#") || strings.TrimSpace(l) == "" {
			continue
		}
		w := strings.Split(l, "\t")
		switch {
		case w[0] == "cell":
			cells[w[1]] = w[2]
		case strings.Contains(w[0], "/"):
			resAttr[w[0]] = append(resAttr[w[0]], w[1:])
		default:
			overlay[w[0]] = append(overlay[w[0]], split(strings.Join(w[1:], " "))...)
		}
	}
}

/* Feature gates that are off in the release decide which fields are dropped. */
func readGates(path string) {
	b, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	cur := ""
	for _, l := range strings.Split(string(b), "\n") {
		t := strings.TrimSpace(l)
		if i := strings.Index(t, ": {"); i > 0 && !strings.Contains(t[:i], " ") && strings.HasSuffix(t, "{") {
			cur = t[:i]
			if j := strings.LastIndex(cur, "."); j >= 0 {
				cur = cur[j+1:]
			}
		}
		if i := strings.Index(t, "Default: "); i >= 0 && cur != "" && !strings.Contains(l, "\"1.36\"") {
			gates[cur] = strings.HasPrefix(t[i+9:], "true")
		}
	}
}

func main() {
	mod := flag.String("mod", "", "folder that holds api@VERSION, apimachinery@VERSION, ...")
	ver := flag.String("version", "v0.35.4", "version of the modules")
	kver := flag.String("kubernetes", "v1.35.4", "version of the main module")
	ref := flag.String("ref", "", "folder of resources.tsv, subresources.tsv, printcolumns.tsv")
	ov := flag.String("overlay", "overlay.tsv,checks.tsv", "our own facts, in that order")
	out := flag.String("out", "", "folder to write")
	flag.Parse()
	readGates(*mod + "/kubernetes@" + *kver + "/pkg/features/kube_features.go")
	for _, f := range strings.Split(*ov, ",") {
		readOverlay(f)
	}
	resources = tsv(*ref + "/resources.tsv")
	subresources = tsv(*ref + "/subresources.tsv")
	columns = tsv(*ref + "/printcolumns.tsv")
	for _, p := range api {
		p.load(*mod, *ver)
	}
	for _, p := range api {
		for _, r := range p.roots {
			p.use(r)
		}
		for _, r := range resources {
			if p.mine(r) && r["served_by_default"] == "true" {
				p.use(r["kind"])
				if p.types[r["kind"]+"List"] != nil {
					p.use(r["kind"] + "List")
				}
			}
		}
	}
	for _, p := range api {
		p.write(*out)
	}
	for k := range overlay {
		if !overlayUsed[k] {
			log.Printf("overlay: %s matches nothing", k)
		}
	}
	for k := range resAttr {
		if !overlayUsed[k] {
			log.Printf("overlay: resource %s matches nothing", k)
		}
	}
	for k := range cells {
		if !overlayUsed[k] {
			log.Printf("overlay: cell %s matches nothing", k)
		}
	}
}
