/* warren status */
#include "rpc.h"

static void say_bool(struct cli *c, const char *key, const struct rpc_reply *r,
                     const char *path)
{
    bool v = false;

    if (json_read_bool(&v, rpc_get(r, path)))
        out_bool(c, key, v);
}

static void say(struct cli *c, const struct rpc_reply *r)
{
    static const struct {
        const char *key, *path;
    } shown[] = {
        { "chain", "node_info.network" },
        { "moniker", "node_info.moniker" },
        { "node_id", "node_info.id" },
        { "version", "node_info.version" },
        { "height", "sync_info.latest_block_height" },
        { "time", "sync_info.latest_block_time" },
        { "block_hash", "sync_info.latest_block_hash" },
        { "app_hash", "sync_info.latest_app_hash" },
        { "first_height", "sync_info.earliest_block_height" },
        { "validator", "validator_info.address" },
        { "power", "validator_info.voting_power" },
    };

    for (size_t i = 0; i < COUNT(shown); i++)
        out_span(c, shown[i].key, rpc_text(r, shown[i].path));
    say_bool(c, "catching_up", r, "sync_info.catching_up");
}

enum err cmd_status(struct cli *c)
{
    struct rpc       r;
    struct rpc_reply reply;
    enum err         code = cli_words(c, 0, 0);

    if (code == OK)
        code = rpc_open(&r, c);
    if (code == OK)
        code = rpc_call(&reply, &r, "status", SPAN(NULL, 0));
    if (code != OK)
        return code;
    out_begin(c);
    say(c, &reply);
    code = out_end(c);
    rpc_reply_fini(&reply);
    return code;
}
