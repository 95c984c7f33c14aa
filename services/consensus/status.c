/* What others ask of consensus. */
#include "consensus/shell.h"
#include "consensus/witness.h"
#include "proto/consensus.pb-c.h"

#include <stdio.h>

static void fill_key(struct shell *s, Consensus__Status *out)
{
    struct public_key key = { (int)s->key.type, pubkey_span(&s->key) };
    struct span       bytes;
    int64_t           i;
    uint8_t           address[ADDRESS_BYTES];

    if (s->key.type == KEY_TYPE_NONE)
        return;
    bytes             = pb_encode(&public_key_desc, &key, &s->scratch);
    out->pub_key.data = (uint8_t *)(uintptr_t)bytes.p;
    out->pub_key.len  = bytes.p ? bytes.n : 0;
    if (s->phase < PHASE_HANDSHAKE)
        return;
    pubkey_address(address, &s->key);
    i = validators_find(&shell_chain(s)->validators, SPAN_OF(address));
    if (i >= 0)
        out->voting_power = shell_chain(s)->validators.v[i].power;
}

static void reply_status(struct shell *s, struct bus_call call)
{
    Consensus__Status status = CONSENSUS__STATUS__INIT;
    Consensus__Reply  reply  = CONSENSUS__REPLY__INIT;
    size_t            mark   = arena_mark(&s->scratch);
    char              version[24];
    uint8_t          *body;
    size_t            n;

    status.height = shell_chain(s)->last_height + 1;
    if (s->phase >= PHASE_REPLAY && s->phase != PHASE_SYNC) {
        status.height = s->core.height;
        status.round  = s->core.round;
        status.step   = (uint32_t)s->core.step;
    }
    status.catching_up = s->phase < PHASE_RUN;
    snprintf(version, sizeof version, "%" PRIu64, s->app.protocol);
    status.app_version = version;
    fill_key(s, &status);
    reply.kind_case = CONSENSUS__REPLY__KIND_STATUS;
    reply.status    = &status;
    n               = consensus__reply__get_packed_size(&reply);
    body            = arena_alloc(&s->scratch, n + 1);
    must(body);
    consensus__reply__pack(&reply, body);
    bus_reply(call, OK, NULL, SPAN(body, n));
    arena_release(&s->scratch, mark);
}

static void on_request(void *ctx, struct bus_call call, struct span body)
{
    struct shell       *s = ctx;
    Consensus__Request *r = consensus__request__unpack(NULL, body.n, body.p);

    if (r && r->kind_case == CONSENSUS__REQUEST__KIND_GET_STATUS)
        reply_status(s, call);
    else if (r && r->kind_case == CONSENSUS__REQUEST__KIND_ADD_EVIDENCE)
        proof_ask(s, call,
                  SPAN(r->add_evidence->evidence.data,
                       r->add_evidence->evidence.len));
    else if (r && r->kind_case == CONSENSUS__REQUEST__KIND_GET_LAST_COMMIT)
        witness_ask(s, call);
    else
        bus_reply(call, ERR_USAGE, "unknown request", (struct span){ 0 });
    if (r)
        consensus__request__free_unpacked(r, NULL);
}

const struct bus_server_fns status_fns = { .on_request = on_request };
