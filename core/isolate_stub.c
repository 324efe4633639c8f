/* temporary */
#include "core/loader/loader_int.h"
#include "core/loader/call_int.h"
int pin__isolate_open(const struct pin__maker *m, struct pin_stage *s, struct pin_err *e) { (void)m;(void)s; return pin_err_set(e, PIN_EUNAVAIL, "no isolation yet"); }
void pin__isolate_close(struct pin_isolate **p) { (void)p; }
int pin__isolate_call(struct pin_isolate *i, struct pin_call *c, uint32_t op, struct pin_err *e) { (void)i;(void)c;(void)op; return pin_err_set(e, PIN_EUNAVAIL, "no isolation yet"); }
