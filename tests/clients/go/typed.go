// SPDX-License-Identifier: BSD-2-Clause
//
// Typed clients: discovery, protobuf bodies, conflicts, server-side apply with
// an ApplyConfiguration, a Deployment with its scale.
package main

import (
	"fmt"
	"slices"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsapply "k8s.io/client-go/applyconfigurations/apps/v1"
	coreapply "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/util/retry"
)

func discovery(e *env) {
	v := need(e.Discovery().ServerVersion())
	same("discovery: the version", v.Major+"."+v.Minor, "1.35")
	_, lists, err := e.Discovery().ServerGroupsAndResources()
	must("discovery: groups and resources", err)
	kinds := 0
	for _, l := range lists {
		kinds += len(l.APIResources)
	}
	ok("discovery: there are many", kinds >= 66, kinds)
	groups := need(restmapper.GetAPIGroupResources(e.Discovery()))
	m := need(restmapper.NewDiscoveryRESTMapper(groups).RESTMapping(
		schema.GroupKind{Group: "apps", Kind: "Deployment"}))
	same("discovery: a RESTMapper finds the resource", m.Resource,
		appsv1.SchemeGroupVersion.WithResource("deployments"))
	doc := need(e.Discovery().OpenAPISchema())
	ok("discovery: OpenAPI v2 as protobuf",
		len(doc.GetDefinitions().GetAdditionalProperties()) > 500)
	paths := need(e.Discovery().OpenAPIV3().Paths())
	ok("discovery: OpenAPI v3", paths["apis/apps/v1"] != nil)
}

func typed(e *env) {
	cms := e.CoreV1().ConfigMaps(ns)
	cm := need(cms.Create(ctx, configMap("a", map[string]string{"k": "1"}),
		metav1.CreateOptions{}))
	ok("create gives the object with uid, time and revision",
		cm.Data["k"] == "1" && cm.UID != "" &&
			cm.ResourceVersion != "" && !cm.CreationTimestamp.IsZero(), cm)
	ok("its body was protobuf", e.wire.matching("POST "+protobuf,
		"/configmaps") > 0)
	_, err := cms.Create(ctx, configMap("a", nil), metav1.CreateOptions{})
	ok("a second create: AlreadyExists", errors.IsAlreadyExists(err), err)
	_, err = cms.Create(ctx, configMap("A_b", nil), metav1.CreateOptions{})
	ok("a bad name: Invalid", errors.IsInvalid(err), err)
	_, err = cms.Get(ctx, "z", metav1.GetOptions{})
	ok("what is not there: NotFound", errors.IsNotFound(err), err)
	_, err = cms.Create(ctx, configMap("dry", nil),
		metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	must("a dry run", err)
	_, err = cms.Get(ctx, "dry", metav1.GetOptions{})
	ok("stores nothing", errors.IsNotFound(err), err)

	old := cm.DeepCopy()
	cm.Data["k"] = "2"
	cm.BinaryData = map[string][]byte{"bytes": {0, 1, 255}}
	cm = need(cms.Update(ctx, cm, metav1.UpdateOptions{}))
	same("update with bytes", cm.BinaryData["bytes"], []byte{0, 1, 255})
	_, err = cms.Update(ctx, old, metav1.UpdateOptions{})
	ok("of an old revision: Conflict", errors.IsConflict(err), err)
	e.conflicts()

	svc := need(e.CoreV1().Services(ns).Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "s"},
		Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{
			Port: 80, TargetPort: intstr.FromString("http")}}},
	}, metav1.CreateOptions{}))
	ok("a Service gets an address and keeps its named port",
		svc.Spec.ClusterIP != "" &&
			svc.Spec.Ports[0].TargetPort.StrVal == "http", svc.Spec)
	rv := "1"
	err = cms.Delete(ctx, "a", metav1.DeleteOptions{Preconditions: &metav1.
		Preconditions{ResourceVersion: &rv}})
	ok("a delete of another revision: Conflict", errors.IsConflict(err),
		err)
	must("delete", cms.Delete(ctx, "a", metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &cm.UID}}))
}

// Ten at once count up one number, each trying again on conflict.
func (e *env) conflicts() {
	cms := e.CoreV1().ConfigMaps(ns)
	var all sync.WaitGroup
	lost := retry.DefaultBackoff
	lost.Steps = 50
	for i := range 10 {
		all.Go(func() {
			err := retry.RetryOnConflict(lost, func() error {
				cm, err := cms.Get(ctx, "a", metav1.GetOptions{})
				if err != nil {
					return err
				}
				if cm.Annotations == nil {
					cm.Annotations = map[string]string{}
				}
				cm.Annotations[fmt.Sprint("n", i)] = "x"
				_, err = cms.Update(ctx, cm,
					metav1.UpdateOptions{})
				return err
			})
			if err != nil {
				ok("no error but Conflict", false, err)
			}
		})
	}
	all.Wait()
	cm := need(cms.Get(ctx, "a", metav1.GetOptions{}))
	same("RetryOnConflict: ten writers lose nothing", len(cm.Annotations),
		10)
}

func apply(e *env) {
	cms := e.CoreV1().ConfigMaps(ns)
	mine := func(v string) *coreapply.ConfigMapApplyConfiguration {
		return coreapply.ConfigMap("applied", ns).
			WithLabels(map[string]string{"by": "apply"}).
			WithData(map[string]string{"k": v})
	}
	one := metav1.ApplyOptions{FieldManager: "one"}
	two := metav1.ApplyOptions{FieldManager: "two"}
	cm := need(cms.Apply(ctx, mine("1"), one))
	same("apply creates", cm.Data["k"], "1")
	_, err := cms.Apply(ctx, mine("2"), two)
	ok("another manager: Conflict", errors.IsConflict(err), err)
	same("with the field as its cause", causes(err), []string{".data.k"})
	two.Force = true
	cm = need(cms.Apply(ctx, mine("2"), two))
	same("with force it is taken", cm.Data["k"], "2")
	got := need(coreapply.ExtractConfigMap(cm, "two"))
	same("Extract gives back what that manager set", got.Data,
		map[string]string{"k": "2"})
	cm = need(cms.Apply(ctx, coreapply.ConfigMap("applied", ns), two))
	same("what a manager applies no more goes", cm.Data,
		map[string]string(nil))
	same("what another still holds stays", cm.Labels["by"], "apply")
}

func causes(err error) (fields []string) {
	s, is := err.(errors.APIStatus)
	if !is || s.Status().Details == nil {
		return nil
	}
	for _, c := range s.Status().Details.Causes {
		fields = append(fields, c.Field)
	}
	return fields
}

func workloads(e *env) {
	app := map[string]string{"app": "web"}
	ds := e.AppsV1().Deployments(ns)
	need(ds.Apply(ctx, appsapply.Deployment("web", ns).WithSpec(appsapply.
		DeploymentSpec().WithReplicas(1).
		WithSelector(selector(app)).
		WithTemplate(coreapply.PodTemplateSpec().WithLabels(app).
			WithSpec(coreapply.PodSpec().
				WithTerminationGracePeriodSeconds(1).
				WithContainers(coreapply.Container().WithName("c").
					WithImage("host").
					WithCommand("sleep", "1000"))))),
		metav1.ApplyOptions{FieldManager: "go"}))
	available := func(n int32) func() bool {
		return func() bool {
			d := need(ds.Get(ctx, "web", metav1.GetOptions{}))
			return d.Status.AvailableReplicas == n &&
				d.Status.ObservedGeneration == d.Generation
		}
	}
	ok("an applied Deployment becomes available", until(available(1)))
	s := need(ds.GetScale(ctx, "web", metav1.GetOptions{}))
	s.Spec.Replicas = 2
	s = need(ds.UpdateScale(ctx, "web", s, metav1.UpdateOptions{}))
	same("its scale", s.Spec.Replicas, int32(2))
	ok("is followed", until(available(2)))
	ready := func() bool {
		l := need(e.DiscoveryV1().EndpointSlices(ns).List(ctx,
			metav1.ListOptions{}))
		return slices.ContainsFunc(l.Items, func(s endpointSlice) bool {
			return s.Labels["kubernetes.io/service-name"] == "web" &&
				len(s.Endpoints) == 2
		})
	}
	need(e.CoreV1().Services(ns).Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: corev1.ServiceSpec{Selector: app,
			Ports: []corev1.ServicePort{{Port: 80}}},
	}, metav1.CreateOptions{}))
	ok("a Service's EndpointSlice holds both pods", until(ready))
	now := metav1.DeletePropagationForeground
	must("a foreground delete", ds.Delete(ctx, "web",
		metav1.DeleteOptions{PropagationPolicy: &now}))
	ok("leaves nothing", until(func() bool {
		_, err := ds.Get(ctx, "web", metav1.GetOptions{})
		l := need(e.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{}))
		return errors.IsNotFound(err) && len(l.Items) == 0
	}))
}
