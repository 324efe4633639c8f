#include "core/api/conform.h"
#include "core/apiserver/verbs.h"
struct pin_causes { int n; };
struct pin_causes *pin_causes_new(struct pin_arena *a) { return pin_arena_zalloc(a, sizeof(struct pin_causes)); }
const struct pin_cause *pin_causes_at(const struct pin_causes *c, uint32_t i) { (void)c;(void)i; return NULL; }
uint32_t pin_cause_count(const struct pin_causes *c) { return (uint32_t)c->n; }
void pin_cause_add(struct pin_causes *c, int type, const char *field, struct pin_str v, const char *d, ...) { (void)type;(void)field;(void)v;(void)d; c->n++; }
void pin_conform_check(struct pin_type t, const struct pin_obj *o, const struct pin_obj *old, struct pin_causes *c) { (void)t;(void)o;(void)old;(void)c; }
int pin_proto_decode(struct pin_arena *a, struct pin_str b, pin_proto_find_fn *f, void *arg, struct pin_obj **out, struct pin_err *e) { (void)a;(void)b;(void)f;(void)arg;(void)out; return pin_err_set(e, PIN_EMEDIA, "no protobuf yet"); }
int pin_convert(struct pin_arena *a, const struct pin_schema *s, const struct pin_res_row *f, const struct pin_res_row *t, const struct pin_obj *in, struct pin_obj **out, struct pin_err *e) { (void)a;(void)s;(void)f;(void)t;(void)in;(void)out; return pin_err_set(e, PIN_EINTERNAL, "no conversion yet"); }
int review_run(struct request *r) { return reply_err(r, PIN_EINTERNAL, "no reviews yet"); }
