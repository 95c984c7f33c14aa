/* types - the values of a chain as CometBFT's RPC prints them.
 *
 * Source:  CometBFT v0.38 libs/json over types/, abci/types (MarshalJSON),
 *          crypto/merkle, p2p/node_info.go.
 * Shapes:  64-bit numbers are strings, hashes and addresses upper-case hex,
 *          other bytes base64 (null when empty, but for transactions).
 *          Every function writes one value; a NULL argument writes null.
 * Memory:  nothing but the writer's buffer. */
#ifndef WARREN_RPCJSON_TYPES_H
#define WARREN_RPCJSON_TYPES_H

#include "abci/types.h"
#include "model/genesis.h"
#include "wire/p2p.h"
#include "json/write.h"

/* How a list without items prints.  What CometBFT has decoded (from a peer,
 * its store or its WAL) holds empty lists; what it has just made, nil. */
enum rj_empty { RJ_EMPTY_LIST, RJ_EMPTY_NULL };

void rj_block_id(struct json_writer *w, const struct block_id *id);
void rj_header(struct json_writer *w, const struct header *h);
void rj_commit(struct json_writer *w, const struct commit *c,
               enum rj_empty empty);
void rj_block(struct json_writer *w, const struct block *b,
              enum rj_empty empty);
void rj_block_meta(struct json_writer *w, const struct block_meta *m);
void rj_vote(struct json_writer *w, const struct vote *v);
void rj_proposal(struct json_writer *w, const struct proposal *p);

/* rj_pubkey - {type, value}; null for a key of no type. */
static inline void rj_pubkey(struct json_writer *w, const struct public_key *k)
{
    if (k)
        pubkey_write(w, (enum key_type)k->type, k->bytes);
    else
        jw_null(w);
}
void rj_validator(struct json_writer *w, const struct validator *v);
void rj_validator_set(struct json_writer *w, const struct validator_set_msg *s);

/* rj_evidence - {type, value}; rj_evidence_list an array of them. */
void rj_evidence(struct json_writer *w, const struct evidence *e);
void rj_evidence_list(struct json_writer *w, const struct evidence_list *l,
                      enum rj_empty empty);

static inline void rj_params(struct json_writer *w, const struct params *p)
{
    params_write(w, p);
}
/* rj_params_update - the plain form of the message: only what it carries. */
void rj_params_update(struct json_writer                *w,
                      const struct consensus_params_msg *m);

void rj_proof(struct json_writer *w, const struct proof *p);
void rj_node_info(struct json_writer *w, const struct node_info *n);

/* ---- the application's messages ----
 * The full form has every member; the plain form leaves out what is zero. */

void rj_events(struct json_writer *w, const struct abci_event *v, size_t n);
/* rj_events_plain - null for none. */
void rj_events_plain(struct json_writer *w, const struct abci_event *v,
                     size_t n);
void rj_tx_result(struct json_writer *w, const struct abci_tx_result *r);
void rj_tx_result_plain(struct json_writer *w, const struct abci_tx_result *r);
void rj_check_tx(struct json_writer *w, const struct abci_res_check_tx *r);
void rj_query(struct json_writer *w, const struct abci_res_query *r);
void rj_info(struct json_writer *w, const struct abci_res_info *r);
/* rj_validator_updates - the plain form; null for none. */
void rj_validator_updates(struct json_writer                 *w,
                          const struct abci_validator_update *v, size_t n);
/* rj_finalize_block - as in the event of a new block. */
void rj_finalize_block(struct json_writer                   *w,
                       const struct abci_res_finalize_block *r);

#endif
