/* privval - a node asks the process that holds the validator key to sign.
 *
 * Source:  CometBFT v0.38 proto/tendermint/privval/types.proto, privval/.
 * Shapes:  delimited on the wire, at most PRIVVAL_MSG_BYTES_MAX.
 * Memory:  everything borrows from the decoded bytes and their arena. */
#ifndef WARREN_WIRE_PRIVVAL_H
#define WARREN_WIRE_PRIVVAL_H

#include "model/types.h"

enum privval_kind {
    PRIVVAL_NONE                     = 0,
    PRIVVAL_PUB_KEY_REQUEST          = 1,
    PRIVVAL_PUB_KEY_RESPONSE         = 2,
    PRIVVAL_SIGN_VOTE_REQUEST        = 3,
    PRIVVAL_SIGNED_VOTE_RESPONSE     = 4,
    PRIVVAL_SIGN_PROPOSAL_REQUEST    = 5,
    PRIVVAL_SIGNED_PROPOSAL_RESPONSE = 6,
    PRIVVAL_PING_REQUEST             = 7,
    PRIVVAL_PING_RESPONSE            = 8,
};

struct remote_signer_error {
    int32_t     code;
    struct span description;
};
struct pub_key_request {
    struct span chain_id;
};
struct pub_key_response {
    struct public_key           pub_key;
    struct remote_signer_error *error; /* NULL: signed */
};
struct sign_vote_request {
    struct vote *vote; /* may be absent */
    struct span  chain_id;
};
struct signed_vote_response {
    struct vote                 vote;
    struct remote_signer_error *error;
};
struct sign_proposal_request {
    struct proposal *proposal; /* may be absent */
    struct span      chain_id;
};
struct signed_proposal_response {
    struct proposal             proposal;
    struct remote_signer_error *error;
};
struct privval_ping {
    uint8_t unused;
};

struct privval_msg {
    enum privval_kind which;
    union {
        struct pub_key_request          *pub_key_request;
        struct pub_key_response         *pub_key_response;
        struct sign_vote_request        *sign_vote_request;
        struct signed_vote_response     *signed_vote_response;
        struct sign_proposal_request    *sign_proposal_request;
        struct signed_proposal_response *signed_proposal_response;
        struct privval_ping             *ping_request;
        struct privval_ping             *ping_response;
    };
};

extern const struct pb_desc remote_signer_error_desc, pub_key_request_desc,
    pub_key_response_desc, sign_vote_request_desc, signed_vote_response_desc,
    sign_proposal_request_desc, signed_proposal_response_desc,
    privval_ping_desc, privval_msg_desc;

/* privval_msg_validate - a member is there; a public key that comes without
 * an error is of a known type and length.  Votes and proposals are not looked
 * at: the signer judges those, and their pointers may be NULL. */
enum reject privval_msg_validate(const struct privval_msg *m);

#endif
