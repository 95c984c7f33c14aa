/* app - methods that the application answers. */
#include "api/methods.h"
#include "rpcjson/results.h"

static void put_info(struct call *c, const struct abci_response *r)
{
    if (r->which != ABCI_RES_INFO) {
        call_fail(c, "the application gave another answer than Info");
        return;
    }
    jw_object(&c->w);
    jw_key(&c->w, "response");
    rj_info(&c->w, r->info);
    jw_object_end(&c->w);
    call_done(c);
}

void method_abci_info(struct call *c)
{
    struct abci_req_info info = { .version       = span_str(CONFIG_VERSION),
                                  .block_version = 11,
                                  .p2p_version   = 8,
                                  .abci_version  = span_str("2.0.0") };
    struct abci_request  req  = { .which = ABCI_REQ_INFO, .info = &info };

    if (await_app(c, method_abci_info))
        ask_app(c, &req, put_info);
}

static void put_query(struct call *c, const struct abci_response *r)
{
    if (r->which != ABCI_RES_QUERY) {
        call_fail(c, "the application gave another answer than Query");
        return;
    }
    rj_result_query(&c->w, r->query);
    call_done(c);
}

void method_abci_query(struct call *c)
{
    struct abci_req_query query = { .path   = c->args[0].bytes,
                                    .data   = c->args[1].bytes,
                                    .height = c->args[2].i,
                                    .prove  = c->args[3].b };
    struct abci_request   req   = { .which = ABCI_REQ_QUERY, .query = &query };

    if (await_app(c, method_abci_query))
        ask_app(c, &req, put_query);
}
