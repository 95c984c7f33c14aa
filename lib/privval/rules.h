/* rules - what a validator key may sign: never two things for one height,
 * round and step.  Pure; whoever holds the key saves the state before a
 * signature leaves.
 *
 * Source:  CometBFT v0.38 privval/file.go, signer_requestHandler.go.
 * Shapes:  step 1 is a proposal, 2 a prevote, 3 a precommit.  What differs
 *          from the last only in its time gets the last time and signature.
 *          Signatures of vote extensions are always made anew.
 * Memory:  values; a response borrows from the request and the arena. */
#ifndef WARREN_PRIVVAL_RULES_H
#define WARREN_PRIVVAL_RULES_H

#include "base/limits.h"
#include "crypto/key.h"
#include "wire/privval.h"

enum { SIGN_BYTES_MAX = 1024 };

struct last_signed {
    int64_t height;
    int32_t round;
    int8_t  step;
    bool    has_sign_bytes, has_signature;
    uint8_t sign_bytes[SIGN_BYTES_MAX];
    size_t  sign_bytes_n;
    uint8_t signature[SIGNATURE_BYTES_MAX];
};

enum hrs_verdict {
    HRS_NEW,  /* later than the last */
    HRS_SAME, /* the last again: compare what is signed */
    HRS_REFUSED,
};

/* last_signed_check - may this be signed after last?  why (of at least 160
 * bytes) gets the reason of a refusal. */
enum hrs_verdict last_signed_check(const struct last_signed *last,
                                   int64_t height, int32_t round, int8_t step,
                                   char *why);

struct privval {
    const struct privkey *key;
    struct pubkey         pub;
    struct span           chain_id;
    struct last_signed    last;
};

/* privval_is_storable - can the state after this request be read back?
 *
 * The state file takes heights and rounds of 0 and more, and CometBFT's rules
 * sign below as well: a signer that did so could not start again. */
bool privval_is_storable(const struct privval_msg *req);

/* privval_refuse - the answer to a request to sign that is not even tried. */
void privval_refuse(const struct privval_msg *req, struct privval_msg *res,
                    const char *why, struct arena *a);

/* privval_answer - fill in *res for a request.
 *
 * *is_new: p->last changed and must be durable before *res is sent.  False
 * for what is not a request.  why gets the reason of a refusal, or "". */
NODISCARD bool privval_answer(struct privval *p, const struct privval_msg *req,
                              struct privval_msg *res, bool *is_new, char *why,
                              struct arena *a);
enum { WHY_BYTES = 200 };

#endif
