/* Transactions against a ledger with one account, signatures not counted.
 *
 * Properties: the same bytes have the same outcome twice; a refusal has a
 * code and leaves no change; what is admitted moves each signer's sequence by
 * one, and nothing else if a message fails; results encode to themselves. */
#include "fuzz.h"

#include "crypto/key.h"
#include "ledger/run.h"

/* The account that is every signer: the vectors' own have other numbers. */
static struct pubkey key;
static uint8_t       address[ADDRESS_BYTES];

static bool db_get(void *ctx, enum ledger_store store, struct span k,
                   struct span *value)
{
    struct ledger_account    a = { .key_type = (int32_t)key.type,
                                   .pub_key  = pubkey_span(&key),
                                   .sequence = 3 };
    struct ledger_collection c = { .name    = span_str("orders"),
                                   .is_open = true };

    UNUSED(ctx);
    if (store == STORE_AUTH && k.n == 1 + ADDRESS_BYTES) {
        a.address = SPAN(k.p + 1, ADDRESS_BYTES);
        *value    = pb_encode(&ledger_account_desc, &a, &fuzz_arena);
        return true;
    }
    *value = pb_encode(&ledger_collection_desc, &c, &fuzz_arena);
    return store == STORE_RECORDS && span_eq(k, span_str("corders"));
}

static void count(void *ctx, const struct change *ch)
{
    size_t *n = ctx;

    n[ch->store == STORE_AUTH ? 0 : 1]++;
}

static bool run_once(struct hash *digest, struct span in, struct verdicts *v,
                     struct arena *scratch)
{
    struct ledger_db      db = { .get = db_get };
    struct changes        changes;
    struct run            r    = { .view          = { &db, &changes },
                                   .chain_id      = span_str("warren-1"),
                                   .verdicts      = v,
                                   .scratch       = scratch,
                                   .height        = 10,
                                   .is_simulation = true };
    size_t                n[2] = { 0 };
    struct ledger_tx      tx;
    struct abci_tx_result res;
    struct outcome        out;
    bool                  is_admitted;

    changes_init(&changes, &fuzz_arena);
    is_admitted = run_admit(&r, &tx, in, &out, &fuzz_arena);
    if (is_admitted)
        run_messages(&r, &tx, &res, &fuzz_arena);
    else
        run_refused(&res, &tx, &out);
    changes_each(&changes, count, n);
    must(is_admitted || (out.code && out.log.n));
    must(n[0] == (is_admitted ? tx.envelope.signer_count : 0));
    must(!res.code == (n[1] > 0));
    must(fuzz_decode(&abci_tx_result_desc, &(struct abci_tx_result){ 0 },
                     pb_encode(&abci_tx_result_desc, &res, &fuzz_arena)));
    sha256(digest, pb_encode(&abci_tx_result_desc, &res, &fuzz_arena));
    return is_admitted;
}

void fuzz_one(struct span in)
{
    static struct arena    kept, scratch;
    static struct verdicts verdicts;
    struct hash            first, second;
    bool                   is_admitted;

    if (!kept.base) {
        uint8_t        seed[32] = { 1 };
        struct privkey secret;

        arena_open(&kept, 16 << 20);
        arena_open(&scratch, 64 << 20);
        verdicts_init(&verdicts, &kept);
        must(privkey_from_seed(&secret, KEY_TYPE_SECP256K1, SPAN_OF(seed)));
        privkey_public(&key, &secret);
        pubkey_address(address, &key);
    }
    arena_reset(&scratch);
    is_admitted = run_once(&first, in, &verdicts, &scratch);
    arena_reset(&scratch);
    must(run_once(&second, in, &verdicts, &scratch) == is_admitted);
    must(hash_eq(&first, &second));
}
