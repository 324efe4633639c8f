/* SPDX-License-Identifier: BSD-2-Clause
 *
 * token.h -- the issuer of service account tokens: its key, its name, and
 * the documents that let others verify what it signed.
 * Threads: open and close on the control thread; the rest on any front.
 * Contract: KEP-1205, KEP-4193; OpenID Connect Discovery 1.0. */
#ifndef PINTLE_TOKEN_H
#define PINTLE_TOKEN_H

#include "core/apiserver/apiserver.h"

#define TOKEN_ISSUER	"https://kubernetes.default.svc.cluster.local"

int	issuer_open(struct apiserver *, struct pin_err *);
void	issuer_close(struct apiserver *);
const char *issuer_name(const struct apiserver *);
/* The signed JWT of these claims (JSON), in arena. */
int	issuer_sign(struct apiserver *, struct pin_arena *,
	    struct pin_str claims, struct pin_str *token, struct pin_err *);
/* /.well-known/openid-configuration and /openid/v1/jwks. */
int	issuer_run(struct request *);

#endif
