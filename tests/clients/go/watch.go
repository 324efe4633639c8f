// SPDX-License-Identifier: BSD-2-Clause
//
// Everything that watches: shared informers whose first list is a stream, the
// dynamic client and its informers, Until and RetryWatcher, leader election.
package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	metaapply "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/features"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	toolswatch "k8s.io/client-go/tools/watch"
)

type endpointSlice = discoveryv1.EndpointSlice

func selector(l map[string]string) *metaapply.LabelSelectorApplyConfiguration {
	return metaapply.LabelSelector().WithMatchLabels(l)
}

// seen collects what an informer's handler is told, as "verb name".
type seen struct {
	mu   sync.Mutex
	what []string
}

func (s *seen) add(verb string, o any) {
	_, name, _ := cache.SplitMetaNamespaceKey(need(cache.
		DeletionHandlingMetaNamespaceKeyFunc(o)))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.what = append(s.what, verb+" "+name)
}
func (s *seen) handler() cache.ResourceEventHandlerFuncs {
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { s.add("add", o) },
		UpdateFunc: func(_, o any) { s.add("update", o) },
		DeleteFunc: func(o any) { s.add("delete", o) },
	}
}

// has: these, in this order, whatever lies between.
func (s *seen) has(want ...string) func() bool {
	return func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		i := 0
		for _, w := range s.what {
			if i < len(want) && w == want[i] {
				i++
			}
		}
		return i == len(want)
	}
}

func configMapInformer(e *env) {
	ok("the feature WatchListClient is on",
		features.FeatureGates().Enabled(features.WatchListClient))
	cms := e.CoreV1().ConfigMaps(ns)
	need(cms.Create(ctx, configMap("i1", nil), metav1.CreateOptions{}))
	before := e.wire.matching("GET", "/configmaps?", "limit=")
	f := informers.NewSharedInformerFactoryWithOptions(e.Clientset, 0,
		informers.WithNamespace(ns), informers.WithTweakListOptions(
			func(o *metav1.ListOptions) { o.LabelSelector = "by=go" }))
	inf := f.Core().V1().ConfigMaps()
	var s seen
	need(inf.Informer().AddEventHandler(s.handler()))
	stop, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	f.Start(stop.Done())
	ok("an informer of ConfigMaps syncs", cache.WaitForCacheSync(
		stop.Done(), inf.Informer().HasSynced))
	ok("by a streamed list", e.wire.matching("/configmaps?",
		"sendInitialEvents=true", "watch=true",
		"resourceVersionMatch=NotOlderThan") == 1, e.wire.sent)
	same("and no other list", e.wire.matching("GET", "/configmaps?",
		"limit="), before)
	ok("it begins with what is there", until(s.has("add i1")), s.what)
	need(cms.Create(ctx, configMap("i2", nil), metav1.CreateOptions{}))
	must("patch", e.patch("i1", `{"data":{"n":"1"}}`))
	must("delete", cms.Delete(ctx, "i2", metav1.DeleteOptions{}))
	ok("it sees add, update and delete", until(s.has("add i1", "add i2",
		"update i1", "delete i2")), s.what)
	got := need(inf.Lister().ConfigMaps(ns).Get("i1"))
	same("its lister gives the newest", got.Data["n"], "1")
	must("patch", e.patch("i1", `{"metadata":{"labels":{"by":null}}}`))
	ok("what leaves the selector is deleted", until(s.has("delete i1")),
		s.what)
	cancel()
	f.Shutdown()
}

func podInformer(e *env) {
	f := informers.NewSharedInformerFactoryWithOptions(e.Clientset, 0,
		informers.WithNamespace(ns))
	inf := f.Core().V1().Pods()
	var s seen
	need(inf.Informer().AddEventHandler(s.handler()))
	stop, cancel := context.WithTimeout(ctx, 4*patience)
	defer cancel()
	f.Start(stop.Done())
	ok("an informer of no Pods syncs", cache.WaitForCacheSync(stop.Done(),
		inf.Informer().HasSynced))
	ok("by a streamed list of Pods", e.wire.matching("/pods?",
		"sendInitialEvents=true") == 1, e.wire.sent)
	need(e.CoreV1().Pods(ns).Create(ctx, pod("p"),
		metav1.CreateOptions{}))
	ok("it sees a pod become ready", until(func() bool {
		p, err := inf.Lister().Pods(ns).Get("p")
		if err != nil {
			return false
		}
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodReady {
				return c.Status == corev1.ConditionTrue
			}
		}
		return false
	}), s.what)
	must("delete of the pod", e.CoreV1().Pods(ns).Delete(ctx, "p",
		metav1.DeleteOptions{}))
	ok("and go", until(s.has("add p", "update p", "delete p")), s.what)
	cancel()
	f.Shutdown()
}

func dynamics(e *env) {
	gvr := corev1.SchemeGroupVersion.WithResource("configmaps")
	cms := e.dynamic.Resource(gvr).Namespace(ns)
	f := dynamicinformer.NewFilteredDynamicSharedInformerFactory(
		e.dynamic, 0, ns, nil)
	inf := f.ForResource(gvr)
	var s seen
	need(inf.Informer().AddEventHandler(s.handler()))
	stop, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	f.Start(stop.Done())
	ok("a dynamic informer syncs", cache.WaitForCacheSync(stop.Done(),
		inf.Informer().HasSynced))
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": "dyn"},
		"data":     map[string]any{"a": "1"},
	}}
	u = need(cms.Create(ctx, u, metav1.CreateOptions{}))
	same("dynamic create", u.GetKind(), "ConfigMap")
	u = need(cms.Patch(ctx, "dyn", types.JSONPatchType, []byte(
		`[{"op":"replace","path":"/data/a","value":"2"}]`),
		metav1.PatchOptions{}))
	v, _, _ := unstructured.NestedString(u.Object, "data", "a")
	same("dynamic JSON patch", v, "2")
	u.SetManagedFields(nil)
	u.SetResourceVersion("")
	_, err := cms.Apply(ctx, "dyn", u, metav1.ApplyOptions{
		FieldManager: "dyn", Force: true})
	must("dynamic apply", err)
	for i := range 5 {
		o := configMap(fmt.Sprint("page", i), nil)
		need(e.CoreV1().ConfigMaps(ns).Create(ctx, o,
			metav1.CreateOptions{}))
	}
	o := metav1.ListOptions{Limit: 2, LabelSelector: "by=go",
		FieldSelector: "metadata.namespace=" + ns}
	n := 0
	for {
		l := need(cms.List(ctx, o))
		n += len(l.Items)
		if o.Continue = l.GetContinue(); o.Continue == "" {
			break
		}
	}
	same("dynamic pages of 2", n, 5)
	must("dynamic deletecollection", cms.DeleteCollection(ctx,
		metav1.DeleteOptions{}, metav1.ListOptions{
			LabelSelector: "by=go"}))
	must("dynamic delete", cms.Delete(ctx, "dyn", metav1.DeleteOptions{}))
	ok("its informer saw all that", until(s.has("add dyn", "update dyn",
		"add page4", "delete dyn")), s.what)
	cancel()
	f.Shutdown()
}

// configMapWatch is what the watch tools take for ConfigMaps of ns.
func (e *env) configMapWatch() *cache.ListWatch {
	cms := e.CoreV1().ConfigMaps(ns)
	return &cache.ListWatch{
		ListWithContextFunc: func(c context.Context,
			o metav1.ListOptions) (runtime.Object, error) {
			return cms.List(c, o)
		},
		WatchFuncWithContext: func(c context.Context,
			o metav1.ListOptions) (watch.Interface, error) {
			// Ends every second, so that it must resume.
			second := int64(1)
			o.TimeoutSeconds = &second
			return cms.Watch(c, o)
		},
	}
}

func watchTools(e *env) {
	lw := e.configMapWatch()
	list := need(e.CoreV1().ConfigMaps(ns).List(ctx, metav1.ListOptions{}))
	stop, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	rw := need(toolswatch.NewRetryWatcherWithContext(stop,
		list.ResourceVersion, lw))
	before := e.wire.matching("/configmaps?", "timeoutSeconds=1")
	ok("a RetryWatcher resumes when its watch ends", until(func() bool {
		return e.wire.matching("/configmaps?", "timeoutSeconds=1") >=
			before+3
	}))
	need(e.CoreV1().ConfigMaps(ns).Create(ctx, configMap("w", nil),
		metav1.CreateOptions{}))
	must("patch", e.patch("w", `{"data":{"n":"1"}}`))
	must("delete", e.CoreV1().ConfigMaps(ns).Delete(ctx, "w",
		metav1.DeleteOptions{}))
	var got []watch.EventType
	for range 3 {
		select {
		case ev := <-rw.ResultChan():
			got = append(got, ev.Type)
		case <-stop.Done():
		}
	}
	same("and loses nothing", got, []watch.EventType{watch.Added,
		watch.Modified, watch.Deleted})
	rw.Stop()
	ev, err := toolswatch.Until(stop, list.ResourceVersion, lw,
		func(ev watch.Event) (bool, error) {
			return ev.Type == watch.Deleted, nil
		})
	ok("Until meets its condition in the past", err == nil &&
		ev.Object.(*corev1.ConfigMap).Name == "w", err)
	ev, err = toolswatch.UntilWithSync(stop, lw, &corev1.ConfigMap{}, nil,
		func(ev watch.Event) (bool, error) {
			return ev.Object.(*corev1.ConfigMap).Name ==
				"kube-root-ca.crt", nil
		})
	ok("UntilWithSync finds what is there", err == nil && ev != nil, err)
}

// candidate runs for leader of Lease "lead" until its context ends.
func (e *env) candidate(c context.Context, name string, lead chan<- string) {
	leaderelection.RunOrDie(c, leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta: metav1.ObjectMeta{Name: "lead", Namespace: ns},
			Client:    e.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{
				Identity: name},
		},
		LeaseDuration: 4 * time.Second, RenewDeadline: 3 * time.Second,
		RetryPeriod: 200 * time.Millisecond, ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) { lead <- name },
			OnStoppedLeading: func() {},
		},
	})
}

func elections(e *env) {
	next := func(lead <-chan string) string {
		select {
		case name := <-lead:
			return name
		case <-time.After(patience):
			return "nobody"
		}
	}
	lead := make(chan string, 9)
	c1, cancel1 := context.WithCancel(ctx)
	c2, cancel2 := context.WithCancel(ctx)
	defer cancel2()
	go e.candidate(c1, "one", lead)
	same("the first candidate leads", next(lead), "one")
	go e.candidate(c2, "two", lead)
	leases := e.CoordinationV1().Leases(ns)
	first := need(leases.Get(ctx, "lead", metav1.GetOptions{}))
	ok("it renews its Lease", until(func() bool {
		l := need(leases.Get(ctx, "lead", metav1.GetOptions{}))
		return l.Spec.RenewTime.After(first.Spec.RenewTime.Time)
	}))
	same("and stays the only one", len(lead), 0)
	cancel1()
	same("when it ends, the second leads", next(lead), "two")
	l := need(leases.Get(ctx, "lead", metav1.GetOptions{}))
	same("and holds the Lease", *l.Spec.HolderIdentity, "two")
}
