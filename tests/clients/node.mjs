// SPDX-License-Identifier: BSD-2-Clause
//
// node.mjs -- the JavaScript client against the node of $KUBECONFIG: typed and
// generic objects, patches, watches with resume, an informer.
// Prints `ok - claim` lines, which the shell test that runs it numbers.
import * as k8s from '@kubernetes/client-node';
import { isDeepStrictEqual, inspect } from 'node:util';

const NS = 'nodes';
const WAIT_MS = 15000;
let bad = 0;

function ok(claim, good, ...diag) {
	if (!good) {
		bad++;
		for (const d of diag)
			console.log('# ' + String(d).replaceAll('\n', '\n# '));
	}
	console.log((good ? 'ok' : 'not ok') + ' - ' + claim);
}
function same(claim, got, want) {
	ok(claim, isDeepStrictEqual(got, want), 'got  ' + inspect(got),
	    'want ' + inspect(want));
}
async function refused(claim, code, reason, promise) {
	try {
		await promise;
		ok(claim, false, 'it succeeded');
	} catch (e) {
		const body = typeof e.body === 'string' ? JSON.parse(e.body) :
		    e.body;
		same(claim, [e.code, body?.reason], [code, reason]);
	}
}
async function until(state) {
	const end = Date.now() + WAIT_MS;
	while (!await state()) {
		if (Date.now() > end)
			return false;
		await new Promise((r) => setTimeout(r, 30));
	}
	return true;
}
function configMap(name, data) {
	return { apiVersion: 'v1', kind: 'ConfigMap',
	    metadata: { name, namespace: NS, labels: { by: 'node' } }, data };
}
const names = (list) => list.items.map((i) => i.metadata.name);
const as = (strategy) => k8s.setHeaderOptions('Content-Type', strategy);

async function crud(core) {
	await core.createNamespace({ body: { metadata: { name: NS } } });
	let got = await core.createNamespacedConfigMap(
	    { namespace: NS, body: configMap('a', { k: '1' }) });
	same('create gives the object', got.data, { k: '1' });
	ok('with a time', got.metadata.creationTimestamp instanceof Date);
	const old = got;
	await refused('a second create: 409', 409, 'AlreadyExists',
	    core.createNamespacedConfigMap({ namespace: NS,
	    body: configMap('a') }));
	await refused('what is not there: 404', 404, 'NotFound',
	    core.readNamespacedConfigMap({ namespace: NS, name: 'z' }));
	got = await core.patchNamespacedConfigMap({ namespace: NS, name: 'a',
	    body: [{ op: 'add', path: '/data/l', value: '2' }] },
	    as(k8s.PatchStrategy.JsonPatch));
	same('JSON patch', got.data, { k: '1', l: '2' });
	got = await core.patchNamespacedConfigMap({ namespace: NS, name: 'a',
	    body: { data: { k: null } } }, as(k8s.PatchStrategy.MergePatch));
	same('merge patch', got.data, { l: '2' });
	got = await core.patchNamespacedConfigMap({ namespace: NS, name: 'a',
	    body: { data: { m: '3' } } },
	    as(k8s.PatchStrategy.StrategicMergePatch));
	same('strategic merge patch', got.data, { l: '2', m: '3' });
	got = await core.patchNamespacedConfigMap({ namespace: NS, name: 'a',
	    fieldManager: 'node', force: true,
	    body: configMap('a', { m: '4' }) },
	    as(k8s.PatchStrategy.ServerSideApply));
	same('server-side apply', got.data, { l: '2', m: '4' });
	await refused('replace of an old revision: 409', 409, 'Conflict',
	    core.replaceNamespacedConfigMap({ namespace: NS, name: 'a',
	    body: old }));
	for (let i = 0; i < 4; i++)
		await core.createNamespacedConfigMap({ namespace: NS,
		    body: configMap('p' + i) });
	const q = { namespace: NS, labelSelector: 'by=node', limit: 3 };
	const one = await core.listNamespacedConfigMap(q);
	const two = await core.listNamespacedConfigMap({ ...q,
	    _continue: one.metadata._continue });
	same('pages of 3', [names(one), names(two)],
	    [['a', 'p0', 'p1'], ['p2', 'p3']]);
	await core.deleteCollectionNamespacedConfigMap({ namespace: NS,
	    labelSelector: 'by=node' });
	same('deletecollection', names(await core.listNamespacedConfigMap(
	    { namespace: NS, labelSelector: 'by=node' })), []);
}
// The first n events after a revision, as 'TYPE name', and the last revision.
async function events(kc, since, n) {
	const got = [];
	let revision = since, control, end;
	const ended = new Promise((r) => { end = r; });
	control = await new k8s.Watch(kc).watch(
	    `/api/v1/namespaces/${NS}/configmaps`,
	    { resourceVersion: since, labelSelector: 'by=node',
	      allowWatchBookmarks: true, timeoutSeconds: 10 },
	    (type, object) => {
		revision = object.metadata.resourceVersion;
		if (type === 'BOOKMARK' || got.length === n)
			return;
		got.push(type + ' ' + object.metadata.name);
		if (got.length === n)
			end();
	    }, () => end());
	await ended;
	control.abort();
	return [got, revision];
}
async function watches(core, kc) {
	const ns = { namespace: NS };
	const start = (await core.listNamespacedConfigMap(ns)).metadata
	    .resourceVersion;
	await core.createNamespacedConfigMap({ ...ns, body: configMap('b') });
	await core.patchNamespacedConfigMap({ ...ns, name: 'b',
	    body: { data: { x: 'y' } } }, as(k8s.PatchStrategy.MergePatch));
	const [got, revision] = await events(kc, start, 2);
	same('a watch gives what happened since the list', got,
	    ['ADDED b', 'MODIFIED b']);
	await core.deleteNamespacedConfigMap({ ...ns, name: 'b' });
	await core.createNamespacedConfigMap({ ...ns, body: configMap('c') });
	same('and resumes after what it had',
	    (await events(kc, revision, 2))[0], ['DELETED b', 'ADDED c']);
	const [closed] = await Promise.all([new Promise((done) => {
		new k8s.Watch(kc).watch(`/api/v1/namespaces/${NS}/configmaps`,
		    { timeoutSeconds: 1 }, () => {}, done).catch(done);
	})]);
	ok('timeoutSeconds ends a watch, as the client expects it',
	    closed === null || closed === undefined ||
	    closed === k8s.Watch.SERVER_SIDE_CLOSE, inspect(closed));
}
async function informer(core, kc) {
	const ns = { namespace: NS };
	const seen = [];
	await core.createNamespacedConfigMap({ ...ns, body: configMap('i1') });
	const inf = k8s.makeInformer(kc,
	    `/api/v1/namespaces/${NS}/configmaps`,
	    () => core.listNamespacedConfigMap({ ...ns,
	    labelSelector: 'by=node' }), 'by=node');
	for (const verb of ['add', 'update', 'delete'])
		inf.on(verb, (o) => seen.push(verb + ' ' + o.metadata.name));
	inf.on('error', (e) => seen.push('error ' + inspect(e)));
	await inf.start();
	ok('the informer begins with what is there',
	    await until(() => isDeepStrictEqual(seen, ['add c', 'add i1'])),
	    inspect(seen));
	await core.createNamespacedConfigMap({ ...ns, body: configMap('i2') });
	await core.patchNamespacedConfigMap({ ...ns, name: 'i1',
	    body: { data: { n: '1' } } }, as(k8s.PatchStrategy.MergePatch));
	await core.deleteNamespacedConfigMap({ ...ns, name: 'i2' });
	ok('and sees add, update and delete', await until(() =>
	    isDeepStrictEqual(seen.slice(2),
	    ['add i2', 'update i1', 'delete i2'])), inspect(seen));
	same('its cache', inf.list(NS).map((o) => [o.metadata.name, o.data])
	    .sort(), [['c', undefined], ['i1', { n: '1' }]]);
	await inf.stop();
}
async function generic(kc) {
	const api = k8s.KubernetesObjectApi.makeApiClient(kc);
	const spec = { apiVersion: 'apps/v1', kind: 'Deployment',
	    metadata: { name: 'web', namespace: NS },
	    spec: { replicas: 1, selector: { matchLabels: { app: 'web' } },
	    template: { metadata: { labels: { app: 'web' } },
	    spec: { terminationGracePeriodSeconds: 1, containers: [
	    { name: 'c', image: 'host', command: ['sleep', '1000'] }] } } } };
	await api.create(spec);
	const apps = kc.makeApiClient(k8s.AppsV1Api);
	ok('a Deployment made by kind becomes available', await until(
	    async () => (await api.read(spec)).status
	    ?.availableReplicas === 1));
	await api.patch({ ...spec, spec: { replicas: 2 } });
	ok('patched by kind, it grows', await until(async () =>
	    (await apps.readNamespacedDeployment({ namespace: NS,
	    name: 'web' })).status.availableReplicas === 2));
	const scale = await apps.readNamespacedDeploymentScale(
	    { namespace: NS, name: 'web' });
	same('its scale', [scale.kind, scale.spec.replicas], ['Scale', 2]);
	await api.delete(spec, undefined, undefined, undefined, undefined,
	    'Foreground');
	ok('a foreground delete leaves nothing', await until(async () =>
	    (await api.list('v1', 'Pod', NS)).items.length === 0 &&
	    (await api.list('apps/v1', 'Deployment', NS)).items.length === 0));
}

const kc = new k8s.KubeConfig();
kc.loadFromDefault();
const core = kc.makeApiClient(k8s.CoreV1Api);
const version = await kc.makeApiClient(k8s.VersionApi).getCode();
same('/version', [version.major, version.minor], ['1', '35']);
for (const part of [crud, watches, informer, () => generic(kc)]) {
	try {
		await part(core, kc);
	} catch (e) {
		ok('no exception', false, inspect(e));
	}
}
await core.deleteNamespace({ name: NS });
ok('the namespace goes', await until(async () =>
    !names(await core.listNamespace()).includes(NS)));
process.exit(bad === 0 ? 0 : 1);
