#include "wire/blocksync.h"

#include "base/limits.h"
#include "model/block.h"

enum { BYTES = 2, GROUP = 3 };

PB_DESC(block_request_desc, struct block_request,
        PB_FIELD(struct block_request, 1, height, PB_INT64));
PB_DESC(no_block_response_desc, struct no_block_response,
        PB_FIELD(struct no_block_response, 1, height, PB_INT64));
PB_DESC(block_response_desc, struct block_response,
        PB_PTR(struct block_response, 1, block, block_desc),
        PB_PTR(struct block_response, 2, ext_commit, extended_commit_desc));
const struct pb_desc status_request_desc = { "status_request_desc", NULL, 0,
                                             sizeof(struct status_request) };
PB_DESC(status_response_desc, struct status_response,
        PB_FIELD(struct status_response, 1, height, PB_INT64),
        PB_FIELD(struct status_response, 2, base, PB_INT64));

#define MEMBER(n, name, desc)                                                  \
    PB_ONEOF_MSG(struct blocksync_msg, n, which, name, desc)
PB_DESC(blocksync_msg_desc, struct blocksync_msg,
        MEMBER(BLOCKSYNC_BLOCK_REQUEST, block_request, block_request_desc),
        MEMBER(BLOCKSYNC_NO_BLOCK_RESPONSE, no_block_response,
               no_block_response_desc),
        MEMBER(BLOCKSYNC_BLOCK_RESPONSE, block_response, block_response_desc),
        MEMBER(BLOCKSYNC_STATUS_REQUEST, status_request, status_request_desc),
        MEMBER(BLOCKSYNC_STATUS_RESPONSE, status_response,
               status_response_desc));

/* How often field num stands in *in; -1 when malformed or not bytes. */
static int64_t count_field(struct span in, uint32_t num)
{
    struct pb_field f;
    int64_t         n = 0;
    int             more;

    while ((more = pb_next(&in, &f)) > 0) {
        if (f.num == num && f.type != BYTES)
            return -1;
        n += f.num == num;
    }
    return more < 0 ? -1 : n;
}

/* The sum over all occurrences of message `outer` of field `inner`, since
 * a message that stands twice is merged. */
static int64_t count_nested(struct span in, uint32_t outer, uint32_t inner)
{
    struct pb_field f;
    int64_t         total = 0;
    int             more;

    while ((more = pb_next(&in, &f)) > 0) {
        int64_t n;

        if (f.num != outer)
            continue;
        n = f.type == BYTES ? count_field(f.bytes, inner) : -1;
        if (n < 0)
            return -1;
        total += n;
    }
    return more < 0 ? -1 : total;
}

enum { /* field numbers on the way to the signatures */
       RESPONSE_BLOCK = 1,
       RESPONSE_EXT   = 2,
       BLOCK_COMMIT   = 4,
       SIGNATURES     = 4,
};

static enum reject scan_response(struct blocksync_sight *out, struct span in)
{
    struct pb_field f;
    int64_t         sigs = 0, ext = count_nested(in, RESPONSE_EXT, SIGNATURES);
    int             more;

    while ((more = pb_next(&in, &f)) > 0) {
        int64_t n;

        if (f.num != RESPONSE_BLOCK)
            continue;
        n = f.type == BYTES ? count_nested(f.bytes, BLOCK_COMMIT, SIGNATURES)
                            : -1;
        if (n < 0)
            return REJECT_MALFORMED;
        sigs += n;
    }
    if (more < 0 || ext < 0)
        return REJECT_MALFORMED;
    out->signatures += (size_t)sigs;
    out->extended_signatures += (size_t)ext;
    return ACCEPT;
}

enum reject blocksync_scan(struct blocksync_sight *out, struct span in)
{
    struct pb_field f;
    enum reject     r = ACCEPT;
    int             more;

    *out = (struct blocksync_sight){ 0 };
    while (!r && (more = pb_next(&in, &f)) != 0) {
        if (more < 0)
            return REJECT_MALFORMED;
        if (f.num != BLOCKSYNC_BLOCK_RESPONSE)
            continue;
        if (f.type != BYTES)
            return REJECT_MALFORMED;
        out->is_block_response = true;
        r                      = scan_response(out, f.bytes);
    }
    if (!r &&
        (out->signatures > VOTES_MAX || out->extended_signatures > VOTES_MAX))
        r = REJECT_LIMIT;
    return r;
}

static enum reject validate_block(const struct block_response *m,
                                  struct arena                *a)
{
    enum reject r = m->block ? block_validate(m->block, a) : REJECT_MISSING;

    return r || !m->ext_commit ? r : extended_commit_validate(m->ext_commit);
}

enum reject blocksync_msg_validate(const struct blocksync_msg *m,
                                   struct arena               *a)
{
    const struct status_response *s;

    switch (m->which) {
    case BLOCKSYNC_BLOCK_REQUEST:
        return m->block_request->height < 0 ? REJECT_RANGE : ACCEPT;
    case BLOCKSYNC_NO_BLOCK_RESPONSE:
        return m->no_block_response->height < 0 ? REJECT_RANGE : ACCEPT;
    case BLOCKSYNC_BLOCK_RESPONSE: return validate_block(m->block_response, a);
    case BLOCKSYNC_STATUS_REQUEST: return ACCEPT;
    case BLOCKSYNC_STATUS_RESPONSE:
        s = m->status_response;
        return s->base < 0 || s->height < 0 || s->base > s->height
                   ? REJECT_RANGE
                   : ACCEPT;
    case BLOCKSYNC_NONE: break;
    }
    return REJECT_MISSING;
}
