/* route - which part of the RPC port a request is for; paths as Go's mux
 * takes them. */
#include "api/cors.h"
#include "api/exchange.h"
#include "api/jsonrpc.h"
#include "api/methods.h"
#include "api/socket.h"
#include "base/log.h"
#include "loop/target.h"

#include <stdio.h>
#include <time.h>

enum { STAR_BODY_MAX = 4096 };

static void list_method(struct buf *out, const struct method *m,
                        const char *host)
{
    size_t     n = method_arg_count(m);
    struct buf link;

    buf_init(&link, 4096);
    buf_printf(&link, "//%.1000s/%s%s", host, m->name, n ? "?" : "");
    for (size_t k = 0; k < n; k++)
        buf_printf(&link, "%s%s=_", k ? "&" : "", m->args[k].name);
    buf_str(out, "<a href=\"");
    buf_add(out, buf_span(&link));
    buf_str(out, "\">");
    buf_add(out, buf_span(&link));
    buf_str(out, "</a></br>");
    buf_fini(&link);
}

static void list_methods(struct http_request *r)
{
    struct buf out;

    buf_init(&out, 1 << 20);
    buf_str(&out, "<html><body><br>Available endpoints:<br>");
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < method_count; i++) {
            bool has_args = method_arg_count(&methods[i]) != 0;

            if (has_args == (pass == 1) && !methods[i].is_unsafe)
                list_method(&out, &methods[i], http_host(r));
        }
        if (pass == 0)
            buf_str(&out, "<br>Endpoints that require arguments:<br>");
    }
    buf_str(&out, "</body></html>");
    http_set_header(r, "Content-Type", "text/html");
    http_reply(r, 200, buf_span(&out));
    buf_fini(&out);
}

static void not_found(struct http_request *r)
{
    http_set_header(r, "Content-Type", "text/plain; charset=utf-8");
    http_set_header(r, "X-Content-Type-Options", "nosniff");
    http_reply(r, 404, span_str("404 page not found\n"));
}

static void stream_method(struct http_request *r)
{
    static const struct rpc_id id = { .kind = RPC_ID_INT, .n = -1 };
    char                       text[256];
    struct buf                 out;

    buf_use(&out, text, sizeof text);
    rpc_error(&out, &id, RPC_METHOD_NOT_FOUND, (struct span){ 0 });
    http_set_header(r, "Content-Type", "application/json");
    http_reply(r, 404, buf_span(&out));
}

static void put_html(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("<>&", *text))
            buf_str(out, *text == '<'   ? "&lt;"
                         : *text == '>' ? "&gt;"
                                        : "&amp;");
        else if (strchr("\"'", *text))
            buf_printf(out, "&#%d;", *text);
        else
            buf_byte(out, (uint8_t)*text);
    }
}

static void put_ascii(struct buf *out, const char *text)
{
    for (; *text; text++)
        if ((uint8_t)*text < 0x80)
            buf_byte(out, (uint8_t)*text);
        else
            buf_printf(out, "%%%x", (uint8_t)*text);
}

/* To the path without "//", "." and "..". */
static void redirect(struct http_request *r, struct span clean)
{
    struct buf to, location, body;

    buf_init(&to, 4 * clean.n + strlen(http_query(r)) + 2);
    buf_init(&location, 3 * to.max);
    buf_init(&body, 5 * to.max + 64);
    path_escape(&to, clean);
    if (*http_query(r)) {
        buf_byte(&to, '?');
        buf_str(&to, http_query(r));
    }
    put_ascii(&location, buf_cstr(&to));
    http_set_header(r, "Location", buf_cstr(&location));
    if (strcmp(http_method(r), "GET") == 0 ||
        strcmp(http_method(r), "HEAD") == 0)
        http_set_header(r, "Content-Type", "text/html; charset=utf-8");
    if (strcmp(http_method(r), "GET") == 0) {
        buf_str(&body, "<a href=\"");
        put_html(&body, buf_cstr(&to));
        buf_str(&body, "\">Temporary Redirect</a>.\n\n");
    }
    http_reply(r, 307, buf_span(&body));
    buf_fini(&to);
    buf_fini(&location);
    buf_fini(&body);
}

/* name: the path without its first slash, unescaped. */
static void route_to(struct shell *s, struct http_request *r, struct span name)
{
    const struct method *m = method_find(name);

    if (name.n == 0 && http_body(r).n == 0)
        list_methods(r);
    else if (name.n == 0)
        exchange_serve_post(s, r);
    else if (span_eq(name, span_str("websocket")))
        socket_open(s, r);
    else if (ops_handles(http_path(r)))
        ops_serve(s, r);
    else if (m && (!m->is_unsafe || s->svc->config->rpc.unsafe))
        exchange_serve_uri(s, r, m);
    else if (stream_method_find(name))
        stream_method(r);
    else
        not_found(r);
}

static void route(struct shell *s, struct http_request *r)
{
    size_t     max = 3 * strlen(http_path(r)) + 2;
    struct buf path, clean, name;

    buf_init(&path, max);
    buf_init(&clean, max);
    buf_init(&name, max);
    path_normal(&path, http_path(r));
    path_clean(&clean, buf_cstr(&path));
    if (strcmp(http_method(r), "CONNECT") != 0 &&
        !span_eq(buf_span(&path), buf_span(&clean)))
        redirect(r, buf_span(&clean));
    else if (path.len == 0)
        not_found(r);
    else {
        path_unescape(&name, buf_cstr(&path) + 1);
        route_to(s, r, buf_span(&name));
    }
    buf_fini(&path);
    buf_fini(&clean);
    buf_fini(&name);
}

/* What is asked of the server as a whole. */
static bool is_ping(const struct http_request *r)
{
    return http_is_star(r) && strcmp(http_method(r), "OPTIONS") == 0;
}

static void serve_star(struct http_request *r)
{
    if (!is_ping(r) || http_body(r).n > STAR_BODY_MAX)
        http_set_close(r);
    http_reply(r, is_ping(r) ? 200 : 400, (struct span){ 0 });
}

static void serve(struct shell *s, struct http_request *r)
{
    char now[32];

    if (is_ping(r)) {
        serve_star(r);
        return;
    }
    if (http_body_error(r)) {
        exchange_serve_body_error(s, r);
        return;
    }
    snprintf(now, sizeof now, "%lld", (long long)time(NULL));
    http_set_header(r, "X-Server-Time", now);
    if (cors_answer(&s->svc->config->rpc, r))
        return;
    if (http_is_star(r))
        serve_star(r);
    else
        route(s, r);
}

void rpc_serve(void *ctx, struct http_request *r)
{
    struct request_id before = *log_request_now();

    serve(ctx, r);
    log_request(before);
}
