#include "core/api/conform.h"
#include "core/apiserver/verbs.h"
int pin_convert(struct pin_arena *a, const struct pin_schema *s, const struct pin_res_row *f, const struct pin_res_row *t, const struct pin_obj *in, struct pin_obj **out, struct pin_err *e) { (void)a;(void)s;(void)f;(void)t;(void)in;(void)out; return pin_err_set(e, PIN_EINTERNAL, "no conversion yet"); }
