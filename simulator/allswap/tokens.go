package allswap

import (
	"math/big"
	"net/http"

	"github.com/offpeak/offpeak/simulator/stage"
)

// token is one that can be swapped. Prices are made up and don't move.
type token struct {
	ID       string `json:"id"` // CAIP-19
	Chain    string `json:"chain"`
	Symbol   string `json:"symbol"`
	Decimals int64  `json:"decimals"`
	LogoURL  string `json:"logoUrl"`
	cents    int64  // US cents for a whole one
}

// The tokens.
const (
	ETH  = "eip155:1/slip44:60"
	USDC = "eip155:1/erc20:0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
	BTC  = "bip122:000000000019d6689c085ae165831e93/slip44:0"
	SOL  = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp/slip44:501"
	DOGE = "bip122:1a91e3dace36e2be3bf030a65679fe82/slip44:3" // has a route to BTC alone
)

var tokens = []token{
	{ETH, "eip155:1", "ETH", 18, "https://cdn.allswap.example/eth.svg", 300_000},
	{USDC, "eip155:1", "USDC", 6, "https://cdn.allswap.example/usdc.svg", 100},
	{BTC, "bip122:000000000019d6689c085ae165831e93", "BTC", 8, "https://cdn.allswap.example/btc.svg", 9_000_000},
	{SOL, "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", "SOL", 9, "https://cdn.allswap.example/sol.svg", 15_000},
	{DOGE, "bip122:1a91e3dace36e2be3bf030a65679fe82", "DOGE", 8, "https://cdn.allswap.example/doge.svg", 12},
}

// What is swapped is worth at least 5 dollars and at most 250,000; the fee is
// 3 in 1,000.
const (
	leastCents, mostCents = 500, 25_000_000
	feeMills              = 3
)

func (s *Server) listTokens(x *stage.Exchange) {
	x.JSON(http.StatusOK, map[string]any{"tokens": tokens})
}

func tokenOf(id string) *token {
	for i := range tokens {
		if tokens[i].ID == id {
			return &tokens[i]
		}
	}
	return nil
}

// routed says whether there is a way from one token to another.
func routed(from, to *token) bool {
	switch {
	case from == nil || to == nil || from == to:
		return false
	case from.ID == DOGE:
		return to.ID == BTC
	}
	return to.ID != DOGE || from.ID == BTC
}

func ten(n int64) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(n), nil) }

// cents is what an amount in smallest units is worth, rounded down.
func (t *token) worth(amount *big.Int) *big.Int {
	v := new(big.Int).Mul(amount, big.NewInt(t.cents))
	return v.Div(v, ten(t.Decimals))
}

// swapped is what comes out, in the smallest units of to, rounded down.
func swapped(amount *big.Int, from, to *token) *big.Int {
	out := new(big.Int).Mul(amount, big.NewInt(from.cents*(1000-feeMills)))
	out.Mul(out, ten(to.Decimals))
	by := new(big.Int).Mul(big.NewInt(to.cents*1000), ten(from.Decimals))
	return out.Div(out, by)
}
