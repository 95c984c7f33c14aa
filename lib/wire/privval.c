#include "wire/privval.h"

PB_DESC(remote_signer_error_desc, struct remote_signer_error,
        PB_FIELD(struct remote_signer_error, 1, code, PB_INT32),
        PB_FIELD(struct remote_signer_error, 2, description, PB_STRING));
PB_DESC(pub_key_request_desc, struct pub_key_request,
        PB_FIELD(struct pub_key_request, 1, chain_id, PB_STRING));
PB_DESC(pub_key_response_desc, struct pub_key_response,
        PB_SUB(struct pub_key_response, 1, pub_key, public_key_desc),
        PB_PTR(struct pub_key_response, 2, error, remote_signer_error_desc));
PB_DESC(sign_vote_request_desc, struct sign_vote_request,
        PB_PTR(struct sign_vote_request, 1, vote, vote_desc),
        PB_FIELD(struct sign_vote_request, 2, chain_id, PB_STRING));
PB_DESC(signed_vote_response_desc, struct signed_vote_response,
        PB_SUB(struct signed_vote_response, 1, vote, vote_desc),
        PB_PTR(struct signed_vote_response, 2, error,
               remote_signer_error_desc));
PB_DESC(sign_proposal_request_desc, struct sign_proposal_request,
        PB_PTR(struct sign_proposal_request, 1, proposal, proposal_desc),
        PB_FIELD(struct sign_proposal_request, 2, chain_id, PB_STRING));
PB_DESC(signed_proposal_response_desc, struct signed_proposal_response,
        PB_SUB(struct signed_proposal_response, 1, proposal, proposal_desc),
        PB_PTR(struct signed_proposal_response, 2, error,
               remote_signer_error_desc));
const struct pb_desc privval_ping_desc = { "privval_ping_desc", NULL, 0,
                                           sizeof(struct privval_ping) };

#define MEMBER(n, name, desc)                                                  \
    PB_ONEOF_MSG(struct privval_msg, n, which, name, desc)
PB_DESC(privval_msg_desc, struct privval_msg,
        MEMBER(PRIVVAL_PUB_KEY_REQUEST, pub_key_request, pub_key_request_desc),
        MEMBER(PRIVVAL_PUB_KEY_RESPONSE, pub_key_response,
               pub_key_response_desc),
        MEMBER(PRIVVAL_SIGN_VOTE_REQUEST, sign_vote_request,
               sign_vote_request_desc),
        MEMBER(PRIVVAL_SIGNED_VOTE_RESPONSE, signed_vote_response,
               signed_vote_response_desc),
        MEMBER(PRIVVAL_SIGN_PROPOSAL_REQUEST, sign_proposal_request,
               sign_proposal_request_desc),
        MEMBER(PRIVVAL_SIGNED_PROPOSAL_RESPONSE, signed_proposal_response,
               signed_proposal_response_desc),
        MEMBER(PRIVVAL_PING_REQUEST, ping_request, privval_ping_desc),
        MEMBER(PRIVVAL_PING_RESPONSE, ping_response, privval_ping_desc));

static enum reject validate_key(const struct public_key *k)
{
    switch (k->type) {
    case KEY_ED25519: return k->bytes.n == 32 ? ACCEPT : REJECT_LENGTH;
    case KEY_SECP256K1: return k->bytes.n == 33 ? ACCEPT : REJECT_LENGTH;
    case KEY_NONE: break;
    }
    return REJECT_MISSING;
}

enum reject privval_msg_validate(const struct privval_msg *m)
{
    if (m->which == PRIVVAL_NONE)
        return REJECT_MISSING;
    if (m->which == PRIVVAL_PUB_KEY_RESPONSE && !m->pub_key_response->error)
        return validate_key(&m->pub_key_response->pub_key);
    return ACCEPT;
}
