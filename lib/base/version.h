/* version - what this software calls itself.
 *
 * COMETBFT_VERSION is the release whose protocols and formats these are; it
 * stands in config.toml, in the encoded state and in what the application is
 * told.  Clients choose their dialect by the first numbers of the node's
 * version, so that starts with it. */
#ifndef WARREN_VERSION_H
#define WARREN_VERSION_H

#define WARREN_VERSION      "0.1.0"
#define COMETBFT_VERSION    "0.38.25"
#define WARREN_NODE_VERSION COMETBFT_VERSION "+warren." WARREN_VERSION

#define ABCI_SEMVER            "2.0.0"
#define BLOCK_PROTOCOL_VERSION 11
#define P2P_PROTOCOL_VERSION   8

#endif
