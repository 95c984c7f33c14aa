#include "rpc.h"

#include "base/text.h"
#include "loop/stream.h"

#include <stdlib.h>
#include <strings.h>

enum {
    REPLY_BYTES_MAX = 256 << 20,
    HEAD_BYTES_MAX  = 65536,
    TIMEOUT_MS      = 30000,
    DEFAULT_PORT    = 26657,
};

/* ---- addresses ---- */

/* Where a listening address is reached from this host. */
static void reachable(char *out, size_t cap, const char *address)
{
    if (strncmp(address, "0.0.0.0:", 8) == 0)
        snprintf(out, cap, "127.0.0.1:%s", address + 8);
    else if (strncmp(address, "[::]:", 5) == 0)
        snprintf(out, cap, "[::1]:%s", address + 5);
    else if (*address == ':')
        snprintf(out, cap, "127.0.0.1%s", address);
    else
        snprintf(out, cap, "%s", address);
}

static enum err parse_address(struct rpc *r, const char *given)
{
    const char *s = given;
    char        place[256];

    if (strncmp(s, "unix://", 7) == 0) {
        snprintf(r->address, sizeof r->address, "%s", s);
        snprintf(r->host, sizeof r->host, "localhost");
        return OK;
    }
    if (strncmp(s, "https://", 8) == 0)
        return fail(ERR_USAGE,
                    "--node=%s: TLS is not spoken here; use the node's own"
                    " address or a local proxy",
                    given);
    if (strncmp(s, "http://", 7) == 0)
        s += 7;
    else if (strncmp(s, "tcp://", 6) == 0)
        s += 6;
    reachable(place, sizeof place, s);
    place[strcspn(place, ",/")] = 0; /* the first address, without a path */
    if (!*place || strchr(place, ' '))
        return fail(ERR_USAGE, "--node=%s: expected http://host:port", given);
    snprintf(r->host, sizeof r->host, "%s", place);
    if (!strrchr(place, ':') || place[strlen(place) - 1] == ']')
        snprintf(r->address, sizeof r->address, "tcp://%s:%d", place,
                 DEFAULT_PORT);
    else
        snprintf(r->address, sizeof r->address, "tcp://%s", place);
    return OK;
}

enum err rpc_open_at(struct rpc *r, struct cli *c, const char *address)
{
    const char *node = cli_flag(c, "node");

    *r = (struct rpc){ .timeout_ms = TIMEOUT_MS };
    return parse_address(r, node ? node : address);
}

enum err rpc_open(struct rpc *r, struct cli *c)
{
    const char *node = cli_flag(c, "node");
    enum err    code;

    if (node)
        return rpc_open_at(r, c, node);
    code = cli_config(c);
    if (code == OK && !*c->config->rpc.laddr)
        code = fail(ERR_USAGE, "rpc.laddr is empty: the node takes no calls;"
                               " name another with --node");
    return code == OK ? rpc_open_at(r, c, c->config->rpc.laddr) : code;
}

/* ---- one exchange of HTTP ---- */

struct exchange {
    struct loop   *loop;
    struct stream *stream;
    struct buf    *request, *reply;
    const char    *why; /* it ended before its time */
    bool           is_done;
};

static void on_open(void *ctx)
{
    struct exchange *x = ctx;

    if (!stream_write(x->stream, buf_span(x->request))) {
        x->why = "the request is too large";
        stream_close(x->stream);
        loop_stop(x->loop);
    }
}

static size_t on_data(void *ctx, struct span in)
{
    struct exchange *x = ctx;

    buf_add(x->reply, in);
    if (x->reply->is_full) {
        x->why = "the answer is too large";
        stream_close(x->stream);
        loop_stop(x->loop);
    }
    return in.n;
}

static void on_close(void *ctx, const char *why)
{
    struct exchange *x = ctx;

    x->why     = why;
    x->is_done = true;
    loop_stop(x->loop);
}

static void on_timeout(void *ctx)
{
    struct exchange *x = ctx;

    x->why = NULL;
    stream_close(x->stream);
    loop_stop(x->loop);
}

/* The bytes of the whole answer, head included. */
static enum err exchange(struct buf *reply, const struct rpc *r,
                         struct buf *request)
{
    static const struct stream_fns fns = { .on_open  = on_open,
                                           .on_data  = on_data,
                                           .on_close = on_close };
    struct exchange                x   = { .loop    = loop_new(),
                                           .request = request,
                                           .reply   = reply };
    struct timer                   timer;

    timer_init(&timer, x.loop, on_timeout, &x);
    timer_set(&timer, (uint64_t)r->timeout_ms * 1000);
    x.stream = stream_connect(x.loop, r->address, r->timeout_ms, &fns, &x);
    loop_run(x.loop);
    timer_fini(&timer);
    loop_free(x.loop);
    if (reply->len && x.is_done)
        return OK;
    if (!x.why)
        return fail(ERR_TIMEOUT, "%s: no answer within %" PRIu32 " s",
                    r->address, r->timeout_ms / 1000);
    return fail(ERR_NET, "%s: %s; does it run, and is that its address?",
                r->address, x.why);
}

/* ---- the answer ---- */

static bool starts_folded(struct span s, const char *with)
{
    size_t n = strlen(with);

    return s.n >= n && strncasecmp((const char *)s.p, with, n) == 0;
}

/* Only what an HTTP/1.0 client is sent: no chunks, the length if it is told.
 */
static const char *find_body(struct span *body, struct span text)
{
    const uint8_t *end = memmem(text.p, text.n, "\r\n\r\n", 4);
    const uint8_t *line;

    if (!starts_folded(text, "HTTP/1.") || !end)
        return "it does not speak HTTP";
    *body = SPAN(end + 4, text.n - (size_t)(end + 4 - text.p));
    for (line = text.p; line && line < end;) {
        struct span h        = SPAN(line, (size_t)(end - line));
        const char  length[] = "content-length:";

        if (starts_folded(h, "transfer-encoding:"))
            return "it sends chunks to an HTTP/1.0 client";
        if (starts_folded(h, length) &&
            strtoull((const char *)line + strlen(length), NULL, 10) != body->n)
            return "the answer was cut off";
        line = memchr(line, '\n', (size_t)(end - line));
        line = line ? line + 1 : NULL;
    }
    return NULL;
}

/* CometBFT puts the reason into data. */
static void take_error(struct rpc_reply *out, const struct json_value *e)
{
    struct span message = SPAN("error", 5), data = { 0 };

    (void)!json_read_str(&message, json_get(e, "message"));
    (void)!json_read_str(&data, json_get(e, "data"));
    snprintf(out->error, sizeof out->error, "%.*s%s%.*s",
             (int)(message.n < 200 ? message.n : 200), (const char *)message.p,
             data.n ? ": " : "", (int)(data.n < 300 ? data.n : 300),
             (const char *)data.p);
}

static enum err read_reply(struct rpc_reply *out, const struct rpc *r)
{
    struct span              body;
    const char              *why = find_body(&body, buf_span(&out->text));
    const struct json_value *error;

    if (why)
        return fail(ERR_NET, "%s: %s", r->address, why);
    if (json_doc_parse(&out->doc, body, JSON_KEYS_LAST_WINS) != ACCEPT)
        return fail(ERR_NET, "%s: the answer is no JSON (%s)", r->address,
                    out->doc.why);
    out->has_doc = true;
    out->result  = json_get(out->doc.root, "result");
    error        = json_get(out->doc.root, "error");
    if (error) {
        out->result = NULL;
        take_error(out, error);
    } else if (!out->result) {
        return fail(ERR_NET, "%s: the answer is no JSON-RPC", r->address);
    }
    return OK;
}

static void write_call(struct buf *out, const struct rpc *r, struct span body)
{
    buf_printf(out,
               "POST / HTTP/1.0\r\nHost: %s\r\nContent-Type:"
               " application/json\r\nContent-Length: %zu\r\nConnection:"
               " close\r\n\r\n",
               r->host, body.n);
    buf_add(out, body);
}

enum err rpc_ask(struct rpc_reply *out, const struct rpc *r, const char *method,
                 struct span params)
{
    struct buf         body, request;
    struct json_writer w;
    enum err           code;

    *out = (struct rpc_reply){ .has_doc = false };
    buf_init(&out->text, REPLY_BYTES_MAX);
    buf_init(&body, params.n + HEAD_BYTES_MAX);
    jw_init(&w, &body, 0);
    jw_object(&w);
    JW(&w, "jsonrpc", cstr, "2.0");
    JW(&w, "id", int, 1);
    JW(&w, "method", cstr, method);
    jw_key(&w, "params");
    jw_raw(&w, params.n ? params : span_str("{}"));
    jw_object_end(&w);
    buf_init(&request, body.len + HEAD_BYTES_MAX);
    write_call(&request, r, buf_span(&body));
    code = exchange(&out->text, r, &request);
    buf_fini(&request);
    buf_fini(&body);
    if (code == OK)
        code = read_reply(out, r);
    if (code != OK)
        rpc_reply_fini(out);
    return code;
}

enum err rpc_call(struct rpc_reply *out, const struct rpc *r,
                  const char *method, struct span params)
{
    enum err code = rpc_ask(out, r, method, params);

    if (code != OK || out->result)
        return code;
    code =
        fail(ERR_FAILED, "%s refuses %s: %s", r->address, method, out->error);
    rpc_reply_fini(out);
    return code;
}

/* The number in "HTTP/1.1 200 OK"; 0 when it is none. */
static int status_of(struct span text)
{
    const size_t at = strlen("HTTP/1.1 ");
    int          n  = 0;

    for (size_t i = at; i < text.n && i < at + 3; i++)
        n = n * 10 + (text.p[i] - '0');
    return n;
}

enum err rpc_page(struct buf *text, struct span *body, int *status,
                  const struct rpc *r, const char *path)
{
    struct buf  request;
    const char *why;
    enum err    code;

    buf_init(text, REPLY_BYTES_MAX);
    buf_init(&request, HEAD_BYTES_MAX);
    buf_printf(&request,
               "GET %s HTTP/1.0\r\nHost: %s\r\nConnection: close\r\n\r\n", path,
               r->host);
    code = exchange(text, r, &request);
    buf_fini(&request);
    if (code != OK)
        return code;
    why = find_body(body, buf_span(text));
    if (why)
        return fail(ERR_NET, "%s: %s", r->address, why);
    *status = status_of(buf_span(text));
    return OK;
}

void rpc_reply_fini(struct rpc_reply *r)
{
    if (r->has_doc)
        json_doc_fini(&r->doc);
    buf_fini(&r->text);
    *r = (struct rpc_reply){ .has_doc = false };
}

const struct json_value *rpc_get(const struct rpc_reply *r, const char *path)
{
    const struct json_value *v = r->result;

    while (v && *path) {
        char   key[96];
        size_t n = strcspn(path, ".");

        if (n >= sizeof key)
            return NULL;
        memcpy(key, path, n);
        key[n] = 0;
        v      = json_get(v, key);
        path += n + (path[n] == '.');
    }
    return v;
}

struct span rpc_text(const struct rpc_reply *r, const char *path)
{
    struct span text = { (const uint8_t *)"", 0 };

    (void)!json_read_str(&text, rpc_get(r, path));
    return text;
}
