// SPDX-License-Identifier: BSD-2-Clause
//
// What controllers use besides: the metadata client and its informers, an event
// recorder, status, eviction, access reviews, bound tokens, impersonation.
package main

import (
	"context"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
)

// A client told nothing but the type of its bodies.
func onlyProtobuf(e *env) {
	c := rest.CopyConfig(e.config)
	c.ContentType = protobuf
	k := need(kubernetes.NewForConfig(c))
	n, err := k.CoreV1().Namespaces().Get(ctx, ns, metav1.GetOptions{})
	ok("a client that prefers protobuf gets an answer", err == nil &&
		n.Name == ns, err)
	w, err := k.CoreV1().Namespaces().Watch(ctx, metav1.ListOptions{
		ResourceVersion: "0"})
	if must("and a watch", err) {
		ev := <-w.ResultChan()
		_, is := ev.Object.(*corev1.Namespace)
		ok("with objects", is, ev)
		w.Stop()
	}
}

func metadatas(e *env) {
	gvr := corev1.SchemeGroupVersion.WithResource("configmaps")
	m := need(metadata.NewForConfig(e.config))
	cms := m.Resource(gvr).Namespace(ns)
	need(e.CoreV1().ConfigMaps(ns).Create(ctx, configMap("m",
		map[string]string{"k": "1"}), metav1.CreateOptions{}))
	l := need(cms.List(ctx, metav1.ListOptions{LabelSelector: "by=go",
		FieldSelector: "metadata.name=m"}))
	ok("the metadata client lists", len(l.Items) == 1 &&
		l.Items[0].Name == "m" && l.Items[0].UID != "", l)
	f := metadatainformer.NewFilteredSharedInformerFactory(m, 0, ns, nil)
	inf := f.ForResource(gvr)
	var s seen
	need(inf.Informer().AddEventHandler(s.handler()))
	stop, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	f.Start(stop.Done())
	ok("its informer syncs", cache.WaitForCacheSync(stop.Done(),
		inf.Informer().HasSynced))
	p := need(cms.Patch(ctx, "m", types.MergePatchType,
		[]byte(`{"metadata":{"annotations":{"a":"b"}}}`),
		metav1.PatchOptions{}))
	same("it patches", p.Annotations["a"], "b")
	must("it deletes", cms.Delete(ctx, "m", metav1.DeleteOptions{}))
	ok("its informer saw that", until(s.has("add m", "update m",
		"delete m")), s.what)
	cancel()
	f.Shutdown()
}

func pods(e *env) {
	ps := e.CoreV1().Pods(ns)
	p := pod("q")
	p.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "go.test/x"}}
	p = need(ps.Create(ctx, p, metav1.CreateOptions{}))
	p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{
		Type: "go.test/seen", Status: corev1.ConditionTrue})
	p, err := ps.UpdateStatus(ctx, p, metav1.UpdateOptions{})
	ok("UpdateStatus", err == nil && len(p.Status.Conditions) > 0, err)
	b := record.NewBroadcaster()
	b.StartRecordingToSink(&typedcorev1.EventSinkImpl{
		Interface: e.CoreV1().Events(ns)})
	r := b.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "go"})
	r.Event(p, corev1.EventTypeNormal, "Seen", "it was seen")
	r.Event(p, corev1.EventTypeNormal, "Seen", "it was seen")
	ok("a recorder's Events are counted", until(func() bool {
		l := need(e.CoreV1().Events(ns).List(ctx, metav1.ListOptions{
			FieldSelector: "reason=Seen,involvedObject.name=q"}))
		return len(l.Items) == 1 && l.Items[0].Count == 2
	}))
	b.Shutdown()
	must("eviction", e.PolicyV1().Evictions(ns).Evict(ctx,
		&policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: "q",
			Namespace: ns}}))
	ok("the pod goes", until(func() bool {
		_, err := ps.Get(ctx, "q", metav1.GetOptions{})
		return errors.IsNotFound(err)
	}))
}

func access(e *env) {
	review := func(k kubernetes.Interface, verb string) bool {
		return need(k.AuthorizationV1().SelfSubjectAccessReviews().
			Create(ctx, &authorizationv1.SelfSubjectAccessReview{
				Spec: authorizationv1.SelfSubjectAccessReviewSpec{
					ResourceAttributes: &authorizationv1.
						ResourceAttributes{Verb: verb,
						Resource: "secrets", Namespace: ns},
				}}, metav1.CreateOptions{})).Status.Allowed
	}
	same("the administrator may all", review(e, "delete"), true)
	tr := need(e.CoreV1().ServiceAccounts(ns).CreateToken(ctx, "default",
		&authenticationv1.TokenRequest{}, metav1.CreateOptions{}))
	c := rest.AnonymousClientConfig(e.config)
	c.BearerToken = tr.Status.Token
	k := need(kubernetes.NewForConfig(c))
	who := need(k.AuthenticationV1().SelfSubjectReviews().Create(ctx,
		&authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{}))
	same("a bound token is its ServiceAccount", who.Status.UserInfo.
		Username, "system:serviceaccount:"+ns+":default")
	same("which may nothing", review(k, "get"), false)
	_, err := k.CoreV1().Secrets(ns).List(ctx, metav1.ListOptions{})
	ok("and is told so", errors.IsForbidden(err) && strings.Contains(
		err.Error(), "cannot list resource \"secrets\""), err)
	c = rest.CopyConfig(e.config)
	c.Impersonate = rest.ImpersonationConfig{UserName: "ann",
		Groups: []string{"system:masters"}}
	k = need(kubernetes.NewForConfig(c))
	who = need(k.AuthenticationV1().SelfSubjectReviews().Create(ctx,
		&authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{}))
	same("impersonation", who.Status.UserInfo.Username, "ann")
}
