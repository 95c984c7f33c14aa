// Makes query.json: what CometBFT v0.38.25's own queries say of texts and of
// events.  In a checkout of CometBFT at that tag, with DIR this folder:
//
//	echo '{"Replace":{"'$PWD'/libs/pubsub/query/gen_test.go":"DIR/query_test.go"}}' >o.json
//	GEN_OUT=query.json go test -overlay o.json ./libs/pubsub/query -run 'TestGen$' -count=1
package query

import (
	"encoding/json"
	"math/rand"
	"os"
	"strings"
	"testing"
)

type parsed struct {
	Text    string `json:"text"`
	Printed string `json:"printed"`
	Error   string `json:"error,omitempty"`
}

type matched struct {
	Query  string              `json:"query"`
	Events map[string][]string `json:"events"`
	Want   bool                `json:"want"`
}

var texts = []string{
	"", " ", "tm.event='NewBlock'", "tm.event = 'Tx' AND tx.height > 5", "a=1 and b=2", "a=1 OR b=2", "a=1b=2", "a=1 b=2", "= 5", "a",
	"a =", "a = b", "a=!", "a=-5", "a=+5", "a=.5", "a=5.", "a=5.5.5", "a=1e1", "a='x", "a='x' 'y", "a='x' 'y'", "a='x' AND 'y", "a CONTAINS 5",
	"a CONTAINS 'x'", "a CONTAINS", "a EXISTS", "a EXISTS 5", "a EXISTS AND b EXISTS", "a EXISTS AND", "a<'x'", "a<=5", "a>=5", "a>5", "a<5", "a==5", "a<>5",
	"a=DATE 2026-01-10", "a=DATE 2026-13-45", "a=DATE 2026-02-30", "a=DATE 2026-02-29", "a=DATE 2024-02-29", "a=DATE", "a=DATE ", "a=DATE\t2026-01-10",
	"a=DATE 1899-12-31", "a=DATE 3000-01-01", "a=DATE 2026-1-10", "a=DATE 20260110", "a=DATE 2026-01-10-", "a=DATE 0000-01-01", "a=DATE 26-01-10", "a=DATE  2026-01-10",
	"a=DATE x", "a=TIME 2026-01-10T10:00:00Z", "a=TIME 2026-01-10T10:00:00+01:00", "a=TIME 2026-01-10T10:00:00-25:00", "a=TIME 2026-01-10T10:00:00+01:61",
	"a=TIME 2026-01-10T10:00:00+24:60", "a=TIME 2026-01-10T1:00:00Z", "a=TIME 2026-01-10T24:00:00Z", "a=TIME 2026-01-10T23:60:00Z", "a=TIME 2026-01-10T23:59:60Z",
	"a=TIME 2026-01-10T10:00:00", "a=TIME 2026-01-10", "a=TIME 2026-01-10T10:00:00ZZ", "a=TIME 2026-01-10T10:0:00Z", "a=TIME 2026-01-10T:00:00Z", "a=TIME 2026-01-10T10:00:00.5Z",
	"a=TIME 2026-01-10T10:00:00T01:00", "a=TIME 2026-01-10T10:00:00+1:000", "a=TIME 2026-01-32T10:00:00Z", "a=TIME 2026-00-10T10:00:00Z", "a=TIME 1899-12-31T23:59:59-05:00", "a=TIME 2026-01-10T10:00:00+01:0",
	"TIME EXISTS", "DATE EXISTS", "DATE=5", "AND EXISTS", "EXISTS EXISTS", "CONTAINS CONTAINS 'x'", "ANDx EXISTS", "a=1 ANDb=2", "a='AND' AND b='='", "a.b-c_d EXISTS", "-a EXISTS", ".a EXISTS", "_a EXISTS",
	"ä.ß='ö'", "Größe>5", "наш.тег EXISTS", "标签='值'", "٣a EXISTS", "1a EXISTS", "a١ EXISTS", "a\u00a0=\u20035", "a\u0085=\u30005", "a='x\u00a0y'", "a=€", "a€='x'", "a\u0301 EXISTS", "a='\u2028'",
	"a=99999999999999999999999999999999999999999999", "a=00012", "a=0.10", "a=5. AND b=6", "a=5.AND b=6", "a  >\n5\tAND\rb='c'", "a='it''s'", "a='\"\\'", "a=(5)", "(a=5)", "a&b", "a=5;",
	"tm.event='NewBlock", "tm.event=NewBlock", "'NewBlock'", "account.balance >> 400", "a >", "a > AND", "AND", "a AND b", "a CONTAINS 'b' AND c CONTAINS 'd' AND e>DATE 2020-01-01 AND f<=TIME 2020-01-01T00:00:00Z",
	"a='\x80'", "\x80 EXISTS", "a='\xe4\xb8'", "a\xff EXISTS", "a='\xed\xa0\x80'", "a='\xf4\x90\x80\x80\U0010ffff'", "a=5\x00",
}

var pieces = []string{"a", "tm.event", "tx.height", "=", "<", "<=", ">", ">=", "CONTAINS", "EXISTS", "AND", "'x'", "'", "''", "5", "5.5", ".", "-", " ", " ", " ",
	"DATE 2026-01-10", "TIME 2026-01-10T10:00:00Z", "DATE ", "TIME ", "2026", "T", ":", "Z", "+", "ä", "€", "\n", "!", "_", "1a", "or"}

var values = []string{"", "x", "xyz", "5", "05", "5.0", "5.00x", "5.", "5.5", "4.999999999999999999", "5atom", "-5", "+5", "atom5", "99999999999999999999999999999999999999999999", "9999999999999999999999999999999999999999999a",
	"0", "00", "0.0", "0.1", "10", "2026-01-10", "2026-01-11", "2026-1-10", "2026-01-10T10:00:00Z", "2026-01-10T11:00:00+01:00", "2026-01-10T10:00:00.5Z", "2026-01-10T10:00:00,5Z", "2026-01-10T9:00:00Z", "2026-01-10T10:00:00.0000000001Z",
	"0000-02-29T00:00:00Z", "1900-02-28", "2000-02-29", "9999-12-31T23:59:59Z", "2026-01-10T10:00:00+24:60", "DATE 2026-01-10", " 5", "5 ", "1_000", "ä"}

var conds = []string{"k.v='x'", "k.v=''", "k.v CONTAINS 'y'", "k.v CONTAINS ''", "k.v EXISTS", "k EXISTS", "k=''", "k='x'", "k CONTAINS ''", "k CONTAINS 'x'", "k=5", "k.v=5", "k.v=5.0", "k.v=5.", "k.v<5", "k.v<=5", "k.v>5", "k.v>=5", "k.v>5.4", "k.v=0", "k.v<0.1",
	"k.v=99999999999999999999999999999999999999999999", "k.v>99999999999999999999999999999999999999999998", "k.v<99999999999999999999999999999999999999999999", "k.v=DATE 2026-01-10", "k.v>DATE 2026-01-10", "k.v>=DATE 2026-01-10", "k.v<DATE 2026-01-10", "k.v<=DATE 2026-01-10",
	"k.v=TIME 2026-01-10T10:00:00Z", "k.v<TIME 2026-01-10T10:00:00Z", "k.v<=TIME 2026-01-10T10:00:00Z", "k.v>TIME 2026-01-10T10:00:00Z", "k.v>=TIME 2026-01-10T12:00:00+02:00"}

func TestGen(t *testing.T) {
	rnd := rand.New(rand.NewSource(7))
	var ps []parsed
	var ms []matched
	add := func(s string) {
		p := parsed{Text: s}
		if q, err := New(s); err != nil {
			p.Error = err.Error()
		} else {
			p.Printed = q.String()
		}
		ps = append(ps, p)
	}
	for _, s := range texts {
		if strings.ToValidUTF8(s, "") == s {
			add(s)
		}
	}
	for i := 0; i < 3000; i++ {
		var b strings.Builder
		if i%2 == 0 {
			s := texts[rnd.Intn(len(texts))]
			if strings.ToValidUTF8(s, "") != s || s == "" {
				continue
			}
			r := []rune(s)
			r[rnd.Intn(len(r))] = []rune(pieces[rnd.Intn(len(pieces))])[0]
			add(string(r))
			continue
		}
		for n := rnd.Intn(9); n >= 0; n-- {
			b.WriteString(pieces[rnd.Intn(len(pieces))])
		}
		add(b.String())
	}
	match := func(query string, events map[string][]string) {
		ok, _ := MustCompile(query).Matches(events)
		ms = append(ms, matched{query, events, ok})
	}
	for _, c := range conds {
		for _, v := range values {
			match(c, map[string][]string{"k.v": {v}})
		}
	}
	many := map[string][]string{"tm.event": {"Tx"}, "tx.height": {"7"}, "a.b.c": {"1", "x"}, "a.b": {"9"}, "k.v": {"5", "15"}, "z..q": {"1"}}
	for _, q := range []string{"tm.event='Tx' AND tx.height>6", "tm.event='Tx' AND tx.height>7", "k.v=5 AND k.v=15", "k.v>5 AND k.v<15", "a.b EXISTS", "a EXISTS", "a.b.c EXISTS", "a.b='' ", "a.b=9", "a.b.c='x'",
		"tm EXISTS", "tx EXISTS AND k EXISTS", "z EXISTS", "z. EXISTS", "z..q=1", "t EXISTS", "tm.even EXISTS", "tm.events EXISTS", "a.b.c CONTAINS 'x' AND a.b.c=1"} {
		match(q, many)
		match(q, map[string][]string{})
	}
	out, _ := json.Marshal(map[string]interface{}{"parse": ps, "match": ms})
	if err := os.WriteFile(os.Getenv("GEN_OUT"), out, 0o644); err != nil {
		t.Fatal(err)
	}
}
