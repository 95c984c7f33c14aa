/* cors - which web pages may read the api's answers.
 *
 * Source:  the Fetch standard; CometBFT's cors_allowed_* settings. */
#ifndef WARREN_CORS_H
#define WARREN_CORS_H

#include "config/config.h"
#include "loop/http.h"

/* cors_answer - add the headers for r's Origin; true when r was a preflight,
 * which is answered and gone. */
NODISCARD bool cors_answer(const struct config_rpc *rpc,
                           struct http_request     *r);

#endif
