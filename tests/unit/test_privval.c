/* The double-sign rules against CometBFT's file signer. */
#include "test.h"

#include "base/text.h"
#include "privval/rules.h"

static void check_state(const struct last_signed *l, const json_t *want,
                        const char *name)
{
    uint8_t sig[SIGNATURE_BYTES_MAX];
    size_t  n;

    if (json_is_null(want)) {
        CHECK(!l->has_sign_bytes, "%s: nothing was signed", name);
        return;
    }
    CHECK_EQ(l->height, vec_int(want, "height"), "%s", name);
    CHECK_EQ(l->round, vec_int(want, "round"), "%s", name);
    CHECK_EQ(l->step, vec_int(want, "step"), "%s", name);
    if (!vec_has(want, "signature"))
        return;
    must(base64_decode(sig, sizeof sig, &n,
                       span_str(vec_str(want, "signature"))));
    CHECK_BYTES(SPAN_OF(l->signature), SPAN(sig, n), "%s", name);
    CHECK_BYTES(SPAN(l->sign_bytes, l->sign_bytes_n),
                vec_hex(want, "signbytes", &test_arena), "%s", name);
}

static void run_step(struct privval *p, const json_t *step, const char *name)
{
    struct privval_msg req, res;
    struct span        in = vec_hex(step, "request", &test_arena), body, out;
    bool               is_new;
    char               why[WHY_BYTES];
    const char *error = vec_has(step, "error") ? vec_str(step, "error") : "";

    must(pb_delimited_read(&in, 1 << 20, &body) == ACCEPT);
    must(pb_decode(&privval_msg_desc, &req, &test_arena, body) == ACCEPT);
    CHECK(privval_answer(p, &req, &res, &is_new, why, &test_arena), "%s", name);
    CHECK_EQ(why[0] == 0, vec_bool(step, "ok"), "%s: %s", name, why);
    out = pb_encode_delimited(&privval_msg_desc, &res, &test_arena);
    if (strncmp(error, "panic", 5) != 0) /* there it had no answer */
        CHECK_BYTES(out, vec_hex(step, "response", &test_arena), "%s", name);
    check_state(&p->last, json_object_get(step, "state_after"), name);
}

static void run_signer(const json_t *c)
{
    struct privkey key;
    struct privval p = { .key      = &key,
                         .chain_id = span_str(vec_str(c, "chain_id")) };
    size_t         i;
    json_t        *step;

    must(privkey_make(&key, KEY_TYPE_ED25519,
                      vec_hex(c, "priv_key", &test_arena)));
    privkey_public(&p.pub, &key);
    json_array_foreach(json_object_get(c, "steps"), i, step)
        run_step(&p, step, vec_str(c, "name"));
}

static void run_check(const json_t *c)
{
    const json_t      *last           = json_object_get(c, "last");
    struct last_signed l              = { .height         = vec_int(last, "height"),
                                          .round          = (int32_t)vec_int(last, "round"),
                                          .step           = (int8_t)vec_int(last, "step"),
                                          .has_sign_bytes = vec_bool(last, "has_sign_bytes"),
                                          .has_signature = vec_bool(last, "has_signature") };
    char               why[WHY_BYTES] = "";
    enum hrs_verdict   v     = last_signed_check(&l, vec_int(c, "height"),
                                                 (int32_t)vec_int(c, "round"),
                                                 (int8_t)vec_int(c, "step"), why);
    const char        *error = vec_has(c, "error") ? vec_str(c, "error") : "";

    CHECK_EQ(v != HRS_REFUSED, vec_bool(c, "ok"), "%s", vec_str(c, "name"));
    CHECK_EQ(v == HRS_SAME, vec_bool(c, "ok") && vec_bool(c, "same_hrs"), "%s",
             vec_str(c, "name"));
    if (strncmp(error, "panic", 5) != 0)
        CHECK_STR(why, error, "%s", vec_str(c, "name"));
}

TEST(nothing_is_signed_twice)
{
    json_t *cases = vectors_open("privval"), *c;
    size_t  i;

    crypto_setup();
    json_array_foreach(cases, i, c)
    {
        if (strcmp(vec_str(c, "kind"), "sign") == 0)
            run_signer(c);
        else
            run_check(c);
    }
    CHECK_EQ(json_array_size(cases), 69, "cases in the file");
    json_decref(cases);
}
