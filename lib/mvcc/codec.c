/* SPDX-License-Identifier: BSD-2-Clause
 *
 * codec.c -- transactions as bytes: what the consensus carries. Everything
 * is little-endian; an unknown format, kind or a wrong length is refused by
 * name, because a member that skipped a command would differ for ever.
 * Pure. Contract: the layout below; format 1 is what every version reads. */
#include "lib/mvcc/mvcc_int.h"

#include <string.h>

/*
 *	head	"PB", format, lowest reader, number of commands (4)
 *	command	kind (1), 0, compares (2), operations (2), 0 (2)
 *	 compare	type (1), 0, key length (2), 0 (4), revision (8), key
 *	 operation	type (1), 0, key length (2), ttl (4), value length (4),
 *			key, value
 *	 compact	revision (8)	instead of both
 */
#define FORMAT		1
#define CMD_HEAD	8u
#define CMP_HEAD	16u
#define OP_HEAD		12u

static uint8_t *
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	return (p + 2);
}

static uint8_t *
put32(uint8_t *p, uint32_t v)
{
	return (put16(put16(p, v & 0xffff), v >> 16));
}

static uint8_t *
put64(uint8_t *p, uint64_t v)
{
	return (put32(put32(p, (uint32_t)v), (uint32_t)(v >> 32)));
}

static uint8_t *
put_bytes(uint8_t *p, const void *b, size_t n)
{
	if (n != 0)
		memcpy(p, b, n);
	return (p + n);
}

static uint32_t
get16(const uint8_t *p)
{
	return ((uint32_t)p[0] | (uint32_t)p[1] << 8);
}

static uint32_t
get32(const uint8_t *p)
{
	return (get16(p) | get16(p + 2) << 16);
}

static uint64_t
get64(const uint8_t *p)
{
	return (get32(p) | (uint64_t)get32(p + 4) << 32);
}

static int
check_key(struct pin_str key, struct pin_err *err)
{
	if (key.len == 0)
		return (pin_err_set(err, PIN_EINVAL, "empty key"));
	if (key.len > PIN_KEY_MAX)
		return (pin_err_set(err, PIN_ETOOBIG,
		    "key of %zu bytes, at most %d are allowed", key.len,
		    PIN_KEY_MAX));
	return (PIN_OK);
}

static int
check_op(const struct pin_op *op, struct pin_err *err)
{
	int rc = check_key(op->key, err);

	if (rc != PIN_OK)
		return (rc);
	if (op->type != PIN_PUT && op->type != PIN_DELETE)
		return (pin_err_set(err, PIN_EINVAL, "operation type %u",
		    op->type));
	if (op->type == PIN_DELETE && (op->value != NULL || op->ttl_s != 0))
		return (pin_err_set(err, PIN_EINVAL,
		    "a deletion with a value or a time to live"));
	if (op->type == PIN_DELETE)
		return (PIN_OK);
	if (op->value == NULL)
		return (pin_err_set(err, PIN_EINVAL, "a put without a value"));
	if (op->value->len > PIN_VALUE_MAX)
		return (pin_err_set(err, PIN_ETOOBIG,
		    "value of %zu bytes, at most %u are allowed",
		    op->value->len, PIN_VALUE_MAX));
	if (op->ttl_s > PIN_MVCC_TTL_MAX)
		return (pin_err_set(err, PIN_EINVAL,
		    "time to live of %u s, at most %u are allowed", op->ttl_s,
		    PIN_MVCC_TTL_MAX));
	return (PIN_OK);
}

/* One revision holds one event a key. */
static int
check_twice(const struct pin_op *ops, uint32_t n, struct pin_err *err)
{
	for (uint32_t i = 1; i < n; i++)
		for (uint32_t j = 0; j < i; j++)
			if (pin_str_eq(ops[i].key, ops[j].key))
				return (pin_err_set(err, PIN_EINVAL,
				    "key " PIN_SFMT " twice in a transaction",
				    PIN_SARG(ops[i].key)));
	return (PIN_OK);
}

int
pin_mvcc_check(const struct pin_txn *t, struct pin_err *err)
{
	struct pin_mvcc_cmd cmd = { .kind = PIN_MVCC_TXN };
	int rc;

	if (t->ncmps > PIN_TXN_OPS_MAX || t->nops > PIN_TXN_OPS_MAX)
		return (pin_err_set(err, PIN_ETOOBIG,
		    "%u compares and %u operations, at most %d each",
		    t->ncmps, t->nops, PIN_TXN_OPS_MAX));
	for (uint32_t i = 0; i < t->ncmps; i++) {
		rc = check_key(t->cmps[i].key, err);
		if (rc == PIN_OK && t->cmps[i].type != PIN_CMP_MOD &&
		    t->cmps[i].type != PIN_CMP_EXISTS)
			rc = pin_err_set(err, PIN_EINVAL, "compare type %u",
			    t->cmps[i].type);
		if (rc != PIN_OK)
			return (rc);
	}
	for (uint32_t i = 0; i < t->nops; i++) {
		rc = check_op(&t->ops[i], err);
		if (rc != PIN_OK)
			return (rc);
	}
	rc = check_twice(t->ops, t->nops, err);
	if (rc != PIN_OK)
		return (rc);
	cmd.ncmps = t->ncmps;
	cmd.nops = t->nops;
	cmd.cmps = t->cmps;
	cmd.ops = t->ops;
	if (PIN_MVCC_BATCH_HEAD + pin_mvcc_size(&cmd) > PIN_BATCH_MAX)
		return (pin_err_set(err, PIN_ETOOBIG,
		    "transaction of %zu bytes, at most %u are allowed",
		    pin_mvcc_size(&cmd), PIN_BATCH_MAX - PIN_MVCC_BATCH_HEAD));
	return (PIN_OK);
}

size_t
pin_mvcc_size(const struct pin_mvcc_cmd *c)
{
	size_t n = CMD_HEAD;

	if (c->kind == PIN_MVCC_COMPACT)
		return (n + 8);
	for (uint32_t i = 0; i < c->ncmps; i++)
		n += CMP_HEAD + c->cmps[i].key.len;
	for (uint32_t i = 0; i < c->nops; i++)
		n += OP_HEAD + c->ops[i].key.len + (c->ops[i].value != NULL ?
		    c->ops[i].value->len : 0);
	return (n);
}

uint8_t *
pin_mvcc_encode_head(uint8_t *p, uint32_t ncmds)
{
	p[0] = 'P';
	p[1] = 'B';
	p[2] = FORMAT;
	p[3] = FORMAT;			/* lowest reader */
	return (put32(p + 4, ncmds));
}

uint8_t *
pin_mvcc_encode(uint8_t *p, const struct pin_mvcc_cmd *c)
{
	memset(p, 0, CMD_HEAD);
	p[0] = (uint8_t)c->kind;
	put16(p + 2, c->ncmps);
	put16(p + 4, c->nops);
	p += CMD_HEAD;
	if (c->kind == PIN_MVCC_COMPACT)
		return (put64(p, c->revision));
	for (uint32_t i = 0; i < c->ncmps; i++) {
		const struct pin_cmp *cmp = &c->cmps[i];

		memset(p, 0, CMP_HEAD);
		p[0] = (uint8_t)cmp->type;
		put16(p + 2, (uint32_t)cmp->key.len);
		put64(p + 8, cmp->revision);
		p = put_bytes(p + CMP_HEAD, cmp->key.p, cmp->key.len);
	}
	for (uint32_t i = 0; i < c->nops; i++) {
		const struct pin_op *op = &c->ops[i];
		size_t len = op->value != NULL ? op->value->len : 0;

		p[0] = (uint8_t)op->type;
		p[1] = 0;
		put16(p + 2, (uint32_t)op->key.len);
		put32(p + 4, op->ttl_s);
		put32(p + 8, (uint32_t)len);
		p = put_bytes(p + OP_HEAD, op->key.p, op->key.len);
		p = put_bytes(p, len != 0 ? op->value->data : NULL, len);
	}
	return (p);
}

int
pin_mvcc_reader_init(struct pin_mvcc_reader *r, const void *bytes, size_t len,
    struct pin_err *err)
{
	const uint8_t *p = bytes;

	memset(r, 0, sizeof(*r));
	if (len < PIN_MVCC_BATCH_HEAD || p[0] != 'P' || p[1] != 'B')
		return (pin_err_set(err, PIN_ECORRUPT,
		    "%zu bytes that are no batch of transactions", len));
	if (p[3] > FORMAT)
		return (pin_err_set(err, PIN_ECORRUPT,
		    "batch of format %u wants a reader of format %u or newer,"
		    " this one is %u", p[2], p[3], FORMAT));
	r->left = get32(p + 4);
	r->p = p + PIN_MVCC_BATCH_HEAD;
	r->end = p + len;
	if (r->left > PIN_MVCC_CMDS_MAX)
		return (pin_err_set(err, PIN_ECORRUPT,
		    "batch of %u transactions, at most %u", r->left,
		    PIN_MVCC_CMDS_MAX));
	return (PIN_OK);
}

static void
reader_drop(struct pin_mvcc_reader *r)
{
	for (uint32_t i = 0; i < r->cmd.nops; i++)
		pin_buf_put(&r->ops[i].value);
	memset(&r->cmd, 0, sizeof(r->cmd));
}

void
pin_mvcc_reader_fini(struct pin_mvcc_reader *r)
{
	reader_drop(r);
}

static int
short_batch(struct pin_mvcc_reader *r, struct pin_err *err)
{
	return (pin_err_set(err, PIN_ECORRUPT,
	    "batch ends inside a transaction, %u were left", r->left));
}

static int
read_cmp(struct pin_mvcc_reader *r, struct pin_cmp *c, struct pin_err *err)
{
	size_t len;

	if ((size_t)(r->end - r->p) < CMP_HEAD)
		return (short_batch(r, err));
	len = get16(r->p + 2);
	c->type = r->p[0];
	c->pad = 0;
	c->revision = get64(r->p + 8);
	r->p += CMP_HEAD;
	if ((size_t)(r->end - r->p) < len)
		return (short_batch(r, err));
	c->key = (struct pin_str){ (const char *)r->p, len };
	r->p += len;
	if (c->type != PIN_CMP_MOD && c->type != PIN_CMP_EXISTS)
		return (pin_err_set(err, PIN_ECORRUPT,
		    "unknown compare type %u in a batch", c->type));
	return (check_key(c->key, err) == PIN_OK ? PIN_OK : PIN_ECORRUPT);
}

static int
read_op(struct pin_mvcc_reader *r, struct pin_op *op, struct pin_err *err)
{
	size_t klen, vlen;

	op->value = NULL;
	if ((size_t)(r->end - r->p) < OP_HEAD)
		return (short_batch(r, err));
	klen = get16(r->p + 2);
	vlen = get32(r->p + 8);
	op->type = r->p[0];
	op->ttl_s = get32(r->p + 4);
	r->p += OP_HEAD;
	if ((size_t)(r->end - r->p) < klen ||
	    (size_t)(r->end - r->p) - klen < vlen)
		return (short_batch(r, err));
	op->key = (struct pin_str){ (const char *)r->p, klen };
	r->p += klen;
	if (op->type != PIN_PUT && op->type != PIN_DELETE)
		return (pin_err_set(err, PIN_ECORRUPT,
		    "unknown operation type %u in a batch", op->type));
	if (op->type == PIN_DELETE && vlen != 0)
		return (pin_err_set(err, PIN_ECORRUPT,
		    "a deletion with a value in a batch"));
	if (op->type == PIN_PUT) {
		op->value = pin_buf_copy(r->p, vlen);
		if (op->value == NULL)
			return (pin_err_set(err, PIN_ENOMEM,
			    "a value of %zu bytes", vlen));
	}
	r->p += vlen;
	if (check_op(op, err) != PIN_OK)
		return (PIN_ECORRUPT);
	return (PIN_OK);
}

static int
read_body(struct pin_mvcc_reader *r, uint32_t ncmps, uint32_t nops,
    struct pin_err *err)
{
	struct pin_mvcc_cmd *c = &r->cmd;
	int rc = PIN_OK;

	if (c->kind == PIN_MVCC_COMPACT) {
		if (ncmps != 0 || nops != 0 || r->end - r->p < 8)
			return (short_batch(r, err));
		c->revision = get64(r->p);
		r->p += 8;
		return (PIN_OK);
	}
	if (c->kind != PIN_MVCC_TXN)
		return (pin_err_set(err, PIN_ECORRUPT,
		    "unknown command %u in a batch: written by a newer"
		    " version?", c->kind));
	if (ncmps > PIN_TXN_OPS_MAX || nops > PIN_TXN_OPS_MAX)
		return (pin_err_set(err, PIN_ECORRUPT,
		    "%u compares and %u operations in a batch", ncmps, nops));
	for (; c->ncmps < ncmps && rc == PIN_OK; c->ncmps++)
		rc = read_cmp(r, &r->cmps[c->ncmps], err);
	for (; c->nops < nops && rc == PIN_OK; c->nops++)
		rc = read_op(r, &r->ops[c->nops], err);
	if (rc == PIN_OK && check_twice(r->ops, nops, err) != PIN_OK)
		rc = PIN_ECORRUPT;
	return (rc);
}

int
pin_mvcc_reader_next(struct pin_mvcc_reader *r, struct pin_err *err)
{
	uint32_t ncmps, nops;
	int rc;

	reader_drop(r);
	if (r->left == 0 && r->p != r->end)
		return (pin_err_set(err, PIN_ECORRUPT,
		    "%zu bytes behind the last transaction of a batch",
		    (size_t)(r->end - r->p)));
	if (r->left == 0)
		return (PIN_ENOTFOUND);
	if ((size_t)(r->end - r->p) < CMD_HEAD)
		return (short_batch(r, err));
	r->cmd.kind = r->p[0];
	ncmps = get16(r->p + 2);
	nops = get16(r->p + 4);
	r->p += CMD_HEAD;
	r->cmd.cmps = r->cmps;
	r->cmd.ops = r->ops;
	rc = read_body(r, ncmps, nops, err);
	if (rc != PIN_OK) {
		if (err != NULL && rc != PIN_ENOMEM)
			err->code = PIN_ECORRUPT;
		reader_drop(r);
		return (rc);
	}
	r->left--;
	return (PIN_OK);
}
