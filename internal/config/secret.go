package config

import "log/slog"

// Secret is a value that no printer shows: not fmt, not encoding/json, not
// log/slog, not zap.
type Secret struct{ reveal func() string }

// NewSecret hides a value.
func NewSecret(v string) Secret { return Secret{reveal: func() string { return v }} }

// Reveal is the value itself, for the one place that sends it.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// Empty says whether there is no value.
func (s Secret) Empty() bool { return s.Reveal() == "" }

// String hides the value and shows whether there is one.
func (s Secret) String() string {
	if s.Empty() {
		return ""
	}
	return "[redacted]"
}

// GoString is String: %#v would otherwise walk the struct.
func (s Secret) GoString() string { return s.String() }

// MarshalText is String, which makes it so in JSON too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue is String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
