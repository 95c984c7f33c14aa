/* sign: COUNT signed records for the ledger, base64, one a line.
 *
 *   sign KEYFILE CHAIN_ID COUNT SIZE [NUMBER]
 *
 * KEYFILE is an account key that `warren init` made, unencrypted; its account
 * has this number (0), which is in the records' names, and has signed nothing
 * yet. */
#include "base/buf.h"
#include "base/files.h"
#include "base/text.h"
#include "cosmos/keys.h"
#include "cosmos/tx.h"
#include "crypto/bech32.h"
#include "model/types.h"
#include "json/read.h"

#include <stdio.h>
#include <stdlib.h>

struct put {
    struct span signer, collection, key, value;
};

static const struct pb_field_desc put_fields[] = {
    PB_FIELD(struct put, 1, signer, PB_STRING),
    PB_FIELD(struct put, 2, collection, PB_STRING),
    PB_FIELD(struct put, 3, key, PB_BYTES),
    PB_FIELD(struct put, 4, value, PB_BYTES),
};
static const struct pb_desc put_desc = { "put", put_fields, COUNT(put_fields),
                                         sizeof(struct put) };

static void read_key(struct privkey *key, struct span *address,
                     const char *path, struct arena *a)
{
    struct json_doc doc;
    struct buf      text;
    struct span     seed;
    uint8_t         bytes[64];
    size_t          n;

    buf_init(&text, 1 << 20);
    must(file_read(&text, path, 1 << 16) == OK);
    must(json_doc_parse(&doc, buf_span(&text), JSON_KEYS_UNIQUE) == ACCEPT);
    must(json_read_str(&seed, json_get(doc.root, "priv_key")));
    must(json_read_str(address, json_get(doc.root, "address")));
    *address = arena_copy(a, *address);
    must(base64_decode(bytes, sizeof bytes, &n, seed));
    must(privkey_make(key, KEY_TYPE_SECP256K1, SPAN(bytes, n)));
    json_doc_fini(&doc);
    buf_fini(&text);
}

struct signing {
    struct privkey key;
    struct span    address, chain_id;
    uint64_t       number, size;
};

static void put_line(const struct signing *s, uint64_t i, struct arena *a)
{
    char                name[64], value[4096];
    struct put          put    = { .signer     = s->address,
                                   .collection = span_str("records"),
                                   .value      = SPAN(value, s->size) };
    struct cosmos_any   any    = { .type_url =
                                       span_str("/warren.ledger.v1.MsgPut") };
    struct tx_draft     draft  = { .messages = &any, .message_count = 1 };
    struct draft_signer signer = { .key      = &s->key,
                                   .number   = s->number,
                                   .sequence = i };
    struct buf          line;

    memset(value, 'x', sizeof value);
    value[0] = value[s->size - 1] = '"';
    snprintf(name, sizeof name, "bench-%llu-%09llu",
             (unsigned long long)s->number, (unsigned long long)i);
    put.key   = span_str(name);
    any.value = pb_encode(&put_desc, &put, a);
    privkey_public(&signer.pub, &s->key);
    buf_init(&line, 1 << 20);
    buf_base64(&line, cosmos_tx_build(&draft, &signer, 1, s->chain_id, a));
    puts(buf_cstr(&line));
    buf_fini(&line);
}

int main(int argc, char **argv)
{
    struct signing s = { 0 };
    struct arena   keep, a;
    uint64_t       count = 0;

    if (argc < 5 || argc > 6 || !uint64_parse(&count, span_str(argv[3])) ||
        !uint64_parse(&s.size, span_str(argv[4])) || s.size < 2 ||
        s.size > 4096 ||
        (argc == 6 && !uint64_parse(&s.number, span_str(argv[5])))) {
        fprintf(stderr, "sign KEYFILE CHAIN_ID COUNT SIZE [NUMBER]\n");
        return 2;
    }
    crypto_setup();
    arena_open(&keep, 1 << 16);
    arena_open(&a, 1 << 26);
    read_key(&s.key, &s.address, argv[1], &keep);
    s.chain_id = span_str(argv[2]);
    for (uint64_t i = 0; i < count; i++) {
        put_line(&s, i, &a);
        arena_reset(&a);
    }
    privkey_wipe(&s.key);
    return 0;
}
