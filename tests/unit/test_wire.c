/* Every message between processes and nodes, against CometBFT's answers on
 * valid and mutated bytes. */
#include "wire_vectors.h"

#include "wire/mempool.h"
#include "wire/p2p.h"
#include "wire/pex.h"
#include "wire/privval.h"
#include "wire/statesync.h"

static enum reject filter_txs(struct span in, const json_t *c)
{
    size_t max = (size_t)vec_int(c, "max_tx_bytes");

    return mempool_filter(in, max, max);
}

static enum reject validate_mempool(const void *msg, struct arena *a)
{
    UNUSED(a);
    return mempool_msg_validate(msg);
}

TEST(mempool_messages_get_cometbfts_verdicts)
{
    wire_run(&(struct wire_family){ "wire_mempool", "", &mempool_msg_desc,
                                    filter_txs, validate_mempool });
}

static enum reject validate_statesync(const void *msg, struct arena *a)
{
    UNUSED(a);
    return statesync_msg_validate(msg);
}

TEST(statesync_messages_get_cometbfts_verdicts)
{
    wire_run(&(struct wire_family){ "wire_statesync", "", &statesync_msg_desc,
                                    NULL, validate_statesync });
}

static enum reject validate_pex(const void *msg, struct arena *a)
{
    UNUSED(a);
    return pex_msg_validate(msg);
}

TEST(pex_messages_get_cometbfts_verdicts)
{
    wire_run(&(struct wire_family){ "wire_pex", "", &pex_msg_desc, NULL,
                                    validate_pex });
}

static enum reject validate_privval(const void *msg, struct arena *a)
{
    UNUSED(a);
    return privval_msg_validate(msg);
}

TEST(privval_messages_get_cometbfts_verdicts)
{
    wire_run(&(struct wire_family){ "wire_privval", "", &privval_msg_desc, NULL,
                                    validate_privval });
}

TEST(packets_decode_as_in_cometbft)
{
    wire_run(&(struct wire_family){ "wire_p2p", "packet_", &packet_desc, NULL,
                                    NULL });
}

static enum reject validate_node_info(const void *msg, struct arena *a)
{
    UNUSED(a);
    return node_info_validate(msg);
}

TEST(node_infos_get_cometbfts_verdicts)
{
    wire_run(&(struct wire_family){ "wire_p2p", "node_info", &node_info_desc,
                                    NULL, validate_node_info });
}

static enum reject validate_auth_sig(const void *msg, struct arena *a)
{
    UNUSED(a);
    return auth_sig_validate(msg);
}

TEST(auth_sigs_get_cometbfts_verdicts)
{
    wire_run(&(struct wire_family){ "wire_p2p", "auth_sig", &auth_sig_desc,
                                    NULL, validate_auth_sig });
}

static void check_compatible(const json_t *c)
{
    struct node_info ours, theirs;
    const char      *why = "";

    must(!pb_decode(&node_info_desc, &ours, &test_arena,
                    vec_hex(c, "ours", &test_arena)));
    must(!pb_decode(&node_info_desc, &theirs, &test_arena,
                    vec_hex(c, "theirs", &test_arena)));
    CHECK_EQ(node_info_compatible(&ours, &theirs, &why), vec_bool(c, "ok"),
             "%s: %s", vec_str(c, "name"), why);
}

TEST(compatible_nodes_share_block_version_network_and_a_channel)
{
    wire_each("wire_p2p", "node_info_compatible", check_compatible);
}

static void check_delimited(const json_t *c)
{
    struct span   in = vec_hex(c, "bytes", &test_arena), rest = in, body;
    struct packet p;
    enum reject   r;

    r = pb_delimited_read(&rest, (size_t)vec_int(c, "max_size"), &body);
    if (!r) {
        CHECK_EQ(in.n - rest.n, vec_int(c, "bytes_read"), "%s: bytes read",
                 vec_str(c, "name"));
        r = pb_decode(&packet_desc, &p, &test_arena, body);
    }
    CHECK_EQ(r == ACCEPT, vec_bool(c, "ok"), "%s: %s", vec_str(c, "name"),
             reject_name(r));
}

TEST(delimited_messages_end_where_their_length_says)
{
    wire_each("wire_p2p", "delimited", check_delimited);
}

TEST(addresses_are_parsed_as_go_does)
{
    static const struct {
        const char *text;
        bool        want;
    } cases[] = {
        { "fed7281dbe4085dd668ed53e39efe6dc1da16380@127.0.0.1:26656", true },
        { "FED7281dbe4085dd668ed53e39efe6dc1da16380@[::1]:1", true },
        { "tcp://fed7281dbe4085dd668ed53e39efe6dc1da16380@node-0.net:1", true },
        { "fed7281dbe4085dd668ed53e39efe6dc1da16380@node 0:1", false },
        { "fed7281dbe4085dd668ed53e39efe6dc1da16380@[::1]", false },
        { "fed7281dbe4085dd668ed53e39efe6dc1da16380@::1:1", false },
        { "fed7281dbe4085dd668ed53e39efe6dc1da16380@[::1]x:1", false },
        { "fed7281dbe4085dd668ed53e39efe6dc1da16380@a]:1", false },
        { "fed7281dbe4085dd668ed53e39efe6dc1da16380@[a:1", false },
        { "fed7281dbe4085dd668ed53e39efe6dc1da16380@:1", false },
        { "fed7281dbe4085dd668ed53e39efe6dc1da16380@a:-1", false },
        { "fed7281dbe4085dd668ed53e39efe6dc1da16380@a:65536", false },
        { "fed7281dbe4085dd668ed53e39efe6dc1da163@a:1", false },
        { "@a:1", false },
        { "a:1", false },
        { "", false },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct node_addr a;

        CHECK_EQ(node_addr_parse(&a, span_str(cases[i].text)), cases[i].want,
                 "%s", cases[i].text);
    }
}
