/* genesis.json and the key files.
 *
 * Property: what is accepted is accepted again as we print it, and then
 * prints the same; what is refused says why. */
#include "fuzz.h"

#include "model/genesis.h"

static void check_genesis(struct span in)
{
    struct genesis g, again;
    struct buf     first, second;
    const char    *why = NULL;

    if (genesis_parse(&g, in, &fuzz_arena, &why) != ACCEPT) {
        must(why && why[0]);
        return;
    }
    buf_init(&first, 1 << 26);
    buf_init(&second, 1 << 26);
    genesis_print(&first, &g);
    must(genesis_parse(&again, buf_span(&first), &fuzz_arena, &why) == ACCEPT);
    genesis_print(&second, &again);
    must(span_eq(buf_span(&first), buf_span(&second)));
    buf_fini(&first);
    buf_fini(&second);
}

static void check_keys(struct span in)
{
    struct privkey k, again;
    struct buf     out;
    const char    *why = NULL;

    buf_init(&out, 4096);
    if (validator_key_parse(&k, in, &why) == ACCEPT) {
        validator_key_print(&out, &k);
        must(validator_key_parse(&again, buf_span(&out), &why) == ACCEPT);
        must(memcmp(&k, &again, sizeof k) == 0);
    }
    buf_clear(&out);
    if (node_key_parse(&k, in, &why) == ACCEPT) {
        node_key_print(&out, &k);
        must(node_key_parse(&again, buf_span(&out), &why) == ACCEPT);
        must(memcmp(&k, &again, sizeof k) == 0);
    }
    buf_fini(&out);
}

static void check_sign_state(struct span in)
{
    struct sign_state s, again;
    struct buf        out;
    const char       *why = NULL;

    if (sign_state_parse(&s, in, &fuzz_arena, &why) != ACCEPT) {
        must(why && why[0]);
        return;
    }
    must(s.height >= 0 && s.round >= 0 && s.step >= 0 && s.step <= 3);
    buf_init(&out, 1 << 26);
    sign_state_print(&out, &s);
    must(sign_state_parse(&again, buf_span(&out), &fuzz_arena, &why) == ACCEPT);
    must(span_eq(s.signature, again.signature) &&
         span_eq(s.sign_bytes, again.sign_bytes) && s.height == again.height);
    buf_fini(&out);
}

void fuzz_one(struct span in)
{
    check_genesis(in);
    check_keys(in);
    check_sign_state(in);
}
