/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rollout.c -- how many pods each ReplicaSet shall have: scaling, Recreate,
 * RollingUpdate.
 * Pure. Contract: deployment.h; never more than replicas + maxSurge pods, never
 * fewer than replicas - maxUnavailable available ones by our doing (C5). */
#include <stdlib.h>

#include "deployment.h"

static int64_t
least(int64_t a, int64_t b)
{
	return (a < b ? a : b);
}

static int64_t
old_total(const struct deploy *d)
{
	int64_t n = 0;
	uint32_t i;

	for (i = 0; i < d->nold; i++)
		n += d->old[i].replicas;
	return (n);
}

/* The one set with pods when there is just one, or the newest when there are
 * none: it follows the Deployment, also while the rollout is paused. */
static struct set *
only_active(struct deploy *d)
{
	struct set *one = NULL;
	uint32_t i, n = 0;

	if (d->have_new && d->cur.was > 0) {
		one = &d->cur;
		n++;
	}
	for (i = 0; i < d->nold; i++)
		if (d->old[i].was > 0) {
			one = &d->old[i];
			n++;
		}
	if (n == 0 && d->have_new)
		return (&d->cur);
	if (n == 0 && d->nold > 0)
		return (&d->old[d->nold - 1]);
	return (n == 1 ? one : NULL);
}

static int
is_other(const struct deploy *d, const struct set *s)
{
	int64_t was = annotation_int(s->o, DESIRED);

	return (s->was > 0 && was >= 0 && was != d->replicas);
}

/* Did the user change spec.replicas since the sets were last scaled? */
int
rollout_is_scaling(const struct deploy *d)
{
	uint32_t i;

	if (d->have_new && is_other(d, &d->cur))
		return (1);
	for (i = 0; i < d->nold; i++)
		if (is_other(d, &d->old[i]))
			return (1);
	return (0);
}

static int
by_size(const void *a, const void *b)
{
	const struct set *x = *(struct set *const *)a,
	    *y = *(struct set *const *)b;
	int c;

	if (x->was != y->was)
		return (x->was > y->was ? -1 : 1);
	c = pin_str_cmp(meta_get(x->o, "creationTimestamp"), meta_get(y->o,
	    "creationTimestamp"));
	return (c != 0 ? c : pin_str_cmp(meta_get(x->o, "name"),
	    meta_get(y->o, "name")));
}

/* Its share of a difference, by its part of what there was. */
static int64_t
fraction(const struct deploy *d, const struct set *s)
{
	int64_t before = annotation_int(s->o, MAX_REPLICAS);

	if (d->replicas == 0)
		return (-s->was);
	if (before <= 0)
		before = status_int(d->d, "replicas");
	if (before <= 0)
		return (0);
	return ((2 * s->was * (d->replicas + d->surge) + before) /
	    (2 * before) - s->was);	/* rounded */
}

/* In the middle of a rollout every set gets its share of the difference, the
 * rest the largest; of equal ones the newest when there is more, the oldest
 * when there is less. */
static void
scale_in_proportion(struct deploy *d)
{
	int64_t add, added = 0, share, left;
	struct set *all[SETS_MAX + 1];
	uint32_t n = 0, i, k;

	add = d->replicas > 0 ? d->replicas + d->surge : 0;
	for (i = 0; i < d->nold; i++)
		if (d->old[i].was > 0)
			all[n++] = &d->old[i];
	if (d->have_new && d->cur.was > 0)
		all[n++] = &d->cur;
	if (n == 0)
		return;
	for (i = 0; i < n; i++)
		add -= all[i]->was;
	qsort(all, n, sizeof(all[0]), by_size);
	/* Oldest first by now; turned round within equals. */
	for (i = 0; add > 0 && i < n; i = k) {
		for (k = i; k < n && all[k]->was == all[i]->was; k++)
			;
		for (uint32_t a = i, b = k - 1; a < b; a++, b--) {
			struct set *t = all[a];

			all[a] = all[b];
			all[b] = t;
		}
	}
	for (i = 0; i < n && add != 0; i++) {
		left = add - added;
		share = left == 0 ? 0 : fraction(d, all[i]);
		if (add > 0 ? share > left : share < left)
			share = left;
		all[i]->replicas += share;
		added += share;
	}
	all[0]->replicas += add - added;
	for (i = 0; i < n; i++)
		if (all[i]->replicas < 0)
			all[i]->replicas = 0;
}

static int
is_whole(const struct deploy *d)
{
	return (d->have_new && d->cur.was == d->replicas &&
	    annotation_int(d->cur.o, DESIRED) == d->replicas &&
	    d->cur.available == d->replicas);
}

static void
scale(struct deploy *d)
{
	struct set *one = only_active(d);
	uint32_t i;

	if (one != NULL)
		one->replicas = d->replicas;
	else if (is_whole(d))
		for (i = 0; i < d->nold; i++)
			d->old[i].replicas = 0;
	else if (!d->recreate)
		scale_in_proportion(d);
}

static void
scale_up_new(struct deploy *d)
{
	int64_t room;

	if (d->cur.replicas == d->replicas)
		return;
	if (d->cur.replicas > d->replicas) {
		d->cur.replicas = d->replicas;
		return;
	}
	room = d->replicas + d->surge - old_total(d) - d->cur.replicas;
	if (room > 0)
		d->cur.replicas += least(room, d->replicas - d->cur.replicas);
}

/* Pods that never became available cost nothing to remove. */
static int64_t
clean_unhealthy(struct deploy *d, int64_t max)
{
	int64_t done = 0, n;
	uint32_t i;

	for (i = 0; i < d->nold && done < max; i++) {
		n = least(max - done, d->old[i].replicas -
		    d->old[i].available);
		if (n > 0) {
			d->old[i].replicas -= n;
			done += n;
		}
	}
	return (done);
}

static void
scale_down_old(struct deploy *d)
{
	int64_t min = d->replicas - d->unavailable, all, max, avail, n;
	uint32_t i;

	all = old_total(d) + d->cur.was;
	max = all - min - (d->cur.was - d->cur.available);
	if (max <= 0)
		return;
	(void)clean_unhealthy(d, max);
	for (avail = d->cur.available, i = 0; i < d->nold; i++)
		avail += least(d->old[i].available, d->old[i].was);
	n = avail - min;
	for (i = 0; i < d->nold && n > 0; i++) {
		max = least(n, least(d->old[i].replicas,
		    d->old[i].available));
		if (max > 0) {
			d->old[i].replicas -= max;
			n -= max;
		}
	}
}

static void
recreate(struct deploy *d)
{
	int64_t still = d->pods_left;
	uint32_t i;

	for (i = 0; i < d->nold; i++) {
		still += d->old[i].was;
		d->old[i].replicas = 0;
	}
	if (still == 0)
		d->cur.replicas = d->replicas;
}

void
rollout(struct deploy *d)
{
	uint32_t i;

	if (d->paused || d->scaling) {
		scale(d);
		return;
	}
	if (d->recreate) {
		recreate(d);
		return;
	}
	/* The new one is whole: nothing else is needed. */
	if (d->have_new && d->cur.was == d->replicas &&
	    d->cur.available >= d->replicas) {
		for (i = 0; i < d->nold; i++)
			d->old[i].replicas = 0;
		return;
	}
	scale_up_new(d);
	if (d->cur.replicas <= d->cur.was)
		scale_down_old(d);
}
