/* Hashes of everything in a block, against CometBFT's own.  The kinds
 * merkle_* are those of test_merkle. */
#include "vec_model.h"

#include "model/evidence.h"
#include "model/params.h"
#include "model/partset.h"

static struct header vec_header(const json_t *h)
{
    return (struct header){
        .version = { vec_uint(h, "version_block"), vec_uint(h, "version_app") },
        .chain_id             = vec_hex(h, "chain_id_hex", A),
        .height               = vec_int(h, "height"),
        .time                 = vec_stamp(h, "time"),
        .last_block_id        = vec_block_id(h, "last_block_id"),
        .last_commit_hash     = vec_hex(h, "last_commit_hash", A),
        .data_hash            = vec_hex(h, "data_hash", A),
        .validators_hash      = vec_hex(h, "validators_hash", A),
        .next_validators_hash = vec_hex(h, "next_validators_hash", A),
        .consensus_hash       = vec_hex(h, "consensus_hash", A),
        .app_hash             = vec_hex(h, "app_hash", A),
        .last_results_hash    = vec_hex(h, "last_results_hash", A),
        .evidence_hash        = vec_hex(h, "evidence_hash", A),
        .proposer_address     = vec_hex(h, "proposer_address", A),
    };
}

static void check_header(const json_t *c)
{
    const char   *name = vec_str(c, "name");
    struct header h    = vec_header(vec_at(c, "header")), again;
    struct span   want = vec_hex(c, "header_bytes", A);
    struct hash   hash;
    bool          has_hash = header_hash(&hash, &h);

    CHECK_BYTES(pb_encode(&header_desc, &h, A), want, "%s", name);
    CHECK_BYTES(has_hash ? hash_span(&hash) : (struct span){ 0 },
                vec_hex(c, "hash", A), "%s", name);
    CHECK_EQ(header_validate(&h) == ACCEPT, vec_bool(c, "ok"), "%s", name);
    CHECK(DECODE(header_desc, &again, want), "%s", name);
    CHECK_BYTES(pb_encode(&header_desc, &again, A), want, "%s", name);
}

static struct commit vec_commit(const json_t *m)
{
    const json_t *sigs = vec_at(m, "signatures");
    size_t        n    = json_array_size(sigs);
    struct commit out  = { .height   = vec_int(m, "height"),
                           .round    = (int32_t)vec_int(m, "round"),
                           .block_id = vec_block_id(m, "block_id") };

    out.signatures.v = arena_newn(A, struct commit_sig, n);
    out.signatures.n = n;
    for (size_t i = 0; i < n; i++) {
        const json_t *s = json_array_get(sigs, i);

        out.signatures.v[i] = (struct commit_sig){
            .block_id_flag     = (int32_t)vec_int(s, "flag"),
            .validator_address = vec_hex(s, "address", A),
            .timestamp         = vec_stamp(s, "timestamp"),
            .signature         = vec_hex(s, "signature", A),
        };
    }
    return out;
}

static void check_commit(const json_t *c)
{
    const char   *name   = vec_str(c, "name");
    struct commit commit = vec_commit(vec_at(c, "commit"));
    struct hash   hash;

    CHECK_BYTES(pb_encode(&commit_desc, &commit, A),
                vec_hex(c, "commit_bytes", A), "%s", name);
    CHECK(commit_hash(&hash, &commit, A), "%s", name);
    CHECK_BYTES(hash_span(&hash), vec_hex(c, "hash", A), "%s", name);
    CHECK_EQ(commit_validate_basic(&commit) == ACCEPT, vec_bool(c, "ok"), "%s",
             name);
}

static span_list vec_spans(const json_t *c, const char *key)
{
    const json_t *list = vec_at(c, key);
    size_t        n    = json_array_size(list);
    span_list     out  = { arena_newn(A, struct span, n), n };

    for (size_t i = 0; i < n; i++)
        out.v[i] = hex_span(json_string_value(json_array_get(list, i)), A);
    return out;
}

static void check_data(const json_t *c)
{
    struct data d = { .txs = vec_spans(c, "txs") };
    struct hash hash;
    struct span bytes = pb_encode(&data_desc, &d, A);
    int64_t     size  = 0;

    data_hash(&hash, &d);
    CHECK_BYTES(hash_span(&hash), vec_hex(c, "hash", A), "%s",
                vec_str(c, "name"));
    CHECK_BYTES(bytes, vec_hex(c, "data_bytes", A), "%s", vec_str(c, "name"));
    for (size_t i = 0; i < d.txs.n; i++)
        size += tx_size(d.txs.v[i]);
    CHECK_EQ(size, bytes.n, "%s", vec_str(c, "name"));
}

static void check_message(const json_t *c, const struct validators *s)
{
    const char               *name = vec_str(c, "name");
    struct span               want = vec_hex(c, "validator_set_bytes", A);
    struct validator_set_msg *m    = validators_to_msg(s, A), decoded;
    struct validators         again;

    CHECK_BYTES(pb_encode(&validator_set_desc, m, A), want, "%s", name);
    CHECK(DECODE(validator_set_desc, &decoded, want), "%s", name);
    CHECK_EQ(validators_from_msg(&again, &decoded, A), ACCEPT, "%s", name);
    m = validators_to_msg(&again, A);
    CHECK_BYTES(pb_encode(&validator_set_desc, m, A), want, "%s", name);
    CHECK_EQ(again.total, vec_int(c, "total_power"), "%s", name);
    CHECK_BYTES(SPAN_OF(again.proposer.address), vec_hex(c, "proposer", A),
                "%s", name);
}

static void check_set(const json_t *c)
{
    const char       *name     = vec_str(c, "name");
    struct validators input    = vec_set(c, "input"), s;
    struct span       priority = { 0 };
    struct hash       hash, by_priority;

    CHECK_EQ(validators_new(&s, input.v, input.n, A), ACCEPT, "%s", name);
    CHECK_EQ(s.n, input.n, "%s", name);
    validators_hash(&hash, &s);
    CHECK_BYTES(hash_span(&hash), vec_hex(c, "hash", A), "%s", name);
    if (validators_priority_hash(&by_priority, &s))
        priority = hash_span(&by_priority);
    CHECK_BYTES(priority, vec_hex(c, "priority_hash", A), "%s", name);
    if (vec_has(c, "validator_set_bytes"))
        check_message(c, &s);
}

static struct consensus_params_msg vec_params(const json_t *c)
{
    static struct block_params     block;
    static struct evidence_params  evidence;
    static struct validator_params validator;
    static struct version_params   version;
    static struct abci_params      abci;
    const json_t                  *names = vec_at(c, "pub_key_types");
    size_t                         n     = json_array_size(names);

    block =
        (struct block_params){ vec_int(c, "max_bytes"), vec_int(c, "max_gas") };
    evidence = (struct evidence_params){ vec_int(c, "max_age_num_blocks"),
                                         vec_int(c, "max_age_duration_ns"),
                                         vec_int(c, "evidence_max_bytes") };
    validator =
        (struct validator_params){ { arena_newn(A, struct span, n), n } };
    for (size_t i = 0; i < n; i++)
        validator.pub_key_types.v[i] =
            span_str(json_string_value(json_array_get(names, i)));
    version.app = vec_uint(c, "app_version");
    abci.vote_extensions_enable_height =
        vec_int(c, "vote_extensions_enable_height");
    return (struct consensus_params_msg){ &block, &evidence, &validator,
                                          &version, &abci };
}

static void check_params(const json_t *c)
{
    const char                 *name = vec_str(c, "name");
    struct consensus_params_msg m    = vec_params(c), decoded;
    struct span                 want = vec_hex(c, "params_bytes", A);
    struct params               p;
    struct hash                 hash;
    enum reject                 r;

    CHECK_BYTES(pb_encode(&consensus_params_desc, &m, A), want, "%s", name);
    CHECK(DECODE(consensus_params_desc, &decoded, want), "%s", name);
    r = params_from_msg(&p, &decoded);
    if (r == ACCEPT) {
        CHECK_BYTES(pb_encode(&consensus_params_desc, params_to_msg(&p, A), A),
                    want, "%s", name);
        r = params_validate(&p);
    }
    CHECK_EQ(r == ACCEPT, vec_bool(c, "ok"), "%s", name);
    p.block = *m.block;
    params_hash(&hash, &p);
    CHECK_BYTES(hash_span(&hash), vec_hex(c, "hash", A), "%s", name);
}

static void check_results(const json_t *c)
{
    const json_t            *results = vec_at(c, "results");
    size_t                   n       = json_array_size(results);
    struct exec_result_kept *r = arena_newn(A, struct exec_result_kept, n);
    struct hash              hash;

    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_array_get(results, i);

        r[i] = (struct exec_result_kept){ (uint32_t)vec_int(one, "code"),
                                          vec_hex(one, "data", A),
                                          vec_int(one, "gas_wanted"),
                                          vec_int(one, "gas_used") };
    }
    results_hash(&hash, r, n);
    CHECK_BYTES(hash_span(&hash), vec_hex(c, "hash", A), "%s",
                vec_str(c, "name"));
}

/* An item is a bare message of one of two kinds: the list tells which. */
static void check_evidence_list(const json_t *c)
{
    const char *name          = vec_str(c, "name");
    span_list   items         = vec_spans(c, "items"),
              hashes          = vec_spans(c, "item_hashes");
    struct span          want = vec_hex(c, "list_bytes", A);
    struct evidence_list l;
    struct hash          hash;
    int64_t              size = 0;

    CHECK(DECODE(evidence_list_desc, &l, want), "%s", name);
    CHECK_EQ(l.evidence.n, items.n, "%s", name);
    for (size_t i = 0; i < l.evidence.n && i < items.n; i++) {
        const struct evidence *e = &l.evidence.v[i];

        CHECK_EQ(evidence_validate(e, A), ACCEPT, "%s", name);
        CHECK_BYTES(evidence_bytes(e, A), items.v[i], "%s", name);
        CHECK(evidence_hash(&hash, e, A), "%s", name);
        CHECK_BYTES(hash_span(&hash), hashes.v[i], "%s", name);
        size += (int64_t)evidence_size(e);
    }
    CHECK_BYTES(pb_encode(&evidence_list_desc, &l, A), want, "%s", name);
    CHECK_EQ(size, vec_int(c, "byte_size"), "%s", name);
    CHECK(evidence_list_hash(&hash, &l, A), "%s", name);
    CHECK_BYTES(hash_span(&hash), vec_hex(c, "hash", A), "%s", name);
}

static void check_proof(const struct proof *p, const json_t *want,
                        const char *name)
{
    span_list aunts = vec_spans(want, "aunts");

    CHECK_EQ(p->total, vec_int(want, "total"), "%s", name);
    CHECK_EQ(p->index, vec_int(want, "index"), "%s", name);
    CHECK_BYTES(p->leaf_hash, vec_hex(want, "leaf_hash", A), "%s", name);
    CHECK_EQ(p->aunts.n, aunts.n, "%s", name);
    for (size_t i = 0; i < aunts.n && i < p->aunts.n; i++)
        CHECK_BYTES(p->aunts.v[i], aunts.v[i], "%s", name);
}

/* Parts of a set against the vector's. */
static void check_parts(const struct part_set *s, const json_t *c)
{
    const char   *name  = vec_str(c, "name");
    const json_t *parts = vec_at(c, "parts"), *one;
    size_t        i;

    CHECK_EQ(s->total, vec_int(c, "psh_total"), "%s", name);
    CHECK_BYTES(hash_span(&s->root), vec_hex(c, "psh_hash", A), "%s", name);
    json_array_foreach(parts, i, one)
    {
        struct part p = part_set_part(s, (uint32_t)i);

        CHECK_EQ(p.index, vec_int(one, "index"), "%s", name);
        if (vec_has(one, "length"))
            CHECK_EQ(p.bytes.n, vec_int(one, "length"), "%s", name);
        check_proof(&p.proof, vec_at(one, "proof"), name);
    }
}

/* The set filled again from its parts, last part first. */
static void check_refill(const struct part_set *s, struct span want,
                         const char *name)
{
    struct part_set_header h = part_set_header(s);
    struct part_set        again;
    bool                   is_new;

    CHECK(part_set_init(&again, &h, A), "%s", name);
    for (uint32_t i = s->total; i-- > 0;) {
        struct part p = part_set_part(s, i), wrong = p;

        wrong.proof.index++;
        CHECK(part_set_add(&again, &wrong, &is_new) != ACCEPT, "%s", name);
        wrong       = p;
        wrong.bytes = SPAN(p.bytes.p, p.bytes.n - 1);
        CHECK(part_set_add(&again, &wrong, &is_new) != ACCEPT, "%s", name);
        CHECK_EQ(part_set_is_complete(&again), false, "%s", name);
        CHECK_EQ(part_set_add(&again, &p, &is_new), ACCEPT, "%s", name);
        CHECK(is_new, "%s", name);
        CHECK_EQ(part_set_add(&again, &p, &is_new), ACCEPT, "%s", name);
        CHECK(!is_new, "%s", name);
    }
    CHECK_BYTES(part_set_bytes(&again), want, "%s", name);
    CHECK(part_set_has_header(&again, &h), "%s", name);
}

static void check_block(const json_t *c)
{
    const char     *name = vec_str(c, "name");
    struct span     want = vec_hex(c, "block_bytes", A);
    struct block    b;
    struct part_set parts;
    struct hash     hash;

    CHECK_EQ(want.n, vec_int(c, "length"), "%s", name);
    CHECK(DECODE(block_desc, &b, want), "%s", name);
    CHECK_EQ(block_validate(&b, A) == ACCEPT, vec_bool(c, "ok"), "%s", name);
    CHECK_BYTES(pb_encode(&block_desc, &b, A), want, "%s", name);
    CHECK_BYTES(block_encode(&b, A), want, "%s", name);
    CHECK(header_hash(&hash, &b.header), "%s", name);
    CHECK_BYTES(hash_span(&hash), vec_hex(c, "hash", A), "%s", name);
    CHECK(part_set_from_bytes(&parts, want, A), "%s", name);
    check_parts(&parts, c);
    check_refill(&parts, want, name);
    if (vec_has(c, "part0_bytes")) {
        struct part p = part_set_part(&parts, 0);

        CHECK_BYTES(pb_encode(&part_desc, &p, A), vec_hex(c, "part0_bytes", A),
                    "%s", name);
    }
}

static void check_part_set(const json_t *c)
{
    struct part_set s;

    CHECK(part_set_cut(&s, vec_hex(c, "data", A),
                       (size_t)vec_int(c, "part_size"), A),
          "%s", vec_str(c, "name"));
    check_parts(&s, c);
    CHECK_BYTES(part_set_bytes(&s), vec_hex(c, "data", A), "%s",
                vec_str(c, "name"));
}

TEST(hashes_and_bytes_are_cometbfts)
{
    static const struct {
        const char *kind;
        void (*check)(const json_t *);
        size_t want;
    } kinds[] = {
        { "header", check_header, 95 },
        { "commit", check_commit, 28 },
        { "data", check_data, 15 },
        { "validator_set", check_set, 36 },
        { "consensus_params", check_params, 25 },
        { "last_results", check_results, 7 },
        { "evidence_list", check_evidence_list, 5 },
        { "block", check_block, 8 },
        { "part_set", check_part_set, 10 },
    };
    size_t  seen[COUNT(kinds)] = { 0 }, i;
    json_t *cases              = vectors_open("hashes"), *c;

    crypto_setup();
    json_array_foreach(cases, i, c)
    {
        for (size_t k = 0; k < COUNT(kinds); k++) {
            if (strcmp(kinds[k].kind, vec_str(c, "kind")) != 0)
                continue;
            kinds[k].check(c);
            seen[k]++;
        }
        arena_reset(A);
    }
    for (size_t k = 0; k < COUNT(kinds); k++)
        CHECK_EQ(seen[k], kinds[k].want, "cases of %s", kinds[k].kind);
    json_decref(cases);
}
