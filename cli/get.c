/* warren get | history */
#include "proof.h"

#include "home.h"

#include "base/files.h"
#include "pb/pb.h"

#include <stdlib.h>

enum { ARENA_BYTES = 256 << 20, PROOF_BYTES_MAX = 64 << 20, PAGE = 100 };

static enum err no_such_record(const struct cli *c)
{
    return fail(ERR_NOT_FOUND, "no record '%s' in collection '%s'", c->word[1],
                c->word[0]);
}

static enum err get_plain(struct cli *c, const struct rpc *r, int64_t height,
                          struct arena *a)
{
    struct record record;
    int64_t       at   = 0;
    enum err      code = record_get(&record, &at, r, span_str(c->word[0]),
                                    span_str(c->word[1]), height, a);

    if (code == ERR_NOT_FOUND)
        return no_such_record(c);
    if (code != OK)
        return code;
    out_begin(c);
    out_str(c, "collection", c->word[0]);
    out_str(c, "key", c->word[1]);
    record_say(c, &record);
    return out_end(c);
}

/* The proof itself is the answer, whatever the format. */
static enum err get_proof(struct cli *c, const struct rpc *r, int64_t height,
                          struct arena *a)
{
    const char *file      = cli_flag(c, "save");
    bool        is_absent = false;
    struct buf  out;
    enum err    code;

    buf_init(&out, PROOF_BYTES_MAX);
    code = proof_fetch(&out, &is_absent, r, span_str(c->word[0]),
                       span_str(c->word[1]), height, a);
    if (code == OK && out.is_full)
        code = fail(ERR_FAILED, "the proof is too large");
    if (code == OK && file)
        code = file_replace(file, buf_span(&out), 0644);
    else if (code == OK && (fwrite(out.p, 1, out.len, stdout) != out.len ||
                            fflush(stdout) != 0))
        code = fail(ERR_DISK, "standard output: cannot be written");
    buf_fini(&out);
    if (code == OK && is_absent)
        code = fail(ERR_NOT_FOUND,
                    "no record '%s' in collection '%s': its absence is proved",
                    c->word[1], c->word[0]);
    return code;
}

enum err cmd_get(struct cli *c)
{
    struct arena a;
    struct rpc   r;
    int64_t      height;
    bool         is_proof =
        cli_switch(c, "prove", false) || cli_flag(c, "save") != NULL;
    enum err code = cli_words(c, 2, 2);

    if (code == OK)
        code = cli_number(&height, c, "height", 0, 1, INT64_MAX);
    if (code == OK)
        code = rpc_open(&r, c);
    if (code != OK)
        return code;
    arena_open(&a, ARENA_BYTES);
    code =
        is_proof ? get_proof(c, &r, height, &a) : get_plain(c, &r, height, &a);
    arena_close(&a);
    return code;
}

/* ---- history ---- */

/* One page behind *after; *has_more until the last. */
static enum err history_page(struct cli *c, const struct rpc *r,
                             uint64_t *after, bool *has_more, struct arena *a)
{
    struct history_query  q = { span_str(c->word[0]), span_str(c->word[1]),
                                *after, PAGE };
    struct history_answer answer;
    struct query_reply    reply;
    struct span           data = pb_encode(&history_query_desc, &q, a);
    enum err              code;

    must(data.p);
    code =
        query(&reply, r, "/warren.ledger.v1.Query/History", data, 0, false, a);
    if (code != OK)
        return code;
    if (reply.code)
        return query_refused(&reply);
    if (pb_decode(&history_answer_desc, &answer, a, reply.value) != ACCEPT)
        return fail(ERR_APP, "the answer is no history");
    for (size_t i = 0; i < answer.records.n; i++) {
        out_item(c);
        record_say(c, &answer.records.v[i]);
        out_item_end(c);
        *after = answer.records.v[i].version;
    }
    *has_more = answer.has_more && answer.records.n;
    return OK;
}

enum err cmd_history(struct cli *c)
{
    struct arena a;
    struct rpc   r;
    uint64_t     after    = 0;
    bool         has_more = true;
    enum err     code     = cli_words(c, 2, 2), e;

    if (code == OK)
        code = rpc_open(&r, c);
    if (code != OK)
        return code;
    arena_open(&a, ARENA_BYTES);
    out_begin(c);
    if (c->is_json) {
        out_str(c, "collection", c->word[0]);
        out_str(c, "key", c->word[1]);
    }
    out_list(c, "versions");
    while (code == OK && has_more) {
        code = history_page(c, &r, &after, &has_more, &a);
        arena_reset(&a);
    }
    out_list_end(c);
    e = out_end(c);
    arena_close(&a);
    if (code == OK && after == 0)
        return no_such_record(c);
    return code ? code : e;
}
