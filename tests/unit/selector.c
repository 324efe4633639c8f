/* SPDX-License-Identifier: BSD-2-Clause
 *
 * selector -- replays recorded selectors: what apimachinery's labels and
 * fields packages parse, refuse, print and match (tests/unit/data/selector).
 * With a file as argument only that file is replayed. */
#include "lib/selector/selector.h"
#include "slurp.h"
#include "tap.h"

#define DATA	"tests/unit/data/selector/"

static char text_buf[8192];

static const char *
text(const struct pin_out *out)
{
	snprintf(text_buf, sizeof(text_buf), "%.*s", (int)out->len,
	    out->p != NULL ? out->p : "");
	return (text_buf);
}

struct fields {
	const struct pin_obj	*o;
	pin_node		 map;
};

static struct pin_str
field(const void *ctx, struct pin_str name)
{
	const struct fields *f = ctx;

	return (pin_obj_str(f->o, pin_obj_getn(f->o, f->map, name.p,
	    name.len)));
}

static void
want_error(const struct pin_obj *o, pin_node c, int rc,
    const struct pin_err *err)
{
	char want[4096];
	pin_node e = pin_obj_get(o, c, "error");
	size_t len;

	snprintf(want, sizeof(want), PIN_SFMT, PIN_SARG(pin_obj_str(o, e)));
	CHECK_INT(rc, e != 0 ? PIN_EINVAL : PIN_OK);
	len = strlen(err->text);
	/* Long refusals are cut, with "..." at their end. */
	if (len >= PIN_ERR_TEXT_MAX - 1)
		CHECK(strncmp(err->text, want, len - 3) == 0);
	else
		CHECK_STR(rc == PIN_OK ? "" : err->text, want);
}

static int
list_match(const struct pin_selector *s, const struct pin_obj *o,
    pin_node map)
{
	struct pin_label l[32];
	size_t n = 0;
	pin_node c;

	for (c = pin_obj_first(o, map); c != 0 && n < PIN_LEN(l);
	    c = pin_obj_next(o, c))
		l[n++] = (struct pin_label){ pin_obj_key(o, c),
		    pin_obj_str(o, c) };
	return (pin_selector_match_list(s, l, n));
}

/* The canonical text parses to a selector with the same text. */
static void
round_trip(const char *canonical)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_selector *s = NULL;
	struct pin_out out;
	char keep[8192];

	snprintf(keep, sizeof(keep), "%s", canonical);
	CHECK_INT(pin_selector_parse(NULL, pin_str(keep), &s, &err), PIN_OK);
	if (s == NULL)
		return;
	pin_out_init(&out, NULL, 1u << 20);
	pin_selector_write(s, &out);
	CHECK_STR(text(&out), keep);
	pin_out_fini(&out);
	pin_selector_free(&s);
}

static void
label_case(const struct pin_obj *o, pin_node c, int from_obj)
{
	pin_node labels = pin_obj_get(o, c, "labels");
	struct pin_str canon = pin_obj_str(o, pin_obj_get(o, c,
	    "canonical"));
	int match = pin_obj_true(o, pin_obj_get(o, c, "match")), rc;
	struct pin_err err = PIN_ERR_INIT;
	struct pin_selector *s = NULL;
	struct pin_out out;

	rc = from_obj ? pin_selector_from_obj(NULL, o, pin_obj_get(o, c,
	    "doc"), &s, &err) : pin_selector_parse(NULL, pin_obj_str(o,
	    pin_obj_get(o, c, "text")), &s, &err);
	want_error(o, c, rc, &err);
	if (rc != PIN_OK)
		return;
	CHECK_INT(pin_selector_match(s, o, labels), match);
	CHECK_INT(list_match(s, o, labels), match);
	pin_out_init(&out, NULL, 1u << 20);
	pin_selector_write(s, &out);
	CHECK_MEM(text(&out), out.len, canon.p, canon.len);
	if (!pin_selector_nothing(s))
		round_trip(text(&out));
	pin_out_fini(&out);
	pin_selector_free(&s);
}

static void
field_case(const struct pin_obj *o, pin_node c)
{
	struct fields f = { o, pin_obj_get(o, c, "labels") };
	struct pin_str canon = pin_obj_str(o, pin_obj_get(o, c,
	    "canonical"));
	struct pin_field_selector *s = NULL;
	struct pin_err err = PIN_ERR_INIT;
	struct pin_out out;
	int rc;

	rc = pin_field_selector_parse(NULL, pin_obj_str(o, pin_obj_get(o, c,
	    "text")), &s, &err);
	want_error(o, c, rc, &err);
	if (rc != PIN_OK)
		return;
	CHECK_INT(pin_field_selector_match(s, field, &f),
	    pin_obj_true(o, pin_obj_get(o, c, "match")));
	pin_out_init(&out, NULL, 1u << 20);
	pin_field_selector_write(s, &out);
	CHECK_MEM(text(&out), out.len, canon.p, canon.len);
	pin_out_fini(&out);
	pin_field_selector_free(&s);
}

static void
replay_file(const char *path)
{
	struct pin_obj *o = slurp_json(path);
	struct pin_str op;
	pin_node c;
	int n = 0;

	for (c = pin_obj_first(o, pin_obj_root(o)); c != 0;
	    c = pin_obj_next(o, c)) {
		op = pin_obj_str(o, pin_obj_get(o, c, "op"));
		CASE(PIN_SFMT " %d: %.60s", PIN_SARG(op), n++,
		    pin_obj_str(o, pin_obj_get(o, c, "text")).len > 0 ?
		    pin_obj_str(o, pin_obj_get(o, c, "text")).p : "") {
			if (pin_str_is(op, "fsel"))
				field_case(o, c);
			else
				label_case(o, c, pin_str_is(op, "lsel"));
		}
	}
	pin_obj_free(&o);
}

static void
by_hand(void)
{
	static const struct pin_str known[] = {
		{ "metadata.name", 13 }, { "status.phase", 12 },
	};
	struct pin_field_selector *f = NULL;
	struct pin_err err = PIN_ERR_INIT;
	struct pin_selector *s = NULL;
	struct pin_obj *o = pin_obj_new(NULL);
	struct pin_str v;
	char *big;

	CASE("an unsupported field is named, the first in order") {
		CHECK_INT(pin_field_selector_parse(NULL,
		    PIN_STR("zz=1,status.phase=x,foo!=2"), &f, &err), PIN_OK);
		CHECK_INT(pin_field_selector_check(f, known, 2, &err),
		    PIN_EINVAL);
		CHECK_STR(err.text, "field label not supported: foo");
		CHECK(pin_field_selector_exact(f, PIN_STR("zz"), &v) &&
		    pin_str_is(v, "1"));
		CHECK(!pin_field_selector_exact(f, PIN_STR("foo"), &v));
		pin_field_selector_free(&f);
	}
	CASE("an exact label is found for an index") {
		CHECK_INT(pin_selector_parse(NULL,
		    PIN_STR("a in (b),c in (d,e),f!=g"), &s, &err), PIN_OK);
		CHECK(pin_selector_exact(s, PIN_STR("a"), &v) &&
		    pin_str_is(v, "b"));
		CHECK(!pin_selector_exact(s, PIN_STR("c"), &v));
		CHECK(!pin_selector_exact(s, PIN_STR("f"), &v));
		pin_selector_free(&s);
	}
	CASE("a map of labels: absent is everything") {
		CHECK_INT(pin_selector_from_map(NULL, o, 0, &s, &err),
		    PIN_OK);
		CHECK(pin_selector_everything(s));
		pin_selector_free(&s);
		CHECK_INT(pin_selector_from_obj(NULL, o, 0, &s, &err),
		    PIN_OK);
		CHECK(pin_selector_nothing(s) && !pin_selector_match(s, o,
		    0));
		pin_selector_free(&s);
	}
	CASE("too long a text is refused") {
		big = pin_xcalloc(1, PIN_SELECTOR_TEXT_MAX + 2);
		memset(big, 'a', PIN_SELECTOR_TEXT_MAX + 1);
		CHECK_INT(pin_selector_parse(NULL, pin_str(big), &s, &err),
		    PIN_ELIMIT);
		CHECK_INT(pin_field_selector_parse(NULL, pin_str(big), &f,
		    &err), PIN_ELIMIT);
		free(big);
	}
	pin_obj_free(&o);
}

int
main(int argc, char **argv)
{
	replay_file(argc > 1 ? argv[1] : DATA "cases.json");
	if (argc == 1)
		by_hand();
	return (tap_done());
}
