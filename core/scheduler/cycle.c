/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cycle.c -- one decision: every policy filters, the others score, one of the
 * best is chosen by lot and the pod is assumed there.
 * Pure; randomness comes from the seed. Contract: sched.h; the words of a
 * failure are upstream's. */
#include "core/scheduler/sched_int.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS(n)	(((n) + 63) / 64)

/* ---- reasons ----------------------------------------------------------- */

void
pin_reason_add(struct pin_reasons *r, uint32_t node, int kind,
    const char *text)
{
	uint32_t i = r->last;

	PIN_ASSERT(node < r->never->n);
	if (kind == PIN_NEVER)
		r->never->word[node / 64] |= UINT64_C(1) << (node % 64);
	if (i >= r->n || strncmp(r->row[i].text, text, SCHED_REASON_MAX - 1)
	    != 0)
		for (i = 0; i < r->n; i++)
			if (strncmp(r->row[i].text, text, SCHED_REASON_MAX -
			    1) == 0)
				break;
	if (i == SCHED_REASONS_MAX) {
		r->lost++;
		return;
	}
	if (i == r->n) {
		r->n++;
		r->row[i].count = 0;
		snprintf(r->row[i].text, sizeof(r->row[i].text), "%s", text);
	}
	r->row[i].count++;
	r->last = i;
}

/* A string that is put together within its limit. */
struct text {
	char	*p;
	size_t	 len, size;
};

static void text_add(struct text *, const char *fmt, ...) PIN_PRINTF(2, 3);

static void
text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->p + t->len, t->size - t->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->len += (size_t)n < t->size - t->len ? (size_t)n :
		    t->size - t->len - 1;
}

static int
line_cmp(const void *a, const void *b)
{
	return (strcmp(a, b));
}

/* "2 node(s) were unschedulable, 3 Insufficient cpu", sorted as text. */
static void
reasons_text(const struct pin_reasons *r, struct text *t)
{
	char line[SCHED_REASONS_MAX + 1][SCHED_REASON_MAX + 16];
	uint32_t i, n = 0;

	for (i = 0; i < r->n; i++)
		snprintf(line[n++], sizeof(line[0]), "%" PRIu32 " %s",
		    r->row[i].count, r->row[i].text);
	if (r->lost > 0)
		snprintf(line[n++], sizeof(line[0]), "%" PRIu32
		    " other reason(s)", r->lost);
	qsort(line, n, sizeof(line[0]), line_cmp);
	for (i = 0; i < n; i++)
		text_add(t, "%s%s", i > 0 ? ", " : " ", line[i]);
	if (n > 0)
		text_add(t, ".");
}

/* What evicting others would bring. Pods are never evicted for others yet,
 * and that is what it says where it would have helped. */
static void
preemption_text(const struct sched *s, const struct spod *p,
    const struct pin_obj *o, struct text *t)
{
	uint32_t i, never = 0, none = 0, might = 0;
	struct pin_reasons r = { 0 };

	if (pin_str_is(pin_obj_str(o, pin_obj_at(o, pin_obj_root(o), "spec",
	    "preemptionPolicy", NULL)), "Never")) {
		text_add(t, " preemption: not eligible due to "
		    "preemptionPolicy=Never.");
		return;
	}
	for (i = 0; i < s->snap.n; i++)
		if (pin_bits_get(&s->never, i))
			never++;
		else if (s->snap.at[i]->min_priority < p->priority)
			might++;
		else
			none++;
#define ROW(k, words) do {						\
		if ((k) > 0) {						\
			r.row[r.n].count = (k);				\
			snprintf(r.row[r.n++].text, SCHED_REASON_MAX,	\
			    words);					\
		}							\
	} while (0)
	ROW(never, "Preemption is not helpful for scheduling");
	ROW(none, "No preemption victims found for incoming pod");
	ROW(might, "Preemption is not supported");
#undef ROW
	text_add(t, " preemption: 0/%" PRIu32 " nodes are available:",
	    s->snap.n);
	reasons_text(&r, t);
}

/* ---- filter ------------------------------------------------------------ */

static void
bits_room(struct pin_bits *b, uint32_t n, uint32_t room)
{
	b->word = pin_xrealloc(b->word, (WORDS(room) + 1) *
	    sizeof(*b->word));
	b->n = n;
}

static void
cycle_room(struct sched *s)
{
	uint32_t n = s->snap.n;

	if (n > s->room || s->room == 0) {
		s->room = s->snap.room > 64 ? s->snap.room : 64;
		s->total = pin_xrealloc(s->total, s->room *
		    sizeof(*s->total));
		s->score = pin_xrealloc(s->score, s->room *
		    sizeof(*s->score));
	}
	bits_room(&s->nodes, n, s->room);
	bits_room(&s->before, n, s->room);
	bits_room(&s->never, n, s->room);
	memset(s->nodes.word, 0xff, WORDS(n) * sizeof(uint64_t));
	if (n % 64 != 0)
		s->nodes.word[n / 64] = (UINT64_C(1) << (n % 64)) - 1;
	memset(s->never.word, 0, (WORDS(n) + 1) * sizeof(uint64_t));
	s->reasons.n = s->reasons.last = s->reasons.lost = 0;
	s->reasons.never = &s->never;
}

static uint32_t
bits_count(const struct pin_bits *b)
{
	uint32_t i, n = 0;
	uint64_t w;

	for (i = 0; i < WORDS(b->n); i++)
		for (w = b->word[i]; w != 0; w &= w - 1)
			n++;
	return (n);
}

static int
filter_all(struct sched *s, const struct pin_sched_pod *pod,
    struct sched_decision *d)
{
	const struct sched_policy *pol;
	uint32_t i, k;
	int rc;

	for (i = 0; i < s->npolicy; i++) {
		pol = &s->policy[i];
		if (!PIN_HAS(pol->ops, filter))
			continue;
		memcpy(s->before.word, s->nodes.word, WORDS(s->snap.n) *
		    sizeof(uint64_t));
		rc = pol->ops->filter(pol->self, &s->snap, pod, &s->nodes,
		    &s->reasons);
		if (rc < 0) {
			snprintf(d->message, sizeof(d->message), "running "
			    "\"%s\" filter plugin: error %d", pol->name, rc);
			return (rc);
		}
		/* A filter only takes away. */
		for (k = 0; k < WORDS(s->snap.n); k++)
			s->nodes.word[k] &= s->before.word[k];
	}
	return (PIN_OK);
}

/* ---- score ------------------------------------------------------------- */

void
pin_score_normalize(const struct pin_bits *nodes, int32_t *out, int reverse)
{
	int64_t most = 0, v;
	uint32_t i;

	for (i = pin_bits_next(nodes, 0); i < nodes->n;
	    i = pin_bits_next(nodes, i + 1))
		if (out[i] > most)
			most = out[i];
	for (i = pin_bits_next(nodes, 0); i < nodes->n;
	    i = pin_bits_next(nodes, i + 1)) {
		v = most == 0 ? 0 : (int64_t)out[i] * PIN_SCORE_MAX / most;
		out[i] = (int32_t)(reverse ? PIN_SCORE_MAX - v : v);
	}
}

static uint64_t
random_next(struct sched *s)
{
	s->random ^= s->random >> 12;
	s->random ^= s->random << 25;
	s->random ^= s->random >> 27;
	return (s->random * UINT64_C(0x2545f4914f6cdd1d));
}

static int
score_all(struct sched *s, const struct pin_sched_pod *pod,
    struct sched_decision *d)
{
	const struct sched_policy *pol;
	uint32_t i, k, n = s->snap.n;
	int64_t v;
	int rc;

	memset(s->total, 0, n * sizeof(*s->total));
	for (i = 0; i < s->npolicy; i++) {
		pol = &s->policy[i];
		if (!PIN_HAS(pol->ops, score) || pol->weight == 0)
			continue;
		memset(s->score, 0, n * sizeof(*s->score));
		rc = pol->ops->score(pol->self, &s->snap, pod, &s->nodes,
		    s->score);
		if (rc < 0) {
			snprintf(d->message, sizeof(d->message), "running "
			    "\"%s\" score plugin: error %d", pol->name, rc);
			return (rc);
		}
		for (k = 0; k < n; k++) {
			v = s->score[k];
			v = v < 0 ? 0 : v > PIN_SCORE_MAX ? PIN_SCORE_MAX : v;
			s->total[k] += v * pol->weight;
		}
	}
	return (PIN_OK);
}

/* One of the best, each as likely as the other. */
static uint32_t
choose(struct sched *s)
{
	uint32_t i, best = 0, ties = 0;
	int64_t most = -1;

	for (i = pin_bits_next(&s->nodes, 0); i < s->nodes.n;
	    i = pin_bits_next(&s->nodes, i + 1)) {
		if (s->total[i] < most)
			continue;
		if (s->total[i] > most) {
			most = s->total[i];
			ties = 0;
		}
		if (random_next(s) % ++ties == 0)
			best = i;
	}
	return (best);
}

/* ---- the cycle --------------------------------------------------------- */

static int
unfit(struct sched *s, struct spod *p, struct sched_decision *d, int never)
{
	s->count.unfit++;
	p->order = ++s->order;
	pod_park(s, p, never);
	d->what = SCHED_UNFIT;
	return (1);
}

/* May it be moved when pods leave? */
static int
all_never(const struct sched *s)
{
	return (bits_count(&s->never) == s->snap.n);
}

static void
sched_pod_of(struct sched *s, const struct spod *p, const struct pin_obj *o,
    struct pin_sched_pod *pod)
{
	struct pin_str *name;
	int64_t *count;
	uint32_t i;

	*pod = (struct pin_sched_pod){ .size = sizeof(*pod), .obj = o,
	    .cpu = p->req.cpu, .memory = p->req.memory,
	    .storage = p->req.storage, .priority = p->priority,
	    .nonzero_cpu = p->req.nonzero_cpu,
	    .nonzero_memory = p->req.nonzero_memory };
	if (p->req.n == 0)
		return;
	name = pin_arena_alloc(s->arena, p->req.n * sizeof(*name));
	count = pin_arena_alloc(s->arena, p->req.n * sizeof(*count));
	PIN_ASSERT(name != NULL && count != NULL);
	for (i = 0; i < p->req.n; i++) {
		name[i] = s->snap.names.name[p->req.ext[i].id];
		count[i] = p->req.ext[i].value;
	}
	pod->nextended = p->req.n;
	pod->extended = name;
	pod->extended_count = count;
}

/* 1: the pod cannot be placed whatever the nodes are like. */
static int
refuse(struct sched *s, const struct spod *p, const struct pin_obj *o,
    struct text *t)
{
	const char *path;

	if (s->snap.n == 0) {
		text_add(t, "no nodes available to schedule pods");
		return (1);
	}
	path = claims_missing(s, o);
	if (path != NULL)
		text_add(t, "0/%" PRIu32 " nodes are available: %s is used "
		    "by the pod and no configured scheduler plugin honours "
		    "it.", s->snap.n, path);
	else if (p->req.overflow)
		text_add(t, "0/%" PRIu32 " nodes are available: the pod "
		    "requests more than %d different extended resources, or "
		    "the cluster knows more than %d.", s->snap.n,
		    SCHED_POD_RESOURCES_MAX, SCHED_RESOURCES_MAX);
	return (t->len > 0);
}

static int
failed(struct sched *s, struct spod *p, struct sched_decision *d,
    uint64_t now)
{
	s->count.errors++;
	p->order = ++s->order;
	pod_retry(s, p, now);
	d->what = SCHED_ERROR;
	return (1);
}

static int
decide(struct sched *s, struct spod *p, uint64_t now,
    struct sched_decision *d)
{
	struct text t = { d->message, 0, sizeof(d->message) };
	struct pin_sched_pod pod;
	struct pin_obj *o = NULL;
	struct pin_err err = PIN_ERR_INIT;
	uint32_t at;

	if (pin_obj_parse(s->arena, (const char *)p->buf->data + p->off,
	    p->len, &o, &err) != PIN_OK) {
		text_add(&t, "the pod cannot be read: %s", err.text);
		return (failed(s, p, d, now));
	}
	d->pod = o;
	if (refuse(s, p, o, &t))
		return (unfit(s, p, d, 1));
	cycle_room(s);
	sched_pod_of(s, p, o, &pod);
	if (filter_all(s, &pod, d) != PIN_OK)
		return (failed(s, p, d, now));
	at = pin_bits_next(&s->nodes, 0);
	if (at == s->snap.n) {
		text_add(&t, "0/%" PRIu32 " nodes are available:", s->snap.n);
		reasons_text(&s->reasons, &t);
		preemption_text(s, p, o, &t);
		return (unfit(s, p, d, all_never(s)));
	}
	if (pin_bits_next(&s->nodes, at + 1) < s->snap.n) {
		if (score_all(s, &pod, d) != PIN_OK)
			return (failed(s, p, d, now));
		at = choose(s);
	}
	(void)snap_says(&s->snap, p, o);
	snap_attach(&s->snap, s->snap.at[at], p);
	p->state = POD_ASSUMED;
	s->count.assumed++;
	d->what = SCHED_BIND;
	d->node = pin_snap_name(&s->snap, at);
	return (1);
}

/* Moves what is due; a binding whose answer is missing is sent again. */
static struct spod *
wake(struct sched *s, uint64_t now)
{
	struct spod *p;

	while (s->parked != NULL && s->parked->tried_ns + SCHED_PARKED_NS <=
	    now)
		pod_retry(s, s->parked, now);
	while (s->backoff.n > 0 && s->backoff.at[0]->due_ns <= now) {
		p = s->backoff.at[0];
		if (p->state != POD_REBIND) {
			pod_activate(s, p);
			continue;
		}
		pod_unqueue(s, p);
		p->state = POD_ASSUMED;
		s->count.assumed++;
		return (p);
	}
	return (NULL);
}

int
sched_next(struct sched *s, uint64_t now, struct sched_decision *d)
{
	struct spod *p = wake(s, now), *again = p;

	d->pod = NULL;
	d->message[0] = '\0';
	if (p == NULL) {
		if (s->active.n == 0)
			return (0);
		p = s->active.at[0];
		pod_unqueue(s, p);
	}
	s->count.decisions++;
	p->attempts++;
	p->tried_ns = now;
	d->attempts = p->attempts;
	d->ns = pod_ns(p);
	d->name = pod_name(p);
	d->uid = pin_str(p->uid);
	d->node = PIN_STR_NONE;
	if (again != NULL) {
		d->what = SCHED_BIND;
		d->node = (struct pin_str){ p->node->name,
		    p->node->name_len };
		return (1);
	}
	pin_arena_reset(s->arena);
	s->snap.cycle++;
	return (decide(s, p, now, d));
}

uint64_t
sched_due(const struct sched *s)
{
	uint64_t at = UINT64_MAX, parked;

	if (s->active.n > 0)
		return (1);
	if (s->backoff.n > 0)
		at = s->backoff.at[0]->due_ns;
	if (s->parked != NULL) {
		parked = s->parked->tried_ns + SCHED_PARKED_NS;
		if (parked < at)
			at = parked;
	}
	return (at == UINT64_MAX ? 0 : at > 0 ? at : 1);
}
