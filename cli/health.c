/* warren health: is a process alive, is it ready?  For container probes, which
 * need no other program then. */
#include "rpc.h"

enum { PROBE_MS = 3000, HTTP_OK = 200 };

/* The status port, or the RPC port, which answers for the whole node. */
static enum err find(struct rpc *r, struct cli *c)
{
    enum err code;

    if (!cli_flag(c, "node")) {
        code = cli_config(c);
        if (code != OK)
            return code;
        if (*c->config->warren.status_laddr)
            return rpc_open_at(r, c, c->config->warren.status_laddr);
    }
    return rpc_open(r, c);
}

static size_t line_length(struct span s)
{
    size_t n = 0;

    while (n < s.n && n < 1000 && s.p[n] != '\n')
        n++;
    return n;
}

enum err cmd_health(struct cli *c)
{
    const char *what   = cli_switch(c, "ready", false) ? "ready" : "live";
    int         status = 0;
    struct rpc  r;
    struct buf  text;
    struct span body;
    char        path[16];
    enum err    code = cli_words(c, 0, 0);

    code = code == OK ? find(&r, c) : code;
    if (code != OK)
        return code;
    r.timeout_ms = PROBE_MS;
    snprintf(path, sizeof path, "/%sz", what);
    code = rpc_page(&text, &body, &status, &r, path);
    if (code != OK)
        code = ERR_FAILED; /* probes know 0 and 1 */
    else if (status != HTTP_OK)
        code = fail(ERR_FAILED, "not %s: %.*s", what, (int)line_length(body),
                    (const char *)body.p);
    buf_fini(&text);
    if (code != OK)
        return code;
    out_begin(c);
    out_bool(c, what, true);
    return out_end(c);
}
