/* Requests to the signer and its answers.
 *
 * Property: a valid answer without an error holds a key that can be used. */
#include "fuzz.h"

#include "crypto/key.h"
#include "wire/privval.h"

void fuzz_one(struct span in)
{
    struct privval_msg m;
    struct pubkey      k;

    if (!fuzz_decode(&privval_msg_desc, &m, in) ||
        privval_msg_validate(&m) != ACCEPT)
        return;
    if (m.which == PRIVVAL_PUB_KEY_RESPONSE && !m.pub_key_response->error)
        must(pubkey_make(&k, (enum key_type)m.pub_key_response->pub_key.type,
                         m.pub_key_response->pub_key.bytes));
}
