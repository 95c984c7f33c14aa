/* warren trace: what the services of a node saw of a transaction, and when. */
#include "rpc.h"

#include "base/stamp.h"
#include "base/text.h"

enum { HASH_HEX = 64, SERVICE_WIDTH = 11, STEP_WIDTH = 10 };

/* The hash, with or without 0x, as the parameter that the method takes. */
static enum err write_params(struct buf *out, const char *text)
{
    struct json_writer w;
    uint8_t            hash[HASH_HEX / 2];

    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        text += 2;
    if (strlen(text) != HASH_HEX ||
        !hex_decode(hash, sizeof hash, span_str(text)))
        return fail(ERR_USAGE,
                    "'%.80s': a transaction is named by the 64 hex digits of"
                    " its hash",
                    text);
    jw_init(&w, out, 0);
    jw_object(&w);
    JW(&w, "hash", base64, SPAN_OF(hash));
    jw_object_end(&w);
    return OK;
}

static struct span text_of(const struct json_value *object, const char *key)
{
    struct span s = { 0 };

    (void)!json_read_str(&s, json_get(object, key));
    return s;
}

static bool is_text(const struct json_value *object, const char *key,
                    const char *text)
{
    return span_eq(text_of(object, key), span_str(text));
}

/* A text of the node, for a terminal, in a column of this width. */
static void put_plain(struct buf *out, struct span s, size_t width)
{
    for (size_t i = 0; i < s.n; i++)
        buf_byte(out, s.p[i] < 0x20 || s.p[i] == 0x7f ? '?' : s.p[i]);
    for (size_t i = s.n; i < width; i++)
        buf_byte(out, ' ');
}

/* ---- the steps ---- */

static struct stamp time_of(const struct json_value *object, const char *key)
{
    struct stamp t = STAMP_ZERO;

    (void)!json_read_stamp(&t, json_get(object, key));
    return t;
}

static void put_detail(struct buf *out, const struct json_value *step)
{
    static const char *const texts[]   = { "height", "peer" };
    static const char *const numbers[] = { "round", "code" };
    int64_t                  n;

    for (size_t i = 0; i < COUNT(texts); i++) {
        if (!json_get(step, texts[i]))
            continue;
        buf_printf(out, " %s ", texts[i]);
        put_plain(out, text_of(step, texts[i]), 0);
    }
    for (size_t i = 0; i < COUNT(numbers); i++)
        if (json_read_int(&n, json_get(step, numbers[i])))
            buf_printf(out, " %s %" PRId64, numbers[i], n);
}

static void put_step(struct buf *out, const struct json_value *step,
                     struct stamp first)
{
    int64_t us = stamp_diff(time_of(step, "time"), first) / 1000;

    buf_printf(out, "%9" PRId64 ".%03d  ", us / 1000, (int)(us % 1000));
    put_plain(out, text_of(step, "service"), SERVICE_WIDTH);
    put_plain(out, text_of(step, "step"), STEP_WIDTH);
    put_detail(out, step);
    while (out->len && out->p[out->len - 1] == ' ')
        out->len--;
    buf_byte(out, '\n');
}

/* Does somebody remember how it came here? */
static bool has_origin(const struct json_value *steps)
{
    for (size_t i = 0; i < json_count(steps); i++) {
        const struct json_value *s = json_item(steps, i);

        if (is_text(s, "step", "received") || is_text(s, "step", "from peer"))
            return true;
    }
    return false;
}

/* ---- what is not known ---- */

static void put_missing(struct buf *out, const struct json_value *service,
                        struct stamp first, bool is_whole)
{
    struct stamp since;
    bool         answers = false, is_overrun = false;
    bool         is_known = json_read_stamp(&since, json_get(service, "since"));

    (void)!json_read_bool(&answers, json_get(service, "answers"));
    (void)!json_read_bool(&is_overrun, json_get(service, "is_overrun"));
    if (is_known && is_whole && stamp_cmp(since, first) <= 0)
        return;
    put_plain(out, text_of(service, "service"), 0);
    if (!answers) {
        buf_str(out, " does not answer: what it saw is missing here\n");
    } else if (!is_known) {
        buf_str(out, " keeps no records (trace_records is 0)\n");
    } else {
        buf_str(out, " knows nothing of before ");
        stamp_print(out, since);
        buf_str(out, is_overrun ? ": newer steps took the place of older ones\n"
                                : ": it started then\n");
    }
}

/* Is it in a block? */
static bool is_placed(const struct rpc_reply *r)
{
    return !span_eq(rpc_text(r, "height"), span_str("0"));
}

static void put_text(struct buf *out, const struct rpc_reply *r)
{
    const struct json_value *steps    = rpc_get(r, "steps");
    const struct json_value *services = rpc_get(r, "services");
    struct stamp             first    = STAMP_ZERO;

    if (json_count(steps))
        first = time_of(json_item(steps, 0), "time");
    buf_str(out, "transaction  ");
    put_plain(out, rpc_text(r, "hash"), 0);
    buf_str(out, "\nheight       ");
    put_plain(out, is_placed(r) ? rpc_text(r, "height") : span_str("-"), 0);
    buf_str(out, "\n");
    if (json_count(steps)) {
        buf_str(out, "first step   ");
        stamp_print(out, first);
        buf_str(out, "\n\n           ms  service    step\n");
    }
    for (size_t i = 0; i < json_count(steps); i++)
        put_step(out, json_item(steps, i), first);
    for (size_t i = 0; i < json_count(services); i++)
        put_missing(out, json_item(services, i), first, has_origin(steps));
}

/* ---- the command ---- */

static enum err print(struct cli *c, const struct rpc_reply *r)
{
    struct json_writer w;
    struct buf         out;
    enum err           code = OK;

    buf_init(&out, r->text.len * 8 + 4096);
    if (c->is_json) {
        jw_init(&w, &out, 2);
        jw_reprint(&w, json_member_text(&r->doc, "result"));
        buf_str(&out, "\n");
    } else {
        put_text(&out, r);
    }
    if (out.is_full || fwrite(out.p, 1, out.len, stdout) != out.len ||
        fflush(stdout) != 0)
        code = fail(ERR_DISK, "standard output: cannot be written");
    buf_fini(&out);
    if (code == OK && json_count(rpc_get(r, "steps")) == 0 && !is_placed(r))
        code = fail(ERR_NOT_FOUND, "nothing is known of this transaction");
    return code;
}

enum err cmd_trace(struct cli *c)
{
    struct rpc       r;
    struct rpc_reply reply;
    struct buf       params;
    enum err         code = cli_words(c, 1, 1);

    buf_init(&params, 256);
    if (code == OK)
        code = write_params(&params, c->word[0]);
    if (code == OK)
        code = rpc_open(&r, c);
    if (code == OK)
        code = rpc_call(&reply, &r, "trace", buf_span(&params));
    buf_fini(&params);
    if (code != OK)
        return code;
    code = print(c, &reply);
    rpc_reply_fini(&reply);
    return code;
}
