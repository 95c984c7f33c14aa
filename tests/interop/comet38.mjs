// CosmJS's Comet38Client against a node: arguments are its address.
import { createRequire } from "node:module";
const require = createRequire(process.env.WARREN_PEERS + "/");
const { Comet38Client, connectComet } = require("@cosmjs/tendermint-rpc");

const url = process.argv[2];
const say = (what, value) => console.log(`${what} ${JSON.stringify(value)}`);

const auto = await connectComet(url);
say("detected", auto.constructor.name);
const client = await Comet38Client.connect(url);
const status = await client.status();
say("network", status.nodeInfo.network);
say("version", status.nodeInfo.version);
const tx = new TextEncoder().encode(`cosmjs${Date.now()}=1`);
const sent = await client.broadcastTxCommit({ tx });
say("committed", sent.height > 0);
const block = await client.block(sent.height);
say("block", block.block.header.height === sent.height && block.block.txs.length);
say("results", (await client.blockResults(sent.height)).results.length);
say("commit", (await client.commit(sent.height)).commit.signatures.length);
const vals = await client.validatorsAll(sent.height);
say("validators", vals.validators.length === vals.total);
say("tx", (await client.tx({ hash: sent.hash })).height === sent.height);
say("blockchain", (await client.blockchain(1, sent.height)).blockMetas.length > 0);
say("genesis", (await client.genesis()).chainId === status.nodeInfo.network);
say("abciInfo", (await client.abciInfo()).lastBlockHeight >= 1);
say("query", (await client.abciQuery({ path: "/", data: tx.slice(0, tx.length - 2) })).code);
say("health", await client.health());
say("unconfirmed", (await client.numUnconfirmedTxs()).total);

// Subscriptions, over a WebSocket.
const { WebsocketClient } = require("@cosmjs/tendermint-rpc");
const first = (stream) =>
  new Promise((resolve, reject) => {
    const sub = stream.subscribe({ next: (v) => resolve([v, sub]), error: reject });
  });
const streaming = await Comet38Client.create(new WebsocketClient(url.replace("http", "ws")));
const [newBlock] = await first(streaming.subscribeNewBlock());
say("newBlock", newBlock.header.height > 0);
const [newHeader] = await first(streaming.subscribeNewBlockHeader());
say("newHeader", newHeader.height >= newBlock.header.height);
const later = new TextEncoder().encode(`stream${Date.now()}=1`);
const heard = first(streaming.subscribeTx());
await new Promise((r) => setTimeout(r, 500)); // the subscription is on its way
const told = await streaming.broadcastTxCommit({ tx: later });
const [txEvent] = await heard;
say("txEvent", txEvent.height === told.height && Buffer.compare(Buffer.from(txEvent.tx), Buffer.from(later)) === 0);
streaming.disconnect();
process.exit(0);
