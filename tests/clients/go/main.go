// SPDX-License-Identifier: BSD-2-Clause
//
// client-go against the node of $KUBECONFIG: typed clients with protobuf
// bodies, informers that stream their first list, a dynamic client, leases.
// Prints `ok - claim` lines, which the shell test that runs it numbers.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	ns       = "gophers"
	protobuf = "application/vnd.kubernetes.protobuf"
	patience = 20 * time.Second
)

var (
	bad int
	ctx = context.Background()
)

func ok(claim string, good bool, diag ...any) bool {
	if good {
		fmt.Println("ok -", claim)
		return true
	}
	bad++
	for _, d := range diag {
		s := fmt.Sprintf("%+v", d)
		fmt.Println("#", strings.ReplaceAll(s, "\n", "\n# "))
	}
	fmt.Println("not ok -", claim)
	return false
}
func same(claim string, got, want any) {
	ok(claim, reflect.DeepEqual(got, want), fmt.Sprintf("got  %#v", got),
		fmt.Sprintf("want %#v", want))
}
func must(claim string, err error) bool {
	return ok(claim, err == nil, err)
}

// A later step makes no sense without this one.
func need[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
func until(state func() bool) bool {
	for end := time.Now().Add(patience); !state(); {
		if time.Now().After(end) {
			return false
		}
		time.Sleep(20 * time.Millisecond)
	}
	return true
}

// wire remembers what went over it: "METHOD content-type path?query".
type wire struct {
	mu   sync.Mutex
	sent []string
	next http.RoundTripper
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.sent = append(w.sent, fmt.Sprintf("%s %s %s", r.Method,
		r.Header.Get("Content-Type"), r.URL.RequestURI()))
	w.mu.Unlock()
	return w.next.RoundTrip(r)
}
func (w *wire) matching(words ...string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.sent {
		all := true
		for _, word := range words {
			all = all && strings.Contains(s, word)
		}
		if all {
			n++
		}
	}
	return n
}

type env struct {
	*kubernetes.Clientset
	wire    *wire
	config  *rest.Config
	dynamic dynamic.Interface
}

func connect() *env {
	e := &env{wire: &wire{}}
	e.config = need(clientcmd.BuildConfigFromFlags("",
		os.Getenv("KUBECONFIG")))
	e.config.QPS, e.config.Burst = 1000, 1000
	e.config.Wrap(func(rt http.RoundTripper) http.RoundTripper {
		e.wire.next = rt
		return e.wire
	})
	typed := rest.CopyConfig(e.config)
	typed.ContentType = protobuf
	typed.AcceptContentTypes = protobuf + ",application/json"
	e.Clientset = need(kubernetes.NewForConfig(typed))
	e.dynamic = need(dynamic.NewForConfig(e.config))
	return e
}

func configMap(name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ns,
			Labels: map[string]string{"by": "go"}},
		Data: data,
	}
}
func pod(name string) *corev1.Pod {
	grace := int64(1)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ns},
		Spec: corev1.PodSpec{
			TerminationGracePeriodSeconds: &grace,
			Containers: []corev1.Container{{
				Name: "c", Image: "host",
				Command: []string{"sleep", "1000"},
			}},
		},
	}
}

// patch of ConfigMap name: a merge patch.
func (e *env) patch(name, body string) error {
	_, err := e.CoreV1().ConfigMaps(ns).Patch(ctx, name,
		types.MergePatchType, []byte(body), metav1.PatchOptions{})
	return err
}

func (e *env) part(f func(*env)) {
	defer func() {
		if p := recover(); p != nil {
			ok("no panic", false, p)
		}
	}()
	f(e)
}

func main() {
	e := connect()
	need(e.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{Name: ns}},
		metav1.CreateOptions{}))
	if !ok("a new namespace has its ServiceAccount", until(func() bool {
		_, err := e.CoreV1().ServiceAccounts(ns).Get(ctx, "default",
			metav1.GetOptions{})
		return err == nil
	})) {
		os.Exit(1)
	}
	for _, f := range []func(*env){discovery, typed, apply, workloads,
		configMapInformer, podInformer, dynamics, watchTools,
		elections, onlyProtobuf, metadatas, pods, access} {
		e.part(f)
	}
	must("delete of the namespace", e.CoreV1().Namespaces().Delete(ctx,
		ns, metav1.DeleteOptions{}))
	ok("it goes", until(func() bool {
		_, err := e.CoreV1().Namespaces().Get(ctx, ns,
			metav1.GetOptions{})
		return err != nil
	}))
	if bad > 0 {
		os.Exit(1)
	}
}
