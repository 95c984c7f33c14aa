// Makes state.json: what CometBFT v0.38.25's own state package does with a
// fixed seed.  In a checkout of CometBFT at that tag, with DIR this folder:
//
//	echo '{"Replace":{"'$PWD'/state/gen_test.go":"DIR/state_test.go"}}' >o.json
//	GEN_OUT=state.json go test -overlay o.json ./state -run 'TestGen$' -count=1
package state

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/crypto"
	"github.com/cometbft/cometbft/crypto/ed25519"
	cryptoenc "github.com/cometbft/cometbft/crypto/encoding"
	"github.com/cometbft/cometbft/crypto/merkle"
	"github.com/cometbft/cometbft/crypto/secp256k1"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/types"
)

type m = map[string]interface{}

var rnd = rand.New(rand.NewSource(7))

func bz(n int) []byte    { b := make([]byte, n); rnd.Read(b); return b }
func hx(b []byte) string { return hex.EncodeToString(b) }
func i64(v int64) string { return strconv.FormatInt(v, 10) }

func edKey(i int) crypto.PubKey {
	seed := []byte(fmt.Sprintf("ed-%d", i))
	return ed25519.GenPrivKeyFromSecret(seed).PubKey()
}
func secKey(i int) crypto.PubKey {
	return secp256k1.GenPrivKeySecp256k1([]byte(fmt.Sprintf("sec-%d", i))).PubKey()
}
func typ(k crypto.PubKey) string { return k.Type() }
func jval(k crypto.PubKey, power int64) []interface{} {
	return []interface{}{typ(k), hx(k.Bytes()), i64(power), hx(k.Address())}
}
func jtime(t time.Time) m { return m{"seconds": i64(t.Unix()), "nanos": t.Nanosecond()} }
func jbid(b types.BlockID) m {
	return m{"hash": hx(b.Hash), "psh_total": b.PartSetHeader.Total, "psh_hash": hx(b.PartSetHeader.Hash)}
}

type kp struct {
	k crypto.PubKey
	p int64
}

func upd(vs []kp) []abci.ValidatorUpdate {
	r := []abci.ValidatorUpdate{}
	for _, v := range vs {
		pk, err := cryptoenc.PubKeyToProto(v.k)
		if err != nil {
			panic(err)
		}
		r = append(r, abci.ValidatorUpdate{PubKey: pk, Power: v.p})
	}
	return r
}
func jvals(vs []kp) []interface{} {
	r := []interface{}{}
	for _, v := range vs {
		r = append(r, jval(v.k, v.p))
	}
	return r
}

func jparams(p *cmtproto.ConsensusParams) interface{} {
	if p == nil {
		return nil
	}
	b, err := p.Marshal()
	if err != nil {
		panic(err)
	}
	return hx(b)
}

func genState(vs []kp, p *types.ConsensusParams, initial int64, chain string, appHash []byte) (State, m) {
	var gvs []types.GenesisValidator
	for _, v := range vs {
		gvs = append(gvs, types.GenesisValidator{PubKey: v.k, Power: v.p})
	}
	doc := &types.GenesisDoc{GenesisTime: time.Unix(1700000000, 123).UTC(), ChainID: chain, InitialHeight: initial,
		ConsensusParams: p, Validators: gvs, AppHash: appHash}
	st, err := MakeGenesisState(doc)
	if err != nil {
		panic(err)
	}
	pp := p.ToProto()
	return st, m{"time": jtime(doc.GenesisTime), "chain_id": chain, "initial_height": i64(doc.InitialHeight),
		"params": jparams(&pp), "validators": jvals(vs), "app_hash": hx(appHash), "state_bytes": hx(st.Bytes())}
}

type step struct {
	vs []kp
	pu *cmtproto.ConsensusParams
}

func run(name string, st State, g m, init *abci.ResponseInitChain, initvs []kp, appVersion uint64, steps []step) m {
	c := m{"kind": "chain", "name": name, "genesis": g}
	if init != nil {
		ji := m{"validators": jvals(initvs), "params": jparams(init.ConsensusParams), "app_hash": hx(init.AppHash)}
		st.Version.Consensus.App = appVersion
		ji["app_version"] = strconv.FormatUint(appVersion, 10)
		if len(init.AppHash) > 0 {
			st.AppHash = init.AppHash
		}
		if len(initvs) > 0 {
			vals, err := types.PB2TM.ValidatorUpdates(upd(initvs))
			if err != nil {
				panic(err)
			}
			st.Validators = types.NewValidatorSet(vals)
			st.NextValidators = types.NewValidatorSet(vals).CopyIncrementProposerPriority(1)
		}
		if init.ConsensusParams != nil {
			st.ConsensusParams = st.ConsensusParams.Update(init.ConsensusParams)
			st.Version.Consensus.App = st.ConsensusParams.Version.App
		}
		st.LastResultsHash = merkle.HashFromByteSlices(nil)
		ji["state_bytes"] = hx(st.Bytes())
		c["init_chain"] = ji
	}
	js := []interface{}{}
	h := st.InitialHeight
	for i, s := range steps {
		hdr := types.Header{Height: h, Time: time.Unix(1700000000+int64(i+1)*5, int64(rnd.Intn(1000000000))).UTC()}
		bid := types.BlockID{Hash: bz(32), PartSetHeader: types.PartSetHeader{Total: uint32(1 + rnd.Intn(3)), Hash: bz(32)}}
		resp := &abci.ResponseFinalizeBlock{ConsensusParamUpdates: s.pu, AppHash: bz(rnd.Intn(33))}
		for k := rnd.Intn(3); k > 0; k-- {
			resp.TxResults = append(resp.TxResults, &abci.ExecTxResult{Code: uint32(rnd.Intn(2)), Data: bz(rnd.Intn(5)), GasUsed: int64(rnd.Intn(100))})
		}
		j := m{"height": i64(h), "time": jtime(hdr.Time), "block_id": jbid(bid), "validator_updates": jvals(s.vs),
			"param_updates": jparams(s.pu), "app_hash": hx(resp.AppHash), "results_hash": hx(TxResultsHash(resp.TxResults))}
		resp.ValidatorUpdates = upd(s.vs)
		err := validateValidatorUpdates(resp.ValidatorUpdates, st.ConsensusParams.Validator)
		var next State
		if err == nil {
			var vus []*types.Validator
			vus, err = types.PB2TM.ValidatorUpdates(resp.ValidatorUpdates)
			if err == nil {
				next, err = updateState(st, bid, &hdr, resp, vus)
			}
		}
		j["ok"] = err == nil
		if err == nil {
			next.AppHash = resp.AppHash
			j["state_bytes"] = hx(next.Bytes())
			st = next
			h++
		}
		js = append(js, j)
	}
	c["steps"] = js
	return c
}

func TestGen(t *testing.T) {
	out := []interface{}{}
	def := types.DefaultConsensusParams()
	both := types.DefaultConsensusParams()
	both.Validator.PubKeyTypes = []string{"secp256k1", "ed25519"}
	four := []kp{{edKey(0), 10}, {edKey(1), 10}, {edKey(2), 20}, {edKey(3), 5}}
	none := []step{{}, {}, {}, {}}

	st, g := genState(four, def, 1, "test-chain", nil)
	out = append(out, run("quiet", st, g, &abci.ResponseInitChain{}, nil, 1, none))
	st, g = genState(four[:1], def, 1, "one", []byte("genesis app hash"))
	out = append(out, run("single-no-init-chain", st, g, nil, nil, 0, none))
	st, g = genState(nil, def, 7, "validators-from-init-chain", nil)
	out = append(out, run("from-init-chain", st, g, &abci.ResponseInitChain{AppHash: bz(8)}, four, 5, none))
	st, g = genState(four, both, 1000, "both-keys", bz(20))
	out = append(out, run("mixed-keys", st, g, &abci.ResponseInitChain{AppHash: bz(32)}, []kp{{edKey(0), 3}, {secKey(0), 4}}, 3, []step{
		{}, {vs: []kp{{secKey(1), 50}}}, {}, {vs: []kp{{edKey(0), 0}}}, {}, {vs: []kp{{secKey(0), 0}, {secKey(1), 0}}}, {}, {}}))
	st, g = genState(four, def, 1, "updates", nil)
	out = append(out, run("validator-updates", st, g, &abci.ResponseInitChain{}, nil, 0, []step{
		{vs: []kp{{edKey(9), 100}}}, {}, {vs: []kp{{edKey(0), 11}, {edKey(9), 0}}}, {vs: []kp{{edKey(7), 0}}}, {},
		{vs: []kp{{secKey(7), 1}}}, {vs: []kp{{edKey(1), -1}}}, {vs: []kp{{edKey(1), 1}, {edKey(1), 2}}}, {vs: []kp{{secKey(7), 0}}},
		{vs: []kp{{edKey(0), 0}, {edKey(1), 0}, {edKey(2), 0}, {edKey(3), 0}}}, {vs: []kp{{edKey(0), 0}, {edKey(1), 0}, {edKey(2), 0}}}, {},
		{vs: []kp{{edKey(20), types.MaxTotalVotingPower}}}, {vs: []kp{{edKey(20), types.MaxTotalVotingPower - 5}}}, {}, {vs: []kp{{edKey(3), 0}}}, {}, {}}))
	bp := func(b, gas int64) *cmtproto.ConsensusParams {
		return &cmtproto.ConsensusParams{Block: &cmtproto.BlockParams{MaxBytes: b, MaxGas: gas}}
	}
	ver := func(a uint64) *cmtproto.ConsensusParams {
		return &cmtproto.ConsensusParams{Version: &cmtproto.VersionParams{App: a}}
	}
	abc := func(h int64) *cmtproto.ConsensusParams {
		return &cmtproto.ConsensusParams{Abci: &cmtproto.ABCIParams{VoteExtensionsEnableHeight: h}}
	}
	keys := func(k ...string) *cmtproto.ConsensusParams {
		return &cmtproto.ConsensusParams{Validator: &cmtproto.ValidatorParams{PubKeyTypes: k}}
	}
	st, g = genState(four, def, 1, "params", nil)
	out = append(out, run("param-updates", st, g, &abci.ResponseInitChain{}, nil, 9, []step{
		{}, {pu: &cmtproto.ConsensusParams{}}, {}, {pu: ver(4)}, {pu: bp(2000000, 5)}, {pu: bp(0, 5)}, {pu: bp(-1, -1)}, {pu: bp(100, -1)},
		{pu: keys("ed25519", "secp256k1")}, {vs: []kp{{secKey(3), 4}}}, {pu: keys()}, {pu: keys("sr25519")}, {pu: keys("secp256k1")},
		{vs: []kp{{edKey(30), 4}}}, {vs: []kp{{edKey(0), 0}}}, {vs: []kp{{edKey(2), 4}}},
		{pu: abc(0)}, {pu: abc(-1)}, {pu: abc(3)}, {pu: abc(1000)}, {pu: abc(1000)}, {pu: abc(0)}, {pu: abc(15)}, {pu: abc(15)}, {},
		{}, {pu: abc(0)}, {pu: abc(100)}, {pu: abc(15)}, {pu: bp(5000000, -1)}, {pu: ver(18446744073709551615)},
		{pu: &cmtproto.ConsensusParams{Evidence: &cmtproto.EvidenceParams{MaxAgeNumBlocks: 5, MaxAgeDuration: 7, MaxBytes: 5000001}}},
		{pu: &cmtproto.ConsensusParams{Evidence: &cmtproto.EvidenceParams{MaxAgeNumBlocks: 5, MaxAgeDuration: 7, MaxBytes: 5000000}}}}))
	st, g = genState(four, def, 1, "init-params", nil)
	ip := both.ToProto()
	ip.Version.App = 77
	out = append(out, run("init-chain-params", st, g, &abci.ResponseInitChain{ConsensusParams: &ip}, nil, 5, []step{{}, {vs: []kp{{secKey(5), 9}}}, {}}))
	st, g = genState(four, def, 1, "init-params-part", nil)
	out = append(out, run("init-chain-block-params", st, g, &abci.ResponseInitChain{ConsensusParams: bp(300000, 7)}, nil, 5, none))

	// random walks
	for r := 0; r < 12; r++ {
		n := 1 + rnd.Intn(20)
		vs := []kp{}
		for i := 0; i < n; i++ {
			vs = append(vs, kp{edKey(i), 1 + rnd.Int63n(1<<uint(1+rnd.Intn(40)))})
		}
		st, g = genState(vs, def, 1+rnd.Int63n(100), fmt.Sprintf("random-%d", r), bz(rnd.Intn(40)))
		steps := []step{}
		for i := 0; i < 12; i++ {
			s := step{}
			seen := map[int]bool{}
			for k := rnd.Intn(4); k > 0; k-- {
				id := rnd.Intn(n + 5)
				if seen[id] && rnd.Intn(8) > 0 {
					continue
				}
				seen[id] = true
				p := rnd.Int63n(1 << uint(1+rnd.Intn(40)))
				if rnd.Intn(3) == 0 {
					p = 0
				}
				s.vs = append(s.vs, kp{edKey(id), p})
			}
			steps = append(steps, s)
		}
		out = append(out, run(fmt.Sprintf("random-%d", r), st, g, &abci.ResponseInitChain{AppHash: bz(rnd.Intn(33))}, nil, uint64(rnd.Intn(3)), steps))
	}

	// MaxDataBytes
	for _, mb := range []int64{1, 700, 842, 843, 1000000, 22020096, types.MaxBlockSizeBytes} {
		for _, ev := range []int64{0, 1, 500000} {
			for _, n := range []int{0, 1, 4, 100, 10000} {
				c := m{"kind": "max_data_bytes", "name": fmt.Sprintf("max-data-bytes-%d-%d-%d", mb, ev, n), "max_bytes": i64(mb), "evidence_bytes": i64(ev), "validators": n}
				func() {
					defer func() {
						if e := recover(); e != nil {
							c["ok"] = false
						}
					}()
					c["want"] = i64(types.MaxDataBytes(mb, ev, n))
					c["ok"] = true
				}()
				out = append(out, c)
			}
		}
	}
	// ValidateUpdate
	for _, old := range []int64{0, 1, 5, 6, 10} {
		for _, nw := range []int64{-1, 0, 1, 4, 5, 6, 7, 10, 11} {
			for _, h := range []int64{1, 5, 9} {
				p := types.DefaultConsensusParams()
				p.ABCI.VoteExtensionsEnableHeight = old
				u := abc(nw)
				err := p.Update(u).ValidateBasic()
				if err == nil {
					err = p.ValidateUpdate(u, h)
				}
				c := m{"kind": "enable_height", "name": fmt.Sprintf("enable-height-%d-%d-%d", old, nw, h), "old": i64(old), "new": i64(nw), "height": i64(h), "ok": err == nil}
				if err != nil {
					c["error"] = err.Error()
				}
				out = append(out, c)
			}
		}
	}
	f, _ := os.Create(os.Getenv("GEN_OUT"))
	fmt.Fprint(f, "[")
	for i, c := range out {
		if i > 0 {
			fmt.Fprint(f, ",")
		}
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(f, "\n%s", b)
	}
	fmt.Fprint(f, "\n]\n")
	f.Close()
}
