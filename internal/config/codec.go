package config

import "github.com/offpeak/offpeak/codec"

// Codec reads the keys that encrypt what Temporal keeps. Unset is no keys.
func Codec(env Env) (*codec.Keys, error) {
	return codec.Open(codec.Source{Text: env.Lookup("OFFPEAK_CODEC_KEYS"), File: env.Lookup("OFFPEAK_CODEC_KEYS_FILE")})
}
