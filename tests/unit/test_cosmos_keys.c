/* The forms of public keys, and the messages of account queries and
 * simulations. */
#include "test.h"

#include "base/text.h"
#include "cosmos/keys.h"

static struct pubkey key_of(struct span bytes)
{
    struct pubkey k;

    must(pubkey_make(&k, bytes.n == 33 ? KEY_TYPE_SECP256K1 : KEY_TYPE_ED25519,
                     bytes));
    return k;
}

static struct buf         out;
static struct json_writer writer;

static struct json_writer *begin(void)
{
    buf_fini(&out);
    buf_init(&out, 1 << 16);
    jw_init(&writer, &out, 0);
    return &writer;
}

static void check_any(const json_t *c, const struct cosmos_any *any)
{
    CHECK_BYTES(any->type_url, span_str(vec_str(c, "any_type_url")));
    CHECK_BYTES(any->value, vec_hex(c, "any_value", &test_arena));
    CHECK_BYTES(pb_encode(&cosmos_any_desc, any, &test_arena),
                vec_hex(c, "any", &test_arena));
}

static void check_key(const json_t *c)
{
    struct pubkey     k   = key_of(vec_hex(c, "pubkey", &test_arena)), back;
    struct cosmos_any any = cosmos_key_any(&k, &test_arena);

    check_any(c, &any);
    CHECK(cosmos_key_from_any(&back, &any, &test_arena), "read back");
    CHECK_BYTES(pubkey_span(&back), pubkey_span(&k));
    begin();
    cosmos_key_amino(&out, &k);
    CHECK_BYTES(buf_span(&out), vec_hex(c, "amino", &test_arena));
    cosmos_key_amino_json(begin(), &k);
    CHECK_STR(buf_cstr(&out), vec_str(c, "amino_json"));
    cosmos_key_proto_json(begin(), &k);
    CHECK_STR(buf_cstr(&out), vec_str(c, "proto_json"));
}

static void check_multisig(const json_t *c)
{
    const json_t       *list = json_object_get(c, "members");
    struct pubkey       members[16];
    struct multisig_key m = { .threshold = (uint32_t)vec_int(c, "threshold"),
                              .members   = members,
                              .n         = json_array_size(list) };
    struct cosmos_any   any;
    uint8_t             address[20];

    must(m.n <= COUNT(members));
    for (size_t i = 0; i < m.n; i++)
        members[i] = key_of(
            hex_span(json_string_value(json_array_get(list, i)), &test_arena));
    any = multisig_any(&m, &test_arena);
    check_any(c, &any);
    begin();
    multisig_amino(&out, &m);
    CHECK_BYTES(buf_span(&out), vec_hex(c, "amino", &test_arena));
    multisig_amino_json(begin(), &m);
    CHECK_STR(buf_cstr(&out), vec_str(c, "amino_json"));
    multisig_proto_json(begin(), &m);
    CHECK_STR(buf_cstr(&out), vec_str(c, "proto_json"));
    multisig_address(address, &m);
    CHECK_BYTES(SPAN_OF(address),
                vec_hex(json_object_get(c, "address"), "bytes", &test_arena));
}

TEST(keys_have_the_librarys_forms)
{
    json_t *all = vectors_open("ledger/keys"), *c;
    size_t  i;

    crypto_setup();
    json_array_foreach(json_object_get(all, "keys"), i, c) check_key(c);
    json_array_foreach(json_object_get(all, "multisig_keys"), i, c)
        check_multisig(c);
    json_decref(all);
}

/* ---- messages of queries ---- */

struct msg_send {
    struct span from_address, to_address;
    LIST(struct cosmos_coin) amount;
};
PB_DESC(msg_send_desc, struct msg_send,
        PB_FIELD(struct msg_send, 1, from_address, PB_STRING),
        PB_FIELD(struct msg_send, 2, to_address, PB_STRING),
        PB_SUBS(struct msg_send, 3, amount, cosmos_coin_desc, 0));

static const struct {
    const char           *name; /* of the type, or its url behind a '/' */
    const struct pb_desc *desc;
} known[] = {
    { "cosmos.auth.v1beta1.QueryAccountRequest", &query_account_request_desc },
    { "cosmos.auth.v1beta1.QueryAccountResponse",
      &query_account_response_desc },
    { "cosmos.auth.v1beta1.BaseAccount", &base_account_desc },
    { "cosmos.auth.v1beta1.ModuleAccount", &module_account_desc },
    { "cosmos.tx.v1beta1.SimulateRequest", &simulate_request_desc },
    { "cosmos.tx.v1beta1.SimulateResponse", &simulate_response_desc },
    { "cosmos.base.abci.v1beta1.TxMsgData", &tx_msg_data_desc },
    { "cosmos.crypto.secp256k1.PubKey", &key_value_desc },
    { "cosmos.crypto.ed25519.PubKey", &key_value_desc },
    { "cosmos.bank.v1beta1.MsgSend", &msg_send_desc },
    { "cosmos.crypto.multisig.LegacyAminoPubKey", &multisig_value_desc },
};

static const struct pb_desc *desc_of(struct span name)
{
    for (size_t i = 0; i < COUNT(known); i++)
        if (span_eq(name, span_str(known[i].name)))
            return known[i].desc;
    return NULL;
}

static json_t *message_json(const struct pb_desc *d, const void *msg);

/* An Any prints its members beside "@type"; of a type that is not known here
 * only that. */
static json_t *any_json(const struct cosmos_any *any)
{
    const struct pb_desc *d =
        any->type_url.n
            ? desc_of(SPAN(any->type_url.p + 1, any->type_url.n - 1))
            : NULL;
    void   *msg = arena_alloc(&test_arena, d ? d->size : 1);
    json_t *v;

    if (d)
        must(!pb_decode(d, msg, &test_arena, any->value));
    v = d ? message_json(d, msg) : json_object();
    json_object_set_new(
        v, "@type",
        json_stringn((const char *)any->type_url.p, any->type_url.n));
    return v;
}

static json_t *bytes_json(struct span s)
{
    struct buf b;
    json_t    *v;

    if (s.n == 0)
        return json_null();
    buf_init(&b, s.n * 2 + 8);
    buf_base64(&b, s);
    v = json_string(buf_cstr(&b));
    buf_fini(&b);
    return v;
}

static json_t *value_json(const struct pb_field_desc *f, const void *at)
{
    const struct span *s = at;
    char               text[32];

    switch ((enum pb_kind)f->kind) {
    case PB_INT32:
        if (strcmp(f->name, "mode") == 0)
            return json_string(*(const int32_t *)at == 1
                                   ? "SIGN_MODE_DIRECT"
                                   : "SIGN_MODE_UNSPECIFIED");
        return json_integer(*(const int32_t *)at);
    case PB_UINT32: return json_integer(*(const uint32_t *)at);
    case PB_BOOL: return json_boolean(*(const bool *)at);
    case PB_BYTES: return bytes_json(*s);
    case PB_STRING: return json_stringn(s->n ? (const char *)s->p : "", s->n);
    case PB_MSG:
        return f->sub == &cosmos_any_desc ? any_json(at)
                                          : message_json(f->sub, at);
    default: break;
    }
    snprintf(text, sizeof text, "%" PRIu64, *(const uint64_t *)at);
    return json_string(text);
}

static json_t *list_json(const struct pb_field_desc *f, const struct pb_list *l)
{
    size_t  size = f->kind == PB_MSG ? f->sub->size : sizeof(struct span);
    json_t *v    = json_array();

    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(v,
                              value_json(f, (const uint8_t *)l->v + i * size));
    return v;
}

static json_t *message_json(const struct pb_desc *d, const void *msg)
{
    json_t *v = json_object();

    for (size_t i = 0; i < d->field_count; i++) {
        const struct pb_field_desc *f  = &d->fields[i];
        const void                 *at = (const uint8_t *)msg + f->offset;
        json_t                     *member;

        if (f->label == PB_MANY) {
            member = list_json(f, at);
        } else if (f->label == PB_ONE) {
            member = value_json(f, at);
        } else if (f->label == PB_CASE &&
                   *(const int32_t *)(const void *)((const uint8_t *)msg +
                                                    f->case_offset) !=
                       (int32_t)f->num) {
            continue;
        } else {
            at     = *(void *const *)at;
            member = at ? value_json(f, at) : json_null();
        }
        json_object_set_new(v, f->name, member);
    }
    return v;
}

static void check_fields(const json_t *c, const struct tx_msg_data *m)
{
    const json_t *fields = json_object_get(c, "fields");

    CHECK_EQ(m->msg_responses.n, json_array_size(fields));
    for (size_t i = 0; i < m->msg_responses.n; i++) {
        const json_t *f = json_array_get(fields, i);

        CHECK_BYTES(m->msg_responses.v[i].type_url,
                    span_str(vec_str(f, "type_url")));
        CHECK_BYTES(m->msg_responses.v[i].value,
                    vec_hex(f, "value", &test_arena));
    }
}

static void check_message(const json_t *c)
{
    const char           *name = vec_str(c, "name");
    const struct pb_desc *d    = desc_of(span_str(vec_str(c, "type")));
    struct span           in   = vec_hex(c, "bytes", &test_arena);
    const json_t         *want = json_object_get(c, "json");
    void                 *msg;
    json_t               *got;

    must(d);
    msg = arena_alloc(&test_arena, d->size);
    CHECK_EQ(pb_decode(d, msg, &test_arena, in), ACCEPT, "%s", name);
    CHECK_BYTES(pb_encode(d, msg, &test_arena), in, "%s", name);
    if (json_is_null(want)) {
        check_fields(c, msg);
        return;
    }
    got = message_json(d, msg);
    CHECK(json_equal(got, want), "%s", name);
    json_decref(got);
}

TEST(messages_of_queries_are_read_and_written)
{
    json_t *all = vectors_open("ledger/queries"), *c;
    size_t  i;

    json_array_foreach(json_object_get(all, "messages"), i, c) check_message(c);
    json_decref(all);
}

TEST(results_and_query_frames_hold_them)
{
    json_t *all = vectors_open("ledger/queries"), *c;
    size_t  i;

    json_array_foreach(json_object_get(all, "exec_tx_results"), i, c)
    {
        struct span           in = vec_hex(c, "bytes", &test_arena);
        struct abci_tx_result r;
        struct tx_msg_data    data;

        CHECK_EQ(pb_decode(&abci_tx_result_desc, &r, &test_arena, in), ACCEPT);
        CHECK_BYTES(pb_encode(&abci_tx_result_desc, &r, &test_arena), in);
        CHECK_EQ(pb_decode(&tx_msg_data_desc, &data, &test_arena, r.data),
                 ACCEPT);
        CHECK_BYTES(pb_encode(&tx_msg_data_desc, &data, &test_arena), r.data);
    }
    json_array_foreach(json_object_get(all, "abci_queries"), i, c)
    {
        struct span           in = vec_hex(c, "request", &test_arena);
        struct abci_req_query q;
        struct abci_res_query r;

        CHECK_EQ(pb_decode(&abci_req_query_desc, &q, &test_arena, in), ACCEPT);
        CHECK_BYTES(q.path, span_str(vec_str(c, "path")));
        CHECK_BYTES(pb_encode(&abci_req_query_desc, &q, &test_arena), in);
        in = vec_hex(c, "response", &test_arena);
        CHECK_EQ(pb_decode(&abci_res_query_desc, &r, &test_arena, in), ACCEPT);
        CHECK_BYTES(pb_encode(&abci_res_query_desc, &r, &test_arena), in);
    }
    json_decref(all);
}
